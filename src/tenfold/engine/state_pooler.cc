#include "tenfold/engine/state_pooler.h"

#include <algorithm>
#include <cmath>

namespace tenfold::engine {

std::span<const ShareFailure> StatePooler::Pool(std::span<const StepShare> shares) {
  owners_.clear();
  rows_.clear();
  failures_.clear();
  for (size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].sequence == nullptr || !shares[i].sequence->is_pooling()) continue;
    const int64_t begin = std::max(shares[i].sequence->next_pooled(), shares[i].first_position);
    for (int64_t position = begin; position < shares[i].end_position(); ++position) {
      owners_.push_back(i);
      rows_.push_back(shares[i].row_of(position));
    }
  }
  const auto at_once = static_cast<size_t>(runner_->max_logit_rows());
  for (size_t begin = 0; begin < rows_.size(); begin += at_once) {
    const size_t count = std::min(at_once, rows_.size() - begin);
    const std::span<const float> states = runner_->States(std::span(rows_).subspan(begin, count));
    const size_t size = states.size() / count;
    for (size_t i = 0; i < count; ++i) {
      const std::span<const float> state = states.subspan(i * size, size);
      const size_t owner = owners_[begin + i];
      shares[owner].sequence->AddState(state);
      const bool is_finite = std::ranges::all_of(state, [](float value) { return std::isfinite(value); });
      if (is_finite || (!failures_.empty() && failures_.back().share == owner)) continue;
      failures_.push_back({owner,
                           {ErrorCode::kCorrupt,
                            "the model's state is not finite: its weights or activations overflow; try another "
                            "weight file or a wider type"}});
    }
  }
  return failures_;
}

}  // namespace tenfold::engine
