#include "tenfold/training/finite_weights.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace tenfold::training {

std::optional<std::string> FirstNotFinite(const ParameterLayout& layout, std::span<const float> weights,
                                          platform::ThreadPool& threads) {
  struct Range {
    const ParameterLayout::Entry* entry;
    std::span<const float> weights;
    bool is_finite;
  };
  constexpr int64_t kRange = 1 << 16;  // 256 KiB: many for each thread
  std::vector<Range> ranges;
  for (const ParameterLayout::Entry& entry : layout.entries()) {
    for (int64_t begin = 0; begin < entry.size; begin += kRange) {
      const int64_t count = std::min(kRange, entry.size - begin);
      ranges.push_back(
          {&entry, weights.subspan(static_cast<size_t>(entry.offset + begin), static_cast<size_t>(count)), true});
    }
  }
  threads.Run(static_cast<int64_t>(ranges.size()), [&](int64_t piece, int) {
    Range& range = ranges[static_cast<size_t>(piece)];
    range.is_finite = std::ranges::all_of(range.weights, [](float weight) { return std::isfinite(weight); });
  });
  const auto bad = std::ranges::find(ranges, false, &Range::is_finite);
  if (bad == ranges.end()) return std::nullopt;
  return bad->entry->name;
}

}  // namespace tenfold::training
