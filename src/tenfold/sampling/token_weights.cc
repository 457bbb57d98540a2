#include "tenfold/sampling/token_weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "tenfold/base/check.h"

namespace tenfold::sampling {
namespace {

constexpr double kOne = static_cast<double>(int64_t{1} << TokenWeights::kBits);

// Tokens that one test passes over. A whole number of the widest vectors; the compiler makes vector comparisons of it.
constexpr size_t kBlock = 32;

bool AnyAtLeast(const float* block, float least) {
  int any = 0;
  for (size_t i = 0; i < kBlock; ++i) any |= block[i] >= least;
  return any != 0;
}

// Calls visit(token, logit) for each logit that is at least least(), in order of ids. A visit may raise least().
template <class Least, class Visit>
void ForEachAtLeast(std::span<const float> logits, Least least, Visit visit) {
  for (size_t begin = 0; begin < logits.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, logits.size());
    if (end - begin == kBlock && !AnyAtLeast(&logits[begin], least())) continue;
    for (size_t i = begin; i < end; ++i) {
      if (logits[i] >= least()) visit(static_cast<TokenId>(i), logits[i]);
    }
  }
}

// The nucleus is first looked for among as many of the greatest logits. That of a sure model is there; for an unsure
// one the attempt costs a twentieth of the time.
constexpr size_t kPortion = 128;

// FindLastOfNucleus divides the span of the logits into as many parts.
constexpr size_t kBins = 4096;

}  // namespace

// exp((logit - greatest) / temperature), rounded to multiples of 2^-kBits; 0 below min_p.
int64_t TokenWeights::Scale::WeightOf(float logit) const {
  const double exponent = (static_cast<double>(logit) - greatest) * inverse_temperature;
  return exponent < least_exponent ? 0 : static_cast<int64_t>(std::exp(exponent) * kOne + 0.5);
}

// A bound below which every weight is 0, lowered by more than rounding errors amount to.
float TokenWeights::Scale::LeastLogit() const {
  const double reach = -least_exponent / inverse_temperature;
  const double least = greatest - reach - 1e-6 * (reach + std::abs(greatest));
  return static_cast<float>(std::max(least, static_cast<double>(std::numeric_limits<float>::lowest())));
}

void TokenWeights::Assign(std::span<const float> logits, TokenId greatest, const SamplingParams& params) {
  CHECK_LE(logits.size(), kMaxVocabulary);
  tokens_.resize(logits.size());
  weights_.resize(logits.size());
  candidates_.reserve(logits.size());
  // What would round to 0 needs no exp.
  const Scale scale = {.greatest = static_cast<double>(logits[static_cast<size_t>(greatest)]),
                       .inverse_temperature = 1 / params.temperature,
                       .least_exponent = std::log(std::max(params.min_p, 0.5 / kOne))};
  Candidate last = {scale.LeastLogit(), std::numeric_limits<TokenId>::max()};
  // min_p keeps a prefix of the ranking, so it can as well come after top_k, when there is little left to weigh.
  if (params.top_k > 0 && static_cast<size_t>(params.top_k) < logits.size()) {
    FindTop(logits, static_cast<size_t>(params.top_k));
    if (candidates_.size() == static_cast<size_t>(params.top_k) && candidates_.back().IsMoreLikelyThan(last)) {
      last = candidates_.back();
    }
  }
  Keep(logits, scale, last);
  if (params.top_p < 1) {
    KeepNucleus(logits, scale, static_cast<int64_t>(std::ceil(params.top_p * static_cast<double>(sum_))));
  }
}

// Makes the tokens up to `last` of the ranking, of weights above 0, the kept ones.
void TokenWeights::Keep(std::span<const float> logits, const Scale& scale, const Candidate& last) {
  num_kept_ = 0;
  sum_ = 0;
  ForEachAtLeast(
      logits, [&] { return last.logit; },
      [&](TokenId token, float logit) {
        if (logit == last.logit && token > last.token) return;
        const int64_t weight = scale.WeightOf(logit);
        if (weight == 0) return;
        tokens_[num_kept_] = token;
        weights_[num_kept_++] = weight;
        sum_ += weight;
      });
}

// Reduces the kept tokens to the shortest prefix of the ranking whose weights reach `target`; leaves them alone if all
// together do not, which a rounded target can mean.
void TokenWeights::KeepNucleus(std::span<const float> logits, const Scale& scale, int64_t target) {
  if (target > sum_) return;
  if (num_kept_ > kPortion) {
    FindTop(logits, kPortion);
    int64_t sum = 0;
    for (const Candidate& candidate : candidates_) sum += scale.WeightOf(candidate.logit);
    if (sum >= target) {
      std::sort(candidates_.begin(), candidates_.end(),
                [](const Candidate& a, const Candidate& b) { return a.IsMoreLikelyThan(b); });
      size_t i = 0;
      for (; target > 0; ++i) target -= scale.WeightOf(candidates_[i].logit);
      return Keep(logits, scale, candidates_[i - 1]);
    }
  }
  // Tokens whose weights would not fill what the nucleus leaves out if all had them: often most of the vocabulary.
  const int64_t least_weight = (sum_ - target) / static_cast<int64_t>(num_kept_);
  Retain([&](size_t i) { return weights_[i] >= least_weight; });
  const Candidate last = FindLastOfNucleus(logits, static_cast<float>(scale.greatest), target);
  Retain([&](size_t i) { return !last.IsMoreLikelyThan({logits[static_cast<size_t>(tokens_[i])], tokens_[i]}); });
}

