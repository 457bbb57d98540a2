#include "tenfold/bench/engine_replay.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>

#include "tenfold/base/random.h"
#include "tenfold/bench/replay_record.h"
#include "tenfold/bench/statistics.h"
#include "tenfold/engine/engine_core.h"
#include "tenfold/model/runner.h"
#include "tenfold/scheduler/policies.h"

namespace tenfold::bench {
namespace {

constexpr tensor::DataType kCacheType = tensor::DataType::kF32;
// A step of whole prompts allocates activations for its budget; no batch here needs more.
constexpr int64_t kMostTokensInAStep = 8192;

// A moment of the replay's clock as the engine takes it, which passes it back. Zero means "not said", hence the one.
using Moment = std::chrono::steady_clock::time_point;
Moment ToMoment(double now_s) {
  return Moment(std::chrono::duration_cast<Moment::duration>(std::chrono::duration<double>(1 + now_s)));
}
double FromMoment(Moment moment) {
  return std::chrono::duration<double>(moment.time_since_epoch()).count() - 1;
}

double ProcessorSeconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

Result<std::unique_ptr<engine::EngineCore>> MakeCore(const ReplayOptions& options, const EngineMachine& machine) {
  ASSIGN_OR_RETURN(const scheduler::PolicyInfo policy, scheduler::FindPolicy(options.policy));
  int64_t max_num_batched_tokens = options.max_num_batched_tokens;
  if (policy.budget == scheduler::StepBudget::kWholeBatch) {
    max_num_batched_tokens = std::min(options.max_num_seqs * options.max_model_len, kMostTokensInAStep);
  }
  const int64_t num_pages = options.num_cache_tokens / options.page_size;
  const size_t page_bytes = model::KvLayoutOf(machine.model.config(), options.page_size, kCacheType).page_bytes();
  return engine::EngineCore::Create(
      {.max_model_len = options.max_model_len,
       .max_num_seqs = options.max_num_seqs,
       .scheduling_policy = std::string(options.policy),
       .max_num_batched_tokens = max_num_batched_tokens,
       .page_size = options.page_size,
       .kv_cache_type = kCacheType,
       .kv_cache_bytes = static_cast<size_t>(num_pages) * page_bytes,
       .prefix_cache = std::string(options.prefix_cache),
       .swap_space_bytes = static_cast<size_t>(options.num_swap_tokens / options.page_size) * page_bytes,
       .queue_order = std::string(options.queue_order),
       .max_overtaken = options.max_overtaken,
       .seed = 1},
      machine.model, machine.kernels, machine.threads);
}

engine::Request ToRequest(engine::RequestId id, const WorkloadRequest& planned, int64_t vocab_size) {
  engine::Request request{.id = id, .prompt = planned.prompt, .sampling = {}};
  const auto num_ids = static_cast<uint64_t>(vocab_size);
  for (TokenId& token : request.prompt) token = static_cast<TokenId>(static_cast<uint64_t>(token) % num_ids);
  for (auto i = static_cast<int64_t>(request.prompt.size()); i < planned.num_prompt_tokens; ++i) {
    request.prompt.push_back(static_cast<TokenId>(Philox(1, id, static_cast<uint64_t>(i))[0] % num_ids));
  }
  request.sampling.max_tokens = static_cast<int>(planned.num_output_tokens);
  request.sampling.ignore_eos = true;
  request.sampling.temperature = 0;
  return request;
}

class EngineReplayer {
 public:
  EngineReplayer(const ReplayOptions& options, std::span<const WorkloadRequest> requests, int64_t vocab_size,
                 int num_threads, engine::EngineCore& core, bool is_request_level)
      : options_(options),
        requests_(requests),
        vocab_size_(vocab_size),
        num_threads_(num_threads),
        core_(core),
        record_(requests, is_request_level) {}

  ReplayResult Run() {
    while (num_arrived_ < requests_.size() || core_.HasWork()) {
      if (!core_.HasWork()) now_s_ = std::max(now_s_, requests_[num_arrived_].arrival_s);
      TakeArrivals();
      Step();
    }
    const engine::EngineStats stats = core_.Stats();
    record_.result().num_preemptions = static_cast<int64_t>(stats.num_preemptions);
    record_.result().num_computed_tokens = static_cast<int64_t>(stats.num_computed_tokens);
    record_.result().num_swapped_pages = static_cast<int64_t>(stats.num_swapped_out + stats.num_swapped_in);
    record_.result().num_prefix_query_tokens = static_cast<int64_t>(stats.prefix_query_tokens);
    record_.result().num_prefix_hit_tokens = static_cast<int64_t>(stats.prefix_hit_tokens);
    return record_.Finish(now_s_);
  }

