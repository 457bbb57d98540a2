#include "tenfold/engine/engine_core.h"

#include <algorithm>
#include <random>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"
#include "tenfold/engine/request_check.h"
#include "tenfold/scheduler/policies.h"

namespace tenfold::engine {
namespace {

// Free pages kept at admission, so that running sequences can grow before the next preemption: 1 %, as vLLM began with.
int64_t WatermarkPages(int64_t num_pages) {
  return num_pages / 100;
}

// Rows of logits that are made at once where few sequences run, for the prompts whose every token is scored.
constexpr int64_t kLeastLogitRows = 32;

}  // namespace

EngineCore::EngineCore(const EngineOptions& options, const KvCachePlan& kv_plan, const model::Model& model,
                       platform::ThreadPool& threads)
    : options_(options),
      kv_plan_(kv_plan),
      model_(&model),
      threads_(&threads),
      seed_(options.seed != 0 ? options.seed : std::random_device{}()),
      scratch_(static_cast<size_t>(threads.num_threads())) {
  for (TokenId token = 0; token < model.config().vocab_size; ++token) {
    if (model.tokenizer().IsEndOfGeneration(token)) end_tokens_.push_back(token);
  }
}

EngineCore::~EngineCore() = default;

Result<std::unique_ptr<EngineCore>> EngineCore::Create(const EngineOptions& options, const model::Model& model,
                                                       const kernels::KernelTable& kernels,
                                                       platform::ThreadPool& threads) {
  ASSIGN_OR_RETURN(const KvCachePlan kv_plan, PlanKvCache(options, model.config()));
  std::unique_ptr<EngineCore> core(new EngineCore(options, kv_plan, model, threads));
  ASSIGN_OR_RETURN(core->pool_, cache::PagePool::Create(kv_plan.num_pages, kv_plan.page_bytes));
  if (kv_plan.num_swap_pages > 0) {
    ASSIGN_OR_RETURN(core->swap_space_,
                     cache::PagePool::Create(kv_plan.num_swap_pages, kv_plan.page_bytes, options.swap_directory));
  }
  ASSIGN_OR_RETURN(core->prefix_cache_, cache::MakePrefixCache(options.prefix_cache, *core->pool_, options.page_size,
                                                               core->swap_space_.get()));
  ASSIGN_OR_RETURN(const scheduler::QueueOrder queue_order, scheduler::QueueOrderFromName(options.queue_order));
  ASSIGN_OR_RETURN(const scheduler::PolicyInfo policy_info, scheduler::FindPolicy(options.scheduling_policy));
  ASSIGN_OR_RETURN(auto policy,
                   scheduler::MakePolicy(options.scheduling_policy, {.num_pages = kv_plan.num_pages,
                                                                     .page_size = options.page_size,
                                                                     .max_model_len = kv_plan.max_model_len}));
  if (policy_info.is_by_priority && queue_order != scheduler::QueueOrder::kFcfs) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "--queue-order {}: a policy by priority has an order of its own, so leave it at fcfs",
                     options.queue_order);
  }
  const int64_t longest_whole = policy_info.budget == scheduler::StepBudget::kAny ? 0 : kv_plan.max_model_len;
  const int64_t max_num_batched_tokens = std::max(options.max_num_batched_tokens, longest_whole);
  core->roster_ = std::make_unique<Roster<Sequence>>(
      std::move(policy),
      scheduler::SchedulerLimits{.max_num_batched_tokens = max_num_batched_tokens,
                                 .max_num_seqs = options.max_num_seqs,
                                 .page_size = options.page_size,
                                 .watermark_pages = WatermarkPages(kv_plan.num_pages)},
      *core->pool_,
      Sharing{.prefix_cache = core->prefix_cache_.get(),
              .queue_order = queue_order,
              .max_overtaken = options.max_overtaken});
  const kernels::KvPages pages = {core->pool_->data(0),
                                  model::KvLayoutOf(model.config(), options.page_size, options.kv_cache_type)};
  const graph::BatchLimits limits = {
      .max_tokens = max_num_batched_tokens,
      .max_logit_rows = std::max(options.max_num_seqs, std::min(max_num_batched_tokens, kLeastLogitRows))};
  ASSIGN_OR_RETURN(model::Runner runner, model::Runner::Create(model, limits, pages, kernels, threads));
  core->runner_ = std::make_unique<model::Runner>(std::move(runner));
  core->state_pooler_ = std::make_unique<StatePooler>(*core->runner_);
  core->prompt_scorer_ = std::make_unique<PromptScorer>(*core->runner_, threads);
  return core;
}

