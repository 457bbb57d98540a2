// A prefix cache with a swap space: what the pool takes goes there and comes back.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/cache/page_table.h"
#include "tenfold/cache/prefix_cache.h"

namespace tenfold::cache {
namespace {

constexpr int64_t kPageSize = 2;
constexpr size_t kPageBytes = 64;

// Tokens of whole pages, one for each letter.
std::vector<TokenId> Pages(std::string_view letters) {
  std::vector<TokenId> tokens;
  for (const char letter : letters) tokens.insert(tokens.end(), kPageSize, letter);
  return tokens;
}

class SwapSpaceTest : public testing::TestWithParam<const char*> {
 protected:
  void Start(int64_t num_pages, int64_t num_swap_pages, const std::filesystem::path& directory = {}) {
    cache_.reset();
    pool_ = PagePool::Create(num_pages, kPageBytes).value();
    swap_space_ = PagePool::Create(num_swap_pages, kPageBytes, directory).value();
    cache_ = MakePrefixCache(GetParam(), *pool_, kPageSize, swap_space_.get()).value();
  }
  void SetUp() override { Start(4, 8); }
  void TearDown() override {
    const Status integrity = cache_->CheckIntegrity();
    EXPECT_TRUE(integrity) << integrity.error().message;
  }

  std::vector<PageId> Match(std::string_view letters) const {
    std::vector<PageId> pages;
    const std::vector<TokenId> tokens = Pages(letters);
    cache_->Match({tokens, ""}, pages);
    return pages;
  }
  int64_t NumSwapped(std::string_view letters) const {
    const std::vector<PageId> pages = Match(letters);
    return std::count_if(pages.begin(), pages.end(), [this](PageId id) { return cache_->is_swapped(id); });
  }

  // A sequence with these tokens: fetched, the rest computed, published. A page's bytes are its letter.
  PageTable Run(std::string_view letters) {
    const std::vector<TokenId> tokens = Pages(letters);
    PageTable table(*pool_, kPageSize);
    for (const PageId page : Match(letters)) table.Adopt(cache_->Fetch(page));
    const int64_t num_found = table.num_pages();
    EXPECT_TRUE(table.Reserve(static_cast<int64_t>(tokens.size()) - table.num_tokens()));
    table.Append(static_cast<int64_t>(tokens.size()) - table.num_tokens());
    PageId before = kNoPage;
    for (size_t i = 0; i < letters.size(); ++i) {
      const PageId page = table.page_ids()[i];
      if (static_cast<int64_t>(i) >= num_found) std::memset(pool_->data(page), letters[i], kPageBytes);
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(pool_->data(page)), kPageBytes),
                std::string(kPageBytes, letters[i]));
      before = cache_->Insert({tokens, ""}, static_cast<int64_t>(i), before, page);
      if (before != page) table.Exchange(static_cast<int64_t>(i), before);
    }
    return table;
  }

  std::unique_ptr<PagePool> pool_, swap_space_;
  std::unique_ptr<PrefixCache> cache_;
};
INSTANTIATE_TEST_SUITE_P(Kinds, SwapSpaceTest, testing::Values("radix", "hash"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(SwapSpaceTest, WhatThePoolTakesComesBackAsItWas) {
  Run("abc");
  Run("xyz");  // one free page, and the two that "abc" used last
  EXPECT_EQ(Match("abc").size(), 3u);
  EXPECT_EQ(NumSwapped("abc"), 2);
  EXPECT_EQ(cache_->num_pages(), 6);
  EXPECT_EQ(cache_->num_swapped_pages(), 2);
  Run("abc");
  EXPECT_EQ(NumSwapped("abc"), 0);
  EXPECT_EQ(NumSwapped("xyz"), 2);
  EXPECT_EQ(cache_->num_swapped_out(), 4);
  EXPECT_EQ(cache_->num_swapped_in(), 2);
}

TEST_P(SwapSpaceTest, ForgetsItsOldestAndNeverABeginningBeforeItsEnds) {
  Start(4, 3);
  Run("abc");
  Run("uvwx");  // "abc" is swapped out whole, and fills the swap space
  EXPECT_EQ(NumSwapped("abc"), 3);
  Run("z");  // of "uvwx", the last page takes the place of "c"
  EXPECT_EQ(Match("abc").size(), 2u);
  EXPECT_EQ(Match("uvwx").size(), 4u);
  EXPECT_EQ(NumSwapped("uvwx"), 1);
}

TEST_P(SwapSpaceTest, WhatIsPinnedIsNotForgotten) {
  Start(2, 1);
  Run("ab");
  Run("x");  // "b" is swapped out
  ASSERT_EQ(NumSwapped("ab"), 1);
  {
    const PageRef first = cache_->Pin(Match("ab")[0]), second = cache_->Pin(Match("ab")[1]);
    Run("y");  // takes the page of "x", for which there is no room
    EXPECT_EQ(Match("ab").size(), 2u);
    EXPECT_EQ(Match("x").size(), 0u);
  }
  Run("z");  // and now that of "y", in place of "b"
  EXPECT_EQ(Match("ab").size(), 1u);
}

TEST_P(SwapSpaceTest, AFetchThatTakesAnIdlePageExchangesTheTwo) {
  Start(2, 1);
  Run("ab");
  Run("x");
  const PageTable held = Run("ab");  // "b" comes back into the page of "x"
  EXPECT_EQ(NumSwapped("ab"), 0);
  EXPECT_EQ(Match("x").size(), 0u) << "its slot was not free yet when \"x\" had to go";
}

TEST_P(SwapSpaceTest, WhatWasComputedAgainNeedsItsSwappedCopyNoMore) {
  PageTable table(*pool_, kPageSize);
  const std::vector<TokenId> tokens = Pages("ab");
  ASSERT_TRUE(table.Reserve(2 * kPageSize));
  table.Append(2 * kPageSize);
  for (size_t i = 0; i < 2; ++i) std::memset(pool_->data(table.page_ids()[i]), "ab"[i], kPageBytes);
  const PageId first = cache_->Insert({tokens, ""}, 0, kNoPage, table.page_ids()[0]);
  Run("ab");  // meanwhile another one knows "b"
  Run("xy");  // and it is swapped out
  ASSERT_EQ(NumSwapped("ab"), 1);
  EXPECT_EQ(cache_->Insert({tokens, ""}, 1, first, table.page_ids()[1]), table.page_ids()[1]);
  EXPECT_EQ(NumSwapped("ab"), 0);
  EXPECT_EQ(cache_->num_swapped_pages(), 0);
}

TEST_P(SwapSpaceTest, LiesInAFileAndLeavesNothing) {
  const std::filesystem::path directory = testing::TempDir() + "tenfold_swap_" + GetParam() + std::to_string(getpid());
  std::filesystem::create_directories(directory);
  Start(4, 8, directory);
  Run("abc");
  Run("xyz");
  Run("abc");
  EXPECT_GT(cache_->num_swapped_in(), 0);
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  std::filesystem::remove(directory);
}

}  // namespace
}  // namespace tenfold::cache
