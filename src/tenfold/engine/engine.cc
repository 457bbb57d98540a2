#include "tenfold/engine/engine.h"

#include <utility>

namespace tenfold::engine {

Result<std::unique_ptr<Engine>> Engine::Create(const EngineOptions& options, const model::Model& model,
                                               const kernels::KernelTable& kernels, platform::ThreadPool& threads,
                                               EventSink& sink) {
  ASSIGN_OR_RETURN(std::unique_ptr<EngineCore> core, EngineCore::Create(options, model, kernels, threads));
  return std::unique_ptr<Engine>(new Engine(options, model, std::move(core), sink));
}

Engine::Engine(const EngineOptions& options, const model::Model& model, std::unique_ptr<EngineCore> core,
               EventSink& sink)
    : options_(options),
      model_(&model),
      sink_(&sink),
      core_(std::move(core)),
      mailbox_(static_cast<size_t>(options.max_waiting_requests)),
      stats_(core_->Stats()),
      thread_([this] { Loop(); }) {}

Engine::~Engine() {
  mailbox_.Close();
  thread_.join();
}

Status Engine::Submit(Request request) {
  RETURN_IF_ERROR(core_->Check(request));
  const int64_t num_samples = request.sampling.n;
  const int64_t limit = options_.max_waiting_requests + options_.max_num_seqs;
  if (num_unfinished_.fetch_add(num_samples, std::memory_order_relaxed) + num_samples > limit) {
    num_unfinished_.fetch_sub(num_samples, std::memory_order_relaxed);
    return MakeError(ErrorCode::kResourceExhausted,
                     "the queue is full: {} sequences are running or waiting; try again later", limit);
  }
  using Push = platform::Mailbox<Message>::PushResult;
  const Push pushed = mailbox_.TryPush(std::move(request));
  if (pushed == Push::kOk) return {};
  num_unfinished_.fetch_sub(num_samples, std::memory_order_relaxed);
  if (pushed == Push::kClosed) return MakeError(ErrorCode::kUnavailable, "the engine is shutting down");
  return MakeError(ErrorCode::kResourceExhausted, "the engine's mailbox is full; try again later");
}

void Engine::Cancel(RequestId id) {
  mailbox_.PushUrgent(CancelRequest{id});
}

void Engine::InspectState(std::function<void(EngineState)> done) {
  mailbox_.PushUrgent(InspectRequest{std::move(done)});
}

EngineStats Engine::Stats() const {
  const std::lock_guard lock(stats_mutex_);
  return stats_;
}

void Engine::Loop() {
  std::vector<Message> messages;
  EventBatch events;
  while (mailbox_.TakeAll(messages, !core_->HasWork())) {
    for (Message& message : messages) {
      if (auto* request = std::get_if<Request>(&message)) {
        core_->Add(std::move(*request));
      } else if (const auto* inspect = std::get_if<InspectRequest>(&message)) {
        inspect->done(core_->State());
      } else {
        core_->Cancel(std::get<CancelRequest>(message).id, events);
      }
    }
    core_->Step(events, std::chrono::steady_clock::now());
    Deliver(std::exchange(events, {}));
  }
  core_->CancelAll(events);
  Deliver(std::move(events));
}

void Engine::Deliver(EventBatch events) {
  for (const OutputEvent& event : events) {
    if (event.finish != FinishReason::kNone) num_unfinished_.fetch_sub(1, std::memory_order_relaxed);
  }
  {
    const std::lock_guard lock(stats_mutex_);
    stats_ = core_->Stats();
  }
  if (!events.empty()) sink_->OnEvents(std::move(events));
}

}  // namespace tenfold::engine
