#include "tenfold/engine/sequence.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::engine {
namespace {

// A completion continues a text, so its first word keeps the space before it.
constexpr tokenizer::DecodeOptions kDecodeOptions = {.skip_special = true, .begins_text = false};

}  // namespace

Sequence::Sequence(scheduler::SequenceId id, int64_t arrival, std::shared_ptr<const Request> request, uint64_t seed,
                   cache::PageTable table, const tokenizer::Tokenizer& tokenizer)
    : id_(id),
      arrival_(arrival),
      request_(std::move(request)),
      seed_(seed),
      tokens_(request_->prompt),
      table_(std::move(table)),
      detokenizer_(tokenizer, kDecodeOptions),
      stop_strings_(request_->sampling.stop, request_->sampling.include_stop_str_in_output) {
  counts_.AddPrompt(tokens_);
}

Sequence::Sequence(const Sequence& parent, scheduler::SequenceId id, int sample)
    : id_(id),
      arrival_(parent.arrival_),
      request_(parent.request_),
      seed_(parent.seed_),
      sample_(sample),
      state_(SequenceState::kRunning),
      tokens_(parent.tokens_),
      table_(parent.table_.Fork()),
      counts_(parent.counts_),
      detokenizer_(parent.detokenizer_),
      stop_strings_(parent.stop_strings_) {}

std::unique_ptr<Sequence> Sequence::Fork(scheduler::SequenceId id, int sample) const {
  CHECK_EQ(num_output_tokens(), 0);
  return std::unique_ptr<Sequence>(new Sequence(*this, id, sample));
}

void Sequence::MoveTo(SequenceState state) {
  const bool allowed = (state_ == SequenceState::kWaiting && state == SequenceState::kRunning) ||
                       (state_ == SequenceState::kRunning && state == SequenceState::kWaiting) ||
                       (state_ != SequenceState::kFinished && state == SequenceState::kFinished);
  CHECK_MSG(allowed, "sequence {} from state {} to {}", id_, static_cast<int>(state_), static_cast<int>(state));
  if (state != SequenceState::kRunning) table_.Free();
  state_ = state;
}

scheduler::SequenceView Sequence::View() const {
  return {.id = id_,
          .arrival = arrival_,
          .num_tokens = num_tokens(),
          .num_computed = num_computed(),
          .num_pages = table_.num_pages(),
          .num_exclusive_pages = table_.num_exclusive_pages(),
          .copies_last_page = table_.copies_last_page(),
          .num_seats = forks_after_prompt() ? request_->sampling.n : 1};
}

OutputEvent Sequence::Accept(TokenId token, const tokenizer::Tokenizer& tokenizer, int64_t max_model_len) {
  const sampling::SamplingParams& params = request_->sampling;
  tokens_.push_back(token);
  counts_.AddOutput(token);
  OutputEvent event{.request = request_->id, .sample = sample_, .tokens = {token}};
  const bool before_minimum = num_output_tokens() <= params.min_tokens;
  const bool is_stop_token =
      std::find(params.stop_token_ids.begin(), params.stop_token_ids.end(), token) != params.stop_token_ids.end();
  const bool ends = (tokenizer.IsEndOfGeneration(token) && !params.ignore_eos) || is_stop_token;
  if (ends && !before_minimum) {
    event.finish = FinishReason::kStop;
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
  const bool full = num_tokens() >= max_model_len || (params.max_tokens && num_output_tokens() >= *params.max_tokens);
  if (event.finish == FinishReason::kNone && full) event.finish = FinishReason::kLength;
  if (event.finish != FinishReason::kNone) {
    if (event.stop_string.empty()) {
      sampling::StopStringMatcher::Output rest = stop_strings_.Feed(detokenizer_.Flush());
      event.text += rest.text;
      if (rest.stop_string) {  // completed by what the detokenizer had held back
        event.finish = FinishReason::kStop;
        event.stop_string = params.stop[*rest.stop_string];
      }
      event.text += stop_strings_.Flush();
    }
    event.num_prompt_tokens = num_prompt_tokens();
    event.num_output_tokens = num_output_tokens();
  }
  return event;
}

OutputEvent Sequence::Finish(FinishReason reason) const {
  OutputEvent event{.request = request_->id, .sample = sample_, .finish = reason};
  event.num_prompt_tokens = num_prompt_tokens();
  event.num_output_tokens = num_output_tokens();
  return event;
}

}  // namespace tenfold::engine
