// Matrix products of every weight type, with the weights read from memory as in a model, where no matrix is used twice
// in a step.
#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tenfold/bench/kernel_bench.h"
#include "tenfold/bench/numbers.h"
#include "tenfold/kernels/matmul.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::bench {
namespace {

using kernels::PackedMatrix;
using tensor::DataType;

// All types that PackedMatrix may take; a name that this build does not know is passed over.
constexpr const char* kWeightTypes[] = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K"};

// Copies of one matrix, more than the caches hold, taken in turn.
class WeightCycle {
 public:
  static Result<WeightCycle> Create(const tensor::TensorView& source, size_t working_set_bytes,
                                    platform::ThreadPool& threads) {
    WeightCycle cycle;
    size_t total_bytes = 0;
    do {
      ASSIGN_OR_RETURN(PackedMatrix copy, PackedMatrix::Pack(source, {}, threads));
      total_bytes += copy.size_bytes();
      cycle.copies_.push_back(std::move(copy));
    } while (total_bytes < working_set_bytes);
    return cycle;
  }

  const PackedMatrix& Next() {
    next_ = next_ + 1 == copies_.size() ? 0 : next_ + 1;
    return copies_[next_];
  }

 private:
  std::vector<PackedMatrix> copies_;
  size_t next_ = 0;
};

// How far a product may be from its exact value: the roundings of a chain of K sums, each at most half a unit in the
// last place of what the sum of magnitudes bounds; and the rounding of the activations to 8 bits or to bfloat16. That
// is K independent errors with the standard deviations below, so six times the deviation of their sum is never exceeded
// by a right kernel, while a wrong block of 32 among thousands is seen.
double Tolerance(DataType type, std::span<const float> x, std::span<const float> weights) {
  double magnitudes = 0, squares = 0, weight_squares = 0, greatest = 0;
  for (size_t k = 0; k < x.size(); ++k) {
    const double term = static_cast<double>(x[k]) * static_cast<double>(weights[k]);
    magnitudes += std::abs(term);
    squares += term * term;
    weight_squares += static_cast<double>(weights[k]) * static_cast<double>(weights[k]);
    greatest = std::max(greatest, static_cast<double>(std::abs(x[k])));
  }
  const double of_sums = magnitudes * static_cast<double>(x.size() + 4) * 0x1.0p-24;
  if (type == DataType::kF32 || type == DataType::kF16) return of_sums;
  if (type == DataType::kBF16) return of_sums + 6 * 0x1.0p-9 * std::sqrt(squares);
  // A step of 8-bit numbers is at most 1.25/127 of the greatest; errors are uniform within a step.
  return of_sums + 6 * (1.25 * greatest / 127) / std::sqrt(12.0) * std::sqrt(weight_squares);
}

// Compares some outputs of the first and the last row with the definition in double precision.
Status CheckAnswer(const std::string& label, const tensor::TensorView& weights, const std::vector<float>& x,
                   int64_t rows, const std::vector<float>& y) {
  const int64_t outputs = weights.shape.rows(), inputs = weights.shape.cols();
  std::vector<float> row(static_cast<size_t>(inputs));
  for (const int64_t n : {int64_t{0}, outputs / 3, outputs / 2 + 1, outputs - 1}) {
    tensor::DequantizeRow(weights.type, weights.row(std::min(n, outputs - 1)), row);
    for (const int64_t m : {int64_t{0}, rows - 1}) {
      const std::span<const float> seen(x.data() + m * inputs, static_cast<size_t>(inputs));
      double expected = 0;
      for (size_t k = 0; k < row.size(); ++k) expected += static_cast<double>(seen[k]) * static_cast<double>(row[k]);
      const double tolerance = Tolerance(weights.type, seen, row);
      const double got = y[static_cast<size_t>(m * outputs + std::min(n, outputs - 1))];
      if (!(std::abs(got - expected) <= tolerance)) {
        return MakeError(ErrorCode::kCorrupt, "{}: output {} of row {} is {}, but the definition gives {} +- {}", label,
                         n, m, got, expected, tolerance);
      }
    }
  }
  return {};
}

std::string Label(DataType type, const MatrixShape& shape, int64_t rows) {
  return fmt::format("matmul {} {}x{} rows {}", tensor::Name(type), shape.outputs, shape.inputs, rows);
}

Status BenchOne(KernelBenchContext& context, const tensor::TensorView& source, WeightCycle& weights,
                const MatrixShape& shape, int64_t rows) {
  const std::string label = Label(source.type, shape, rows);
  const std::vector<float> x = RandomFloats(rows * shape.inputs, 2);
  std::vector<float> y(static_cast<size_t>(rows * shape.outputs), NAN);
  ASSIGN_OR_RETURN(auto scratch, platform::AlignedBuffer::Allocate(
                                     kernels::MatmulScratchBytes(weights.Next(), rows, context.threads.num_threads()),
                                     "activations"));
  size_t weight_bytes = 0;
  const auto run = [&] {
    const PackedMatrix& matrix = weights.Next();
    weight_bytes = matrix.size_bytes();
    kernels::Matmul(context.kernels, context.threads, matrix, x.data(), rows, y.data(), scratch.data());
  };
  run();
  RETURN_IF_ERROR(CheckAnswer(label, source, x, rows, y));
  const Work work{.operations = 2.0 * static_cast<double>(rows * shape.outputs * shape.inputs),
                  .bytes = static_cast<double>(weight_bytes + (x.size() + y.size()) * sizeof(float)),
                  .arithmetic = ArithmeticOf(source.type)};
  context.report.AddKernel(label,
                           {{"name", "matmul"},
                            {"type", tensor::Name(source.type)},
                            {"outputs", shape.outputs},
                            {"inputs", shape.inputs},
                            {"rows", rows},
                            {"operations_per_byte", Rounded(work.operations / work.bytes)}},
                           Measure(context.meter, work, {.num_samples = context.options.repeat}, run));
  return {};
}

Result<int> BenchShape(KernelBenchContext& context, DataType type, const MatrixShape& shape) {
  std::vector<int64_t> wanted;
  for (const int64_t rows : context.options.rows) {
    if (context.wants(Label(type, shape, rows))) wanted.push_back(rows);
  }
  if (wanted.empty()) return 0;
  if (shape.inputs % tensor::Traits(type).block_elements != 0) {
    return MakeError(ErrorCode::kInvalidArgument, "--shape {}x{}: {} needs a multiple of {} inputs", shape.outputs,
                     shape.inputs, tensor::Name(type), tensor::Traits(type).block_elements);
  }
  const std::vector<std::byte> bytes = RandomWeights(type, shape.outputs, shape.inputs, context.threads);
  const tensor::TensorView source{type, {shape.outputs, shape.inputs}, bytes.data()};
  ASSIGN_OR_RETURN(WeightCycle weights,
                   WeightCycle::Create(source, context.options.working_set_bytes, context.threads));
  for (const int64_t rows : wanted) RETURN_IF_ERROR(BenchOne(context, source, weights, shape, rows));
  return static_cast<int>(wanted.size());
}

}  // namespace

Result<int> BenchMatmul(KernelBenchContext& context) {
  int num_measured = 0;
  for (const char* name : kWeightTypes) {
    const std::optional<DataType> type = tensor::DataTypeFromName(name);
    if (!type) continue;
    for (const MatrixShape& shape : context.options.shapes) {
      ASSIGN_OR_RETURN(const int num, BenchShape(context, *type, shape));
      num_measured += num;
    }
  }
  return num_measured;
}

}  // namespace tenfold::bench