Status EngineCore::Check(const Request& request) const {
  return CheckRequest(request, {.options = options_,
                                .kv_plan = kv_plan_,
                                .policy = roster_->policy(),
                                .vocab_size = model_->config().vocab_size});
}

void EngineCore::Add(Request request) {
  const int64_t arrival = next_arrival_++;
  const uint64_t drawn = Philox(seed_, 0, static_cast<uint64_t>(arrival))[0];
  const uint64_t seed = request.sampling.seed.value_or(drawn);
  const auto shared = std::make_shared<const Request>(std::move(request));
  auto sequence = std::make_unique<Sequence>(next_id_++, arrival, shared, seed, kv_plan_.max_model_len,
                                             cache::PageTable(*pool_, options_.page_size), model_->tokenizer());
  unfinished_[shared->id].push_back(sequence->id());
  if (shared->sampling.use_beam_search) beam_groups_.emplace(shared->id, *sequence);
  roster_->Add(std::move(sequence));
}

void EngineCore::Cancel(RequestId id, EventBatch& events) {
  if (unfinished_.contains(id)) EndRequest(id, FinishReason::kCancelled, events);
}

void EngineCore::EndRequest(RequestId id, FinishReason reason, EventBatch& events, const Error& error) {
  const std::vector<scheduler::SequenceId> samples = unfinished_.at(id);
  if (beam_groups_.contains(id)) {
    Sequence& beam = roster_->at(samples[0]);
    std::vector<OutputEvent> outputs(static_cast<size_t>(beam.request().sampling.n), beam.Finish(reason));
    for (OutputEvent& output : outputs) output.error = error;
    return EndBeams(id, std::move(outputs), events);
  }
  for (const scheduler::SequenceId sample : samples) {
    Sequence& sequence = roster_->at(sample);
    const int num_unforked = sequence.forks_after_prompt() ? sequence.request().sampling.n : 1;
    for (int i = 0; i < num_unforked; ++i) {
      OutputEvent event = sequence.Finish(reason);
      event.sample += i;
      event.error = error;
      Report(std::move(event), events);
    }
    Finish(sequence);
  }
}

void EngineCore::CancelAll(EventBatch& events) {
  while (!unfinished_.empty()) Cancel(unfinished_.begin()->first, events);
}

void EngineCore::Step(EventBatch& events, std::chrono::steady_clock::time_point now) {
  if (!HasWork()) return;
  const scheduler::StepPlan& plan = roster_->PlanStep();
  stats_.num_preemptions += plan.preempted.size();
  for (const scheduler::SequenceId id : plan.admitted) {
    if (roster_->at(id).num_admissions() == 1) roster_->at(id).SetScheduledAt(now);
  }
  Compute(plan);
  roster_->CommitStep();
  ReadPrompts(events);
  CollectDraws(events);
  SampleAll();
  AcceptAll(events);
}

void EngineCore::Compute(const scheduler::StepPlan& plan) {
  chunks_.clear();
  shares_.clear();
  int64_t num_tokens = 0;
  for (const scheduler::StepPlan::Item& item : plan.items) {
    Sequence& sequence = roster_->at(item.id);
    const auto tokens =
        std::span(sequence.tokens())
            .subspan(static_cast<size_t>(sequence.num_computed()), static_cast<size_t>(item.num_tokens));
    chunks_.push_back({tokens, sequence.num_computed(), sequence.table().page_ids().data()});
    shares_.push_back({&sequence, sequence.num_computed(), item.num_tokens, num_tokens});
    num_tokens += item.num_tokens;
  }
  stats_.CountStep(num_tokens);
  last_step_tokens_ = num_tokens;
  runner_->Run(chunks_);
}

void EngineCore::ReadPrompts(EventBatch& events) {
  EndFailed(prompt_scorer_->Score(shares_), events);
  EndFailed(state_pooler_->Pool(shares_), events);
}

void EngineCore::EndFailed(std::span<const ShareFailure> failures, EventBatch& events) {
  for (const ShareFailure& failure : failures) {
    Sequence*& sequence = shares_[failure.share].sequence;
    EndRequest(sequence->request().id, FinishReason::kError, events, failure.error);
    sequence = nullptr;
  }
}

