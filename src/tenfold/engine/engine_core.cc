#include "tenfold/engine/engine_core.h"

#include <algorithm>
#include <random>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"
#include "tenfold/cache/integrity.h"
#include "tenfold/scheduler/sarathi_policy.h"

namespace tenfold::engine {
namespace {

// Free pages kept at admission, so that running sequences can grow before the next preemption: 1 %, as vLLM began with.
int64_t WatermarkPages(int64_t num_pages) {
  return num_pages / 100;
}

bool Earlier(const Sequence& a, const Sequence& b) {
  return std::pair(a.arrival(), a.id()) < std::pair(b.arrival(), b.id());
}

template <class Queue>
void InsertInOrder(Queue& queue, std::unique_ptr<Sequence> sequence) {
  const auto place = std::upper_bound(queue.begin(), queue.end(), sequence,
                                      [](const auto& a, const auto& b) { return Earlier(*a, *b); });
  queue.insert(place, std::move(sequence));
}

// Takes the sequence out of the queue that holds it.
template <class Queue>
std::unique_ptr<Sequence> Extract(Queue& queue, const Sequence& sequence) {
  const auto place = std::lower_bound(queue.begin(), queue.end(), sequence,
                                      [](const auto& a, const Sequence& b) { return Earlier(*a, b); });
  CHECK(place != queue.end() && place->get() == &sequence);
  std::unique_ptr<Sequence> taken = std::move(*place);
  queue.erase(place);
  return taken;
}

}  // namespace

EngineCore::EngineCore(const EngineOptions& options, const KvCachePlan& kv_plan, const model::Model& model,
                       platform::ThreadPool& threads)
    : options_(options),
      kv_plan_(kv_plan),
      model_(&model),
      threads_(&threads),
      policy_(std::make_unique<scheduler::SarathiPolicy>()),
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
  const kernels::KvPages pages = {core->pool_->data(0),
                                  model::KvLayoutOf(model.config(), options.page_size, options.kv_cache_type)};
  const graph::BatchLimits limits = {.max_tokens = options.max_num_batched_tokens,
                                     .max_logit_rows = options.max_num_seqs};
  ASSIGN_OR_RETURN(model::Runner runner, model::Runner::Create(model, limits, pages, kernels, threads));
  core->runner_ = std::make_unique<model::Runner>(std::move(runner));
  return core;
}

Status EngineCore::Check(const Request& request) const {
  const int64_t vocab_size = model_->config().vocab_size;
  RETURN_IF_ERROR(sampling::Validate(request.sampling, vocab_size));
  if (request.prompt.empty())
    return MakeError(ErrorCode::kInvalidArgument, "the prompt is empty: it needs at least one token");
  const auto num_tokens = static_cast<int64_t>(request.prompt.size());
  if (num_tokens >= kv_plan_.max_model_len) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "the prompt has {} tokens, but the context holds {} together with the output; shorten it",
                     num_tokens, kv_plan_.max_model_len);
  }
  for (const TokenId token : request.prompt) {
    if (token < 0 || token >= vocab_size) {
      return MakeError(ErrorCode::kInvalidArgument, "the prompt holds token {}, outside the vocabulary of {}", token,
                       vocab_size);
    }
  }
  if (request.sampling.n > options_.max_num_seqs) {
    return MakeError(ErrorCode::kInvalidArgument, "n is {}, but at most {} sequences run at once (--max-num-seqs)",
                     request.sampling.n, options_.max_num_seqs);
  }
  return {};
}

void EngineCore::Add(Request request) {
  const int64_t arrival = next_arrival_++;
  const uint64_t drawn = Philox(seed_, 0, static_cast<uint64_t>(arrival))[0];
  const uint64_t seed = request.sampling.seed.value_or(drawn);
  const auto shared = std::make_shared<const Request>(std::move(request));
  auto sequence = std::make_unique<Sequence>(next_id_++, arrival, shared, seed,
                                             cache::PageTable(*pool_, options_.page_size), model_->tokenizer());
  by_id_[sequence->id()] = sequence.get();
  unfinished_[shared->id].push_back(sequence->id());
  InsertWaiting(std::move(sequence));
}

