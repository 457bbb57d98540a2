// EngineCore: the step loop, one step at a time, without threads of its own.
//
// A step asks the scheduler what to compute, carries the plan out on the page tables, runs the model on one flat batch,
// samples, and returns one batch of events. Everything that decides is a function of what was added and in which order;
// there is no clock. Engine (engine.h) puts it on a thread; tests drive it step by step.
//
// Not thread-safe. The model, kernels and thread pool must outlive it. Its destructor gives all pages back.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/cache/page_pool.h"
#include "tenfold/cache/prefix_cache.h"
#include "tenfold/engine/beam_group.h"
#include "tenfold/engine/engine_api.h"
#include "tenfold/engine/engine_options.h"
#include "tenfold/engine/prompt_scorer.h"
#include "tenfold/engine/request.h"
#include "tenfold/engine/roster.h"
#include "tenfold/engine/sequence.h"
#include "tenfold/engine/state_pooler.h"
#include "tenfold/engine/step_share.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/model/model.h"
#include "tenfold/model/runner.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/sampling/sampler.h"
#include "tenfold/scheduler/scheduler.h"

namespace tenfold::engine {

class EngineCore {
 public:
  // Errors: those of PlanKvCache, and kResourceExhausted when memory is refused.
  static Result<std::unique_ptr<EngineCore>> Create(const EngineOptions& options, const model::Model& model,
                                                    const kernels::KernelTable& kernels, platform::ThreadPool& threads);
  ~EngineCore();

  // What can be said about a request before it gets in; any thread. Errors: kInvalidArgument, naming the field.
  Status Check(const Request& request) const;

  // Queues a request that passed Check.
  void Add(Request request);
  // Ends what is left of a request at once; appends one kCancelled event for each unfinished sample.
  void Cancel(RequestId id, EventBatch& events);
  void CancelAll(EventBatch& events);

  bool HasWork() const { return !roster_->empty(); }
  // Computes one step and appends its events. Does nothing without work. `now` decides nothing: it goes into the events
  // of sequences that begin in this step.
  void Step(EventBatch& events, std::chrono::steady_clock::time_point now = {});

  EngineStats Stats() const;
  EngineState State() const;
  const KvCachePlan& kv_plan() const { return kv_plan_; }
  size_t activation_bytes() const { return runner_->arena_bytes(); }

  // Recounts every page from the tables that hold it. Errors: kCorrupt, saying which page or table is wrong.
  Status CheckIntegrity() const { return roster_->CheckIntegrity(); }

  // Sees every row of logits that is sampled from, before sampling changes it. For tests of law 2; null by default.
  using LogitsObserver = void (*)(void* context, const Sequence& sequence, std::span<const float> logits);
  void ObserveLogits(LogitsObserver observer, void* context);

 private:
  EngineCore(const EngineOptions& options, const KvCachePlan& kv_plan, const model::Model& model,
             platform::ThreadPool& threads);

  void Compute(const scheduler::StepPlan& plan);
  // Log-probabilities and states of prompts.
  void ReadPrompts(EventBatch& events);
  void EndFailed(std::span<const ShareFailure> failures, EventBatch& events);
  // Sequences of this step that get a token, each with its row of logits.
  struct Draw {
    Sequence* sequence;  // ended already where another beam's failure ended the request
    std::shared_ptr<const Request> request;
    std::span<float> logits;
    Result<sampling::SampledToken> token = sampling::SampledToken{};
    TokenLogprobs logprobs = {};
    std::vector<sampling::TokenLogprob> beam_candidates = {};  // in place of a token
  };
  void CollectDraws(EventBatch& events);
  void ForkSamples(Sequence& parent, std::span<const float> logits);
  void SampleAll();
  void Sample(Draw& draw, sampling::SamplerScratch& scratch) const;
  void AcceptAll(EventBatch& events);
  void AdvanceBeams(const Draw& draw, EventBatch& events);
  // Ends all that is left of a request in the same way, with an event for each unfinished sample.
  void EndRequest(RequestId id, FinishReason reason, EventBatch& events,
                  const Error& error = {ErrorCode::kInvalidArgument, {}});
  void EndBeams(RequestId id, std::vector<OutputEvent> outputs, EventBatch& events);
  void Report(OutputEvent event, EventBatch& events);
  void Finish(Sequence& sequence);

  const EngineOptions options_;
  const KvCachePlan kv_plan_;
  const model::Model* model_;
  platform::ThreadPool* threads_;
  std::unique_ptr<cache::PagePool> pool_;        // outlives the sequences of the roster
  std::unique_ptr<cache::PagePool> swap_space_;  // or null
  std::unique_ptr<cache::PrefixCache> prefix_cache_;
  std::unique_ptr<Roster<Sequence>> roster_;
  std::unique_ptr<model::Runner> runner_;
  std::unique_ptr<PromptScorer> prompt_scorer_;
  std::unique_ptr<StatePooler> state_pooler_;
  std::vector<TokenId> end_tokens_;
  uint64_t seed_;

  std::unordered_map<RequestId, std::vector<scheduler::SequenceId>> unfinished_;  // samples of each request
  std::unordered_map<RequestId, BeamGroup> beam_groups_;                          // of requests with beam search
  scheduler::SequenceId next_id_ = 0;
  int64_t next_arrival_ = 0;
  EngineStats stats_;
  int64_t last_step_tokens_ = 0;

  // Reused from step to step.
  std::vector<model::SequenceChunk> chunks_;
  std::vector<StepShare> shares_;  // one a chunk
  std::vector<int32_t> draw_rows_;
  std::vector<Draw> draws_;
  std::deque<std::vector<float>> forked_logits_;   // rows for samples forked in this step
  std::vector<sampling::SamplerScratch> scratch_;  // one per thread
  LogitsObserver observer_ = nullptr;
  void* observer_context_ = nullptr;
};

}  // namespace tenfold::engine
