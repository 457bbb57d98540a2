#include "tenfold/bench/engine_replay.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "tenfold/base/random.h"
#include "tenfold/bench/replay_record.h"
#include "tenfold/bench/statistics.h"
#include "tenfold/engine/engine_core.h"
#include "tenfold/model/runner.h"
#include "tenfold/scheduler/policies.h"

namespace tenfold::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr tensor::DataType kCacheType = kernels::kDefaultKvCacheType;

double Seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Result<std::unique_ptr<engine::EngineCore>> MakeCore(const ReplayOptions& options, const Machine& machine) {
  const int64_t num_pages = options.num_cache_tokens / options.page_size;
  const size_t page_bytes = model::KvLayoutOf(machine.model->config(), options.page_size, kCacheType).page_bytes();
  return engine::EngineCore::Create({.max_model_len = options.max_model_len,
                                     .max_num_seqs = options.max_num_seqs,
                                     .scheduling_policy = std::string(options.policy),
                                     .max_num_batched_tokens = options.max_num_batched_tokens,
                                     .page_size = options.page_size,
                                     .kv_cache_type = kCacheType,
                                     .kv_cache_bytes = static_cast<size_t>(num_pages) * page_bytes,
                                     .prefix_cache = std::string(options.prefix_cache),
                                     .queue_order = std::string(options.queue_order),
                                     .max_overtaken = options.max_overtaken,
                                     .seed = 1},
                                    *machine.model, *machine.kernels, *machine.threads);
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
                 engine::EngineCore& core, bool is_request_level)
      : options_(options),
        requests_(requests),
        vocab_size_(vocab_size),
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
    // The engine passes this back with the first token; zero means "not said".
    const Clock::time_point marked(
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 + begin_s)));
    engine::EventBatch events;
    const auto begin = Clock::now();
    core_.Step(events, marked);
    now_s_ += Seconds(Clock::now() - begin);
    record_.AddStep(begin_s, now_s_, CurrentUse());
    for (const engine::OutputEvent& event : events) {
      const auto request = static_cast<int64_t>(event.request);
      if (event.scheduled_at != Clock::time_point{}) {
        record_.Schedule(request, Seconds(event.scheduled_at.time_since_epoch()) - 1);
      }
      for (size_t i = 0; i < event.tokens.size(); ++i) record_.GiveToken(request, now_s_);
      if (event.finish != engine::FinishReason::kNone) record_.End(request, now_s_);
    }
    if (core_.Stats().num_running == 0) record_.EndBatch(now_s_);
  }

  ReplayRecord::Use CurrentUse() const {
    const engine::EngineState state = core_.State();
    const engine::EngineStats& stats = state.stats;
    ReplayRecord::Use use{.num_running = stats.num_running,
                          .num_room_tokens = stats.num_pages * options_.page_size,
                          .num_taken_tokens = (stats.num_pages - stats.num_free_pages) * options_.page_size};
    for (const auto& sequence : state.sequences) use.num_cached_tokens += sequence.num_computed_tokens;
    return use;
  }

  const ReplayOptions& options_;
  std::span<const WorkloadRequest> requests_;
  int64_t vocab_size_;
  engine::EngineCore& core_;
  ReplayRecord record_;
  double now_s_ = 0;
  size_t num_arrived_ = 0;
};

}  // namespace

Result<ReplayResult> ReplayOnEngine(const ReplayOptions& options, std::span<const WorkloadRequest> requests,
                                    const Machine& machine) {
  ASSIGN_OR_RETURN(const scheduler::PolicyInfo policy, scheduler::FindPolicy(options.policy));
  ASSIGN_OR_RETURN(const auto core, MakeCore(options, machine));
  const int64_t vocab_size = machine.model->config().vocab_size;
  for (size_t i = 0; i < requests.size(); ++i) {
    RETURN_IF_ERROR(core->Check(ToRequest(i, requests[i], vocab_size)));
  }
  if (requests.empty()) return ReplayResult{};
  return EngineReplayer(options, requests, vocab_size, *core, policy.is_request_level).Run();
}

Result<MeasuredCost> MeasureCost(const Machine& machine, int64_t context) {
  constexpr int kSamples = 15;
  constexpr int64_t kFewTokens = 64, kManyTokens = 256;
  const ReplayOptions options{.num_cache_tokens = 4 * (context + kManyTokens + kSamples),
                              .page_size = 32,
                              .max_model_len = context + kManyTokens + kSamples,
                              .max_num_seqs = 1,
                              .max_num_batched_tokens = kManyTokens};
  ASSIGN_OR_RETURN(const auto core, MakeCore(options, machine));
  engine::RequestId next_id = 0;
  // The times of a request's steps.
  const auto run = [&](int64_t num_prompt_tokens, int64_t num_output_tokens) {
    core->Add(ToRequest(next_id++, {.num_prompt_tokens = num_prompt_tokens, .num_output_tokens = num_output_tokens},
                        machine.model->config().vocab_size));
    std::vector<double> times;
    engine::EventBatch events;
    while (core->HasWork()) {
      const auto begin = Clock::now();
      core->Step(events);
      times.push_back(Seconds(Clock::now() - begin));
    }
    return times;
  };
  std::vector<double> few, many;
  for (int i = 0; i < kSamples; ++i) {
    few.push_back(run(kFewTokens, 1)[0]);
    many.push_back(run(kManyTokens, 1)[0]);
  }
  std::vector<double> decodes = run(context, kSamples);
  decodes.erase(decodes.begin(), decodes.end() - (kSamples - 1));
  return MeasuredCost{.decode_s = SpreadOf(decodes).median,
                      .marginal_token_s = (SpreadOf(many).median - SpreadOf(few).median) / (kManyTokens - kFewTokens)};
}

}  // namespace tenfold::bench
