#include "tenfold/cache/prefix_cache.h"

#include <gtest/gtest.h>

#include "tenfold/cache/block_hash_table.h"
#include "tenfold/cache/page_table.h"
#include "tenfold/cache/radix_tree.h"

namespace tenfold::cache {
namespace {

constexpr int64_t kPageSize = 4;

// Tokens of whole pages: each letter stands for a page of four tokens of its own.
std::vector<TokenId> Pages(std::string_view letters) {
  std::vector<TokenId> tokens;
  for (const char letter : letters) {
    for (int i = 0; i < kPageSize; ++i) tokens.push_back(letter * 10 + i);
  }
  return tokens;
}

class PrefixCacheTest : public testing::TestWithParam<const char*> {
 protected:
  void Start(int64_t num_pages) {
    cache_.reset();
    pool_ = PagePool::Create(num_pages, 0).value();
    cache_ = MakePrefixCache(GetParam(), *pool_, kPageSize).value();
  }
  void SetUp() override { Start(8); }
  void TearDown() override {
    const Status integrity = cache_->CheckIntegrity();
    EXPECT_TRUE(integrity) << integrity.error().message;
  }

  std::vector<PageId> Match(const std::vector<TokenId>& tokens, std::string_view space = "") const {
    std::vector<PageId> pages;
    cache_->Match({tokens, space}, pages);
    return pages;
  }

  // A sequence with these tokens: matched, the rest computed, published.
  PageTable Run(const std::vector<TokenId>& tokens, std::string_view space = "") {
    PageTable table(*pool_, kPageSize);
    for (const PageId page : Match(tokens, space)) table.Adopt(cache_->Fetch(page));
    const int64_t num_new_tokens = static_cast<int64_t>(tokens.size()) - table.num_tokens();
    EXPECT_TRUE(table.Reserve(num_new_tokens));
    table.Append(num_new_tokens);
    Publish(table, tokens, space);
    return table;
  }
  void Publish(PageTable& table, const std::vector<TokenId>& tokens, std::string_view space = "") {
    PageId before = kNoPage;
    for (int64_t i = 0; i < table.num_tokens() / kPageSize; ++i) {
      const PageId page = table.page_ids()[static_cast<size_t>(i)];
      before = cache_->Insert({tokens, space}, i, before, page);
      if (before != page) table.Exchange(i, before);
    }
  }

