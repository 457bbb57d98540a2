// Paged attention of every instruction set against the textbook, and its independence of pages, chunks and threads.
#include "tenfold/kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/base/random.h"
#include "tenfold/kernels/naive_attention.h"
#include "tenfold/kernels/ref/reference.h"
#include "tenfold/platform/aligned_buffer.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {
namespace {

using tensor::DataType;

struct Heads {
  int64_t num_heads, num_kv_heads, head_dim;
};

// One sequence's queries, keys and values, and a pool whose pages stand in reverse order and hold NaN before use.
class Sequence {
 public:
  Sequence(const Heads& heads, DataType type, int64_t length) : heads_(heads), type_(type), length_(length) {
    const auto fill = [&](int64_t width, uint64_t stream) {
      std::vector<float> values(static_cast<size_t>(length * width));
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(UniformDouble(5, stream, i) * 4 - 2);
      return values;
    };
    queries = fill(heads.num_heads * heads.head_dim, 0);
    keys = fill(heads.num_kv_heads * heads.head_dim, 1);
    values = fill(heads.num_kv_heads * heads.head_dim, 2);
  }

  // Computes the whole sequence in chunks of the given size (the first may be another, the last shorter).
  std::vector<float> Run(const KernelTable& table, int num_threads, int64_t page_size, int64_t chunk,
                         int64_t first_chunk = 0) const {
    const KvLayout layout{.num_layers = 2,
                          .num_kv_heads = heads_.num_kv_heads,
                          .head_dim = heads_.head_dim,
                          .page_size = page_size,
                          .type = type_};
    const int64_t num_pages = (length_ + page_size - 1) / page_size;
    auto pool =
        platform::AlignedBuffer::Allocate(layout.page_bytes() * static_cast<size_t>(num_pages), "pages").value();
    std::fill_n(pool.data(), pool.size_bytes(), std::byte{0xff});  // NaN in all types; -1 with a scale of NaN in Q8_0
    std::vector<int32_t> page_ids;
    for (int64_t p = num_pages - 1; p >= 0; --p) page_ids.push_back(static_cast<int32_t>(p));
    const AttentionShape shape{.num_heads = heads_.num_heads, .scale = scale()};
    platform::ThreadPool threads(num_threads);
    AttentionPlan plan(layout, shape, length_, num_threads);
    std::vector<float> scratch(static_cast<size_t>(plan.scratch_floats()), NAN);
    std::vector<float> outputs(queries.size(), NAN);
    for (int64_t begin = 0; begin < length_;) {
      const int64_t wanted = begin == 0 && first_chunk > 0 ? first_chunk : chunk;
      const AttentionChunk sequence{0, std::min(wanted, length_ - begin), begin, page_ids.data()};
      plan.Build({&sequence, 1});
      const int64_t q = begin * heads_.num_heads * heads_.head_dim, kv = begin * heads_.num_kv_heads * heads_.head_dim;
      PagedAttention(table, threads, plan, {pool.data(), layout}, shape, 1, queries.data() + q, keys.data() + kv,
                     values.data() + kv, outputs.data() + q, scratch.data());
      begin += sequence.num_tokens;
    }
    return outputs;
  }

  float scale() const { return 1.0f / std::sqrt(static_cast<float>(heads_.head_dim)); }
  int64_t length() const { return length_; }

  // Other numbers from a position on.
  void Scale(int64_t first_position, float factor) {
    for (std::vector<float>* numbers : {&queries, &keys, &values}) {
      const auto width = static_cast<int64_t>(numbers->size()) / length_;
      for (auto at = numbers->begin() + first_position * width; at != numbers->end(); ++at) *at *= factor;
    }
  }

  std::vector<float> queries, keys, values;

