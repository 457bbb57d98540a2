#include "tenfold/bench/replay.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/bench/replay_record.h"
#include "tenfold/bench/statistics.h"
#include "tenfold/cache/page_pool.h"
#include "tenfold/cache/prefix_cache.h"
#include "tenfold/engine/roster.h"
#include "tenfold/scheduler/policies.h"

namespace tenfold::bench {
namespace {

// A sequence whose generated tokens are known by their number only, and its prompt's, too, unless the request has them.
class ReplayedSequence final : public engine::ScheduledSequence {
 public:
  ReplayedSequence(int64_t index, const WorkloadRequest& request, int64_t max_model_len, cache::PageTable table)
      : ScheduledSequence(index, index, std::move(table)),
        num_tokens_(request.num_prompt_tokens),
        final_num_tokens_(request.num_prompt_tokens + request.num_output_tokens),
        max_num_tokens_(max_model_len),
        tokens_(request.prompt) {
    tokens_.resize(static_cast<size_t>(num_tokens_), own_token());
  }

  int64_t num_tokens() const override { return num_tokens_; }
  int64_t max_num_tokens() const override { return max_num_tokens_; }
  int64_t final_num_tokens() const override { return final_num_tokens_; }

  cache::PrefixKey prefix_key() const override { return {tokens_, ""}; }

  void AddToken() {
    ++num_tokens_;
    tokens_.push_back(own_token());
  }
  bool is_complete() const { return num_tokens_ == final_num_tokens_; }

 private:
  // A negative one for each request: shared with nobody.
  TokenId own_token() const { return static_cast<TokenId>(-1 - id()); }

  int64_t num_tokens_;
  int64_t final_num_tokens_;
  int64_t max_num_tokens_;
  std::vector<TokenId> tokens_;
};

class Replayer {
 public:
  Replayer(const ReplayOptions& options, std::span<const WorkloadRequest> requests,
           std::unique_ptr<cache::PagePool> pool, std::unique_ptr<cache::PagePool> swap_space,
           std::unique_ptr<cache::PrefixCache> prefix_cache, std::unique_ptr<scheduler::SchedulingPolicy> policy,
           scheduler::QueueOrder queue_order, const scheduler::SchedulerLimits& limits, bool is_request_level)
      : options_(options),
        requests_(requests),
        pool_(std::move(pool)),
        swap_space_(std::move(swap_space)),
        prefix_cache_(std::move(prefix_cache)),
        roster_(
            std::move(policy), limits, *pool_,
            {.prefix_cache = prefix_cache_.get(), .queue_order = queue_order, .max_overtaken = options.max_overtaken}),
        record_(requests, is_request_level) {}

  ReplayResult Run() {
    while (num_arrived_ < requests_.size() || !roster_.empty()) {
      if (roster_.empty()) now_s_ = std::max(now_s_, requests_[num_arrived_].arrival_s);
      TakeArrivals();
      Step();
    }
    record_.result().num_prefix_query_tokens = roster_.num_prefix_query_tokens();
    record_.result().num_prefix_hit_tokens = roster_.num_prefix_hit_tokens();
    return record_.Finish(now_s_);
  }

 private:
  void TakeArrivals() {
    for (; num_arrived_ < requests_.size() && requests_[num_arrived_].arrival_s <= now_s_; ++num_arrived_) {
      roster_.Add(std::make_unique<ReplayedSequence>(static_cast<int64_t>(num_arrived_), requests_[num_arrived_],
                                                     options_.max_model_len,
                                                     cache::PageTable(*pool_, options_.page_size)));
    }
  }

