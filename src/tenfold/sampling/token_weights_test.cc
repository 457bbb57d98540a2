#include "tenfold/sampling/token_weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tenfold/base/random.h"

namespace tenfold::sampling {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

TokenId Greatest(const std::vector<float>& logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// [vocab]; 0 = cannot be drawn.
std::vector<int64_t> WeightOfEachToken(const TokenWeights& weights, size_t vocab_size) {
  std::vector<int64_t> result(vocab_size);
  for (size_t i = 0; i < weights.tokens().size(); ++i) {
    result.at(static_cast<size_t>(weights.tokens()[i])) = weights.weights()[i];
  }
  return result;
}

std::vector<double> Probabilities(const std::vector<float>& logits, const SamplingParams& params) {
  TokenWeights weights;
  weights.Assign(logits, Greatest(logits), params);
  const double total = std::accumulate(weights.weights().begin(), weights.weights().end(), 0.0);
  std::vector<double> probabilities;
  for (const int64_t weight : WeightOfEachToken(weights, logits.size())) {
    probabilities.push_back(static_cast<double>(weight) / total);
  }
  return probabilities;
}

struct Case {
  std::string name;
  std::vector<double> odds;  // the logits are their logarithms
  double temperature;
  int top_k;
  double top_p;
  double min_p;
  std::vector<double> kept;  // what the probabilities are proportional to
};

class FilterTest : public testing::TestWithParam<Case> {};

TEST_P(FilterTest, KeepsWhatTheHandComputes) {
  std::vector<float> logits;
  for (const double odds : GetParam().odds) logits.push_back(static_cast<float>(std::log(odds)));
  SamplingParams params;
  params.temperature = GetParam().temperature;
  params.top_k = GetParam().top_k;
  params.top_p = GetParam().top_p;
  params.min_p = GetParam().min_p;
  const std::vector<double> probabilities = Probabilities(logits, params);
  const double total = std::accumulate(GetParam().kept.begin(), GetParam().kept.end(), 0.0);
  for (size_t i = 0; i < probabilities.size(); ++i) {
    // Logits are floats: an error of 2^-24 of a logit up to 4, times two for numerator and total.
    EXPECT_NEAR(probabilities[i], GetParam().kept[i] / total, 1e-6) << "token " << i;
  }
}

// name, odds, temperature, top_k, top_p, min_p, kept. The odds 1 8 2 4 1 sum to 16.
INSTANTIATE_TEST_SUITE_P(
    Table, FilterTest,
    testing::Values(Case{"Plain", {1, 8, 2, 4, 1}, 1, 0, 1, 0, {1, 8, 2, 4, 1}},
                    Case{"HotTakesRoots", {1, 16, 4, 1, 1}, 2, 0, 1, 0, {1, 4, 2, 1, 1}},
                    Case{"ColdTakesPowers", {1, 8, 2, 4, 1}, 0.5, 0, 1, 0, {1, 64, 4, 16, 1}},
                    Case{"TopOne", {1, 8, 2, 4, 1}, 1, 1, 1, 0, {0, 1, 0, 0, 0}},
                    Case{"TopThree", {1, 8, 2, 4, 1}, 1, 3, 1, 0, {0, 8, 2, 4, 0}},
                    Case{"TopKTieGoesToTheLowerId", {1, 8, 2, 4, 1}, 1, 4, 1, 0, {1, 8, 2, 4, 0}},
                    Case{"TopKOfAll", {1, 8, 2, 4, 1}, 1, 5, 1, 0, {1, 8, 2, 4, 1}},
                    Case{"TopKMinusOneIsAll", {1, 8, 2, 4, 1}, 1, -1, 1, 0, {1, 8, 2, 4, 1}},
                    Case{"TopPJustBelowHalf", {1, 8, 2, 4, 1}, 1, 0, 0.499, 0, {0, 8, 0, 0, 0}},
                    Case{"TopPJustAboveHalf", {1, 8, 2, 4, 1}, 1, 0, 0.501, 0, {0, 8, 0, 4, 0}},
                    Case{"TopPKeepsTheTokenThatReachesIt", {1, 8, 2, 4, 1}, 1, 0, 0.8, 0, {0, 8, 2, 4, 0}},
                    Case{"TopPTieGoesToTheLowerId", {1, 8, 2, 4, 1}, 1, 0, 0.9, 0, {1, 8, 2, 4, 0}},
                    Case{"TinyTopPKeepsOne", {1, 8, 2, 4, 1}, 1, 0, 1e-300, 0, {0, 8, 0, 0, 0}},
                    Case{"MinP", {1, 8, 2, 4, 1}, 1, 0, 1, 0.24, {0, 8, 2, 4, 0}},
                    Case{"MinPOneKeepsTheTies", {1, 8, 8, 4, 1}, 1, 0, 1, 1, {0, 8, 8, 0, 0}},
                    Case{"MinPSeesTheTemperature", {1, 8, 2, 4, 1}, 0.5, 0, 1, 0.24, {0, 64, 0, 16, 0}},
                    // 8 of the 12 that top_k leaves reach 0.66; of all 16 they would not.
                    Case{"TopPSeesTopK", {1, 8, 2, 4, 1}, 1, 2, 0.66, 0, {0, 8, 0, 0, 0}},
                    // 12 of the 14 that min_p leaves reach 0.85; of all 16 they would not.
                    Case{"TopPSeesMinP", {1, 8, 2, 4, 1}, 1, 0, 0.85, 0.2, {0, 8, 0, 4, 0}}),
    [](const auto& info) { return info.param.name; });

TEST(TokenWeights, ForbiddenTokensStayForbidden) {
  SamplingParams params;
  params.temperature = 100;
  EXPECT_EQ(Probabilities({kForbidden, 1, kForbidden, 1}, params), (std::vector<double>{0, 0.5, 0, 0.5}));
}

// The ranking by a full sort, and how much of it vLLM's three filters keep.
size_t NumKeptBySorting(const std::vector<float>& logits, const SamplingParams& params, std::vector<TokenId>& ranking) {
  ranking.resize(logits.size());
  std::iota(ranking.begin(), ranking.end(), 0);
  std::stable_sort(ranking.begin(), ranking.end(), [&](TokenId a, TokenId b) { return logits[a] > logits[b]; });
  std::vector<double> odds;
  for (const TokenId token : ranking) {
    odds.push_back(std::exp((double{logits[token]} - logits[ranking[0]]) / params.temperature));
    // A value this close to the limit can fall on either side.
    RC_PRE(std::abs(odds.back() - params.min_p) > 1e-9);
    if (odds.back() < params.min_p) {
      odds.pop_back();
      break;
    }
  }
  if (params.top_k > 0) odds.resize(std::min(odds.size(), static_cast<size_t>(params.top_k)));
  if (params.top_p == 1) return odds.size();
  const double target = params.top_p * std::accumulate(odds.begin(), odds.end(), 0.0);
  double sum = 0;
  size_t num_kept = 0;
  while (sum < target) {
    sum += odds[num_kept++];
    RC_PRE(std::abs(sum - target) > 1e-9 * target);
  }
  return num_kept;
}

RC_GTEST_PROP(TokenWeights, KeepsWhatAFullSortKeeps, ()) {
  // Multiples of 1/4 and few of them, so that ties are common; the span stays within the resolution of the weights.
  const int num_levels = *rc::gen::inRange(1, 40);
  std::vector<float> logits;
  for (const int level : *rc::gen::resize(
           400, rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, num_levels))))) {
    logits.push_back(static_cast<float>(level) / 4);
  }
  SamplingParams params;
  params.temperature = *rc::gen::element(0.5, 1.0, 3.0);
  params.top_k = *rc::gen::inRange(0, 2 * static_cast<int>(logits.size()));
  params.top_p = *rc::gen::element(1.0, 0.001, 0.3, 0.7, 0.95, 0.999);
  params.min_p = *rc::gen::element(0.0, 0.003, 0.1, 0.6);
  std::vector<TokenId> ranking;
  const size_t num_kept = NumKeptBySorting(logits, params, ranking);
  const std::vector<double> probabilities = Probabilities(logits, params);
  for (size_t i = 0; i < ranking.size(); ++i) {
    RC_ASSERT((probabilities[ranking[i]] > 0) == (i < num_kept));
  }
}

