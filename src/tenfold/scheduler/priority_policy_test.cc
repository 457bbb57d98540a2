#include "tenfold/scheduler/priority_policy.h"

#include <vector>

#include <gtest/gtest.h>

namespace tenfold::scheduler {
namespace {

constexpr int64_t kPageSize = 4;

// A running sequence of four full pages with one token to compute, so that it needs a page.
SequenceView Decode(SequenceId id, int64_t priority) {
  return {.id = id,
          .priority = priority,
          .arrival = id,
          .num_tokens = 17,
          .num_computed = 16,
          .num_pages = 4,
          .num_exclusive_pages = 4};
}

SequenceView Waiting(SequenceId id, int64_t priority, int64_t num_tokens) {
  return {.id = id, .priority = priority, .arrival = id, .num_tokens = num_tokens};
}

StepPlan Plan(int64_t num_free_pages, int64_t max_num_seqs, std::vector<SequenceView> running,
              std::vector<SequenceView> waiting) {
  const SchedulerLimits limits{
      .max_num_batched_tokens = 64, .max_num_seqs = max_num_seqs, .page_size = kPageSize, .watermark_pages = 0};
  StepPlan plan;
  PriorityPolicy().Plan({limits, num_free_pages, running, waiting}, plan);
  return plan;
}

using Ids = std::vector<SequenceId>;

TEST(PriorityPolicy, LessUrgentOnesMakeRoomForPages) {
  // Decodes take 3 of 4 free pages, the waiting one needs 5.
  const StepPlan plan = Plan(4, 8, {Decode(1, 0), Decode(2, 5), Decode(3, 9)}, {Waiting(4, 1, 20)});
  EXPECT_EQ(plan.preempted, (Ids{3})) << "its four pages and the one it would have needed are enough";
  EXPECT_EQ(plan.admitted, (Ids{4}));
  EXPECT_EQ(plan.items, (std::vector<StepPlan::Item>{{1, 1}, {2, 1}, {4, 20}}));
}

TEST(PriorityPolicy, LessUrgentOnesMakeRoomForSeats) {
  const StepPlan plan = Plan(100, 3, {Decode(1, 0), Decode(2, 5), Decode(3, 9)}, {Waiting(4, 1, 4)});
  EXPECT_EQ(plan.preempted, (Ids{3}));
  EXPECT_EQ(plan.admitted, (Ids{4}));
}

TEST(PriorityPolicy, EqualsAndMoreUrgentOnesStay) {
  EXPECT_EQ(Plan(100, 3, {Decode(1, 0), Decode(2, 1), Decode(3, 1)}, {Waiting(4, 1, 4)}).preempted, Ids());
  EXPECT_EQ(Plan(4, 8, {Decode(1, 0), Decode(2, 1)}, {Waiting(4, 5, 40)}).preempted, Ids());
}

TEST(PriorityPolicy, NobodyIsPreemptedForNothing) {
  // Even without the third there would be no room.
  const StepPlan plan = Plan(4, 8, {Decode(1, 0), Decode(2, 1), Decode(3, 9)}, {Waiting(4, 1, 60)});
  EXPECT_EQ(plan.preempted, Ids());
  EXPECT_EQ(plan.admitted, Ids());
  EXPECT_EQ(plan.items.size(), 3u);
}

TEST(PriorityPolicy, ForWantOfPagesTheLeastUrgentGoesThoughItCameFirst) {
  const StepPlan plan = Plan(1, 8, {Decode(2, 0), Decode(1, 5)}, {});
  EXPECT_EQ(plan.preempted, (Ids{1}));
  EXPECT_EQ(plan.items, (std::vector<StepPlan::Item>{{2, 1}}));
}

TEST(PriorityPolicy, WithoutWaitingItIsSarathi) {
  const StepPlan plan = Plan(100, 8, {Decode(1, 0), Decode(2, 5)}, {});
  EXPECT_EQ(plan.items, (std::vector<StepPlan::Item>{{1, 1}, {2, 1}}));
}

}  // namespace
}  // namespace tenfold::scheduler