  void Step() {
    const int64_t num_swapped_before = num_swapped();
    const scheduler::StepPlan& plan = roster_.PlanStep();
    const int64_t num_swapped_pages = num_swapped() - num_swapped_before;
    record_.result().num_swapped_pages += num_swapped_pages;
    record_.result().num_preemptions += static_cast<int64_t>(plan.preempted.size());
    for (const scheduler::SequenceId id : plan.preempted) ++record_.outcome(id).num_preemptions;
    int64_t num_tokens = 0, num_cached = 0;
    for (const scheduler::StepPlan::Item& item : plan.items) {
      record_.Schedule(item.id, now_s_);
      num_tokens += item.num_tokens;
      num_cached += roster_.at(item.id).num_computed() + item.num_tokens;
    }
    roster_.CommitStep();
    const double begin_s = now_s_;
    now_s_ += options_.cost.Seconds(num_tokens, num_cached, num_swapped_pages * options_.page_size);
    record_.result().num_computed_tokens += num_tokens;
    ReplayRecord::Use use = CurrentUse();
    use.is_full_step = num_tokens == options_.max_num_batched_tokens;
    record_.AddStep(begin_s, now_s_, use);
    for (const scheduler::StepPlan::Item& item : plan.items) {
      ReplayedSequence& sequence = roster_.at(item.id);
      if (sequence.num_computed() == sequence.num_tokens()) GiveToken(sequence);
    }
  }

  int64_t num_swapped() const {
    return prefix_cache_ == nullptr ? 0 : prefix_cache_->num_swapped_out() + prefix_cache_->num_swapped_in();
  }

  void GiveToken(ReplayedSequence& sequence) {
    record_.GiveToken(sequence.id(), now_s_);
    sequence.AddToken();
    if (!sequence.is_complete()) return;
    record_.End(sequence.id(), now_s_);
    roster_.Finish(sequence);
    if (roster_.running().empty()) record_.EndBatch(now_s_);
  }

  ReplayRecord::Use CurrentUse() const {
    ReplayRecord::Use use{.num_running = static_cast<int64_t>(roster_.running().size()),
                          .num_room_tokens = pool_->num_pages() * options_.page_size,
                          .num_taken_tokens = (pool_->num_pages() - pool_->num_free_pages()) * options_.page_size};
    for (const auto& sequence : roster_.running()) use.num_cached_tokens += sequence->num_computed();
    return use;
  }

