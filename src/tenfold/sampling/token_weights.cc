#include "tenfold/sampling/token_weights.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

#include "tenfold/base/check.h"

namespace tenfold::sampling {
namespace {

constexpr double kOne = static_cast<double>(int64_t{1} << TokenWeights::kBits);

size_t BitWidth(int64_t weight) {
  return static_cast<size_t>(std::bit_width(static_cast<uint64_t>(weight)));
}

}  // namespace

void TokenWeights::Assign(std::span<const float> logits, TokenId greatest, const SamplingParams& params) {
  CHECK_LE(logits.size(), kMaxVocabulary);
  weights_.resize(logits.size());
  candidates_.reserve(logits.size());
  KeepLikely(logits, logits[static_cast<size_t>(greatest)], params.temperature, params.min_p);
  if (params.top_k > 0) KeepShortestPrefix(logits, params.top_k, [](int64_t) { return int64_t{1}; });
  if (params.top_p < 1) {
    const double target = std::ceil(params.top_p * static_cast<double>(Sum()));
    KeepShortestPrefix(logits, static_cast<int64_t>(target), [](int64_t weight) { return weight; });
  }
}

// exp((logit - greatest) / temperature), rounded to multiples of 2^-kBits; 0 below min_p.
void TokenWeights::KeepLikely(std::span<const float> logits, float greatest, double temperature, double min_p) {
  // What would round to 0 needs no exp.
  const double least_exponent = std::log(std::max(min_p, 0.5 / kOne));
  const double scale = 1 / temperature;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double exponent = (static_cast<double>(logits[i]) - static_cast<double>(greatest)) * scale;
    weights_[i] = exponent < least_exponent ? 0 : static_cast<int64_t>(std::exp(exponent) * kOne + 0.5);
  }
}

// Sets to 0 all weights but those of the shortest prefix, in order of falling likelihood, whose measures reach
// `target`; nothing if all together do not. Top-k measures 1 per token, top-p the weight.
//
// A first pass sums the measures by the weights' powers of two. It decides everything but one of those classes, so that
// only that class, on a peaked distribution a few tokens, has to be brought into order. The boundary within it is found
// by bisection with nth_element, which halves its range each time: linear, even where the distribution is flat.
template <class Measure>
void TokenWeights::KeepShortestPrefix(std::span<const float> logits, int64_t target, Measure measure) {
  std::array<int64_t, kBits + 2> class_sums{};
  for (const int64_t weight : weights_) {
    if (weight != 0) class_sums[BitWidth(weight)] += measure(weight);
  }
  size_t boundary = class_sums.size() - 1;
  for (; boundary > 0 && class_sums[boundary] < target; --boundary) target -= class_sums[boundary];
  if (boundary == 0) return;

  candidates_.clear();
  for (size_t i = 0; i < weights_.size(); ++i) {
    const size_t width = BitWidth(weights_[i]);
    if (width == boundary) candidates_.push_back({logits[i], static_cast<TokenId>(i), weights_[i]});
    if (width < boundary) weights_[i] = 0;
  }
  const auto more_likely = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  };
  // The measures before `begin` do not reach the target, those before `end` do.
  auto begin = candidates_.begin();
  auto end = candidates_.end();
  while (end - begin > 1) {
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, more_likely);
    const int64_t sum = std::accumulate(begin, middle, int64_t{0}, [&](int64_t sum_so_far, const Candidate& c) {
      return sum_so_far + measure(c.weight);
    });
    if (sum >= target) {
      end = middle;
    } else {
      target -= sum;
      begin = middle;
    }
  }
  for (auto dropped = end; dropped != candidates_.end(); ++dropped) weights_[static_cast<size_t>(dropped->token)] = 0;
}

TokenId TokenWeights::Draw(double uniform) const {
  const int64_t total = Sum();
  CHECK_GT(total, 0);
  // The total has more bits than a double, whose product may round up to it.
  int64_t remaining = std::min(static_cast<int64_t>(uniform * static_cast<double>(total)), total - 1);
  size_t token = 0;
  while (remaining >= weights_[token]) remaining -= weights_[token++];
  return static_cast<TokenId>(token);
}

int64_t TokenWeights::Sum() const {
  return std::accumulate(weights_.begin(), weights_.end(), int64_t{0});
}

}  // namespace tenfold::sampling
