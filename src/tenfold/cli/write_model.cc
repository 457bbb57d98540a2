#include "tenfold/cli/write_model.h"

#include <chrono>
#include <cstdio>
#include <system_error>
#include <vector>

#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>

#include "tenfold/base/byte_count.h"
#include "tenfold/base/print.h"
#include "tenfold/model/weight_mix.h"

namespace tenfold::cli {
namespace {

// Bytes of a GGUF file, or of a folder's weights; 0 for what cannot be looked at.
uint64_t ModelSize(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    const uint64_t size = std::filesystem::file_size(path, error);
    return error ? 0 : size;
  }
  uint64_t total = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (entry.path().extension() != ".safetensors") continue;
    const uint64_t size = entry.file_size(error);
    if (!error) total += size;
  }
  return total;
}

}  // namespace

CLI::Option* AddWeightMix(CLI::App& command, std::string& name, const std::string& description) {
  std::vector<std::string> mixes;
  for (const model::WeightMix& mix : model::WeightMixes()) mixes.emplace_back(mix.name);
  return command.add_option("--type", name, description)
      ->type_name("TYPE")
      ->check(CLI::IsMember(mixes, CLI::ignore_case));
}

void AddWritingThreads(CLI::App& command, int& num_threads) {
  command.add_option("--threads", num_threads, "Threads that encode; 0 = one for each usable processor")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
}

Status WriteAndReport(const std::filesystem::path& in, const std::filesystem::path& out,
                      const std::function<Result<model::WriteSummary>()>& write) {
  const uint64_t size_before = ModelSize(in);
  const auto start = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const model::WriteSummary summary, write());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const uint64_t size = ModelSize(out);
  std::string sizes = FormatSize(size);
  if (size_before > 0) {
    sizes = fmt::format("{} from {} ({:.0f} %)", sizes, FormatSize(size_before),
                        100 * static_cast<double>(size) / static_cast<double>(size_before));
  }
  Print(stderr, "{}: {} parameters in {}, {}, {:.1f} s\n", out.string(), summary.num_parameters, summary.matrix_types,
        sizes, seconds.count());
  if (summary.num_fallbacks > 0) {
    Print(stderr,
          "note: the rows of {} matrices are not whole blocks of {}; they are stored as Q8_0 or, where rows are no "
          "multiple of 32, as F16\n",
          summary.num_fallbacks, summary.matrix_types);
  }
  return {};
}

}  // namespace tenfold::cli
