// Engine: EngineCore on a thread of its own, behind a bounded mailbox.
//
// Requests and cancellations go in through the mailbox, one batch of events per step comes out through the sink;
// nothing else is shared. The engine thread is also worker 0 of the thread pool, so a machine of N processors runs N
// threads. The model, the kernels, the pool and the sink must outlive the engine.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <variant>

#include "tenfold/engine/engine_api.h"
#include "tenfold/engine/engine_core.h"
#include "tenfold/platform/mailbox.h"

namespace tenfold::engine {

class Engine final : public EngineApi {
 public:
  // Errors: those of EngineCore::Create. The engine runs until it is destroyed.
  static Result<std::unique_ptr<Engine>> Create(const EngineOptions& options, const model::Model& model,
                                                const kernels::KernelTable& kernels, platform::ThreadPool& threads,
                                                EventSink& sink);
  // Cancels what is unfinished, with an event for each, and waits for the step under way.
  ~Engine() override;

  Status Submit(Request request) override;
  void Cancel(RequestId id) override;
  EngineStats Stats() const override;
  void InspectState(std::function<void(EngineState)> done) override;
  const EngineOptions& options() const override { return options_; }
  int64_t max_model_len() const override { return core_->kv_plan().max_model_len; }
  const tokenizer::Tokenizer& tokenizer() const override { return model_->tokenizer(); }

  const KvCachePlan& kv_plan() const { return core_->kv_plan(); }
  size_t activation_bytes() const { return core_->activation_bytes(); }

 private:
  struct CancelRequest {
    RequestId id;
  };
  struct InspectRequest {
    std::function<void(EngineState)> done;
  };
  using Message = std::variant<Request, CancelRequest, InspectRequest>;

  Engine(const EngineOptions& options, const model::Model& model, std::unique_ptr<EngineCore> core, EventSink& sink);
  void Loop();
  void Deliver(EventBatch events);

  const EngineOptions options_;
  const model::Model* model_;
  EventSink* sink_;
  std::unique_ptr<EngineCore> core_;  // engine thread only, but for its constants
  platform::Mailbox<Message> mailbox_;
  std::atomic<int64_t> num_unfinished_{0};  // samples submitted and not yet finished
  mutable std::mutex stats_mutex_;
  EngineStats stats_;  // as of the last step
  std::thread thread_;
};

}  // namespace tenfold::engine
