// Sequence: one sample of a request from submission to its end: tokens, pages, sampling state, text so far.
//
// Owned by EngineCore; engine thread only. Its states: scheduled_sequence.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/cache/page_table.h"
#include "tenfold/engine/request.h"
#include "tenfold/engine/scheduled_sequence.h"
#include "tenfold/sampling/sampler.h"
#include "tenfold/sampling/stop_strings.h"
#include "tenfold/sampling/token_counts.h"
#include "tenfold/tokenizer/detokenizer.h"

namespace tenfold::engine {

// Prompt and output of one sample together, at most; max_model_len bounds them, too.
int64_t MaxNumTokens(const Request& request, int64_t max_model_len);

class Sequence final : public ScheduledSequence {
 public:
  // `request` is shared by the request's n samples. `arrival` orders requests. `max_model_len` bounds prompt and output
  // together.
  Sequence(scheduler::SequenceId id, int64_t arrival, std::shared_ptr<const Request> request, uint64_t seed,
           int64_t max_model_len, cache::PageTable table, const tokenizer::Tokenizer& tokenizer);

  // A sequence that continues from the same tokens: shares its pages (PagedAttention's fork). Another sample forks off
  // before the first output; a beam at any time.
  std::unique_ptr<Sequence> Fork(scheduler::SequenceId id, int sample) const;

  int64_t num_tokens() const override { return static_cast<int64_t>(tokens_.size()); }
  int64_t max_num_tokens() const override { return max_num_tokens_; }
  int64_t priority() const override { return request_->priority; }
  cache::PrefixKey prefix_key() const override { return {tokens_, request_->cache_salt}; }
  int64_t num_seats() const override;
  int64_t num_cacheable() const override;
  bool is_ganged() const override { return request_->sampling.use_beam_search; }

  const Request& request() const { return *request_; }
  const std::shared_ptr<const Request>& shared_request() const { return request_; }
  int sample() const { return sample_; }
  const std::vector<TokenId>& tokens() const { return tokens_; }
  int64_t num_prompt_tokens() const { return static_cast<int64_t>(request_->prompt.size()); }
  int64_t num_output_tokens() const { return num_tokens() - num_prompt_tokens(); }
  // False when only the prompt is to be computed.
  bool wants_output() const { return max_num_tokens_ > num_prompt_tokens(); }
  // When it was first admitted, on the clock of whoever steps the engine.
  void SetScheduledAt(std::chrono::steady_clock::time_point now) { scheduled_at_ = now; }

  // True until the request's other samples have been forked off.
  bool forks_after_prompt() const {
    return request_->sampling.n > 1 && sample_ == 0 && !forked_ && !request_->sampling.use_beam_search;
  }
  void MarkForked() { forked_ = true; }

  std::span<const TokenId> output() const { return std::span(tokens_).subspan(request_->prompt.size()); }
  // What sampling needs; the draw is a function of seed, sample and number of output tokens.
  const sampling::TokenCounts& counts() const { return counts_; }
  sampling::DrawKey draw_key() const {
    return {
        .seed = seed_, .stream = static_cast<uint64_t>(sample_), .step = static_cast<uint64_t>(num_output_tokens())};
  }

  // The prompt's log-probabilities, in order: of the token at position num_scored() + 1 next, until all are known or
  // have gone out with an event.
  bool is_scoring() const { return is_scoring_; }
  int64_t num_scored() const { return static_cast<int64_t>(prompt_logprobs_.size()); }
  void AddPromptLogprobs(TokenLogprobs logprobs) { prompt_logprobs_.push_back(std::move(logprobs)); }
  std::vector<TokenLogprobs> TakePromptLogprobs();

  // The embedding of the prompt: next is the state after the token at next_pooled().
  bool is_pooling() const { return request_->pooling.has_value(); }
  int64_t next_pooled() const { return request_->pooling == Pooling::kLast ? num_prompt_tokens() - 1 : num_pooled_; }
  void AddState(std::span<const float> state);

  // Takes a sampled token and returns what the client sees of it; sets the event's finish reason when it ends the
  // sequence.
  OutputEvent Accept(TokenId token, const tokenizer::Tokenizer& tokenizer);

  // An event that ends the sequence for a reason of the engine's.
  OutputEvent Finish(FinishReason reason);

 private:
  Sequence(const Sequence& parent, scheduler::SequenceId id, int sample);
  std::vector<float> Embedding() const;

  std::shared_ptr<const Request> request_;
  uint64_t seed_;
  int64_t max_num_tokens_;
  int sample_ = 0;
  bool forked_ = false;
  bool is_scoring_ = false;
  std::vector<TokenLogprobs> prompt_logprobs_;
  std::chrono::steady_clock::time_point scheduled_at_ = {};
  std::vector<double> state_sum_;  // of num_pooled_ states
  int64_t num_pooled_ = 0;
  std::vector<TokenId> tokens_;  // prompt, then output
  sampling::TokenCounts counts_;
  tokenizer::StreamingDetokenizer detokenizer_;
  sampling::StopStringMatcher stop_strings_;
};

}  // namespace tenfold::engine