 private:
  Heads heads_;
  DataType type_;
  int64_t length_;
};

bool IsPairs(DataType type) {
  return type == DataType::kBF16 || type == DataType::kQ8_0;
}

// One head of all tokens: [length, head_dim].
std::vector<float> OneHead(const std::vector<float>& all, const Heads& heads, int64_t num, int64_t head) {
  std::vector<float> some;
  const int64_t length = static_cast<int64_t>(all.size()) / (num * heads.head_dim);
  for (int64_t t = 0; t < length; ++t) {
    const float* const row = all.data() + (t * num + head) * heads.head_dim;
    some.insert(some.end(), row, row + heads.head_dim);
  }
  return some;
}

// The numbers as the cache gives them to the kernel. Q8_0 by its definition: the greatest magnitude / 127 in F16 as a
// scale, integers to nearest; their products are rounded to BF16.
std::vector<float> Stored(DataType type, std::vector<float> rows, int64_t head_dim) {
  for (size_t begin = 0; begin < rows.size(); begin += static_cast<size_t>(head_dim)) {
    for (int64_t block = 0; block < head_dim; block += 32) {
      const auto first = rows.begin() + static_cast<int64_t>(begin) + block;
      const auto end = first + std::min<int64_t>(32, head_dim - block);
      float greatest = 0;
      for (auto at = first; at != end; ++at) greatest = std::max(greatest, std::abs(*at));
      const float scale = ToFloat(tensor::ToF16(greatest / 127));
      for (auto at = first; at != end; ++at) {
        if (type == DataType::kF16) *at = ToFloat(tensor::ToF16(*at));
        if (type == DataType::kBF16) *at = ToFloat(tensor::ToBf16(*at));
        if (type == DataType::kQ8_0) {
          *at = ToFloat(tensor::ToBf16(scale * std::clamp(std::nearbyint(*at * (1 / scale)), -127.0f, 127.0f)));
        }
      }
    }
  }
  return rows;
}

std::string NameOf(const KernelTable& table) {
  std::string name = table.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

constexpr DataType kCacheTypes[] = {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kQ8_0};

class AttentionTest : public testing::TestWithParam<std::tuple<const KernelTable*, Heads, DataType>> {};
INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest,
                         testing::Combine(testing::ValuesIn(UsableKernels(platform::DetectCpuFeatures())),
                                          testing::Values(Heads{8, 4, 8}, Heads{8, 1, 64}, Heads{3, 3, 33},
                                                          Heads{4, 4, 80}, Heads{2, 1, 128}),
                                          testing::ValuesIn(kCacheTypes)),
                         [](const auto& info) {
                           const Heads& heads = std::get<1>(info.param);
                           return NameOf(*std::get<0>(info.param)) + "_" + std::to_string(heads.num_heads) + "of" +
                                  std::to_string(heads.num_kv_heads) + "x" + std::to_string(heads.head_dim) + "_" +
                                  std::string(Name(std::get<2>(info.param)));
                         });

// Given the numbers that the kernel multiplies (keys and values as stored, queries as rounded), what is left is:
// - Rounding of the sums in F32. Values are within [-2, 2], weights sum to 1, scores are chains of head_dim terms of at
//   most 4 * scale; their rounding moves a weight by that relative amount. All of it stays below 1e-5 for head_dim up
//   to 128.
// - In caches of pairs, a weight w (1 + a) (1 + b): |a| <= 1.02e-4 by the polynomial, which is in the sum that divides,
//   too; |b| <= 2^-8 by the rounding to BF16. So an output is off by at most (2^-8 + 2 * 1.02e-4) sum of p |v|.
TEST_P(AttentionTest, AgreesWithTheTextbook) {
  const auto& [table, heads, type] = GetParam();
  const Sequence sequence(heads, type, 150);
  const std::vector<float> outputs = sequence.Run(*table, 2, 16, 150);
  const double weight_error = IsPairs(type) ? 0x1p-8 + 2 * 1.02e-4 : 0;
  for (int64_t head = 0; head < heads.num_heads; ++head) {
    const int64_t kv_head = head / (heads.num_heads / heads.num_kv_heads);
    std::vector<float> queries = OneHead(sequence.queries, heads, heads.num_heads, head);
    double scale = sequence.scale();
    if (IsPairs(type)) {
      for (float& q : queries) q = ToFloat(tensor::ToBf16(q * (sequence.scale() * 1.44269504088896341f)));
      scale = std::log(2.0);
    }
    const auto keys = Stored(type, OneHead(sequence.keys, heads, heads.num_kv_heads, kv_head), heads.head_dim);
    auto values = Stored(type, OneHead(sequence.values, heads, heads.num_kv_heads, kv_head), heads.head_dim);
    const auto expected = ref::Attention(queries, keys, values, heads.head_dim, scale);
    for (float& value : values) value = std::abs(value);
    const auto magnitude = ref::Attention(queries, keys, values, heads.head_dim, scale);
    const auto got = OneHead(outputs, heads, heads.num_heads, head);
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], expected[i], 1e-5 + weight_error * magnitude[i]) << "head " << head << " element " << i;
    }
  }
}