 private:
  void TakeArrivals() {
    for (; num_arrived_ < requests_.size() && requests_[num_arrived_].arrival_s <= now_s_; ++num_arrived_) {
      core_.Add(ToRequest(num_arrived_, requests_[num_arrived_], vocab_size_));
    }
  }

  void Step() {
    const double begin_s = now_s_;
    engine::EventBatch events;
    const double processor_begin_s = ProcessorSeconds();
    core_.Step(events, ToMoment(begin_s));
    now_s_ += (ProcessorSeconds() - processor_begin_s) / num_threads_;
    record_.AddStep(begin_s, now_s_, CurrentUse());
    for (const engine::OutputEvent& event : events) {
      const auto request = static_cast<int64_t>(event.request);
      if (event.scheduled_at != Moment{}) record_.Schedule(request, FromMoment(event.scheduled_at));
      for (size_t i = 0; i < event.tokens.size(); ++i) record_.GiveToken(request, now_s_);
      if (event.finish != engine::FinishReason::kNone) record_.End(request, now_s_);
    }
    if (core_.Stats().num_running == 0) record_.EndBatch(now_s_);
  }

  ReplayRecord::Use CurrentUse() const {
    const engine::EngineState state = core_.State();
    const engine::EngineStats& stats = state.stats;
    ReplayRecord::Use use{.is_full_step = state.last_step_tokens == options_.max_num_batched_tokens,
                          .num_running = stats.num_running,
                          .num_room_tokens = stats.num_pages * options_.page_size,
                          .num_taken_tokens = (stats.num_pages - stats.num_free_pages) * options_.page_size};
    for (const auto& sequence : state.sequences) use.num_cached_tokens += sequence.num_computed_tokens;
    return use;
  }

  const ReplayOptions& options_;
  std::span<const WorkloadRequest> requests_;
  int64_t vocab_size_;
  int num_threads_;
  engine::EngineCore& core_;
  ReplayRecord record_;
  double now_s_ = 0;
  size_t num_arrived_ = 0;
};

}  // namespace

Result<ReplayResult> ReplayOnEngine(const ReplayOptions& options, std::span<const WorkloadRequest> requests,
                                    const EngineMachine& machine) {
  ASSIGN_OR_RETURN(const scheduler::PolicyInfo policy, scheduler::FindPolicy(options.policy));
  ASSIGN_OR_RETURN(const auto core, MakeCore(options, machine));
  const int64_t vocab_size = machine.model.config().vocab_size;
  for (size_t i = 0; i < requests.size(); ++i) {
    RETURN_IF_ERROR(core->Check(ToRequest(i, requests[i], vocab_size)));
  }
  if (requests.empty()) return ReplayResult{};
  return EngineReplayer(options, requests, vocab_size, machine.threads.num_threads(), *core, policy.is_request_level)
      .Run();
}

Result<StepCost> MeasureStepCost(const EngineMachine& machine) {
  constexpr int kRepeat = 7;
  constexpr int64_t kShort = 128, kLong = 384, kContext = 1024;
  const ReplayOptions options = {
      .num_cache_tokens = 2048, .max_model_len = 2048, .max_num_seqs = 1, .max_num_batched_tokens = kContext};
  const auto run = [&](int64_t num_prompt_tokens, int64_t num_output_tokens) {
    const WorkloadRequest request{
        .num_prompt_tokens = num_prompt_tokens, .num_output_tokens = num_output_tokens, .prompt = {}};
    return ReplayOnEngine(options, {&request, 1}, machine);
  };
  std::vector<double> decodes, far_decodes, tokens;
  for (int i = 0; i < kRepeat; ++i) {
    ASSIGN_OR_RETURN(const ReplayResult decode, run(16, 33));
    ASSIGN_OR_RETURN(const ReplayResult far_decode, run(kContext, 17));
    ASSIGN_OR_RETURN(const ReplayResult short_prompt, run(kShort, 1));
    ASSIGN_OR_RETURN(const ReplayResult long_prompt, run(kLong, 1));
    decodes.push_back(decode.TokenGap(0.5));
    far_decodes.push_back(far_decode.TokenGap(0.5));
    tokens.push_back((long_prompt.end_s - short_prompt.end_s) / (kLong - kShort));
  }
  const double decode_s = Quantile(decodes, 0.5);
  return StepCost{.overhead_s = 0,
                  .weights_s = decode_s,
                  .token_s = Quantile(tokens, 0.5),
                  .cached_token_s = std::max(0.0, Quantile(far_decodes, 0.5) - decode_s) / kContext};
}

}  // namespace tenfold::bench