  const ReplayOptions& options_;
  std::span<const WorkloadRequest> requests_;
  std::unique_ptr<cache::PagePool> pool_;
  std::unique_ptr<cache::PagePool> swap_space_;  // or null
  std::unique_ptr<cache::PrefixCache> prefix_cache_;
  engine::Roster<ReplayedSequence> roster_;
  ReplayRecord record_;
  double now_s_ = 0;
  size_t num_arrived_ = 0;
};

Status CheckFits(const ReplayOptions& options, std::span<const WorkloadRequest> requests) {
  if (options.max_model_len > options.num_cache_tokens) {
    return MakeError(ErrorCode::kInvalidArgument, "the cache has room for {} tokens, but a sequence may grow to {}",
                     options.num_cache_tokens, options.max_model_len);
  }
  for (const WorkloadRequest& request : requests) {
    const int64_t num_tokens = request.num_prompt_tokens + request.num_output_tokens;
    if (num_tokens > options.max_model_len) {
      return MakeError(ErrorCode::kInvalidArgument, "a request of {} tokens is longer than the greatest length, {}",
                       num_tokens, options.max_model_len);
    }
  }
  return {};
}

template <class Values>
double Median(Values values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

double StepCost::Seconds(int64_t num_tokens, int64_t num_cached_tokens, int64_t num_swapped_tokens) const {
  return overhead_s + std::max(weights_s, token_s * static_cast<double>(num_tokens)) +
         cached_token_s * static_cast<double>(num_cached_tokens) +
         swapped_token_s * static_cast<double>(num_swapped_tokens);
}

double ReplayResult::mean_normalized_latency_s() const {
  double sum = 0;
  for (const RequestOutcome& request : requests) sum += request.normalized_latency_s();
  return sum / static_cast<double>(requests.size());
}

double ReplayResult::median_normalized_latency_s() const {
  std::vector<double> values;
  for (const RequestOutcome& request : requests) values.push_back(request.normalized_latency_s());
  return Median(std::move(values));
}

double ReplayResult::median_scheduling_delay_s() const {
  std::vector<double> values;
  for (const RequestOutcome& request : requests) values.push_back(request.first_scheduled_s - request.arrival_s);
  return Median(std::move(values));
}

double ReplayResult::prefix_hit_rate() const {
  return num_prefix_query_tokens == 0
             ? 0
             : static_cast<double>(num_prefix_hit_tokens) / static_cast<double>(num_prefix_query_tokens);
}

double ReplayResult::TimeToFirstToken(double quantile) const {
  std::vector<double> values;
  for (const RequestOutcome& request : requests) values.push_back(request.first_token_s - request.arrival_s);
  return values.empty() ? 0 : Quantile(std::move(values), quantile);
}

double ReplayResult::TokenGap(double quantile) const {
  if (token_gaps_s.empty()) return 0;
  const auto last = static_cast<double>(token_gaps_s.size() - 1);
  return token_gaps_s[static_cast<size_t>(quantile * last)];
}

double FindCapacity(double low, double high, const std::function<bool(double requests_per_s)>& sustains,
                    double precision) {
  if (!sustains(low)) return 0;
  while (high / low > precision) {
    const double middle = std::sqrt(low * high);
    (sustains(middle) ? low : high) = middle;
  }
  return low;
}

Result<ReplayResult> Replay(const ReplayOptions& options, std::span<const WorkloadRequest> requests) {
  RETURN_IF_ERROR(CheckFits(options, requests));
  ASSIGN_OR_RETURN(const scheduler::PolicyInfo policy_info, scheduler::FindPolicy(options.policy));
  scheduler::SchedulerLimits limits{.max_num_batched_tokens = options.max_num_batched_tokens,
                                    .max_num_seqs = options.max_num_seqs,
                                    .page_size = options.page_size,
                                    .watermark_pages = options.num_cache_tokens / options.page_size / 100};
  if (policy_info.budget == scheduler::StepBudget::kLongestSequence) {
    limits.max_num_batched_tokens = std::max(limits.max_num_batched_tokens, options.max_model_len);
  } else if (policy_info.budget == scheduler::StepBudget::kWholeBatch) {
    limits.max_num_batched_tokens = options.max_num_seqs * options.max_model_len;
  }
  RETURN_IF_ERROR(scheduler::ValidateLimits(limits));
  const scheduler::MemoryShape memory{.num_pages = options.num_cache_tokens / options.page_size,
                                      .page_size = options.page_size,
                                      .max_model_len = options.max_model_len};
  ASSIGN_OR_RETURN(auto policy, scheduler::MakePolicy(options.policy, memory));
  for (const WorkloadRequest& request : requests) {
    RETURN_IF_ERROR(policy->CheckFits({.num_tokens = request.num_prompt_tokens,
                                       .max_num_tokens = options.max_model_len,
                                       .final_num_tokens = request.num_prompt_tokens + request.num_output_tokens}));
  }
  if (requests.empty()) return ReplayResult{};
  ASSIGN_OR_RETURN(auto pool, cache::PagePool::Create(memory.num_pages, 0));
  std::unique_ptr<cache::PagePool> swap_space;
  if (options.num_swap_tokens > 0) {
    if (options.prefix_cache == "none") {
      return MakeError(ErrorCode::kInvalidArgument, "a swap space needs a prefix cache, radix or hash");
    }
    ASSIGN_OR_RETURN(swap_space, cache::PagePool::Create(options.num_swap_tokens / options.page_size, 0));
  }
  ASSIGN_OR_RETURN(auto prefix_cache,
                   cache::MakePrefixCache(options.prefix_cache, *pool, options.page_size, swap_space.get()));
  ASSIGN_OR_RETURN(const scheduler::QueueOrder queue_order, scheduler::QueueOrderFromName(options.queue_order));
  return Replayer(options, requests, std::move(pool), std::move(swap_space), std::move(prefix_cache), std::move(policy),
                  queue_order, limits, policy_info.is_request_level)
      .Run();
}

}  // namespace tenfold::bench
