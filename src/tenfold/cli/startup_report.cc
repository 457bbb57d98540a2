#include "tenfold/cli/startup_report.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "tenfold/base/byte_count.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/platform/cpu_features.h"

namespace tenfold::cli {
namespace {

// The type in which most bytes of the matrices are computed with.
std::string_view MainWeightType(const model::Model& model) {
  std::map<tensor::DataType, size_t> bytes;
  for (const graph::BoundParameter& parameter : model.parameters()) {
    bytes[parameter.matrix.type()] += parameter.matrix.size_bytes();
  }
  const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
  return tensor::Name(std::max_element(bytes.begin(), bytes.end(), less)->first);
}

int64_t NumParameters(const graph::Graph& graph) {
  int64_t total = 0;
  std::set<std::string_view> seen;  // a tied output matrix is the embedding table once more
  for (const graph::Parameter& parameter : graph.parameters) {
    if (seen.insert(parameter.name).second) total += parameter.shape.num_elements();
  }
  return total;
}

}  // namespace

std::string StartupReport(const LoadedModel& loaded, const engine::EngineOptions& options,
                          const engine::Engine& engine) {
  const model::Model& model = *loaded.model;
  const model::ModelConfig& config = model.config();
  const engine::KvCachePlan& plan = engine.kv_plan();
  std::string report;
  const auto row = [&report](std::string_view name, const std::string& text) {
    report += fmt::format("{:<13}{}\n", name, text);
  };
  row("model", fmt::format("{}{}{}, {} parameters, {}", config.architecture, config.name.empty() ? "" : " ",
                           config.name.empty() ? "" : formats::Quoted(config.name), NumParameters(model.graph()),
                           MainWeightType(model)));
  row("weights", FormatSize(model.weight_bytes()));
  row("cache",
      fmt::format("{}, {} tokens in {}, pages of {}", FormatSize(static_cast<size_t>(plan.num_pages) * plan.page_bytes),
                  plan.num_pages * options.page_size, tensor::Name(options.kv_cache_type), options.page_size));
  if (plan.num_swap_pages > 0) {
    row("swap space",
        fmt::format("{}, {} tokens, in {}", FormatSize(static_cast<size_t>(plan.num_swap_pages) * plan.page_bytes),
                    plan.num_swap_pages * options.page_size,
                    options.swap_directory.empty() ? "memory" : options.swap_directory));
  }
  row("concurrency",
      fmt::format("{:.1f} sequences of {} tokens, {} in one step, {} tokens in one step", plan.max_concurrency,
                  plan.max_model_len, options.max_num_seqs, options.max_num_batched_tokens));
  row("scheduling", fmt::format("{}, queue: {}, prefix cache: {}", options.scheduling_policy, options.queue_order,
                                options.prefix_cache));
  row("activations", FormatSize(engine.activation_bytes()));
  row("compute", fmt::format("{} threads, {} kernels, {}", loaded.threads->num_threads(), loaded.kernels->name,
                             platform::CpuModelName()));
  row("load", fmt::format("{:.2f} s", loaded.load_ms / 1000));
  return report;
}

}  // namespace tenfold::cli
