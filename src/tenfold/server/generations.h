// Generations: all HTTP requests that the engine works on. Submits them, routes events to them, cancels them.
//
// Lives on the I/O thread. The engine outlives it.
#pragma once

#include <chrono>
#include <memory>
#include <unordered_map>
#include <vector>

#include "tenfold/engine/engine_api.h"
#include "tenfold/server/generation.h"
#include "tenfold/server/metrics.h"
#include "tenfold/server/openai_request.h"

namespace tenfold::server {

class Generations {
 public:
  using Clock = Generation::Clock;

  Generations(engine::EngineApi& engine, Metrics& metrics) : engine_(engine), metrics_(metrics) {}

  // Answers through `writer`, now if the engine refuses. `prompts` are those of the request, encoded. When the client
  // goes away first, all that was submitted for it is cancelled.
  void Start(const GenerationRequest& request, std::vector<std::vector<TokenId>> prompts,
             std::shared_ptr<ResponseWriter> writer);
  // Events of requests that are gone are dropped. `now` is when the batch came out of the engine.
  void OnEvents(engine::EventBatch batch, Clock::time_point now);

 private:
  // Ends what the engine still does for it, and forgets it.
  void Cancel(const Generation& generation);
  // Returns the requests that were known.
  std::vector<engine::RequestId> Forget(const Generation& generation);

  engine::EngineApi& engine_;
  Metrics& metrics_;
  engine::RequestId next_id_ = 1;
  std::unordered_map<engine::RequestId, std::shared_ptr<Generation>> by_request_;
};

}  // namespace tenfold::server