// What a cache costs in accuracy, against the textbook on numbers that nobody rounded. Relative to the greatest number
// of a token's head, here 2, a stored one is off by u: 2^-11 for F16, 2^-8 for BF16, and for Q8_0 half of a 127th, and
// its rounding to BF16 and its scale's to F16. A query's coordinate is off by 2^-8 of itself where it is rounded to
// BF16. So a score is off by e = scale * sum of |q| * 2 (u + u_query), a weight by a factor within exp(+-2e), and an
// output by (exp(2e) - 1 + what the weight's own rounding adds) sum of p |v|, and 2u.
TEST_P(AttentionTest, IsAsAccurateAsItsCache) {
  const auto& [table, heads, type] = GetParam();
  const Sequence sequence(heads, type, 150);
  const std::vector<float> outputs = sequence.Run(*table, 2, 16, 150);
  const double u = type == DataType::kF32    ? 0
                   : type == DataType::kF16  ? 0x1p-11
                   : type == DataType::kBF16 ? 0x1p-8
                                             : 0.5 / 127 + 0x1p-8 + 0x1p-11;
  const double u_query = IsPairs(type) ? 0x1p-8 : 0, weight_error = IsPairs(type) ? 0x1p-8 + 2 * 1.02e-4 : 0;
  for (int64_t head = 0; head < heads.num_heads; ++head) {
    const int64_t kv_head = head / (heads.num_heads / heads.num_kv_heads);
    const auto queries = OneHead(sequence.queries, heads, heads.num_heads, head);
    const auto keys = OneHead(sequence.keys, heads, heads.num_kv_heads, kv_head);
    auto values = OneHead(sequence.values, heads, heads.num_kv_heads, kv_head);
    const auto expected = ref::Attention(queries, keys, values, heads.head_dim, sequence.scale());
    for (float& value : values) value = std::abs(value);
    const auto magnitude = ref::Attention(queries, keys, values, heads.head_dim, sequence.scale());
    const auto got = OneHead(outputs, heads, heads.num_heads, head);
    for (size_t i = 0; i < got.size(); ++i) {
      const size_t row = i / static_cast<size_t>(heads.head_dim) * static_cast<size_t>(heads.head_dim);
      double sum_of_query = 0;
      for (size_t d = 0; d < static_cast<size_t>(heads.head_dim); ++d) sum_of_query += std::abs(queries[row + d]);
      const double score_error = sequence.scale() * sum_of_query * 2 * (u + u_query);
      const double bound = 1e-5 + (std::exp(2 * score_error) - 1 + weight_error) * magnitude[i] + 2 * u;
      ASSERT_NEAR(got[i], expected[i], bound) << "head " << head << " element " << i;
    }
  }
}

