#include "tenfold/cli/loaded_model.h"

#include <chrono>

#include "tenfold/cli/model_source.h"
#include "tenfold/platform/cpu_features.h"
#include "tenfold/platform/memory_info.h"

namespace tenfold::cli {

std::unique_ptr<platform::ThreadPool> MakeThreads(int num_threads) {
  return std::make_unique<platform::ThreadPool>(num_threads > 0 ? num_threads : platform::NumUsableProcessors());
}

Result<LoadedModel> LoadModel(const std::string& model, const ComputeOptions& options) {
  // Before the clock starts: how long a download takes says nothing about the model.
  ASSIGN_OR_RETURN(const std::filesystem::path path, LocalModel(model));
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  LoadedModel loaded;
  ASSIGN_OR_RETURN(loaded.kernels, kernels::SelectKernels(options.isa, platform::DetectCpuFeatures()));
  loaded.threads = MakeThreads(options.num_threads);
  ASSIGN_OR_RETURN(loaded.model, model::Model::Load(path, *loaded.threads));
  loaded.load_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  return loaded;
}

}  // namespace tenfold::cli