// The weights from a ranking of the whole vocabulary, with the same whole numbers: what Assign has to match to the
// last bit.
std::vector<int64_t> WeightsBySorting(const std::vector<float>& logits, const std::vector<TokenId>& ranking,
                                      const SamplingParams& params) {
  constexpr double kOne = static_cast<double>(int64_t{1} << TokenWeights::kBits);
  std::vector<int64_t> sorted;
  for (const TokenId token : ranking) {
    const double exponent = (double{logits[token]} - double{logits[ranking[0]]}) * (1 / params.temperature);
    if (exponent < std::log(std::max(params.min_p, 0.5 / kOne))) break;
    sorted.push_back(static_cast<int64_t>(std::exp(exponent) * kOne + 0.5));
  }
  if (params.top_k > 0) sorted.resize(std::min(sorted.size(), static_cast<size_t>(params.top_k)));
  if (params.top_p < 1) {
    const double sum = static_cast<double>(std::accumulate(sorted.begin(), sorted.end(), int64_t{0}));
    int64_t target = static_cast<int64_t>(std::ceil(params.top_p * sum));
    size_t num_kept = 0;
    while (target > 0 && num_kept < sorted.size()) target -= sorted[num_kept++];
    sorted.resize(num_kept);
  }
  std::vector<int64_t> weights(logits.size());
  for (size_t i = 0; i < sorted.size(); ++i) weights[ranking[i]] = sorted[i];
  return weights;
}

