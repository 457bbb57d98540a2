// Generation: a completion or a chat while the engine works on it. Turns output events into an answer or a stream.
//
// Each of a body's prompts has n samples. Choice index = prompt index * n +
// sample; with best_of, the likeliest samples of each prompt are numbered again. Lives on the I/O thread, owned by
// Answers (answers.h).
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "tenfold/engine/request.h"
#include "tenfold/server/answer.h"
#include "tenfold/server/chat_answer/chat_answer_parser.h"
#include "tenfold/server/http.h"
#include "tenfold/server/metrics.h"
#include "tenfold/server/openai_response.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::server {

class Generation final : public Answer {
 public:
  // `prompts` bring their text where the answer echoes it. `chat_format` is of chats only.
  Generation(engine::RequestId first_id, AnswerHead head, bool stream, int n, int num_returned,
             std::vector<PromptPiece> prompts, const ChatAnswerFormat& chat_format,
             std::shared_ptr<ResponseWriter> writer, Clock::time_point now);

  void Begin() override;
  Progress OnEvent(engine::OutputEvent event, Clock::time_point now, const tokenizer::Tokenizer& tokenizer,
                   Metrics& metrics) override;

 private:
  struct Choice {
    explicit Choice(const ChatAnswerFormat& chat_format) : parser(chat_format) {}

    ChatAnswerParser parser;        // of a chat's text
    ChoicePiece piece;              // a stream's next chunk, or the whole answer as far as it got
    double cumulative_logprob = 0;  // where log-probabilities are known
    bool has_tokens = false;
    Clock::time_point scheduled_at;
    Clock::time_point first_token_at;
    Clock::time_point last_token_at;
  };

  void Measure(const engine::OutputEvent& event, Choice& choice, Clock::time_point now, Metrics& metrics) const;
  void WriteChunk(Choice& choice, const tokenizer::Tokenizer& tokenizer);
  void Finish(const tokenizer::Tokenizer& tokenizer);
  std::vector<ChoicePiece> TakeBest();
  void Fail(const ApiError& error) override;

  const AnswerHead head_;
  const bool stream_;
  const int n_;
  const int num_returned_;  // of each prompt's n
  std::vector<PromptPiece> prompts_;
  std::vector<Choice> choices_;
  size_t num_unfinished_;
  Usage usage_;
};

}  // namespace tenfold::server
