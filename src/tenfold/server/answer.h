// Answer: one HTTP request while the engine works on it: a generation (generation.h) or embeddings (embedding_answer.h).
//
// A body with several prompts becomes as many engine requests. Lives on the I/O thread, owned by Answers
// (answers.h).
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "tenfold/engine/request.h"
#include "tenfold/server/api_error.h"
#include "tenfold/server/http.h"
#include "tenfold/server/metrics.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::server {

class Answer {
 public:
  using Clock = std::chrono::steady_clock;

  // Request ids are first_id, first_id + 1, ... in the order of the prompts.
  Answer(engine::RequestId first_id, size_t num_requests, std::string id, std::shared_ptr<ResponseWriter> writer,
         Clock::time_point now);
  virtual ~Answer() = default;

  const std::string& answer_id() const { return id_; }
  Clock::time_point arrived_at() const { return arrived_at_; }
  // When Answers ends it; the default is never.
  Clock::time_point deadline() const { return deadline_; }
  void set_deadline(Clock::time_point deadline) { deadline_ = deadline; }

  engine::RequestId first_id() const { return first_id_; }
  size_t num_requests() const { return num_requests_; }
  ResponseWriter& writer() { return *writer_; }

  // All requests have been submitted: a stream's header goes out.
  virtual void Begin() {}
  // Its deadline has passed: the client is told so, and nothing more.
  void Expire(double timeout_s);
  // It cannot be written, for want of memory: the client is told so, and nothing more.
  void Abandon();
  // kFinished: the answer is out. kFailed: the error is out, and the other choices have no one to read them.
  enum class Progress { kOpen, kFinished, kFailed };
  virtual Progress OnEvent(engine::OutputEvent event, Clock::time_point now, const tokenizer::Tokenizer& tokenizer,
                           Metrics& metrics) = 0;

 protected:
  virtual void Fail(const ApiError& error) { writer_->Send(ErrorResponse(error)); }
  // Fails, and returns true, for an event that ends a sample without a result.
  bool FailedWith(const engine::OutputEvent& event);

 private:
  const engine::RequestId first_id_;
  const size_t num_requests_;
  const std::string id_;
  const std::shared_ptr<ResponseWriter> writer_;
  const Clock::time_point arrived_at_;
  Clock::time_point deadline_ = Clock::time_point::max();
};

}  // namespace tenfold::server