  std::unique_ptr<PagePool> pool_;
  std::unique_ptr<PrefixCache> cache_;
};
INSTANTIATE_TEST_SUITE_P(Kinds, PrefixCacheTest, testing::Values("radix", "hash"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(PrefixCacheTest, FindsTheLongestBeginningInWholePages) {
  const PageTable table = Run(Pages("abc"));
  const std::vector<PageId> pages(table.page_ids().begin(), table.page_ids().end());
  EXPECT_EQ(Match(Pages("abc")), pages);
  EXPECT_EQ(Match(Pages("abcd")), pages);
  EXPECT_EQ(Match(Pages("abx")), std::vector(pages.begin(), pages.begin() + 2));
  EXPECT_EQ(Match(Pages("xbc")), std::vector<PageId>());
  std::vector<TokenId> tokens = Pages("abc");
  tokens.pop_back();
  EXPECT_EQ(Match(tokens).size(), 2u) << "the last page is not full";
  tokens = Pages("abc");
  tokens[7] = 0;
  EXPECT_EQ(Match(tokens).size(), 1u) << "the last token of the second page differs";
}

TEST_P(PrefixCacheTest, SpacesShareNothing) {
  const PageTable table = Run(Pages("ab"), "alice");
  EXPECT_EQ(Match(Pages("ab"), "alice").size(), 2u);
  EXPECT_EQ(Match(Pages("ab"), "bob").size(), 0u);
  EXPECT_EQ(Match(Pages("ab")).size(), 0u);
  EXPECT_EQ(Run(Pages("ab"), "bob").page_ids()[0], 2);
}

TEST_P(PrefixCacheTest, PagesStayWhenTheirSequenceEndsAndAreHeldAgain) {
  Run(Pages("abc"));
  EXPECT_EQ(pool_->num_free_pages(), 8);
  EXPECT_EQ(pool_->num_idle_pages(), 3);
  const PageTable again = Run(Pages("abcd"));
  EXPECT_EQ(pool_->num_idle_pages(), 0);
  EXPECT_EQ(pool_->num_free_pages(), 4);
}

TEST_P(PrefixCacheTest, TakesTheEndsOfThosePromptsFirstThatWereUsedLeastRecently) {
  Run(Pages("abc"));
  Run(Pages("xyz"));
  Run(Pages("abd"));  // uses "ab" again
  ASSERT_EQ(pool_->num_idle_pages(), 7);
  const auto expect_found = [&](std::vector<size_t> abc_xyz_abd) {
    EXPECT_EQ((std::vector{Match(Pages("abc")).size(), Match(Pages("xyz")).size(), Match(Pages("abd")).size()}),
              abc_xyz_abd);
  };
  PageTable taker(*pool_, kPageSize);
  const auto take = [&] { ASSERT_TRUE(taker.Reserve(taker.num_reserved_tokens() + kPageSize)); };
  take();  // the one that was never used
  expect_found({3, 3, 3});
  take();
  expect_found({2, 3, 3});
  take();
  expect_found({2, 2, 3});
  take();
  take();
  expect_found({2, 0, 3});
  take();
  expect_found({2, 0, 2});
  take();
  take();
  expect_found({0, 0, 0});
  EXPECT_EQ(cache_->num_pages(), 0);
}

TEST_P(PrefixCacheTest, WhatASequenceHoldsIsNeverTaken) {
  const PageTable held = Run(Pages("ab"));
  Run(Pages("abcd"));
  PageTable taker(*pool_, kPageSize);
  EXPECT_FALSE(taker.Reserve(7 * kPageSize));
  ASSERT_TRUE(taker.Reserve(6 * kPageSize));
  EXPECT_EQ(pool_->num_free_pages(), 0);
  EXPECT_EQ(Match(Pages("abcd")).size(), 2u);
}

TEST_P(PrefixCacheTest, TwoThatComputedTheSameKeepOneCopy) {
  const std::vector<TokenId> tokens = Pages("abc");
  std::vector<PageTable> tables;
  for (int i = 0; i < 2; ++i) {
    tables.emplace_back(*pool_, kPageSize);
    ASSERT_TRUE(tables.back().Reserve(3 * kPageSize));
    tables.back().Append(3 * kPageSize);
  }
  EXPECT_EQ(pool_->num_free_pages(), 2);
  for (PageTable& table : tables) Publish(table, tokens);
  EXPECT_EQ(pool_->num_free_pages(), 5);
  EXPECT_TRUE(std::equal(tables[0].page_ids().begin(), tables[0].page_ids().end(), tables[1].page_ids().begin()));
}

// A sequence publishes after each of its chunks; others may have split or continued its run in the meantime.
TEST_P(PrefixCacheTest, ContinuesAfterPagesThatOthersContinuedToo) {
  PageTable table(*pool_, kPageSize);
  const std::vector<TokenId> tokens = Pages("abcd");
  ASSERT_TRUE(table.Reserve(4 * kPageSize));
  table.Append(2 * kPageSize);
  Publish(table, tokens);
  Run(Pages("ax"));
  Run(Pages("aby"));
  table.Append(2 * kPageSize);
  Publish(table, tokens);
  EXPECT_EQ(Match(Pages("abcd")).size(), 4u);
  EXPECT_EQ(Match(Pages("aby")).size(), 3u);
  EXPECT_EQ(Match(Pages("ax")).size(), 2u);
}

TEST_P(PrefixCacheTest, WithoutACachePagesAreFreeAgain) {
  Run(Pages("abc"));
  cache_.reset();
  EXPECT_EQ(pool_->num_free_pages(), 8);
  EXPECT_EQ(pool_->num_idle_pages(), 0);
  cache_ = MakePrefixCache(GetParam(), *pool_, kPageSize).value();
}

TEST(RadixTree, KeepsARunInOneNodeUntilItIsSplit) {
  const auto pool = PagePool::Create(16, 0).value();
  RadixTree tree(*pool, kPageSize);
  std::vector<PageRef> held;
  const auto insert = [&](std::string_view letters) {
    PageId before = kNoPage;
    const std::vector<TokenId> tokens = Pages(letters);
    for (size_t i = 0; i < letters.size(); ++i) {
      held.push_back(*pool->Allocate());
      before = tree.Insert({tokens, ""}, static_cast<int64_t>(i), before, held.back().id());
    }
  };
  insert("abcd");
  EXPECT_EQ(tree.num_nodes(), 1);
  insert("abxy");
  EXPECT_EQ(tree.num_nodes(), 3);
  insert("abxyz");
  EXPECT_EQ(tree.num_nodes(), 3);
  EXPECT_EQ(tree.num_pages(), 7);
  EXPECT_TRUE(tree.CheckIntegrity());
}

TEST(BlockHashTable, EqualHashesOfDifferentPromptsAreNoHits) {
  const auto pool = PagePool::Create(64, 0).value();
  BlockHashTable table(*pool, kPageSize, nullptr, 1);  // every other hash is the same
  std::vector<PageRef> held;
  const std::string letters = "abcdefghijklmnopqrst";
  for (const char letter : letters) {
    held.push_back(*pool->Allocate());
    const std::vector<TokenId> tokens = Pages(std::string_view(&letter, 1));
    EXPECT_EQ(table.Insert({tokens, ""}, 0, kNoPage, held.back().id()), held.back().id());
  }
  for (size_t i = 0; i < letters.size(); ++i) {
    std::vector<PageId> pages;
    table.Match({Pages(letters.substr(i, 1) + "z"), ""}, pages);
    EXPECT_EQ(pages, std::vector<PageId>{held[i].id()});
    pages.clear();
    table.Match({Pages(letters.substr(i, 1)), "elsewhere"}, pages);
    EXPECT_EQ(pages, std::vector<PageId>());
  }
  EXPECT_TRUE(table.CheckIntegrity());
}

TEST(PrefixCache, NamesAreChecked) {
  const auto pool = PagePool::Create(1, 0).value();
  EXPECT_EQ(MakePrefixCache("none", *pool, kPageSize).value(), nullptr);
  EXPECT_EQ(MakePrefixCache("trie", *pool, kPageSize).error().message,
            "there is no prefix cache \"trie\"; there are radix, hash and none");
}

}  // namespace
}  // namespace tenfold::cache
