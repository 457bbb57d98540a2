#include "tenfold/training/checkpoint_folder.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace tenfold::training {
namespace {

constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kSuffix = ".checkpoint";

// -1: not the name of a checkpoint.
int64_t StepOf(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return -1;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kSuffix.size());
  int64_t step = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  return error == std::errc() && end == name.data() + name.size() ? step : -1;
}

}  // namespace

std::filesystem::path CheckpointFolder::FileOf(int64_t step) const {
  return path_ / fmt::format("{}{:08}{}", kPrefix, step, kSuffix);
}

std::vector<int64_t> CheckpointFolder::Steps() const {
  std::vector<int64_t> steps;
  std::error_code error;  // a folder that is not there holds none
  for (const auto& file : std::filesystem::directory_iterator(path_, error)) {
    const int64_t step = StepOf(file.path().filename().string());
    if (step >= 0) steps.push_back(step);
  }
  std::ranges::sort(steps);
  return steps;
}

void CheckpointFolder::Prune(int64_t num_kept, int64_t best_step) const {
  const std::vector<int64_t> steps = Steps();
  const auto num_old = static_cast<int64_t>(steps.size()) - num_kept;
  std::error_code ignored;  // what cannot be deleted only takes room
  for (int64_t i = 0; i < num_old; ++i) {
    const int64_t step = steps[static_cast<size_t>(i)];
    if (step != best_step) std::filesystem::remove(FileOf(step), ignored);
  }
  for (const auto& file : std::filesystem::directory_iterator(path_, ignored)) {
    if (file.path().extension() == ".partial") std::filesystem::remove(file.path(), ignored);
  }
}

}  // namespace tenfold::training
