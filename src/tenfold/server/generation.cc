#include "tenfold/server/generation.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/server/api_error.h"

namespace tenfold::server {

using engine::FinishReason;

Generation::Generation(engine::RequestId first_id, AnswerHead head, bool stream, int n, int num_returned,
                       std::vector<PromptPiece> prompts, const ChatAnswerFormat& chat_format,
                       std::shared_ptr<ResponseWriter> writer, Clock::time_point now)
    : Answer(first_id, prompts.size(), head.id, std::move(writer), now),
      head_(std::move(head)),
      stream_(stream),
      n_(n),
      num_returned_(num_returned),
      prompts_(std::move(prompts)),
      choices_(prompts_.size() * static_cast<size_t>(n), Choice(chat_format)),
      num_unfinished_(choices_.size()) {
  for (size_t index = 0; index < choices_.size(); ++index) {
    choices_[index].piece.index = static_cast<int>(index);
    choices_[index].piece.prompt = &prompts_[index / static_cast<size_t>(n)];
    choices_[index].piece.text = choices_[index].piece.prompt->text;
  }
}

void Generation::Begin() {
  if (stream_) writer().StartStream({.content_type = "text/event-stream", .headers = {{"Cache-Control", "no-cache"}}});
}

Generation::Progress Generation::OnEvent(engine::OutputEvent event, Clock::time_point now,
                                         const tokenizer::Tokenizer& tokenizer, Metrics& metrics) {
  const size_t prompt = event.request - first_id();
  CHECK(prompt < prompts_.size() && event.sample >= 0 && event.sample < n_);
  Choice& choice = choices_[prompt * static_cast<size_t>(n_) + static_cast<size_t>(event.sample)];
  Measure(event, choice, now, metrics);
  if (FailedWith(event)) return Progress::kFailed;
  if (event.finish != FinishReason::kNone) {
    CHECK_GT(num_unfinished_, size_t{0});
    --num_unfinished_;
    if (event.sample == 0) {  // n samples share the prompt
      usage_.num_prompt_tokens += event.num_prompt_tokens;
      usage_.num_cached_tokens += event.num_cached_tokens;
    }
    usage_.num_output_tokens += event.num_output_tokens;
  }
  for (const engine::TokenLogprobs& token : event.logprobs) choice.cumulative_logprob += token.logprob;
  if (!event.prompt_logprobs.empty()) prompts_[prompt].logprobs = std::move(event.prompt_logprobs);
  ChatDelta gained;
  if (head_.endpoint == Endpoint::kChat) {
    gained = choice.parser.Feed(event.text, event.finish != FinishReason::kNone);
    event.text.clear();
  }
  choice.piece.Append(std::move(event), std::move(gained));
  choice.piece.calls_tools = choice.parser.calls_tools();
  if (stream_) WriteChunk(choice, tokenizer);
  if (num_unfinished_ > 0) return Progress::kOpen;
  Finish(tokenizer);
  return Progress::kFinished;
}

void Generation::Measure(const engine::OutputEvent& event, Choice& choice, Clock::time_point now,
                         Metrics& metrics) const {
  const auto observe = [&metrics](Observation observation, Clock::duration time) {
    metrics.Observe(observation, std::chrono::duration<double>(time).count());
  };
  if (!event.tokens.empty()) {
    if (!choice.has_tokens) {
      choice.scheduled_at = event.scheduled_at;
      choice.first_token_at = now;
      observe(Observation::kTimeToFirstToken, now - arrived_at());
      observe(Observation::kQueueTime, choice.scheduled_at - arrived_at());
      observe(Observation::kPrefillTime, now - choice.scheduled_at);
    } else {
      const Clock::duration each = (now - choice.last_token_at) / event.tokens.size();
      for (size_t i = 0; i < event.tokens.size(); ++i) observe(Observation::kInterTokenLatency, each);
    }
    choice.has_tokens = true;
    choice.last_token_at = now;
  }
  if (event.finish != FinishReason::kStop && event.finish != FinishReason::kLength) return;
  observe(Observation::kEndToEndLatency, now - arrived_at());
  metrics.Observe(Observation::kPromptTokens, static_cast<double>(event.num_prompt_tokens));
  metrics.Observe(Observation::kGenerationTokens, static_cast<double>(event.num_output_tokens));
  if (!choice.has_tokens) return;
  observe(Observation::kDecodeTime, now - choice.first_token_at);
  observe(Observation::kInferenceTime, now - choice.scheduled_at);
}

void Generation::WriteChunk(Choice& choice, const tokenizer::Tokenizer& tokenizer) {
  ChoicePiece& piece = choice.piece;
  // A token whose text is held back makes no chunk of its own; its id and log-probability go with the text to come.
  if (piece.text.empty() && piece.chat.empty() && piece.finish == FinishReason::kNone) return;
  if (head_.endpoint == Endpoint::kChat && piece.is_first) {
    // As OpenAI does: the role comes alone. Its library counts log-probabilities of a first chunk twice.
    writer().Write(ChunkEvent(head_, {.index = piece.index, .prompt = piece.prompt}, tokenizer));
    piece.is_first = false;
  }
  writer().Write(ChunkEvent(head_, piece, tokenizer));
  ChoicePiece next{.index = piece.index, .is_first = false, .prompt = piece.prompt};
  next.text_offset = piece.text_offset + CountCharacters(piece.text);
  piece = std::move(next);
}

void Generation::Finish(const tokenizer::Tokenizer& tokenizer) {
  if (stream_) {
    if (head_.include_usage) writer().Write(UsageEvent(head_, usage_));
    writer().Write(kDoneEvent);
    writer().End();
    return;
  }
  writer().Send({.body = AnswerJson(head_, TakeBest(), usage_, tokenizer)});
}

// The samples of each prompt whose tokens are likeliest together; all of them, in their order, without best_of.
std::vector<ChoicePiece> Generation::TakeBest() {
  std::vector<ChoicePiece> pieces;
  for (auto begin = choices_.begin(); begin != choices_.end(); begin += n_) {
    if (num_returned_ < n_) {
      std::stable_sort(begin, begin + n_,
                       [](const Choice& a, const Choice& b) { return a.cumulative_logprob > b.cumulative_logprob; });
    }
    for (auto choice = begin; choice != begin + num_returned_; ++choice) {
      choice->piece.index = static_cast<int>(pieces.size());
      pieces.push_back(std::move(choice->piece));
    }
  }
  return pieces;
}

void Generation::Fail(const ApiError& error) {
  if (!stream_) return writer().Send(ErrorResponse(error));
  writer().Write(ServerSentEvent(ErrorJson(error)));
  writer().Write(kDoneEvent);
  writer().End();
}

}  // namespace tenfold::server