void EngineCore::Cancel(RequestId id, EventBatch& events) {
  const auto found = unfinished_.find(id);
  if (found == unfinished_.end()) return;
  const std::vector<scheduler::SequenceId> samples = found->second;
  for (const scheduler::SequenceId sample : samples) {
    Sequence& sequence = *by_id_.at(sample);
    const int num_unforked = sequence.forks_after_prompt() ? sequence.request().sampling.n : 1;
    for (int i = 0; i < num_unforked; ++i) {
      events.push_back(sequence.Finish(FinishReason::kCancelled));
      events.back().sample += i;
      ++stats_.num_finished_cancelled;
    }
    Finish(sequence);
  }
}

void EngineCore::CancelAll(EventBatch& events) {
  while (!unfinished_.empty()) Cancel(unfinished_.begin()->first, events);
}

void EngineCore::Step(EventBatch& events) {
  if (!HasWork()) return;
  PlanStep();
  for (const scheduler::SequenceId id : plan_.preempted) Preempt(id);
  for (const scheduler::SequenceId id : plan_.admitted) Admit(id);
  CollectDraws(Compute());
  SampleAll();
  AcceptAll(events);
  ++stats_.num_steps;
}

void EngineCore::PlanStep() {
  running_views_.clear();
  waiting_views_.clear();
  for (const auto& sequence : running_) running_views_.push_back(sequence->View());
  // No step admits more than max_num_seqs.
  const size_t num_candidates = std::min(waiting_.size(), static_cast<size_t>(options_.max_num_seqs));
  for (size_t i = 0; i < num_candidates; ++i) waiting_views_.push_back(waiting_[i]->View());
  policy_->Plan({.limits = {.max_num_batched_tokens = options_.max_num_batched_tokens,
                            .max_num_seqs = options_.max_num_seqs,
                            .page_size = options_.page_size,
                            .watermark_pages = WatermarkPages(kv_plan_.num_pages)},
                 .num_free_pages = pool_->num_free_pages(),
                 .running = running_views_,
                 .waiting = waiting_views_},
                plan_);
  CHECK_MSG(!plan_.items.empty(), "the scheduler found nothing to do among {} running and {} waiting", running_.size(),
            waiting_.size());
}

void EngineCore::Preempt(scheduler::SequenceId id) {
  std::unique_ptr<Sequence> sequence = Extract(running_, *by_id_.at(id));
  sequence->MoveTo(SequenceState::kWaiting);
  InsertWaiting(std::move(sequence));
  ++stats_.num_preemptions;
}

void EngineCore::Admit(scheduler::SequenceId id) {
  std::unique_ptr<Sequence> sequence = Extract(waiting_, *by_id_.at(id));
  sequence->MoveTo(SequenceState::kRunning);
  InsertRunning(std::move(sequence));
}

std::span<float> EngineCore::Compute() {
  // Decodes and chunks take pages in the plan's order; an admitted prompt takes those of all its tokens.
  for (const scheduler::StepPlan::Item& item : plan_.items) {
    Sequence& sequence = *by_id_.at(item.id);
    const bool newly_admitted = sequence.num_computed() == 0;
    const bool reserved = sequence.table().Reserve(newly_admitted ? sequence.num_tokens() : item.num_tokens);
    CHECK_MSG(reserved, "sequence {} found no pages that its plan promised", item.id);
  }
  chunks_.clear();
  for (const scheduler::StepPlan::Item& item : plan_.items) {
    const Sequence& sequence = *by_id_.at(item.id);
    const auto tokens =
        std::span(sequence.tokens())
            .subspan(static_cast<size_t>(sequence.num_computed()), static_cast<size_t>(item.num_tokens));
    const bool reaches_end = sequence.num_computed() + item.num_tokens == sequence.num_tokens();
    chunks_.push_back({tokens, sequence.num_computed(), sequence.table().page_ids().data(), reaches_end ? 1 : 0});
    stats_.num_computed_tokens += static_cast<uint64_t>(item.num_tokens);
  }
  return runner_->Run(chunks_);
}