void EngineCore::CollectDraws(EventBatch& events) {
  draws_.clear();
  draw_rows_.clear();
  forked_logits_.clear();
  for (const StepShare& share : shares_) {
    if (share.sequence == nullptr || share.end_position() < share.sequence->num_tokens()) continue;
    Sequence& sequence = *share.sequence;
    if (sequence.num_output_tokens() == 0)
      stats_.num_prompt_tokens += static_cast<uint64_t>(sequence.num_prompt_tokens());
    if (!sequence.wants_output()) {
      EndRequest(sequence.request().id, sequence.is_pooling() ? FinishReason::kStop : FinishReason::kLength, events);
      continue;
    }
    draws_.push_back({.sequence = &sequence, .request = sequence.shared_request(), .logits = {}});
    draw_rows_.push_back(share.row_of(share.end_position() - 1));
  }
  const std::span<float> logits = runner_->Logits(draw_rows_);
  const auto vocab_size = static_cast<size_t>(model_->config().vocab_size);
  for (size_t row = 0; row < draw_rows_.size(); ++row) {
    draws_[row].logits = logits.subspan(row * vocab_size, vocab_size);
    Sequence& sequence = *draws_[row].sequence;
    if (sequence.forks_after_prompt()) ForkSamples(sequence, draws_[row].logits);
    // Else a group might go on before the last of its beams in this step has proposed.
    if (sequence.request().sampling.use_beam_search) beam_groups_.at(sequence.request().id).Withdraw(sequence);
  }
}

void EngineCore::ForkSamples(Sequence& parent, std::span<const float> logits) {
  parent.MarkForked();
  for (int sample = 1; sample < parent.request().sampling.n; ++sample) {
    std::unique_ptr<Sequence> child = parent.Fork(next_id_++, sample);
    unfinished_[child->request().id].push_back(child->id());
    draws_.push_back({.sequence = child.get(),
                      .request = child->shared_request(),
                      .logits = forked_logits_.emplace_back(logits.begin(), logits.end())});
    roster_->Add(std::move(child));
  }
}

void EngineCore::SampleAll() {
  if (observer_ != nullptr) {
    for (const Draw& draw : draws_) observer_(observer_context_, *draw.sequence, draw.logits);
  }
  threads_->Run(static_cast<int64_t>(draws_.size()), [&](int64_t i, int thread) {
    Sample(draws_[static_cast<size_t>(i)], scratch_[static_cast<size_t>(thread)]);
  });
}

void EngineCore::Sample(Draw& draw, sampling::SamplerScratch& scratch) const {
  const Sequence& sequence = *draw.sequence;
  const sampling::SamplingParams& params = sequence.request().sampling;
  if (params.use_beam_search) {
    auto candidates = sampling::FindLikeliest(draw.logits, BeamGroup::NumCandidates(params), params, end_tokens_,
                                              sequence.counts(), sequence.output());
    if (candidates) {
      draw.beam_candidates = *std::move(candidates);
    } else {
      draw.token = tl::unexpected(candidates.error());
    }
    return;
  }
  draw.token = sampling::Sample(draw.logits, params, end_tokens_, sequence.counts(), sequence.output(),
                                sequence.draw_key(), scratch);
  if (draw.token) {
    draw.logprobs = {draw.token->logprob, draw.token->rank, {draw.token->top.begin(), draw.token->top.end()}};
  }
}

void EngineCore::AcceptAll(EventBatch& events) {
  for (Draw& draw : draws_) {
    if (draw.request->sampling.use_beam_search) {
      AdvanceBeams(draw, events);
      continue;
    }
    Sequence& sequence = *draw.sequence;
    OutputEvent event;
    if (!draw.token) {
      event = sequence.Finish(FinishReason::kError);
      event.error = draw.token.error();
    } else {
      event = sequence.Accept(draw.token->token, model_->tokenizer());
      if (sequence.request().sampling.num_logprobs) event.logprobs.push_back(std::move(draw.logprobs));
    }
    const bool is_last = event.finish != FinishReason::kNone;
    Report(std::move(event), events);
    if (is_last) Finish(sequence);
  }
}

