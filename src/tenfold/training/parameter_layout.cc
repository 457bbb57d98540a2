#include "tenfold/training/parameter_layout.h"

#include <algorithm>

#include "tenfold/base/check.h"
#include "tenfold/base/rounding.h"

namespace tenfold::training {

ParameterLayout::ParameterLayout(const graph::Graph& graph) {
  constexpr int64_t kFloatsPerLine = 16;
  for (const graph::Parameter& parameter : graph.parameters) {
    const auto same = std::ranges::find(entries_, parameter.name, &Entry::name);
    if (same != entries_.end()) {
      CHECK_MSG(same->shape == parameter.shape, "{} has two shapes", parameter.name);
      continue;
    }
    const int64_t size = parameter.shape.num_elements();
    entries_.push_back({.name = parameter.name,
                        .shape = parameter.shape,
                        .offset = num_floats_,
                        .size = size,
                        .decays = parameter.use != graph::ParameterUse::kVector});
    num_floats_ += RoundUp(size, kFloatsPerLine);
    num_parameters_ += size;
  }
}

const ParameterLayout::Entry& ParameterLayout::entry(std::string_view name) const {
  const auto found = std::ranges::find(entries_, name, &Entry::name);
  CHECK_MSG(found != entries_.end(), "no parameter {}", name);
  return *found;
}

std::vector<ParameterLayout::Range> ParameterLayout::Ranges(int64_t most_floats) const {
  std::vector<Range> ranges;
  for (const Entry& entry : entries_) {
    for (int64_t begin = 0; begin < entry.size; begin += most_floats) {
      ranges.push_back({&entry, entry.offset + begin, std::min(most_floats, entry.size - begin)});
    }
  }
  return ranges;
}

}  // namespace tenfold::training
