// The policies that SarathiPolicy is compared with, and the reservations of some of them.
#include <algorithm>
#include <iterator>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tenfold/scheduler/buddy_allocator.h"
#include "tenfold/scheduler/policies.h"
#include "tenfold/scheduler/reservations.h"

namespace tenfold::scheduler {
namespace {

constexpr int64_t kPageSize = 4;

SequenceView Waiting(SequenceId id, int64_t num_prompt_tokens, int64_t num_output_tokens, int64_t num_seats = 1) {
  return {.id = id,
          .arrival = id,
          .num_tokens = num_prompt_tokens,
          .max_num_tokens = num_prompt_tokens + num_output_tokens,
          .final_num_tokens = num_prompt_tokens + num_output_tokens,
          .num_seats = num_seats};
}

// A running sequence that needs one token.
SequenceView Decode(SequenceId id, int64_t num_computed) {
  const int64_t num_pages = (num_computed + kPageSize - 1) / kPageSize;
  return {.id = id,
          .arrival = id,
          .num_tokens = num_computed + 1,
          .num_computed = num_computed,
          .num_pages = num_pages,
          .num_exclusive_pages = num_pages};
}

struct PlanCase {
  std::string name;
  std::string policy;
  int64_t max_num_seqs = 4;
  int64_t budget = 32;
  int64_t num_free_pages = 8;
  std::vector<SequenceView> running = {};
  std::vector<SequenceView> waiting = {};
  std::vector<StepPlan::Item> items = {};
  std::vector<SequenceId> preempted = {};
  std::vector<SequenceId> admitted = {};
};

void PrintTo(const PlanCase& c, std::ostream* os) {
  *os << c.name;
}

// Memory of 8 pages of 4 tokens; the greatest length is 16 tokens.
const PlanCase kCases[] = {
    {.name = "StaticTakesWhatMemoryForTheGreatestLengthAllows",
     .policy = "static",
     .waiting = {Waiting(1, 3, 1), Waiting(2, 5, 1), Waiting(3, 2, 1)},
     .items = {{1, 3}, {2, 5}},
     .admitted = {1, 2}},
    {.name = "StaticAdmitsNobodyWhileABatchRuns",
     .policy = "static",
     .running = {Decode(1, 3)},
     .waiting = {Waiting(2, 2, 1)},
     .items = {{1, 1}}},
    {.name = "OrcaAdmitsBesideDecodes",
     .policy = "orca-max",
     .running = {Decode(1, 3)},
     .waiting = {Waiting(2, 6, 2)},
     .items = {{1, 1}, {2, 6}},
     .admitted = {2}},
    {.name = "OrcaLetsNobodyOvertake",
     .policy = "orca-oracle",
     .waiting = {Waiting(1, 10, 2), Waiting(2, 10, 6), Waiting(3, 10, 6), Waiting(4, 2, 1)},
     .items = {{1, 10}, {2, 10}},
     .admitted = {1, 2}},
    {.name = "OraclesReserveLess",
     .policy = "orca-oracle",
     .waiting = {Waiting(1, 4, 4), Waiting(2, 4, 4), Waiting(3, 4, 4), Waiting(4, 4, 4)},
     .items = {{1, 4}, {2, 4}, {3, 4}, {4, 4}},
     .admitted = {1, 2, 3, 4}},
    {.name = "PowersOfTwoReserveMoreThanOracles",  // 3 + 8 tokens are 3 pages, and the buddies' 4
     .policy = "orca-pow2",
     .waiting = {Waiting(1, 3, 5), Waiting(2, 3, 5), Waiting(3, 3, 5)},
     .items = {{1, 3}, {2, 3}},
     .admitted = {1, 2}},
    {.name = "OrcaKeepsToItsSeats",
     .policy = "orca-oracle",
     .max_num_seqs = 2,
     .running = {Decode(1, 3)},
     .waiting = {Waiting(2, 1, 1), Waiting(3, 1, 1)},
     .items = {{1, 1}, {2, 1}},
     .admitted = {2}},
    {.name = "OrcaReservesForAllSamples",
     .policy = "orca-oracle",
     .waiting = {Waiting(1, 4, 4, 3), Waiting(2, 4, 12)},  // 3 x 2 pages of 8
     .items = {{1, 4}},
     .admitted = {1}},
    {.name = "PromptsComeFirstAndAlone",
     .policy = "prefill-first",
     .running = {Decode(1, 3)},
     .waiting = {Waiting(2, 6, 1), Waiting(3, 4, 1)},
     .items = {{2, 6}, {3, 4}},
     .admitted = {2, 3}},
    {.name = "DecodesGoOnWhenNoPromptFits",
     .policy = "prefill-first",
     .num_free_pages = 1,
     .running = {Decode(1, 3), Decode(2, 5)},
     .waiting = {Waiting(3, 6, 1)},
     .items = {{1, 1}, {2, 1}}},
    {.name = "APromptIsNeverCut",
     .policy = "prefill-first",
     .budget = 16,
     .waiting = {Waiting(1, 10, 1), Waiting(2, 10, 1)},
     .items = {{1, 10}},
     .admitted = {1}},
    {.name = "TheLatestGivesItsPagesBack",
     .policy = "prefill-first",
     .num_free_pages = 0,
     .running = {Decode(1, 4), Decode(2, 6), Decode(3, 8)},
     .items = {{1, 1}, {2, 1}},
     .preempted = {3}},
};

class BaselinePolicyTest : public testing::TestWithParam<PlanCase> {};
INSTANTIATE_TEST_SUITE_P(Cases, BaselinePolicyTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST_P(BaselinePolicyTest, Plans) {
  const PlanCase& c = GetParam();
  const SchedulerLimits limits = {
      .max_num_batched_tokens = c.budget, .max_num_seqs = c.max_num_seqs, .page_size = kPageSize};
  const auto policy = MakePolicy(c.policy, {.num_pages = 8, .page_size = kPageSize, .max_model_len = 16}).value();
  StepPlan plan;
  policy->Plan({limits, c.num_free_pages, c.running, c.waiting}, plan);
  EXPECT_EQ(plan.items, c.items);
  EXPECT_EQ(plan.preempted, c.preempted);
  EXPECT_EQ(plan.admitted, c.admitted);
}

TEST(Reservations, EndWithTheLastSequenceOfARequest) {
  Reservations reservations(Reservation::kOracle, {.num_pages = 8, .page_size = kPageSize, .max_model_len = 16});
  ASSERT_TRUE(reservations.Take(Waiting(1, 4, 4, 2)));
  ASSERT_TRUE(reservations.Take(Waiting(2, 4, 12)));
  EXPECT_EQ(reservations.num_free_pages(), 0);
  EXPECT_FALSE(reservations.Take(Waiting(3, 1, 1)));
  // Of request 1 a fork still runs, under an id of its own.
  SequenceView fork = Decode(7, 5);
  fork.arrival = 1;
  reservations.ReleaseAllBut(std::vector{fork});
  EXPECT_EQ(reservations.num_free_pages(), 4);
  reservations.ReleaseAllBut({});
  EXPECT_EQ(reservations.num_free_pages(), 8);
}

TEST(Reservations, ThatFailTakeNothing) {
  Reservations reservations(Reservation::kMax, {.num_pages = 8, .page_size = kPageSize, .max_model_len = 16});
  EXPECT_FALSE(reservations.Take(Waiting(1, 1, 1, 3)));
  EXPECT_EQ(reservations.num_free_pages(), 8);
}

// Ranges never overlap, stay inside the pool and at multiples of their size; refusal means that no aligned range of
// that size is free; and when all are back, the greatest fits again.
RC_GTEST_PROP(BuddyAllocatorProperty, HandsOutWhatIsFree, ()) {
  const auto num_units = *rc::gen::inRange<int64_t>(1, 200);
  BuddyAllocator buddies(num_units);
  std::map<int64_t, int64_t> taken;  // begin -> units asked for
  std::vector<bool> is_taken(static_cast<size_t>(num_units), false);
  const auto mark = [&](int64_t begin, int64_t size, bool value) {
    for (int64_t i = begin; i < begin + size; ++i) {
      RC_ASSERT(is_taken[static_cast<size_t>(i)] != value);
      is_taken[static_cast<size_t>(i)] = value;
    }
  };
  const auto rounded = [](int64_t units) {
    int64_t size = 1;
    while (size < units) size *= 2;
    return size;
  };
  const auto calls = *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(-20, 40));
  for (const int64_t call : calls) {
    if (call <= 0) {
      if (taken.empty()) continue;
      const auto entry = std::next(taken.begin(), -call % static_cast<int64_t>(taken.size()));
      buddies.Free(entry->first, entry->second);
      mark(entry->first, rounded(entry->second), false);
      taken.erase(entry);
      continue;
    }
    const int64_t size = rounded(call);
    if (const auto begin = buddies.Allocate(call)) {
      RC_ASSERT(*begin % size == 0);
      RC_ASSERT(*begin + size <= num_units);
      mark(*begin, size, true);
      taken[*begin] = call;
    } else {
      for (int64_t begin = 0; begin + size <= num_units; begin += size) {
        bool is_free = true;
        for (int64_t i = begin; i < begin + size; ++i) is_free = is_free && !is_taken[static_cast<size_t>(i)];
        RC_ASSERT(!is_free);
      }
    }
  }
  RC_ASSERT(buddies.num_free_units() == std::count(is_taken.begin(), is_taken.end(), false));
  for (const auto& [begin, units] : taken) buddies.Free(begin, units);
  RC_ASSERT(buddies.num_free_units() == num_units);
  int64_t greatest = 1;
  while (2 * greatest <= num_units) greatest *= 2;
  RC_ASSERT(buddies.Allocate(greatest).has_value());
}

TEST(BuddyAllocatorDeathTest, StopsWhenARangeComesBackTwice) {
  BuddyAllocator buddies(8);
  const int64_t begin = buddies.Allocate(8).value();
  buddies.Free(begin, 8);
  EXPECT_DEATH(buddies.Free(begin, 8), "given back twice");
}

}  // namespace
}  // namespace tenfold::scheduler
