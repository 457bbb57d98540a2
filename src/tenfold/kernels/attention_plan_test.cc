// How a batch's attention is cut into pieces, and what that costs in counters.
#include "tenfold/kernels/attention_plan.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/kernels/naive_attention.h"

namespace tenfold::kernels {
namespace {

using tensor::DataType;

// Sequences of one row each, by the page lists behind which they decode. Groups are those that save most.
TEST(AttentionPlanTest, PutsTogetherWhatSharesAPrefix) {
  constexpr int64_t kPage = 128, kContext = 16 * kPage;
  const KvLayout layout{.num_layers = 1, .num_kv_heads = 4, .head_dim = 64, .page_size = kPage};
  // Each sequence's pages: `shared` of them counted from `first`, then its own.
  const auto groups_of = [&](std::vector<std::pair<int32_t, int64_t>> begins, int num_threads) {
    std::vector<std::vector<int32_t>> lists;
    std::vector<AttentionChunk> chunks;
    for (const auto& [first, shared] : begins) {
      std::vector<int32_t>& list = lists.emplace_back();
      for (int64_t page = 0; page < 17; ++page) {
        const bool is_shared = page < shared;
        list.push_back(
            static_cast<int32_t>(is_shared ? first + page : 1000 * static_cast<int64_t>(lists.size()) + page));
      }
    }
    for (size_t s = 0; s < lists.size(); ++s) chunks.push_back({static_cast<int64_t>(s), 1, kContext, lists[s].data()});
    AttentionPlan plan(layout, {.num_heads = 32, .scale = 1}, 64, num_threads);
    plan.Build(chunks);
    std::vector<std::pair<std::vector<int64_t>, int64_t>> groups;
    for (const auto* pieces : {&plan.whole(), &plan.split()}) {
      for (const AttentionPlan::Piece& piece : *pieces) {
        auto& [rows, num_shared_pages] = groups.emplace_back();
        for (const AttentionChunk& part : piece.parts) rows.push_back(part.first_row);
        std::sort(rows.begin(), rows.end());
        num_shared_pages = piece.num_shared_keys / kPage;
      }
    }
    std::sort(groups.begin(), groups.end());
    return groups;
  };
  using Groups = std::vector<std::pair<std::vector<int64_t>, int64_t>>;
  EXPECT_EQ(groups_of({{0, 8}, {50, 8}, {0, 8}, {50, 8}, {0, 8}}, 1), (Groups{{{0, 2, 4}, 8}, {{1, 3}, 8}}));
  EXPECT_EQ(groups_of({{0, 0}, {0, 0}}, 1), (Groups{{{0}, 0}, {{1}, 0}}));
  // A pair that shares 12 pages and a third that shares 2 with them: apart, 12 are saved, together 4.
  EXPECT_EQ(groups_of({{0, 12}, {0, 12}, {0, 2}}, 1), (Groups{{{0, 1}, 12}, {{2}, 0}}));
  // With 7 they save 14.
  EXPECT_EQ(groups_of({{0, 12}, {0, 12}, {0, 7}}, 1), (Groups{{{0, 1, 2}, 7}}));
  // No more rows than a piece has, and pieces of similar size: 30 sequences of 8 rows.
  const Groups many = groups_of(std::vector(30, std::pair<int32_t, int64_t>{0, 8}), 1);
  ASSERT_EQ(many.size(), 2u);
  EXPECT_EQ(many[0].first.size(), 15u);
  // Many threads want many pieces, but each has at least two sequences.
  EXPECT_EQ(groups_of(std::vector(8, std::pair<int32_t, int64_t>{0, 8}), 64).size(), 4u);
}

// Every query of every sequence is computed once, and only what is much longer than its share is split.
TEST(AttentionPlanTest, SplitsWhatIsMoreThanItsShare) {
  const KvLayout layout{.num_layers = 1, .num_kv_heads = 2, .head_dim = 64, .page_size = 32};
  struct Case {
    int num_threads;
    std::vector<AttentionChunk> sequences;
    size_t num_split;
    int64_t num_range_items;
  };
  const int64_t range = kAttentionRange;
  std::vector<int32_t> all_pages(static_cast<size_t>(20 * range / layout.page_size));
  std::iota(all_pages.begin(), all_pages.end(), 0);
  const int32_t* const pages = all_pages.data();
  const Case cases[] = {
      {1, {{0, 1, 9 * range, pages}}, 0, 0},
      {2, {{0, 1, range - 1, pages}}, 0, 0},
      {2, {{0, 1, range, pages}}, 1, 2 * 2},
      {2, {{0, 1, 9 * range, pages}}, 1, 2 * 10},
      {2, {{0, 1, 9 * range, pages}, {1, 1, 30, pages}, {2, 200, 0, pages}}, 1, 2 * 10},
      {2, {{0, 512, 9 * range, pages}}, 0, 0},
  };
  for (const Case& c : cases) {
    AttentionPlan plan(layout, {.num_heads = 16, .scale = 1}, 600, c.num_threads);
    const int64_t scratch = plan.scratch_floats();
    plan.Build(c.sequences);
    int64_t num_rows = 0;
    for (const AttentionChunk& sequence : c.sequences) num_rows += sequence.num_tokens;
    for (const bool of_queries : {true, false}) {
      std::vector<int> times(static_cast<size_t>(num_rows));
      const auto count = [&](std::span<const AttentionChunk> chunks) {
        for (const AttentionChunk& chunk : chunks) {
          for (int64_t i = 0; i < chunk.num_tokens; ++i) ++times[static_cast<size_t>(chunk.first_row + i)];
        }
      };
      if (of_queries) {
        for (const auto& piece : plan.whole()) count(piece.parts);
        for (const auto& piece : plan.split()) count(piece.parts);
      } else {
        count(plan.stores());
      }
      EXPECT_EQ(times, std::vector<int>(times.size(), 1)) << "queries: " << of_queries;
    }
    EXPECT_EQ(plan.split().size(), c.num_split);
    EXPECT_EQ(plan.num_range_items(), c.num_range_items);
    EXPECT_EQ(plan.scratch_floats(), scratch);
    for (int64_t i = 0; i < plan.num_range_items(); ++i) {
      const auto item = plan.range_item(i);
      EXPECT_EQ(item.head * plan.split()[0].num_ranges() + item.range, i);
    }
  }
}

// The paper's claim in counters: scratch that does not depend on the context, and traffic without its square.
TEST(AttentionCostTest, FlashHasNoSquareOfTheContext) {
  const KvLayout layout{.num_layers = 1, .num_kv_heads = 4, .head_dim = 64, .page_size = 64, .type = DataType::kBF16};
  const AttentionShape shape{.num_heads = 32, .scale = 0.125f};
  const auto cost_of = [&](int64_t num_tokens, bool is_flash) {
    if (!is_flash) return NaiveAttentionCost(layout, shape, num_tokens, num_tokens, 2);
    AttentionPlan plan(layout, shape, num_tokens, 2);
    const AttentionChunk sequence{0, num_tokens, 0, nullptr};
    plan.Build({&sequence, 1});
    return FlashAttentionCost(plan, layout, shape);
  };
  const AttentionCost flash_1k = cost_of(1024, true), flash_16k = cost_of(16384, true);
  const AttentionCost naive_1k = cost_of(1024, false), naive_16k = cost_of(16384, false);
  EXPECT_EQ(flash_1k.scratch_bytes, flash_16k.scratch_bytes);
  EXPECT_GT(naive_16k.scratch_bytes, 200 * naive_1k.scratch_bytes);
  EXPECT_NEAR(flash_16k.flops, naive_16k.flops, 1e-9 * naive_16k.flops);
  EXPECT_GT(naive_1k.bytes_moved, 4 * flash_1k.bytes_moved);
  EXPECT_GT(naive_16k.bytes_moved, 4 * flash_16k.bytes_moved);
}

}  // namespace
}  // namespace tenfold::kernels
