#include "tenfold/cache/integrity.h"

#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tenfold::cache {
namespace {

struct Table {
  std::vector<PageId> page_ids;
  int64_t num_reserved_tokens;
};

// Books of a pool of 4 pages of 16 tokens, and what is wrong with them ("" when nothing is).
struct IntegrityCase {
  std::string name;
  std::vector<int32_t> ref_counts;
  std::vector<PageId> free_list;
  std::vector<Table> tables;
  std::string expected;
  std::vector<PageId> idle_pages = {};
};

void PrintTo(const IntegrityCase& books, std::ostream* os) {
  *os << books.name;
}

const IntegrityCase kCases[] = {
    {"EmptyPool", {0, 0, 0, 0}, {3, 2, 1, 0}, {}, ""},
    {"SharedPage", {2, 1, 1, 0}, {3}, {{{0, 1}, 20}, {{0, 2}, 32}}, ""},
    {"LeakedPage",
     {1, 0, 0, 0},
     {3, 2},
     {{{0}, 1}},
     "page 1 leaked: no table holds it and it is not in the free list (reference count 0)"},
    {"LeakedReference",
     {1, 1, 0, 0},
     {3, 2},
     {{{0}, 1}},
     "page 1 leaked: no table holds it and it is not in the free list (reference count 1)"},
    {"DoubleFree", {0, 0, 0, 0}, {3, 2, 1, 0, 2}, {}, "page 2 was freed twice: it is in the free list twice"},
    {"FreedWhileHeld",
     {0, 1, 0, 0},
     {3, 2, 0},
     {{{1}, 16}, {{0}, 16}},
     "page 0 is in the free list while table 1 holds it"},
    {"IdlePage", {1, 0, 0, 0}, {3, 1}, {{{0}, 16}}, "", {2}},
    {"IdleWhileHeld", {1, 0, 0, 0}, {3, 2, 1}, {{{0}, 16}}, "page 0 is in the idle list while table 0 holds it", {0}},
    {"IdleAndFree", {0, 0, 0, 0}, {3, 2, 1, 0}, {}, "page 1 is in the free list and in the idle list", {1}},
    {"CountTooHigh", {2, 0, 0, 0}, {3, 2, 1}, {{{0}, 1}}, "page 0 has reference count 2, but 1 tables hold it"},
    {"CountTooLow",
     {1, 0, 0, 0},
     {3, 2, 1},
     {{{0}, 1}, {{0}, 1}},
     "page 0 has reference count 1, but 2 tables hold it"},
    {"FreeWithACount", {0, 0, 0, 1}, {3, 2, 1, 0}, {}, "page 3 has reference count 1, but 0 tables hold it"},
    {"TooFewPages",
     {1, 1, 0, 0},
     {3, 2},
     {{{0}, 16}, {{1}, 17}},
     "table 1 has too few pages: 1 where its 17 tokens fill 2"},
    {"TooManyPages", {1, 1, 0, 0}, {3, 2}, {{{0, 1}, 16}}, "table 0 has too many pages: 2 where its 16 tokens fill 1"},
    {"PageTwiceInATable", {2, 0, 0, 0}, {3, 2, 1}, {{{0, 0}, 32}}, "table 0 holds page 0 twice"},
    {"TableOutsideThePool", {0, 0, 0, 0}, {3, 2, 1, 0}, {{{4}, 16}}, "table 0 holds page 4, but the pool has 4 pages"},
    {"FreeListOutsideThePool",
     {0, 0, 0, 0},
     {3, 2, 1, 0, -1},
     {},
     "page -1 is in the free list, but the pool has 4 pages"},
};

class IntegrityTest : public testing::TestWithParam<IntegrityCase> {};

TEST_P(IntegrityTest, NamesWhatIsWrong) {
  const IntegrityCase& books = GetParam();
  std::vector<TableAccounts> tables;
  for (const Table& table : books.tables) tables.push_back({table.page_ids, table.num_reserved_tokens, 16});
  const Status status = CheckIntegrity(PoolAccounts{books.ref_counts, books.free_list, books.idle_pages}, tables);
  EXPECT_EQ(status ? "" : status.error().message, books.expected);
}

INSTANTIATE_TEST_SUITE_P(Books, IntegrityTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(Integrity, ReadsTheBooksOfAPool) {
  const auto pool = PagePool::Create(4, 0).value();
  PageTable parent(*pool, 16);
  ASSERT_TRUE(parent.Reserve(20));
  parent.Append(20);
  const PageTable child = parent.Fork();
  const PageTable* const both[] = {&parent, &child};
  EXPECT_TRUE(CheckIntegrity(*pool, both));
  EXPECT_EQ(CheckIntegrity(*pool, std::span(both).first(1)).error().message,
            "page 0 has reference count 2, but 1 tables hold it");
}

}  // namespace
}  // namespace tenfold::cache
