#include "tenfold/engine/step_budget.h"

#include <algorithm>
#include <chrono>

#include "tenfold/base/rounding.h"
#include "tenfold/engine/engine_core.h"

namespace tenfold::engine {
namespace {

constexpr int64_t kStepUnit = 16;
constexpr int kSamples = 3;

// Seconds of a step with a prompt of so many tokens: the least of some samples, as whatever disturbs only adds.
double MeasureStep(EngineCore& core, int64_t num_tokens, RequestId& next_id) {
  double least_s = 1e9;
  for (int i = 0; i < kSamples; ++i) {
    Request request{
        .id = next_id++, .prompt = std::vector<TokenId>(static_cast<size_t>(num_tokens), 0), .sampling = {}};
    request.sampling.max_tokens = 1;
    request.sampling.temperature = 0;
    core.Add(std::move(request));
    EventBatch events;
    const auto begin = std::chrono::steady_clock::now();
    core.Step(events);
    least_s = std::min(least_s, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    core.CancelAll(events);
  }
  return least_s;
}

}  // namespace

Result<int64_t> MeasureStepBudget(const EngineOptions& options, double target_s, const model::Model& model,
                                  const kernels::KernelTable& kernels, platform::ThreadPool& threads) {
  EngineOptions measured = options;
  measured.scheduling_policy = "sarathi";
  measured.prefix_cache = "none";
  measured.swap_space_bytes = 0;
  measured.swap_directory.clear();
  measured.max_num_seqs = 1;
  measured.max_num_batched_tokens = std::min(kMostStepTokens, model.config().context_length - 1);
  measured.max_model_len = measured.max_num_batched_tokens + 1;
  measured.kv_cache_bytes = static_cast<size_t>(CeilDivide(measured.max_model_len, options.page_size)) *
                            model::KvLayoutOf(model.config(), options.page_size, options.kv_cache_type).page_bytes();
  ASSIGN_OR_RETURN(const auto core, EngineCore::Create(measured, model, kernels, threads));
  RequestId next_id = 0;
  const int64_t least = std::min(RoundUp(options.max_num_seqs, kStepUnit), measured.max_num_batched_tokens);
  double fitting_s = MeasureStep(*core, least, next_id);
  if (fitting_s > target_s) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        "--tbt-target {:.0f} ms: a step that gives each of --max-num-seqs {} sequences a token takes {:.0f} ms "
        "here; lower --max-num-seqs or raise the target",
        target_s * 1000, options.max_num_seqs, fitting_s * 1000);
  }
  int64_t fitting = least;
  while (fitting < measured.max_num_batched_tokens) {
    const int64_t next = std::min(2 * fitting, measured.max_num_batched_tokens);
    const double next_s = MeasureStep(*core, next, next_id);
    if (next_s > target_s) {
      // Between the two the time grows in a line.
      const double share = (target_s - fitting_s) / (next_s - fitting_s);
      fitting += static_cast<int64_t>(share * static_cast<double>(next - fitting)) / kStepUnit * kStepUnit;
      break;
    }
    fitting = next;
    fitting_s = next_s;
  }
  return std::max(fitting, options.max_num_seqs);
}

}  // namespace tenfold::engine
