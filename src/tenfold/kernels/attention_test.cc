// Paged attention of every instruction set against the textbook, and its independence of pages, chunks and threads.
#include "tenfold/kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/base/random.h"
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

  // Computes the whole sequence in chunks of the given size (the last may be shorter).
  std::vector<float> Run(const KernelTable& table, int num_threads, int64_t page_size, int64_t chunk) const {
    const KvLayout layout{.num_layers = 2,
                          .num_kv_heads = heads_.num_kv_heads,
                          .head_dim = heads_.head_dim,
                          .page_size = page_size,
                          .type = type_};
    const int64_t num_pages = (length_ + page_size - 1) / page_size;
    auto pool =
        platform::AlignedBuffer::Allocate(layout.page_bytes() * static_cast<size_t>(num_pages), "pages").value();
    std::fill_n(pool.data(), pool.size_bytes(), std::byte{0xff});  // NaN in all three types
    std::vector<int32_t> page_ids;
    for (int64_t p = num_pages - 1; p >= 0; --p) page_ids.push_back(static_cast<int32_t>(p));
    const AttentionShape shape{.num_heads = heads_.num_heads, .scale = scale()};
    platform::ThreadPool threads(num_threads);
    AttentionPlan plan(layout, shape, length_, num_threads);
    std::vector<float> scratch(static_cast<size_t>(plan.scratch_floats()), NAN);
    std::vector<float> outputs(queries.size(), NAN);
    for (int64_t begin = 0; begin < length_; begin += chunk) {
      const AttentionSequence sequence{0, std::min(chunk, length_ - begin), begin, page_ids.data()};
      plan.Build({&sequence, 1});
      const int64_t q = begin * heads_.num_heads * heads_.head_dim, kv = begin * heads_.num_kv_heads * heads_.head_dim;
      PagedAttention(table, threads, plan, {pool.data(), layout}, shape, 1, queries.data() + q, keys.data() + kv,
                     values.data() + kv, outputs.data() + q, scratch.data());
    }
    return outputs;
  }

  float scale() const { return 1.0f / std::sqrt(static_cast<float>(heads_.head_dim)); }

  std::vector<float> queries, keys, values;

 private:
  Heads heads_;
  DataType type_;
  int64_t length_;
};

float Stored(DataType type, float value) {
  if (type == DataType::kF16) return ToFloat(tensor::ToF16(value));
  if (type == DataType::kBF16) return ToFloat(tensor::ToBf16(value));
  return value;
}

class AttentionTest : public testing::TestWithParam<std::tuple<const KernelTable*, Heads, DataType>> {};
INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest,
                         testing::Combine(testing::ValuesIn(UsableKernels(platform::DetectCpuFeatures())),
                                          testing::Values(Heads{8, 4, 8}, Heads{3, 1, 64}, Heads{4, 4, 80},
                                                          Heads{2, 1, 128}),
                                          testing::Values(DataType::kF32, DataType::kF16, DataType::kBF16)),
                         [](const auto& info) {
                           const Heads& heads = std::get<1>(info.param);
                           std::string name = std::get<0>(info.param)->name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name + "_" + std::to_string(heads.num_heads) + "of" +
                                  std::to_string(heads.num_kv_heads) + "x" + std::to_string(heads.head_dim) + "_" +
                                  std::string(Name(std::get<2>(info.param)));
                         });

// Bound: values are within [-2, 2], weights sum to 1, scores are chains of head_dim terms of at most 4 * scale; their
// rounding moves a weight by that relative amount. All of it stays below 1e-5 for head_dim up to 128.
TEST_P(AttentionTest, AgreesWithTheTextbook) {
  const auto& [table, heads, type] = GetParam();
  const int64_t length = 150;
  const Sequence sequence(heads, type, length);
  const std::vector<float> outputs = sequence.Run(*table, 2, 16, length);
  const auto one_head = [&](const std::vector<float>& all, int64_t num, int64_t head, bool stored) {
    std::vector<float> some;
    for (int64_t t = 0; t < length; ++t) {
      for (int64_t d = 0; d < heads.head_dim; ++d) {
        const float value = all[static_cast<size_t>((t * num + head) * heads.head_dim + d)];
        some.push_back(stored ? Stored(type, value) : value);
      }
    }
    return some;
  };
  for (int64_t head = 0; head < heads.num_heads; ++head) {
    const int64_t kv_head = head / (heads.num_heads / heads.num_kv_heads);
    const auto expected =
        ref::Attention(one_head(sequence.queries, heads.num_heads, head, false),
                       one_head(sequence.keys, heads.num_kv_heads, kv_head, true),
                       one_head(sequence.values, heads.num_kv_heads, kv_head, true), heads.head_dim, sequence.scale());
    const auto got = one_head(outputs, heads.num_heads, head, false);
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], expected[i], 1e-5) << "head " << head << " element " << i;
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

}  // namespace
}  // namespace tenfold::kernels