void EngineCore::CollectDraws(std::span<float> logits) {
  const auto vocab_size = static_cast<size_t>(model_->config().vocab_size);
  draws_.clear();
  forked_logits_.clear();
  size_t row = 0;
  for (size_t i = 0; i < plan_.items.size(); ++i) {
    Sequence& sequence = *by_id_.at(plan_.items[i].id);
    sequence.table().Append(plan_.items[i].num_tokens);
    if (chunks_[i].num_logit_rows == 0) continue;
    draws_.push_back({.sequence = &sequence, .logits = logits.subspan(row++ * vocab_size, vocab_size)});
    if (sequence.num_output_tokens() == 0)
      stats_.num_prompt_tokens += static_cast<uint64_t>(sequence.num_prompt_tokens());
    if (sequence.forks_after_prompt()) ForkSamples(sequence, draws_.back().logits);
  }
}

void EngineCore::ForkSamples(Sequence& parent, std::span<const float> logits) {
  parent.MarkForked();
  for (int sample = 1; sample < parent.request().sampling.n; ++sample) {
    std::unique_ptr<Sequence> child = parent.Fork(next_id_++, sample);
    by_id_[child->id()] = child.get();
    unfinished_[child->request().id].push_back(child->id());
    draws_.push_back({.sequence = child.get(), .logits = forked_logits_.emplace_back(logits.begin(), logits.end())});
    InsertRunning(std::move(child));
  }
}

void EngineCore::SampleAll() {
  if (observer_ != nullptr) {
    for (const Draw& draw : draws_) observer_(observer_context_, *draw.sequence, draw.logits);
  }
  threads_->Run(static_cast<int64_t>(draws_.size()), [&](int64_t i, int thread) {
    Draw& draw = draws_[static_cast<size_t>(i)];
    const Sequence& sequence = *draw.sequence;
    draw.token = sampling::Sample(draw.logits, sequence.request().sampling, end_tokens_, sequence.counts(),
                                  sequence.draw_key(), scratch_[static_cast<size_t>(thread)]);
    if (draw.token) {
      draw.logprobs = {draw.token->logprob, draw.token->rank, {draw.token->top.begin(), draw.token->top.end()}};
    }
  });
}

void EngineCore::AcceptAll(EventBatch& events) {
  for (Draw& draw : draws_) {
    Sequence& sequence = *draw.sequence;
    if (!draw.token) {
      OutputEvent event = sequence.Finish(FinishReason::kError);
      event.error = draw.token.error();
      events.push_back(std::move(event));
    } else {
      events.push_back(sequence.Accept(draw.token->token, model_->tokenizer(), kv_plan_.max_model_len));
      if (sequence.request().sampling.num_logprobs) events.back().logprobs.push_back(std::move(draw.logprobs));
      ++stats_.num_output_tokens;
    }
    switch (events.back().finish) {
      case FinishReason::kNone:
        continue;
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
    Finish(sequence);
  }
}

void EngineCore::Finish(Sequence& sequence) {
  const auto request = unfinished_.find(sequence.request().id);
  CHECK(request != unfinished_.end());
  std::erase(request->second, sequence.id());
  if (request->second.empty()) unfinished_.erase(request);
  by_id_.erase(sequence.id());
  const bool is_running = sequence.state() == SequenceState::kRunning;
  const std::unique_ptr<Sequence> taken = is_running ? Extract(running_, sequence) : Extract(waiting_, sequence);
  taken->MoveTo(SequenceState::kFinished);
}

void EngineCore::InsertRunning(std::unique_ptr<Sequence> sequence) {
  InsertInOrder(running_, std::move(sequence));
}
void EngineCore::InsertWaiting(std::unique_ptr<Sequence> sequence) {
  InsertInOrder(waiting_, std::move(sequence));
}

EngineStats EngineCore::Stats() const {
  EngineStats stats = stats_;
  stats.num_running = static_cast<int64_t>(running_.size());
  stats.num_waiting = static_cast<int64_t>(waiting_.size());
  stats.num_pages = pool_->num_pages();
  stats.num_free_pages = pool_->num_free_pages();
  stats.page_size = options_.page_size;
  return stats;
}

Status EngineCore::CheckIntegrity() const {
  std::vector<const cache::PageTable*> tables;
  for (const auto& sequence : running_) tables.push_back(&sequence->table());
  for (const auto& sequence : waiting_) tables.push_back(&sequence->table());
  return cache::CheckIntegrity(*pool_, tables);
}

void EngineCore::ObserveLogits(LogitsObserver observer, void* context) {
  observer_ = observer;
  observer_context_ = context;
}

}  // namespace tenfold::engine