TEST_P(AttentionTest, DoesNotDependOnPagesChunksOrThreads) {
  const auto& [table, heads, type] = GetParam();
  const Sequence sequence(heads, type, 200);
  const std::vector<float> expected = sequence.Run(*table, 1, 16, 200);
  for (const int64_t page_size : {16, 32, 64, 128}) {
    for (const int64_t chunk : {1, 7, 64, 200}) {
      const auto outputs = sequence.Run(*table, chunk == 7 ? 3 : 2, page_size, chunk);
      ASSERT_TRUE(outputs == expected) << "pages of " << page_size << ", chunks of " << chunk;
    }
  }
}

// A key that is not a number spoils the queries that see it, and no others, however they are chunked.
TEST_P(AttentionTest, BrokenKeysAreSeenFromTheirPositionOn) {
  const auto& [table, heads, type] = GetParam();
  Sequence sequence(heads, type, 100);
  const int64_t broken = 37;
  std::fill_n(sequence.keys.begin() + broken * heads.num_kv_heads * heads.head_dim, heads.num_kv_heads * heads.head_dim,
              NAN);
  const int64_t width = heads.num_heads * heads.head_dim;
  for (const int64_t chunk : {1, 9, 100}) {
    const auto outputs = sequence.Run(*table, 2, 16, chunk);
    for (size_t i = 0; i < outputs.size(); ++i) {
      ASSERT_EQ(std::isnan(outputs[i]), static_cast<int64_t>(i) / width >= broken)
          << "chunks of " << chunk << ", " << i;
    }
  }
}

// Contexts of several ranges: a piece that several threads share, and merge, gives the bits of one that a thread
// computes alone.
class AttentionRangesTest : public testing::TestWithParam<std::tuple<const KernelTable*, DataType>> {};
INSTANTIATE_TEST_SUITE_P(Types, AttentionRangesTest,
                         testing::Combine(testing::ValuesIn(UsableKernels(platform::DetectCpuFeatures())),
                                          testing::ValuesIn(kCacheTypes)),
                         [](const auto& info) {
                           return NameOf(*std::get<0>(info.param)) + "_" + std::string(Name(std::get<1>(info.param)));
                         });

TEST_P(AttentionRangesTest, DoNotDependOnWhoComputesThem) {
  const auto& [table, type] = GetParam();
  const int64_t length = 2 * kAttentionRange + 100;
  const Sequence sequence({4, 4, 8}, type, length);  // more ranges than a plan for two threads keeps at once
  const std::vector<float> expected = sequence.Run(*table, 1, 64, 500);
  for (const int num_threads : {2, 5}) {
    // Single tokens from before the second range's end.
    const auto outputs = sequence.Run(*table, num_threads, 16, 1, 2 * kAttentionRange - 3);
    ASSERT_TRUE(outputs == expected) << num_threads << " threads";
  }
}

