// Attention of training batches, both passes: every instruction set against double precision by the textbook, and
// against itself on other numbers of threads and in other company.
#include "tenfold/kernels/training_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/base/random.h"
#include "tenfold/kernels/heap_scratch_for_test.h"
#include "tenfold/platform/cpu_features.h"

namespace tenfold::kernels {
namespace {

struct Case {
  std::vector<int64_t> lengths;
  TrainingAttentionShape shape;

  int64_t num_tokens() const {
    int64_t sum = 0;
    for (const int64_t length : lengths) sum += length;
    return sum;
  }
};

std::vector<float> Random(int64_t count, uint64_t stream) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(UniformDouble(5, stream, i) * 4 - 2);
  return values;
}

struct Inputs {
  explicit Inputs(const Case& c)
      : queries(Random(c.num_tokens() * c.shape.query_cols(), 1)),
        keys(Random(c.num_tokens() * c.shape.kv_cols(), 2)),
        values(Random(c.num_tokens() * c.shape.kv_cols(), 3)),
        d_outputs(Random(c.num_tokens() * c.shape.query_cols(), 4)) {}

  std::vector<float> queries, keys, values, d_outputs;
};

template <class Scalar>
struct Results {
  explicit Results(const Case& c)
      : outputs(static_cast<size_t>(c.num_tokens() * c.shape.output_cols()), 0),
        gradients(static_cast<size_t>(c.num_tokens() * c.shape.gradient_cols()), 0) {}

  std::vector<Scalar> outputs, gradients;
};

// All scores, softmax, weighted sums; and their derivatives.
Results<double> Textbook(const Case& c, const Inputs& in) {
  Results<double> out(c);
  const TrainingAttentionShape& s = c.shape;
  int64_t begin = 0;
  for (const int64_t length : c.lengths) {
    for (int64_t t = begin; t < begin + length; ++t) {
      for (int64_t head = 0; head < s.num_heads; ++head) {
        const int64_t col = head * s.head_dim, kv_col = head / (s.num_heads / s.num_kv_heads) * s.head_dim;
        const auto at = [&](const std::vector<float>& m, int64_t cols, int64_t row, int64_t i) {
          return static_cast<double>(m[static_cast<size_t>(row * cols + i)]);
        };
        std::vector<double> weights;
        double sum = 0;
        for (int64_t k = begin; k <= t; ++k) {
          double dot = 0;
          for (int64_t i = 0; i < s.head_dim; ++i) {
            dot += at(in.queries, s.query_cols(), t, col + i) * at(in.keys, s.kv_cols(), k, kv_col + i);
          }
          weights.push_back(std::exp(dot * static_cast<double>(s.scale)));
          sum += weights.back();
        }
        double* const output = &out.outputs[static_cast<size_t>(t * s.output_cols())];
        output[s.query_cols() + head] = std::log(sum);
        std::vector<double> d_weights;
        double mean = 0;
        for (int64_t k = begin; k <= t; ++k) {
          double& weight = weights[static_cast<size_t>(k - begin)];
          weight /= sum;
          double dot = 0;
          for (int64_t i = 0; i < s.head_dim; ++i) {
            output[col + i] += weight * at(in.values, s.kv_cols(), k, kv_col + i);
            dot += at(in.d_outputs, s.query_cols(), t, col + i) * at(in.values, s.kv_cols(), k, kv_col + i);
          }
          d_weights.push_back(dot);
          mean += weight * dot;
        }
        for (int64_t k = begin; k <= t; ++k) {
          const double weight = weights[static_cast<size_t>(k - begin)];
          const double d_score =
              weight * (d_weights[static_cast<size_t>(k - begin)] - mean) * static_cast<double>(s.scale);
          double* const of_query = &out.gradients[static_cast<size_t>(t * s.gradient_cols())];
          double* const of_key = &out.gradients[static_cast<size_t>(k * s.gradient_cols() + s.query_cols())];
          for (int64_t i = 0; i < s.head_dim; ++i) {
            of_query[col + i] += d_score * at(in.keys, s.kv_cols(), k, kv_col + i);
            of_key[kv_col + i] += d_score * at(in.queries, s.query_cols(), t, col + i);
            of_key[s.kv_cols() + kv_col + i] += weight * at(in.d_outputs, s.query_cols(), t, col + i);
          }
        }
      }
    }
    begin += length;
  }
  return out;
}

Results<float> Compute(const KernelTable& table, int num_threads, Precision precision, const Case& c,
                       const Inputs& in) {
  Results<float> out(c);
  std::ranges::fill(out.outputs, NAN);
  std::ranges::fill(out.gradients, NAN);
  platform::ThreadPool threads(num_threads);
  const size_t scratch_bytes = TrainingAttentionScratchBytes(c.shape.head_dim, threads.num_threads());
  const HeapScratch scratch(scratch_bytes);
  TrainingAttention(table, threads, precision, c.shape, c.lengths, in.queries.data(), in.keys.data(), in.values.data(),
                    out.outputs.data(), scratch.data());
  AttentionGradient(table, threads, precision, c.shape, c.lengths, in.queries.data(), in.keys.data(), in.values.data(),
                    out.outputs.data(), in.d_outputs.data(), out.gradients.data(), scratch.data());
  return out;
}

std::vector<Case> Cases() {
  return {
      {{1}, {1, 1, 4, 1.0f}},     {{7, 1, 130, 12}, {4, 2, 16, 0.25f}}, {{128, 129}, {2, 2, 48, 0.144f}},
      {{300}, {3, 1, 80, 0.11f}}, {{33, 200, 95}, {4, 4, 20, 0.3f}},    {{1024}, {1, 1, 64, 0.125f}},
  };
}

// Of all elements, relative to the greatest.
double Error(const std::vector<double>& expected, const std::vector<float>& actual) {
  double greatest = 0, error = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    greatest = std::max(greatest, std::abs(expected[i]));
    const double difference = std::abs(expected[i] - static_cast<double>(actual[i]));
    error = std::isnan(difference) ? INFINITY : std::max(error, difference);
  }
  return error / greatest;
}

