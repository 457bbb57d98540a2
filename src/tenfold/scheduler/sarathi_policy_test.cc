#include "tenfold/scheduler/sarathi_policy.h"

#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tenfold::scheduler {
namespace {

constexpr int64_t kPageSize = 4;

// A running sequence that needs one token. All views here arrive in the order of their ids.
SequenceView Decode(SequenceId id, int64_t num_computed, bool shares_last_page = false) {
  const int64_t num_pages = (num_computed + kPageSize - 1) / kPageSize;
  return {.id = id,
          .arrival = id,
          .num_tokens = num_computed + 1,
          .num_computed = num_computed,
          .num_pages = num_pages,
          .num_exclusive_pages = shares_last_page ? 0 : num_pages,
          .copies_last_page = shares_last_page && num_computed % kPageSize != 0};
}

// A running sequence with all its pages and more than one token left.
SequenceView Prompt(SequenceId id, int64_t num_tokens, int64_t num_computed, int64_t num_seats = 1) {
  const int64_t num_pages = (num_tokens + kPageSize - 1) / kPageSize;
  return {.id = id,
          .arrival = id,
          .num_tokens = num_tokens,
          .num_computed = num_computed,
          .num_pages = num_pages,
          .num_exclusive_pages = num_pages,
          .num_seats = num_seats};
}

SequenceView Waiting(SequenceId id, int64_t num_tokens, int64_t num_seats = 1) {
  return {.id = id, .arrival = id, .num_tokens = num_tokens, .num_seats = num_seats};
}

struct PlanCase {
  std::string name;
  int64_t budget;
  int64_t max_num_seqs;
  int64_t watermark_pages = 0;
  int64_t num_free_pages = 0;
  std::vector<SequenceView> running = {};
  std::vector<SequenceView> waiting = {};
  std::vector<StepPlan::Item> items = {};
  std::vector<SequenceId> preempted = {};
  std::vector<SequenceId> admitted = {};
};

void PrintTo(const PlanCase& c, std::ostream* os) {
  *os << c.name;
}

const PlanCase kCases[] = {
    {.name = "NothingToDo", .budget = 8, .max_num_seqs = 4, .num_free_pages = 10},
    {.name = "DecodesThenPromptsThenNewOnes",
     .budget = 16,
     .max_num_seqs = 4,
     .num_free_pages = 10,
     .running = {Decode(1, 5), Prompt(2, 12, 4), Decode(3, 9)},
     .waiting = {Waiting(4, 20)},
     .items = {{1, 1}, {3, 1}, {2, 8}, {4, 6}},
     .admitted = {4}},
    {.name = "DecodesComeBeforeAnEarlierPrompt",
     .budget = 4,
     .max_num_seqs = 4,
     .num_free_pages = 10,
     .running = {Prompt(1, 40, 4), Decode(2, 5), Decode(3, 5)},
     .items = {{2, 1}, {3, 1}, {1, 2}}},
    {.name = "ThePromptInFrontTakesTheWholeBudget",
     .budget = 8,
     .max_num_seqs = 4,
     .num_free_pages = 10,
     .running = {Prompt(1, 40, 4), Prompt(2, 12, 0)},
     .waiting = {Waiting(3, 2)},
     .items = {{1, 8}}},
    {.name = "TheLastTokenOfAPromptCountsAsADecode",
     .budget = 4,
     .max_num_seqs = 4,
     .num_free_pages = 0,
     .running = {Prompt(1, 12, 4), Prompt(2, 8, 7)},
     .items = {{2, 1}, {1, 3}}},
    {.name = "APageIsTakenOnlyAtItsBoundary",
     .budget = 8,
     .max_num_seqs = 4,
     .num_free_pages = 1,
     .running = {Decode(1, 7), Decode(2, 8), Decode(3, 9)},
     .items = {{1, 1}, {2, 1}, {3, 1}}},
    {.name = "TheLatestArrivedIsPreempted",
     .budget = 8,
     .max_num_seqs = 4,
     .num_free_pages = 0,
     .running = {Decode(1, 8), Decode(2, 7), Decode(3, 5)},
     .items = {{1, 1}, {2, 1}},
     .preempted = {3}},
    {.name = "APromptUnderWayIsPreemptedToo",
     .budget = 8,
     .max_num_seqs = 4,
     .num_free_pages = 0,
     .running = {Decode(1, 8), Decode(2, 7), Prompt(3, 20, 4)},
     .items = {{1, 1}, {2, 1}},
     .preempted = {3}},
    {.name = "TheOneThatAsksMayBeTheLatest",
     .budget = 8,
     .max_num_seqs = 4,
     .num_free_pages = 1,
     .running = {Decode(1, 8), Decode(2, 7), Decode(3, 8)},
     .items = {{1, 1}, {2, 1}},
     .preempted = {3}},
    {.name = "OnePreemptionServesSeveral",
     .budget = 8,
     .max_num_seqs = 4,
     .num_free_pages = 0,
     .running = {Decode(1, 8), Decode(2, 8), Decode(3, 8)},
     .items = {{1, 1}, {2, 1}},
     .preempted = {3}},
    {.name = "AnEarlierPromptIsNoVictim",
     .budget = 8,
     .max_num_seqs = 4,
     .num_free_pages = 0,
     .running = {Prompt(1, 20, 4), Decode(2, 8), Decode(3, 4)},
     .items = {{2, 1}, {1, 7}},
     .preempted = {3}},
    {.name = "NobodyIsAdmittedAfterAPreemption",
     .budget = 8,
     .max_num_seqs = 8,
     .num_free_pages = 0,
     .running = {Decode(1, 8), Decode(2, 39)},
     .waiting = {Waiting(3, 4)},
     .items = {{1, 1}},
     .preempted = {2}},
    {.name = "TheCopyOfASharedPageIsCounted",
     .budget = 8,
     .max_num_seqs = 4,
     .num_free_pages = 1,
     .running = {Decode(1, 6, true), Decode(2, 6, true), Decode(3, 3)},
     .items = {{1, 1}, {2, 1}},
     .preempted = {3}},
    {.name = "TheLastOfTheSharersNeedsNoPage",
     .budget = 8,
     .max_num_seqs = 4,
     .num_free_pages = 0,
     .running = {Decode(1, 6, true), Decode(2, 6, true), Decode(3, 6, true)},
     .waiting = {Waiting(4, 4)},
     .items = {{1, 1}},
     .preempted = {3, 2}},
    {.name = "ThePagesOfAWholePromptAreNeededToAdmitIt",
     .budget = 8,
     .max_num_seqs = 4,
     .num_free_pages = 4,
     .running = {Decode(1, 5)},
     .waiting = {Waiting(2, 17)},
     .items = {{1, 1}}},
    {.name = "ALongPromptIsAdmittedWithItsFirstChunk",
     .budget = 8,
     .max_num_seqs = 4,
     .num_free_pages = 5,
     .running = {Decode(1, 5)},
     .waiting = {Waiting(2, 17), Waiting(3, 1)},
     .items = {{1, 1}, {2, 7}},
     .admitted = {2}},
    {.name = "TheWatermarkStaysFree",
     .budget = 32,
     .max_num_seqs = 4,
     .watermark_pages = 2,
     .num_free_pages = 6,
     .running = {Decode(1, 5)},
     .waiting = {Waiting(2, 16), Waiting(3, 1)},
     .items = {{1, 1}, {2, 16}},
     .admitted = {2}},
    {.name = "TheWatermarkYieldsWhenNothingRuns",
     .budget = 32,
     .max_num_seqs = 4,
     .watermark_pages = 100,
     .num_free_pages = 6,
     .waiting = {Waiting(1, 24), Waiting(2, 1)},
     .items = {{1, 24}},
     .admitted = {1}},
    {.name = "NobodyOvertakes",
     .budget = 32,
     .max_num_seqs = 4,
     .num_free_pages = 3,
     .running = {Decode(1, 5)},
     .waiting = {Waiting(2, 4), Waiting(3, 12), Waiting(4, 4)},
     .items = {{1, 1}, {2, 4}},
     .admitted = {2}},
    {.name = "SeatsAreLimited",
     .budget = 32,
     .max_num_seqs = 3,
     .num_free_pages = 100,
     .running = {Decode(1, 5)},
     .waiting = {Waiting(2, 4), Waiting(3, 4), Waiting(4, 4)},
     .items = {{1, 1}, {2, 4}, {3, 4}},
     .admitted = {2, 3}},
    {.name = "ForksToComeTakeSeats",
     .budget = 32,
     .max_num_seqs = 6,
     .num_free_pages = 100,
     .running = {Prompt(1, 12, 4, /*num_seats=*/2)},
     .waiting = {Waiting(2, 4, /*num_seats=*/3), Waiting(3, 4, /*num_seats=*/2), Waiting(4, 4)},
     .items = {{1, 8}, {2, 4}},
     .admitted = {2}},
    {.name = "ACachedPrefixIsNotComputedAgain",
     .budget = 32,
     .max_num_seqs = 4,
     .num_free_pages = 1,
     .running = {Decode(1, 5)},
     .waiting = {{.id = 2, .arrival = 2, .num_tokens = 11, .num_computed = 8, .num_pages = 2}},
     .items = {{1, 1}, {2, 3}},
     .admitted = {2}},
};

class SarathiPolicyTest : public testing::TestWithParam<PlanCase> {};

TEST_P(SarathiPolicyTest, Plans) {
  const PlanCase& c = GetParam();
  const SchedulerLimits limits{c.budget, c.max_num_seqs, kPageSize, c.watermark_pages};
  ASSERT_TRUE(ValidateLimits(limits));
  StepPlan plan{.items = {{99, 99}}, .preempted = {99}, .admitted = {99}};
  SarathiPolicy().Plan({limits, c.num_free_pages, c.running, c.waiting}, plan);
  const auto print = [](const std::vector<StepPlan::Item>& items) {
    std::string text;
    for (const auto& item : items) text += fmt::format("{}+{} ", item.id, item.num_tokens);
    return text;
  };
  EXPECT_EQ(print(plan.items), print(c.items));
  EXPECT_EQ(plan.preempted, c.preempted);
  EXPECT_EQ(plan.admitted, c.admitted);
}

INSTANTIATE_TEST_SUITE_P(Cases, SarathiPolicyTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(SarathiPolicy, APlanKeepsItsMemory) {
  std::vector<SequenceView> running;
  for (SequenceId id = 0; id < 100; ++id) running.push_back(Decode(id, 8));
  const SchedulerLimits limits{1024, 256, kPageSize, 0};
  StepPlan plan;
  SarathiPolicy().Plan({limits, 0, running, {}}, plan);
  const size_t num_items = plan.items.size();
  const size_t num_preempted = plan.preempted.size();
  EXPECT_EQ(num_items + num_preempted, 100);
  SarathiPolicy().Plan({limits, 0, {}, {}}, plan);
  EXPECT_GE(plan.items.capacity(), num_items);
  EXPECT_GE(plan.preempted.capacity(), num_preempted);
}

TEST(ValidateLimits, NamesTheOptionAndTheWayOut) {
  const auto message = [](const SchedulerLimits& limits) { return ValidateLimits(limits).error().message; };
  EXPECT_TRUE(ValidateLimits({64, 64, 16, 0}));
  EXPECT_EQ(message({0, 1, 16, 0}), "--max-num-batched-tokens is 0, but must be at least 1");
  EXPECT_EQ(message({64, -1, 16, 0}), "--max-num-seqs is -1, but must be at least 1");
  EXPECT_EQ(message({64, 64, 0, 0}), "--block-size is 0, but must be at least 1");
  EXPECT_EQ(message({64, 64, 16, -1}), "the watermark is -1 pages, but must not be negative");
  EXPECT_EQ(message({63, 64, 16, 0}),
            "--max-num-batched-tokens is 63, too little to give each of --max-num-seqs 64 sequences its token in a "
            "step: raise the first or lower the second");
}

TEST(SarathiPolicyDeathTest, StopsAtBrokenPreconditions) {
  StepPlan plan;
  const std::vector<SequenceView> grown = {Decode(1, 8)};
  EXPECT_DEATH(SarathiPolicy().Plan({{8, 4, kPageSize, 0}, 0, grown, {}}, plan), "sequence 1 alone outgrows");
  EXPECT_DEATH(SarathiPolicy().Plan({{3, 4, kPageSize, 0}, 9, grown, {}}, plan), "max_num_seqs");
  std::vector<SequenceView> bare = {Prompt(1, 12, 4)};
  bare[0].num_pages = 2;
  EXPECT_DEATH(SarathiPolicy().Plan({{8, 4, kPageSize, 0}, 9, bare, {}}, plan),
               "sequence 1 runs without the pages of its 12 tokens");
}

}  // namespace
}  // namespace tenfold::scheduler
