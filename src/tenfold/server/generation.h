// Generation: one HTTP request while the engine works on it. Turns output events into an answer or a stream.
//
// A body with several prompts becomes as many engine requests; each has n samples. Choice index = prompt index * n +
// sample; with best_of, the likeliest samples of each prompt are numbered again. Lives on the I/O thread, owned by
// Generations (generations.h).
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "tenfold/engine/request.h"
#include "tenfold/server/chat_answer/chat_answer_parser.h"
#include "tenfold/server/http.h"
#include "tenfold/server/metrics.h"
#include "tenfold/server/openai_response.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::server {

class Generation {
 public:
  using Clock = std::chrono::steady_clock;

  // Request ids are first_id, first_id + 1, ... in the order of the prompts, which bring their text where the answer
  // echoes it. `chat_format` is of chats only.
  Generation(engine::RequestId first_id, AnswerHead head, bool stream, int n, int num_returned,
             std::vector<PromptPiece> prompts, const ChatAnswerFormat& chat_format,
             std::shared_ptr<ResponseWriter> writer, Clock::time_point now);

  const std::string& answer_id() const { return head_.id; }
  Clock::time_point arrived_at() const { return arrived_at_; }
  // When Generations ends it; the default is never.
  Clock::time_point deadline() const { return deadline_; }
  void set_deadline(Clock::time_point deadline) { deadline_ = deadline; }

  engine::RequestId first_id() const { return first_id_; }
  size_t num_requests() const { return prompts_.size(); }
  ResponseWriter& writer() { return *writer_; }

  // All requests have been submitted: a stream's header goes out.
  void Begin();
  // Its deadline has passed: the client is told so, and nothing more.
  void Expire(double timeout_s);
  // kFinished: the answer is out. kFailed: the error is out, and the other choices have no one to read them.
  enum class Progress { kOpen, kFinished, kFailed };
  Progress OnEvent(engine::OutputEvent event, Clock::time_point now, const tokenizer::Tokenizer& tokenizer,
                   Metrics& metrics);

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
  void Fail(const ApiError& error);

  const engine::RequestId first_id_;
  const AnswerHead head_;
  const bool stream_;
  const int n_;
  const int num_returned_;  // of each prompt's n
  std::vector<PromptPiece> prompts_;
  const std::shared_ptr<ResponseWriter> writer_;
  const Clock::time_point arrived_at_;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::vector<Choice> choices_;
  size_t num_unfinished_;
  Usage usage_;
};

}  // namespace tenfold::server