void EngineCore::AdvanceBeams(const Draw& draw, EventBatch& events) {
  const std::shared_ptr<const Request>& request = draw.request;
  const auto found = beam_groups_.find(request->id);
  if (found == beam_groups_.end()) return;  // ended by a failure in this step
  BeamGroup& group = found->second;
  if (!draw.token) {
    return EndRequest(request->id, FinishReason::kError, events, draw.token.error());
  }
  group.Propose(*draw.sequence, draw.beam_candidates);
  if (!group.is_ready()) return;
  const auto fork = [this](const Sequence& parent) -> Sequence& {
    std::unique_ptr<Sequence> child = parent.Fork(next_id_++, 0);
    Sequence& added = *child;
    unfinished_[added.request().id].push_back(added.id());
    roster_->Add(std::move(child));
    return added;
  };
  group.Advance(model_->tokenizer(), fork, [this](Sequence& beam) { Finish(beam); });
  if (group.is_done()) EndBeams(request->id, group.TakeOutputs(), events);
}

void EngineCore::EndBeams(RequestId id, std::vector<OutputEvent> outputs, EventBatch& events) {
  for (const scheduler::SequenceId beam : beam_groups_.at(id).live()) Finish(roster_->at(beam));
  beam_groups_.erase(id);
  for (size_t i = 0; i < outputs.size(); ++i) {
    outputs[i].sample = static_cast<int>(i);
    Report(std::move(outputs[i]), events);
  }
}

// Counts what goes out.
void EngineCore::Report(OutputEvent event, EventBatch& events) {
  stats_.num_output_tokens += event.tokens.size();
  switch (event.finish) {
    case FinishReason::kNone:
      break;
    case FinishReason::kStop:
      ++stats_.num_finished_stop;
      break;
    case FinishReason::kLength:
      ++stats_.num_finished_length;
      break;
    case FinishReason::kCancelled:
      ++stats_.num_finished_cancelled;
      break;
    case FinishReason::kError:
      ++stats_.num_finished_error;
      break;
  }
  events.push_back(std::move(event));
}

void EngineCore::Finish(Sequence& sequence) {
  const auto request = unfinished_.find(sequence.request().id);
  CHECK(request != unfinished_.end());
  std::erase(request->second, sequence.id());
  if (request->second.empty()) unfinished_.erase(request);
  roster_->Finish(sequence);
}

EngineStats EngineCore::Stats() const {
  EngineStats stats = stats_;
  stats.num_running = static_cast<int64_t>(roster_->running().size());
  stats.num_waiting = static_cast<int64_t>(roster_->waiting().size());
  stats.num_pages = pool_->num_pages();
  stats.num_free_pages = pool_->num_free_pages();
  stats.page_size = options_.page_size;
  if (swap_space_ != nullptr) {
    stats.num_swap_pages = swap_space_->num_pages();
    stats.num_swapped_pages = prefix_cache_->num_swapped_pages();
    stats.num_swapped_out = static_cast<uint64_t>(prefix_cache_->num_swapped_out());
    stats.num_swapped_in = static_cast<uint64_t>(prefix_cache_->num_swapped_in());
  }
  stats.prefix_query_tokens = static_cast<uint64_t>(roster_->num_prefix_query_tokens());
  stats.prefix_hit_tokens = static_cast<uint64_t>(roster_->num_prefix_hit_tokens());
  return stats;
}

EngineState EngineCore::State() const {
  EngineState state{.stats = Stats(), .last_step_tokens = last_step_tokens_, .sequences = {}};
  const auto add = [&state](const Sequence& sequence) {
    state.sequences.push_back({.request = sequence.request().id,
                               .sample = sequence.sample(),
                               .is_running = sequence.state() == SequenceState::kRunning,
                               .num_prompt_tokens = sequence.num_prompt_tokens(),
                               .num_computed_tokens = sequence.num_computed(),
                               .num_cached_tokens = std::max<int64_t>(sequence.num_cached_tokens(), 0),
                               .num_output_tokens = sequence.num_output_tokens(),
                               .num_pages = sequence.table().num_pages(),
                               .num_preemptions = sequence.num_preemptions()});
  };
  for (const auto& sequence : roster_->running()) add(*sequence);
  for (const auto& sequence : roster_->waiting()) add(*sequence);
  return state;
}

void EngineCore::ObserveLogits(LogitsObserver observer, void* context) {
  observer_ = observer;
  observer_context_ = context;
}

}  // namespace tenfold::engine
