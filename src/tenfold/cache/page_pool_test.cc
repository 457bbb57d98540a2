#include "tenfold/cache/page_pool.h"

#include <cstring>

#include <gtest/gtest.h>

namespace tenfold::cache {
namespace {

TEST(PagePool, HandsOutTheLastFreedPageFirst) {
  const auto pool = PagePool::Create(3, 0).value();
  std::optional<PageRef> a = pool->Allocate();
  std::optional<PageRef> b = pool->Allocate();
  std::optional<PageRef> c = pool->Allocate();
  EXPECT_EQ(a->id(), 0);
  EXPECT_EQ(b->id(), 1);
  EXPECT_EQ(c->id(), 2);
  EXPECT_EQ(pool->Allocate(), std::nullopt);
  a.reset();
  c.reset();
  EXPECT_EQ(pool->num_free_pages(), 2);
  EXPECT_EQ(pool->Allocate()->id(), 2);
}

TEST(PagePool, APageComesBackWithItsLastReference) {
  const auto pool = PagePool::Create(1, 0).value();
  std::optional<PageRef> first = pool->Allocate();
  std::optional<PageRef> second = first->Share();
  EXPECT_EQ(pool->ref_count(0), 2);
  first.reset();
  EXPECT_EQ(pool->ref_count(0), 1);
  EXPECT_EQ(pool->num_free_pages(), 0);
  PageRef moved = std::move(*second);
  second.reset();
  EXPECT_EQ(pool->ref_count(0), 1);
  { const PageRef last = std::move(moved); }
  EXPECT_EQ(pool->ref_count(0), 0);
  EXPECT_EQ(pool->num_free_pages(), 1);
}

TEST(PagePool, PagesAreApartAndAligned) {
  constexpr size_t kPageBytes = 100;
  const auto pool = PagePool::Create(4, kPageBytes).value();
  for (PageId id = 0; id < 4; ++id) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(pool->data(id)) % 64, 0);
    std::memset(pool->data(id), 'a' + id, kPageBytes);
  }
  pool->Copy(3, 1);
  for (PageId id = 0; id < 4; ++id) {
    const std::string expected(kPageBytes, id == 1 ? 'd' : static_cast<char>('a' + id));
    EXPECT_EQ(std::memcmp(pool->data(id), expected.data(), kPageBytes), 0) << id;
  }
}

TEST(PagePool, SixteenMillionPagesFit) {
  const auto pool = PagePool::Create(16'000'000, 0).value();
  EXPECT_EQ(pool->num_free_pages(), 16'000'000);
  EXPECT_EQ(pool->Allocate()->id(), 0);
}

TEST(PagePool, RefusesImpossibleSizes) {
  EXPECT_EQ(PagePool::Create(0, 64).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(PagePool::Create(int64_t{1} << 31, 64).error().message,
            "a page pool of 2147483648 pages: there must be between 1 and 2147483647; change the cache memory or the "
            "page size");
  EXPECT_EQ(PagePool::Create(1 << 20, size_t{1} << 60).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(PagePool::Create(1, ~size_t{0}).error().code, ErrorCode::kResourceExhausted);
}

TEST(PagePoolDeathTest, NoPageOutlivesThePool) {
  EXPECT_DEATH(
      {
        auto pool = PagePool::Create(8, 0).value();
        const PageRef page = *pool->Allocate();
        const PageRef other = *pool->Allocate();
        pool.reset();
      },
      "2 of 8 pages are still held while their pool goes away");
}

}  // namespace
}  // namespace tenfold::cache
