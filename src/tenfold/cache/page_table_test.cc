#include "tenfold/cache/page_table.h"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::cache {
namespace {

using testing::ElementsAre;

constexpr int64_t kPageSize = 4;

class PageTableTest : public testing::Test {
 protected:
  PageTable TableOf(int64_t num_tokens) {
    PageTable table(*pool_, kPageSize);
    EXPECT_TRUE(table.Reserve(num_tokens));
    table.Append(num_tokens);
    return table;
  }

  std::unique_ptr<PagePool> pool_ = PagePool::Create(6, kPageSize).value();
};

TEST_F(PageTableTest, TakesAPageOnlyWhenTheLastIsFull) {
  PageTable table(*pool_, kPageSize);
  for (int64_t num_tokens = 1; num_tokens <= 9; ++num_tokens) {
    EXPECT_EQ(table.NumPagesNeeded(1), num_tokens % kPageSize == 1 ? 1 : 0) << num_tokens;
    ASSERT_TRUE(table.Reserve(1));
    table.Append(1);
    EXPECT_EQ(table.num_pages(), (num_tokens + 3) / 4) << num_tokens;
  }
  EXPECT_THAT(table.page_ids(), ElementsAre(0, 1, 2));
}

TEST_F(PageTableTest, ReserveIsAllOrNothing) {
  PageTable table = TableOf(5);
  EXPECT_EQ(table.NumPagesNeeded(19), 4);
  EXPECT_EQ(table.NumPagesNeeded(20), 5);
  EXPECT_FALSE(table.Reserve(20));
  EXPECT_EQ(table.num_pages(), 2);
  EXPECT_EQ(table.num_reserved_tokens(), 5);
  EXPECT_EQ(pool_->num_free_pages(), 4);
  EXPECT_TRUE(table.Reserve(19));
  EXPECT_EQ(pool_->num_free_pages(), 0);
}

TEST_F(PageTableTest, AReservedPromptIsWrittenInChunksForFree) {
  PageTable table(*pool_, kPageSize);
  ASSERT_TRUE(table.Reserve(10));
  const std::vector<PageId> ids(table.page_ids().begin(), table.page_ids().end());
  for (const int64_t chunk : {3, 3, 4}) {
    EXPECT_EQ(table.NumPagesNeeded(chunk), 0);
    ASSERT_TRUE(table.Reserve(chunk));
    table.Append(chunk);
  }
  EXPECT_EQ(table.num_tokens(), 10);
  EXPECT_THAT(table.page_ids(), testing::ElementsAreArray(ids));
}

TEST_F(PageTableTest, ForkSharesAndTheFirstWriterCopies) {
  PageTable parent = TableOf(6);
  std::memcpy(pool_->data(1), "ab", 2);
  PageTable child = parent.Fork();
  EXPECT_EQ(pool_->num_free_pages(), 4);
  EXPECT_THAT(child.page_ids(), ElementsAre(0, 1));
  EXPECT_EQ(parent.num_exclusive_pages(), 0);
  EXPECT_TRUE(parent.copies_last_page());

  EXPECT_EQ(child.NumPagesNeeded(1), 1);
  ASSERT_TRUE(child.Reserve(1));
  EXPECT_THAT(child.page_ids(), ElementsAre(0, 2));
  EXPECT_THAT(parent.page_ids(), ElementsAre(0, 1));
  EXPECT_EQ(std::memcmp(pool_->data(2), "ab", 2), 0);
  EXPECT_EQ(child.num_exclusive_pages(), 1);

  // The last sharer writes in place.
  EXPECT_EQ(parent.NumPagesNeeded(1), 0);
  ASSERT_TRUE(parent.Reserve(1));
  EXPECT_THAT(parent.page_ids(), ElementsAre(0, 1));
}

TEST_F(PageTableTest, AFullLastPageIsNeverCopied) {
  PageTable parent = TableOf(8);
  PageTable child = parent.Fork();
  EXPECT_FALSE(child.copies_last_page());
  EXPECT_EQ(child.NumPagesNeeded(1), 1);
  ASSERT_TRUE(child.Reserve(1));
  EXPECT_THAT(child.page_ids(), ElementsAre(0, 1, 2));
}

TEST_F(PageTableTest, ACopyAndANewPageAreBothCounted) {
  PageTable parent = TableOf(6);
  PageTable child = parent.Fork();
  EXPECT_EQ(child.NumPagesNeeded(3), 2);
  PageTable other = TableOf(12);
  EXPECT_FALSE(child.Reserve(3));
  EXPECT_THAT(child.page_ids(), ElementsAre(0, 1));
  other.Free();
  EXPECT_TRUE(child.Reserve(3));
  EXPECT_EQ(pool_->num_free_pages(), 2);
}

TEST_F(PageTableTest, AForkLeavesReservedRoomWithTheParent) {
  PageTable parent = TableOf(6);
  ASSERT_TRUE(parent.Reserve(6));
  PageTable child = parent.Fork();
  EXPECT_EQ(parent.num_pages(), 3);
  EXPECT_EQ(child.num_pages(), 2);
  EXPECT_EQ(child.num_reserved_tokens(), 6);
  EXPECT_EQ(parent.NumPagesNeeded(1), 1);  // its reserved last page is shared now
}

TEST_F(PageTableTest, FreeGivesBackWhatNobodyElseHolds) {
  PageTable parent = TableOf(10);
  PageTable child = parent.Fork();
  ASSERT_TRUE(child.Reserve(1));
  child.Append(1);
  EXPECT_EQ(child.num_exclusive_pages(), 1);
  const int64_t num_free = pool_->num_free_pages();
  child.Free();
  EXPECT_EQ(pool_->num_free_pages(), num_free + 1);
  EXPECT_EQ(child.num_tokens(), 0);
  EXPECT_EQ(parent.num_exclusive_pages(), 3);
}

TEST_F(PageTableTest, TheNextTakerGetsThePagesInOrder) {
  TableOf(12).Free();
  EXPECT_THAT(TableOf(12).page_ids(), ElementsAre(0, 1, 2));
}

TEST_F(PageTableTest, MovesTakeThePagesAlong) {
  PageTable table = TableOf(6);
  PageTable moved = std::move(table);
  EXPECT_EQ(table.num_tokens(), 0);
  EXPECT_EQ(table.num_pages(), 0);
  PageTable target = TableOf(3);
  target = std::move(moved);
  EXPECT_EQ(target.num_tokens(), 6);
  EXPECT_THAT(target.page_ids(), ElementsAre(0, 1));
  EXPECT_EQ(pool_->num_free_pages(), 4);
}

using PageTableDeathTest = PageTableTest;

TEST_F(PageTableDeathTest, AppendNeedsReservedRoom) {
  PageTable table = TableOf(6);
  EXPECT_DEATH(table.Append(1), "1 tokens are appended after 6, but only 6 were reserved");
}

TEST_F(PageTableDeathTest, AppendNeverWritesASharedPage) {
  PageTable parent = TableOf(6);
  ASSERT_TRUE(parent.Reserve(1));
  const PageTable child = parent.Fork();
  EXPECT_DEATH(parent.Append(1), "page 1 was written although it is shared");
}

}  // namespace
}  // namespace tenfold::cache