// The last tokens of sequences that begin alike, on the same pages, each in a batch with all the others.
std::vector<std::vector<float>> DecodeTogether(const KernelTable& table, const Heads& heads, DataType type,
                                               int64_t num_shared, const std::vector<Sequence>& sequences,
                                               int num_threads, int64_t page_size, size_t* num_pieces) {
  const KvLayout layout{.num_layers = 2,
                        .num_kv_heads = heads.num_kv_heads,
                        .head_dim = heads.head_dim,
                        .page_size = page_size,
                        .type = type};
  std::vector<std::vector<int32_t>> page_ids(sequences.size());
  int32_t num_pages = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    const int64_t num_shared_pages = s == 0 ? 0 : num_shared / page_size;
    page_ids[s].assign(page_ids[0].begin(), page_ids[0].begin() + num_shared_pages);
    while (static_cast<int64_t>(page_ids[s].size()) * page_size < sequences[s].length())
      page_ids[s].push_back(num_pages++);
  }
  auto pool = platform::AlignedBuffer::Allocate(layout.page_bytes() * static_cast<size_t>(num_pages), "pages").value();
  std::fill_n(pool.data(), pool.size_bytes(), std::byte{0xff});
  const AttentionShape shape{.num_heads = heads.num_heads, .scale = sequences[0].scale()};
  platform::ThreadPool threads(num_threads);
  AttentionPlan plan(layout, shape, 4096, num_threads);
  std::vector<float> scratch(static_cast<size_t>(plan.scratch_floats()), NAN);
  const int64_t width = heads.num_heads * heads.head_dim, kv_width = heads.num_kv_heads * heads.head_dim;
  std::vector<float> queries, keys, values;
  std::vector<AttentionChunk> decodes;
  for (size_t s = 0; s < sequences.size(); ++s) {
    const Sequence& sequence = sequences[s];
    const int64_t begin = s == 0 ? 0 : num_shared / page_size * page_size, last = sequence.length() - 1;
    const AttentionChunk chunk{0, last - begin, begin, page_ids[s].data()};
    plan.Build({&chunk, 1});
    std::vector<float> outputs(static_cast<size_t>(chunk.num_tokens * width));
    PagedAttention(table, threads, plan, {pool.data(), layout}, shape, 1, sequence.queries.data() + begin * width,
                   sequence.keys.data() + begin * kv_width, sequence.values.data() + begin * kv_width, outputs.data(),
                   scratch.data());
    decodes.push_back({static_cast<int64_t>(s), 1, last, page_ids[s].data()});
    queries.insert(queries.end(), sequence.queries.end() - width, sequence.queries.end());
    keys.insert(keys.end(), sequence.keys.end() - kv_width, sequence.keys.end());
    values.insert(values.end(), sequence.values.end() - kv_width, sequence.values.end());
  }
  plan.Build(decodes);
  *num_pieces = plan.whole().size() + plan.split().size();
  std::vector<float> outputs(queries.size(), NAN);
  PagedAttention(table, threads, plan, {pool.data(), layout}, shape, 1, queries.data(), keys.data(), values.data(),
                 outputs.data(), scratch.data());
  std::vector<std::vector<float>> each;
  for (auto at = outputs.begin(); at != outputs.end(); at += width) each.emplace_back(at, at + width);
  return each;
}

void ExpectSharingChangesNothing(const KernelTable& table, const Heads& heads, DataType type, int64_t num_shared,
                                 const std::vector<int64_t>& own_lengths, std::span<const int64_t> page_sizes) {
  std::vector<Sequence> sequences;
  std::vector<std::vector<float>> expected;
  const int64_t width = heads.num_heads * heads.head_dim;
  for (const int64_t own : own_lengths) {
    sequences.emplace_back(heads, type, num_shared + own);
    sequences.back().Scale(num_shared, 1 + 0.1f * static_cast<float>(sequences.size()));
    const std::vector<float> alone = sequences.back().Run(table, 1, 64, 500);
    expected.emplace_back(alone.end() - width, alone.end());
  }
  for (const int64_t page_size : page_sizes) {
    for (const int num_threads : {1, 3}) {
      size_t num_pieces = 0;
      const auto together =
          DecodeTogether(table, heads, type, num_shared, sequences, num_threads, page_size, &num_pieces);
      EXPECT_LT(num_pieces, sequences.size());
      for (size_t s = 0; s < sequences.size(); ++s) {
        ASSERT_TRUE(together[s] == expected[s])
            << "sequence " << s << ", pages of " << page_size << ", " << num_threads << " threads";
      }
    }
  }
}

TEST_P(AttentionTest, ASharedPrefixIsReadOnceAndChangesNothing) {
  const auto& [table, heads, type] = GetParam();
  constexpr int64_t kPageSizes[] = {16, 128};
  ExpectSharingChangesNothing(*table, heads, type, 2 * kAttentionKeys + 20, {1, 140, 9}, kPageSizes);
}

// The prefix ends inside the second range; of the sequences, some do as well, some reach the third.
TEST_P(AttentionRangesTest, ASharedPrefixOfSeveralRangesChangesNothing) {
  const auto& [table, type] = GetParam();
  constexpr int64_t kPageSizes[] = {64};
  ExpectSharingChangesNothing(*table, {4, 2, 8}, type, kAttentionRange + 300, {1, 900, 5}, kPageSizes);
}