TEST(TrainingAttentionTest, AgreesWithTheTextbook) {
  for (const Case& c : Cases()) {
    const Inputs inputs(c);
    const Results<double> expected = Textbook(c, inputs);
    for (const KernelTable* table : UsableKernels(platform::DetectCpuFeatures())) {
      for (const Precision precision : {Precision::kF32, Precision::kBf16}) {
        const Results<float> actual = Compute(*table, 2, precision, c, inputs);
        // bfloat16 rounds each factor by up to 2^-9.
        const double tolerance = precision == Precision::kF32 ? 1e-5 : std::ldexp(3, -8);
        EXPECT_LT(Error(expected.outputs, actual.outputs), tolerance)
            << table->name << (precision == Precision::kF32 ? " f32, " : " bf16, ") << c.num_tokens() << " tokens";
        EXPECT_LT(Error(expected.gradients, actual.gradients), tolerance)
            << table->name << (precision == Precision::kF32 ? " f32, " : " bf16, ") << c.num_tokens() << " tokens";
      }
    }
  }
}

TEST(TrainingAttentionTest, BitsDependNeitherOnThreadsNorOnCompany) {
  const Case all{{33, 200, 95}, {4, 2, 20, 0.3f}};
  const Case last{{95}, all.shape};
  const Inputs inputs(all);
  Inputs alone(last);
  const auto take_last = [&](const std::vector<float>& from, std::vector<float>& to) {
    std::copy(from.end() - static_cast<ptrdiff_t>(to.size()), from.end(), to.begin());
  };
  take_last(inputs.queries, alone.queries);
  take_last(inputs.keys, alone.keys);
  take_last(inputs.values, alone.values);
  take_last(inputs.d_outputs, alone.d_outputs);
  for (const KernelTable* table : UsableKernels(platform::DetectCpuFeatures())) {
    for (const Precision precision : {Precision::kF32, Precision::kBf16}) {
      const Results<float> expected = Compute(*table, 1, precision, all, inputs);
      const Results<float> threaded = Compute(*table, 3, precision, all, inputs);
      EXPECT_EQ(threaded.outputs, expected.outputs) << table->name;
      EXPECT_EQ(threaded.gradients, expected.gradients) << table->name;
      const Results<float> single = Compute(*table, 1, precision, last, alone);
      EXPECT_TRUE(std::equal(single.outputs.rbegin(), single.outputs.rend(), expected.outputs.rbegin()));
      EXPECT_TRUE(std::equal(single.gradients.rbegin(), single.gradients.rend(), expected.gradients.rbegin()));
    }
  }
}

}  // namespace
}  // namespace tenfold::kernels