struct Shape {
  const char* name;
  float (*logit)(double uniform, double normal);  // of one token
};

class FullSortTest : public testing::TestWithParam<Shape> {};

TEST_P(FullSortTest, GivesTheSameWeights) {
  TokenWeights weights;  // one for all, so that traces of the last use would show
  for (const size_t vocab_size : {1, 2, 31, 32, 33, 64, 65, 500, 1025, 5000}) {
    std::vector<float> logits;
    for (uint64_t i = 0; i < vocab_size; ++i) {
      const double angle = 6.283185307179586 * UniformDouble(1, vocab_size, i);
      const double normal = std::sqrt(-2 * std::log(1 - UniformDouble(2, vocab_size, i))) * std::cos(angle);
      logits.push_back(GetParam().logit(UniformDouble(3, vocab_size, i), normal));
    }
    if (logits[Greatest(logits)] == kForbidden) logits.back() = 0;
    std::vector<TokenId> ranking(vocab_size);
    std::iota(ranking.begin(), ranking.end(), 0);
    std::stable_sort(ranking.begin(), ranking.end(), [&](TokenId a, TokenId b) { return logits[a] > logits[b]; });
    for (const double temperature : {0.00001, 0.8, 1.0, 100.0}) {
      for (const int top_k : {0, 1, 2, 40, 64, 400, 1024, 4999, 20000}) {
        for (const double top_p : {1e-300, 0.1, 0.5, 0.9, 0.999, std::nextafter(1.0, 0.0), 1.0}) {
          for (const double min_p : {0.0, 0.05, 1.0}) {
            SamplingParams params;
            params.temperature = temperature;
            params.top_k = top_k;
            params.top_p = top_p;
            params.min_p = min_p;
            const std::vector<int64_t> expected = WeightsBySorting(logits, ranking, params);
            weights.Assign(logits, Greatest(logits), params);
            ASSERT_TRUE(WeightOfEachToken(weights, vocab_size) == expected)
                << "vocabulary " << vocab_size << " temperature " << temperature << " top_k " << top_k << " top_p "
                << top_p << " min_p " << min_p;
            ASSERT_TRUE(std::is_sorted(weights.tokens().begin(), weights.tokens().end()));
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, FullSortTest,
    testing::Values(
        Shape{"Equal", [](double, double) { return 1.5f; }},
        // A span whose reciprocal is no number.
        Shape{"AlmostEqual", [](double uniform, double) { return uniform < 0.5 ? 0.0f : 1e-45f; }},
        Shape{"Flat", [](double, double normal) { return static_cast<float>(normal / 100); }},
        Shape{"Normal", [](double, double normal) { return static_cast<float>(normal * 3); }},
        Shape{"Wide", [](double, double normal) { return static_cast<float>(normal * 1e37); }},
        Shape{"Ties", [](double, double normal) { return static_cast<float>(std::floor(normal * 2)); }},
        Shape{"Peaked",
              [](double uniform, double normal) {
                return static_cast<float>(uniform < 0.01 ? normal * 3 + 20 : normal * 3);
              }},
        // All but one in one part of the span.
        Shape{"OneAbove",
              [](double uniform, double normal) { return uniform > 0.9999 ? 9.0f : static_cast<float>(normal / 1e5); }},
        Shape{"MostForbidden",
              [](double uniform, double normal) { return uniform < 0.98 ? kForbidden : static_cast<float>(normal); }}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(TokenWeights, NucleusOfAFlatVocabularyHasItsShare) {
  const std::vector<float> logits(TokenWeights::kMaxVocabulary, 3.0f);
  SamplingParams params;
  params.top_p = 0.25;
  TokenWeights weights;
  weights.Assign(logits, 0, params);
  ASSERT_EQ(weights.tokens().size(), logits.size() / 4);
  EXPECT_EQ(weights.tokens().back(), static_cast<TokenId>(logits.size() / 4 - 1));
}

TEST(TokenWeights, DrawReachesBothEnds) {
  TokenWeights weights;
  weights.Assign(std::vector<float>{kForbidden, 0, kForbidden, 0, kForbidden}, 1, {});
  EXPECT_EQ(weights.Draw(0), 1);
  EXPECT_EQ(weights.Draw(std::nextafter(0.5, 0.0)), 1);
  EXPECT_EQ(weights.Draw(0.5), 3);
  EXPECT_EQ(weights.Draw(std::nextafter(1.0, 0.0)), 3);
}

// Pearson's statistic X of N draws over k cells is close to chi-square with k - 1 = d degrees of freedom, for which
// P(X >= d + 2 sqrt(d t) + 2 t) <= exp(-t) (Laurent and Massart 2000, lemma 1). With t = 14 a right sampler fails once
// in a million choices of the seed; the seeds are fixed.
void ExpectDrawsFollow(const std::vector<double>& probabilities, const std::vector<int>& counts, int num_draws) {
  double statistic = 0;
  double degrees = -1;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = probabilities[i] * num_draws;
    if (expected == 0) {
      EXPECT_EQ(counts[i], 0) << "token " << i << " is filtered out";
      continue;
    }
    ASSERT_GE(expected, 20) << "too rare for the approximation";
    statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
    ++degrees;
  }
  constexpr double kT = 14;
  EXPECT_LT(statistic, degrees + 2 * std::sqrt(degrees * kT) + 2 * kT);
}

TEST(TokenWeights, DrawsFollowTheFilteredDistribution) {
  std::vector<float> logits;
  for (int i = 0; i < 64; ++i) logits.push_back(static_cast<float>((i * 37) % 64) / 16);
  SamplingParams params;
  params.temperature = 0.8;
  params.top_k = 50;
  params.top_p = 0.95;
  params.min_p = 0.01;
  TokenWeights weights;
  weights.Assign(logits, Greatest(logits), params);
  constexpr int kNumDraws = 200'000;
  // Along each of the three coordinates of a draw.
  for (int coordinate = 0; coordinate < 3; ++coordinate) {
    std::vector<int> counts(logits.size());
    for (uint64_t i = 0; i < kNumDraws; ++i) {
      const double uniform = coordinate == 0   ? UniformDouble(i, 1, 2)
                             : coordinate == 1 ? UniformDouble(1, i, 2)
                                               : UniformDouble(1, 2, i);
      ++counts[weights.Draw(uniform)];
    }
    ExpectDrawsFollow(Probabilities(logits, params), counts, kNumDraws);
  }
}

}  // namespace
}  // namespace tenfold::sampling