// Reduces the kept tokens to those for whose places is_kept() holds. Without a branch, which would be hard to predict.
template <class IsKept>
void TokenWeights::Retain(IsKept is_kept) {
  const size_t num_before = num_kept_;
  num_kept_ = 0;
  sum_ = 0;
  for (size_t i = 0; i < num_before; ++i) {
    const bool keeps = is_kept(i);
    tokens_[num_kept_] = tokens_[i];
    weights_[num_kept_] = weights_[i];
    sum_ += keeps ? weights_[i] : 0;
    num_kept_ += keeps;
  }
}

// The token of the kept ones with which the sum of the weights, in order of the ranking, reaches `target`.
//
// A first pass sums the weights by equal parts of the logits' span. It decides everything but one part, so that only
// its few tokens have to be brought into order. The boundary among them is found by bisection with nth_element, which
// halves its range each time: linear, even where most tokens fall into one part.
TokenWeights::Candidate TokenWeights::FindLastOfNucleus(std::span<const float> logits, float greatest, int64_t target) {
  const auto logit_of = [&](TokenId token) { return logits[static_cast<size_t>(token)]; };
  float least_logit = greatest;
  for (size_t i = 0; i < num_kept_; ++i) least_logit = std::min(least_logit, logit_of(tokens_[i]));
  // Rounding keeps the order of values, so the parts are in order, wherever their limits fall. No difference overflows:
  // weights above 0 reach as far as 43 ln 2 times the temperature.
  const float span = greatest - least_logit;
  const float parts = span > 1e-30f ? static_cast<float>(kBins - 2) / span : 0;
  const auto bin_of = [&](float logit) { return static_cast<size_t>(static_cast<int>((greatest - logit) * parts)); };

  std::array<int64_t, kBins> bin_sums{};
  for (size_t i = 0; i < num_kept_; ++i) bin_sums[bin_of(logit_of(tokens_[i]))] += weights_[i];
  size_t boundary = 0;
  for (; bin_sums[boundary] < target; ++boundary) target -= bin_sums[boundary];

  // Candidates carry the place among the kept tokens instead of the id, which is in the same order.
  candidates_.clear();
  for (size_t i = 0; i < num_kept_; ++i) {
    const float logit = logit_of(tokens_[i]);
    if (bin_of(logit) == boundary) candidates_.push_back({logit, static_cast<TokenId>(i)});
  }
  // The weights before `begin` do not reach the target, those before `end` do.
  auto begin = candidates_.begin();
  auto end = candidates_.end();
  while (end - begin > 1) {
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, [](const Candidate& a, const Candidate& b) { return a.IsMoreLikelyThan(b); });
    const int64_t sum = std::accumulate(begin, middle, int64_t{0}, [&](int64_t sum_so_far, const Candidate& candidate) {
      return sum_so_far + weights_[static_cast<size_t>(candidate.token)];
    });
    if (sum >= target) {
      end = middle;
    } else {
      target -= sum;
      begin = middle;
    }
  }
  return {begin->logit, tokens_[static_cast<size_t>(begin->token)]};
}

// Makes candidates_ the first `count` of the ranking, in any order but for the last, which is in its place; fewer if
// not as many are allowed.
//
// Collects what is greater than the least of the first `count` so far, which is brought up to date each time as many
// again have been collected. An equal logit further on has a higher id and is behind all of them.
void TokenWeights::FindTop(std::span<const float> logits, size_t count) {
  candidates_.clear();
  float least = std::numeric_limits<float>::lowest();
  const auto reduce = [&] {
    const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(count) - 1;
    std::nth_element(candidates_.begin(), last, candidates_.end(),
                     [](const Candidate& a, const Candidate& b) { return a.IsMoreLikelyThan(b); });
    candidates_.resize(count);
    least = std::nextafter(candidates_.back().logit, std::numeric_limits<float>::infinity());
  };
  ForEachAtLeast(
      logits, [&] { return least; },
      [&](TokenId token, float logit) {
        candidates_.push_back({logit, token});
        if (candidates_.size() == 2 * count) reduce();
      });
  if (candidates_.size() >= count) reduce();
}

TokenId TokenWeights::Draw(double uniform) const {
  CHECK_GT(sum_, 0);
  // The sum has more bits than a double, whose product may round up to it.
  int64_t remaining = std::min(static_cast<int64_t>(uniform * static_cast<double>(sum_)), sum_ - 1);
  size_t i = 0;
  while (remaining >= weights_[i]) remaining -= weights_[i++];
  return tokens_[i];
}

}  // namespace tenfold::sampling
