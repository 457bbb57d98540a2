#include "tenfold/training/finite_weights.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace tenfold::training {

std::optional<std::string> FirstNotFinite(const ParameterLayout& layout, std::span<const float> weights,
                                          platform::ThreadPool& threads) {
  constexpr int64_t kRange = 1 << 16;  // 256 KiB: many for each thread
  const std::vector<ParameterLayout::Range> ranges = layout.Ranges(kRange);
  std::vector<uint8_t> is_finite(ranges.size());
  threads.Run(static_cast<int64_t>(ranges.size()), [&](int64_t piece, int) {
    const auto index = static_cast<size_t>(piece);
    const auto range =
        weights.subspan(static_cast<size_t>(ranges[index].offset), static_cast<size_t>(ranges[index].count));
    is_finite[index] = std::ranges::all_of(range, [](float weight) { return std::isfinite(weight); });
  });
  const auto bad = std::ranges::find(is_finite, 0);
  if (bad == is_finite.end()) return std::nullopt;
  return ranges[static_cast<size_t>(bad - is_finite.begin())].entry->name;
}

}  // namespace tenfold::training
