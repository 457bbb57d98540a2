#include "tenfold/engine/sequence.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::engine {
namespace {

// A completion continues a text, so its first word keeps the space before it.
tokenizer::DecodeOptions DecodeOptionsOf(const sampling::SamplingParams& params) {
  return {.skip_special = params.skip_special_tokens, .begins_text = false};
}

}  // namespace

int64_t MaxNumTokens(const Request& request, int64_t max_model_len) {
  if (request.pooling) return static_cast<int64_t>(request.prompt.size());
  if (!request.sampling.max_tokens) return max_model_len;
  return std::min(max_model_len, static_cast<int64_t>(request.prompt.size()) + *request.sampling.max_tokens);
}

Sequence::Sequence(scheduler::SequenceId id, int64_t arrival, std::shared_ptr<const Request> request, uint64_t seed,
                   int64_t max_model_len, cache::PageTable table, const tokenizer::Tokenizer& tokenizer)
    : ScheduledSequence(id, arrival, std::move(table)),
      request_(std::move(request)),
      seed_(seed),
      max_num_tokens_(MaxNumTokens(*request_, max_model_len)),
      is_scoring_(request_->sampling.num_prompt_logprobs.has_value()),
      tokens_(request_->prompt),
      detokenizer_(tokenizer, DecodeOptionsOf(request_->sampling)),
      stop_strings_(request_->sampling.stop, request_->sampling.include_stop_str_in_output) {
  counts_.AddPrompt(tokens_);
}

Sequence::Sequence(const Sequence& parent, scheduler::SequenceId id, int sample)
    : ScheduledSequence(parent, id),
      request_(parent.request_),
      seed_(parent.seed_),
      max_num_tokens_(parent.max_num_tokens_),
      sample_(sample),
      scheduled_at_(parent.scheduled_at_),
      tokens_(parent.tokens_),
      counts_(parent.counts_),
      detokenizer_(parent.detokenizer_),
      stop_strings_(parent.stop_strings_) {}

std::unique_ptr<Sequence> Sequence::Fork(scheduler::SequenceId id, int sample) const {
  CHECK(num_output_tokens() == 0 || request_->sampling.use_beam_search);
  return std::unique_ptr<Sequence>(new Sequence(*this, id, sample));
}

int64_t Sequence::num_seats() const {
  if (request_->sampling.use_beam_search) return num_output_tokens() == 0 ? request_->sampling.beam_width : 1;
  return forks_after_prompt() ? request_->sampling.n : 1;
}

int64_t Sequence::num_cacheable() const {
  if (is_scoring()) return num_scored();
  return is_pooling() ? next_pooled() : num_tokens() - 1;
}

void Sequence::AddState(std::span<const float> state) {
  state_sum_.resize(state.size());
  for (size_t i = 0; i < state.size(); ++i) state_sum_[i] += static_cast<double>(state[i]);
  ++num_pooled_;
}

// The sum's direction; zero where the sum is.
std::vector<float> Sequence::Embedding() const {
  double square = 0;
  for (const double value : state_sum_) square += value * value;
  const double scale = square > 0 ? 1 / std::sqrt(square) : 0;
  std::vector<float> embedding;
  for (const double value : state_sum_) embedding.push_back(static_cast<float>(value * scale));
  return embedding;
}

OutputEvent Sequence::Accept(TokenId token, const tokenizer::Tokenizer& tokenizer) {
  const sampling::SamplingParams& params = request_->sampling;
  tokens_.push_back(token);
  counts_.AddOutput(token);
  OutputEvent event{.request = request_->id, .sample = sample_, .tokens = {token}};
  if (num_output_tokens() == 1) {
    event.scheduled_at = scheduled_at_;
    event.prompt_logprobs = TakePromptLogprobs();
  }
  const bool before_minimum = num_output_tokens() <= params.min_tokens;
  const bool is_end = tokenizer.IsEndOfGeneration(token) && !params.ignore_eos;
  const bool is_stop_token =
      std::find(params.stop_token_ids.begin(), params.stop_token_ids.end(), token) != params.stop_token_ids.end();
  if ((is_end || is_stop_token) && !before_minimum) {
    event.finish = FinishReason::kStop;
    if (!is_end) event.stop_token = token;
    if (params.include_stop_str_in_output) event.text = stop_strings_.Feed(detokenizer_.Append(token)).text;
  } else {
    const std::string piece = detokenizer_.Append(token);
    if (before_minimum) {
      event.text = piece;
    } else {
      sampling::StopStringMatcher::Output output = stop_strings_.Feed(piece);
      event.text = std::move(output.text);
      if (output.stop_string) {
        event.finish = FinishReason::kStop;
        event.stop_string = params.stop[*output.stop_string];
      }
    }
  }
  if (event.finish == FinishReason::kNone && num_tokens() >= max_num_tokens()) event.finish = FinishReason::kLength;
  if (event.finish != FinishReason::kNone) {
    if (event.stop_string.empty()) {
      sampling::StopStringMatcher::Output rest = stop_strings_.Feed(detokenizer_.Flush());
      event.text += rest.text;
      if (rest.stop_string) {  // completed by what the detokenizer had held back
        event.finish = FinishReason::kStop;
        event.stop_string = params.stop[*rest.stop_string];
        event.stop_token.reset();
      }
      event.text += stop_strings_.Flush();
    }
    event.num_prompt_tokens = num_prompt_tokens();
    event.num_cached_tokens = num_cached_tokens();
    event.num_output_tokens = num_output_tokens();
  }
  return event;
}

std::vector<TokenLogprobs> Sequence::TakePromptLogprobs() {
  is_scoring_ = false;
  return std::exchange(prompt_logprobs_, {});
}

OutputEvent Sequence::Finish(FinishReason reason) {
  OutputEvent event{.request = request_->id, .sample = sample_, .finish = reason};
  if (reason == FinishReason::kStop && is_pooling()) event.embedding = Embedding();
  if (reason == FinishReason::kLength) event.prompt_logprobs = TakePromptLogprobs();
  event.num_prompt_tokens = num_prompt_tokens();
  event.num_cached_tokens = std::max<int64_t>(num_cached_tokens(), 0);
  event.num_output_tokens = num_output_tokens();
  return event;
}

}  // namespace tenfold::engine
