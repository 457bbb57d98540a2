#include "tenfold/scheduler/queue_order.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenfold::scheduler {
namespace {

// A prompt of one token for each letter.
struct Prompt {
  std::string letters;
  int64_t num_cached_tokens = 0;
  int64_t num_overtaken = 0;
  std::string space = {};
};

std::vector<size_t> OrderOf(QueueOrder queue_order, const std::vector<Prompt>& prompts, int64_t max_overtaken = 10) {
  std::vector<std::vector<TokenId>> tokens;
  for (const Prompt& prompt : prompts) tokens.emplace_back(prompt.letters.begin(), prompt.letters.end());
  std::vector<QueuedPrompt> queued;
  for (size_t i = 0; i < prompts.size(); ++i) {
    queued.push_back({{tokens[i], prompts[i].space}, prompts[i].num_cached_tokens, prompts[i].num_overtaken});
  }
  std::vector<size_t> order;
  OrderQueue(queue_order, queued, max_overtaken, order);
  return order;
}

using Order = std::vector<size_t>;

TEST(QueueOrder, FirstComeFirstServed) {
  EXPECT_EQ(OrderOf(QueueOrder::kFcfs, {{"b", 1}, {"a", 5, 99}, {"b", 3}}), (Order{0, 1, 2}));
}

TEST(QueueOrder, LongestPrefixMatch) {
  EXPECT_EQ(OrderOf(QueueOrder::kLongestPrefixMatch, {{"a", 1}, {"b", 5}, {"c", 1}, {"d", 7}}), (Order{3, 1, 0, 2}));
}

TEST(QueueOrder, DepthFirstTakesTheHeaviestBranchWhole) {
  // b has three, a two: under b, "by" goes twice and before the lone "bx".
  EXPECT_EQ(OrderOf(QueueOrder::kDfsWeight, {{"ax"}, {"bx"}, {"by1"}, {"ay"}, {"by0"}}), (Order{2, 4, 1, 0, 3}));
  EXPECT_EQ(OrderOf(QueueOrder::kDfsWeight, {{"q"}, {"z"}, {"a"}}), (Order{0, 1, 2})) << "equals by arrival";
  EXPECT_EQ(OrderOf(QueueOrder::kDfsWeight, {{"same"}, {"same"}, {"sam"}}), (Order{0, 1, 2}));
}

TEST(QueueOrder, DepthFirstStaysWithWhatIsCached) {
  EXPECT_EQ(OrderOf(QueueOrder::kDfsWeight, {{"ax"}, {"bx", 1}, {"ay"}, {"az"}}), (Order{1, 0, 2, 3}));
  EXPECT_EQ(OrderOf(QueueOrder::kDfsWeight, {{"ax", 1}, {"ay1", 1}, {"ay2", 1}, {"ax2", 2}}), (Order{0, 3, 1, 2}))
      << "only what is cached beyond the branching counts";
}

TEST(QueueOrder, SpacesAreDifferentTrees) {
  EXPECT_EQ(OrderOf(QueueOrder::kDfsWeight, {{"a", 0, 0, "x"}, {"a", 0, 0, "y"}, {"a", 0, 0, "y"}}), (Order{1, 2, 0}));
}

TEST(QueueOrder, WhoWasOvertakenTooOftenGoesFirst) {
  for (const QueueOrder order : {QueueOrder::kLongestPrefixMatch, QueueOrder::kDfsWeight}) {
    EXPECT_EQ(OrderOf(order, {{"a", 0, 9}, {"b", 0, 10}, {"c", 0, 11}, {"d", 1, 0}}), (Order{1, 2, 3, 0}));
  }
}

TEST(QueueOrder, NamesAreChecked) {
  EXPECT_EQ(QueueOrderFromName("dfs-weight").value(), QueueOrder::kDfsWeight);
  EXPECT_EQ(QueueOrderFromName("sjf").error().message,
            "there is no queue order \"sjf\"; there are fcfs, lpm and dfs-weight");
}

// Theorem 3.1: with room for one prompt at a time, a depth-first order computes every edge of the tree once.
RC_GTEST_PROP(QueueOrderProperty, DepthFirstComputesEveryBeginningOnce, ()) {
  const auto letters =
      *rc::gen::container<std::vector<std::string>>(rc::gen::container<std::string>(rc::gen::inRange('a', 'd')));
  std::vector<Prompt> prompts;
  std::set<std::string> beginnings;
  for (const std::string& text : letters) {
    prompts.push_back({text});
    for (size_t n = 1; n <= text.size(); ++n) beginnings.insert(text.substr(0, n));
  }
  const Order order = OrderOf(QueueOrder::kDfsWeight, prompts);
  Order sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) RC_ASSERT(sorted[i] == i);
  size_t num_computed = 0;
  std::string cached;
  for (const size_t i : order) {
    const std::string& text = letters[i];
    const auto common = std::mismatch(text.begin(), text.end(), cached.begin(), cached.end()).first - text.begin();
    num_computed += text.size() - static_cast<size_t>(common);
    cached = text + cached.substr(static_cast<size_t>(common) == text.size() ? text.size() : cached.size());
  }
  RC_ASSERT(num_computed == beginnings.size());
}

}  // namespace
}  // namespace tenfold::scheduler
