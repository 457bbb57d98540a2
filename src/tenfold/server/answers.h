// Answers: all HTTP requests that the engine works on. Submits them, routes events to them, cancels them.
//
// Lives on the I/O thread. The engine outlives it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

#include "tenfold/base/random.h"
#include "tenfold/engine/engine_api.h"
#include "tenfold/server/answer.h"
#include "tenfold/server/chat_answer/chat_answer_parser.h"
#include "tenfold/server/embedding_request.h"
#include "tenfold/server/load_monitor.h"
#include "tenfold/server/metrics.h"
#include "tenfold/server/openai_request.h"

namespace tenfold::server {

class Answers {
 public:
  using Clock = Answer::Clock;

  // `default_timeout_s` is for requests that bring none; 0 = no deadline.
  Answers(engine::EngineApi& engine, Metrics& metrics, const LoadMonitor& monitor, double default_timeout_s)
      : engine_(engine), metrics_(metrics), monitor_(monitor), default_timeout_s_(default_timeout_s) {}

  // Answers through `writer`, now if the engine refuses. `prompts` are those of the request, encoded; `chat_format` is
  // how a chat's answer is to be read. When the client goes away first, all that was submitted for it is cancelled.
  void Start(const GenerationRequest& request, std::vector<std::vector<TokenId>> prompts,
             const ChatAnswerFormat& chat_format, std::shared_ptr<ResponseWriter> writer);
  // Likewise. `prompts` are the texts of the request, encoded.
  void StartEmbeddings(const EmbeddingRequest& request, std::vector<std::vector<TokenId>> prompts,
                       engine::Pooling pooling, std::shared_ptr<ResponseWriter> writer);
  // Events of requests that are gone are dropped. `now` is when the batch came out of the engine.
  void OnEvents(engine::EventBatch batch, Clock::time_point now);
  // Ends requests whose deadline has passed; their pages are free at the engine's next step.
  void Expire(Clock::time_point now);

  // Of a request that the engine works on, or null.
  const Answer* Find(engine::RequestId id) const;

 private:
  // Random, and another one for each answer.
  std::array<uint32_t, 4> RandomOfNext() const { return Philox(id_seed_, /*stream=*/0, next_id_); }
  // What `prototype` says of all, for each prompt.
  void Submit(const std::shared_ptr<Answer>& answer, std::vector<std::vector<TokenId>> prompts,
              const engine::Request& prototype, std::optional<double> timeout_s);
  // Ends what the engine still does for it, and forgets it.
  void Cancel(const Answer& answer);
  // Returns the requests that were known.
  std::vector<engine::RequestId> Forget(const Answer& answer);

  engine::EngineApi& engine_;
  Metrics& metrics_;
  const LoadMonitor& monitor_;
  const double default_timeout_s_;
  // Of answers by their first request, earliest first; with the seconds that they had.
  std::map<std::pair<Clock::time_point, engine::RequestId>, double> deadlines_;
  engine::RequestId next_id_ = 1;
  // The system is asked for it once: two thousand clients that come together would wait for that.
  const uint64_t id_seed_ = uint64_t{std::random_device{}()} << 32 | std::random_device{}();
  std::unordered_map<engine::RequestId, std::shared_ptr<Answer>> by_request_;
};

}  // namespace tenfold::server