// Scores that rise by 20 (e^20) with the second block of keys: what the first block left must shrink to nothing.
TEST_P(AttentionRangesTest, RescaleWhatWasSummedBefore) {
  const auto& [table, type] = GetParam();
  const Heads heads{1, 1, 8};
  Sequence sequence(heads, type, 300);
  std::fill(sequence.queries.begin(), sequence.queries.end(), 1.0f);
  for (size_t i = 0; i < sequence.keys.size(); ++i) {
    const bool is_first = i < static_cast<size_t>(kAttentionKeys * heads.head_dim);
    sequence.keys[i] = is_first ? 0.0f : 20 / (sequence.scale() * static_cast<float>(heads.head_dim));
    sequence.values[i] = is_first ? 2.0f : 1.0f;
  }
  const std::vector<float> outputs = sequence.Run(*table, 1, 64, 300);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const bool is_first = i < static_cast<size_t>(kAttentionKeys * heads.head_dim);
    ASSERT_NEAR(outputs[i], is_first ? 2 : 1, 1e-5 + (IsPairs(type) ? 2 * (0x1p-8 + 2 * 1.02e-4) : 0)) << i;
  }
}

// The baseline computes the same thing in one go, at the cost that the paper is about: so this also tests the merge.
TEST_P(AttentionRangesTest, AgreeWithTheBaseline) {
  const auto& [table, type] = GetParam();
  if (type == DataType::kQ8_0) GTEST_SKIP() << "the baseline has no quantized cache";
  const int64_t length = 2 * kAttentionRange + 100, num_queries = 150;
  const Heads heads{2, 2, 20};
  const Sequence sequence(heads, type, length);
  const std::vector<float> expected = sequence.Run(*table, 2, 64, length);
  const KvLayout layout{.num_layers = 1,
                        .num_kv_heads = heads.num_kv_heads,
                        .head_dim = heads.head_dim,
                        .page_size = (length + 63) / 64 * 64,
                        .type = type};
  auto page = platform::AlignedBuffer::Allocate(layout.page_bytes(), "a page").value();
  for (int64_t head = 0; head < heads.num_kv_heads; ++head) {
    table->store_keys_values(layout, {.keys_in_page = page.data() + layout.keys_offset(0, head),
                                      .values_in_page = page.data() + layout.values_offset(0, head),
                                      .num_tokens = length,
                                      .keys = sequence.keys.data() + head * heads.head_dim,
                                      .values = sequence.values.data() + head * heads.head_dim,
                                      .stride = heads.num_kv_heads * heads.head_dim});
  }
  const AttentionShape shape{.num_heads = heads.num_heads, .scale = sequence.scale()};
  platform::ThreadPool threads(2);
  const AttentionCost cost = NaiveAttentionCost(layout, shape, num_queries, length, 2);
  std::vector<float> scratch(static_cast<size_t>(cost.scratch_bytes) / sizeof(float), NAN);
  const int64_t skipped = (length - num_queries) * heads.num_heads * heads.head_dim;
  std::vector<float> outputs(expected.size() - static_cast<size_t>(skipped));
  NaiveAttention(*table, threads, {page.data(), layout}, shape, 0, num_queries, length,
                 sequence.queries.data() + skipped, outputs.data(), scratch.data());
  // Each is within the bound of AgreesWithTheTextbook, and values within 2.
  const double bound = 2 * (1e-5 + (IsPairs(type) ? 2 * (0x1p-8 + 2 * 1.02e-4) : 0));
  for (size_t i = 0; i < outputs.size(); ++i) {
    ASSERT_NEAR(outputs[i], expected[i + static_cast<size_t>(skipped)], bound) << i;
  }
}

}  // namespace
}  // namespace tenfold::kernels
