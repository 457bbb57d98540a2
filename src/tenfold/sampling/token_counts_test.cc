#include "tenfold/sampling/token_counts.h"

#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tenfold::sampling {
namespace {

// Ids from a range small enough for repeats and large enough to grow the table several times.
RC_GTEST_PROP(TokenCounts, AgreesWithAMap, ()) {
  const auto tokens = rc::gen::container<std::vector<TokenId>>(rc::gen::inRange<TokenId>(0, 500));
  const std::vector<TokenId> prompt = *rc::gen::resize(1000, tokens);
  const std::vector<TokenId> output = *rc::gen::resize(1000, tokens);
  TokenCounts counts;
  counts.AddPrompt(prompt);
  for (const TokenId token : output) counts.AddOutput(token);

  const std::set<TokenId> in_prompt(prompt.begin(), prompt.end());
  std::map<TokenId, uint32_t> num_outputs;
  for (const TokenId token : prompt) num_outputs[token] = 0;
  for (const TokenId token : output) ++num_outputs[token];
  RC_ASSERT(counts.entries().size() == num_outputs.size());
  for (const TokenCounts::Entry& entry : counts.entries()) {
    RC_ASSERT(num_outputs.contains(entry.token));
    RC_ASSERT(entry.num_outputs == num_outputs[entry.token]);
    RC_ASSERT(entry.in_prompt == in_prompt.contains(entry.token));
  }
  RC_ASSERT(counts.num_output_tokens() == static_cast<int64_t>(output.size()));
}

TEST(TokenCounts, ForksGoTheirOwnWays) {
  TokenCounts parent;
  parent.AddOutput(7);
  TokenCounts child = parent;
  child.AddOutput(7);
  child.AddOutput(8);
  EXPECT_EQ(parent.entries().size(), 1u);
  EXPECT_EQ(parent.entries()[0].num_outputs, 1u);
  EXPECT_EQ(child.entries().size(), 2u);
  EXPECT_EQ(child.num_output_tokens(), 3);
}

}  // namespace
}  // namespace tenfold::sampling
