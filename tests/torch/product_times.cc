#include "product_times.h"

#include <algorithm>

#include "tenfold/base/check.h"
#include "tenfold/kernels/gemm.h"

namespace tenfold {
namespace {

using graph::Op;
using kernels::GemmOperand;
using kernels::GemmPiece;

platform::AlignedBuffer Ones(int64_t count) {
  auto buffer = platform::AlignedBuffer::Allocate(static_cast<size_t>(count) * sizeof(float), "operands");
  CHECK(buffer.has_value());
  std::fill_n(reinterpret_cast<float*>(buffer->data()), count, 1.0f);
  return std::move(*buffer);
}

}  // namespace

ProductTimes::ProductTimes(const graph::TrainingGraph& training, const graph::TrainingBatch& batch,
                           kernels::Precision precision, const kernels::KernelTable& kernels,
                           platform::ThreadPool& threads)
    : precision_(precision), kernels_(&kernels), threads_(&threads) {
  // A product is rows x cols sums over a depth; which operand is read transposed depends on the op.
  struct Shape {
    Op op;
    int64_t rows, cols, depth;
  };
  std::vector<Shape> shapes;
  double pairs = 0;
  for (const int64_t length : batch.sequence_lengths) pairs += 0.5 * static_cast<double>(length * (length + 1));
  for (const graph::Node& node : training.graph.nodes) {
    const auto num_rows =
        static_cast<int64_t>(node.shape.rows == graph::Rows::kTokens ? batch.tokens.size() : batch.targets.size());
    const auto cols_of = [&](size_t i) { return training.graph.nodes[static_cast<size_t>(node.inputs[i])].shape.cols; };
    if (node.op == Op::kLinear || node.op == Op::kLinearInputGradient) {
      shapes.push_back({node.op, num_rows, node.shape.cols, cols_of(0)});
    } else if (node.op == Op::kLinearWeightGradient) {
      shapes.push_back({node.op, cols_of(1), cols_of(0), num_rows});
    } else if (node.op == Op::kTrainingAttention || node.op == Op::kAttentionGradient) {
      const double products = node.op == Op::kTrainingAttention ? 2 : 5;
      attention_flops_ +=
          products * 2 * pairs * static_cast<double>(node.attributes.num_heads * node.attributes.head_dim);
    }
  }
  int64_t greatest_a = 0, greatest_b = 0, greatest_c = 0;
  for (const Shape& shape : shapes) {
    greatest_a = std::max(greatest_a, shape.rows * shape.depth);
    greatest_b = std::max(greatest_b, shape.depth * shape.cols);
    greatest_c = std::max(greatest_c, shape.rows * shape.cols);
  }
  a_ = Ones(greatest_a);
  b_ = Ones(greatest_b);
  c_ = Ones(greatest_c);
  auto scratch = platform::AlignedBuffer::Allocate(kernels::GemmScratchBytes(threads.num_threads()), "scratch");
  CHECK(scratch.has_value());
  scratch_ = std::move(*scratch);
  const auto* const a = reinterpret_cast<const float*>(a_.data());
  const auto* const b = reinterpret_cast<const float*>(b_.data());
  for (const Shape& shape : shapes) {
    const bool adds = shape.op == Op::kLinearWeightGradient;
    products_.push_back(
        {.a = adds ? GemmOperand::Transposed(a, shape.rows) : GemmOperand::Rows(a, shape.depth),
         .b = shape.op == Op::kLinear ? GemmOperand::Transposed(b, shape.depth) : GemmOperand::Rows(b, shape.cols),
         .rows = shape.rows,
         .cols = shape.cols,
         .depth = shape.depth,
         .c = reinterpret_cast<float*>(c_.data()),
         .c_stride = shape.cols,
         .adds = adds});
    flops_ += 2 * static_cast<double>(shape.rows * shape.cols) * static_cast<double>(shape.depth);
  }
}

void ProductTimes::Run() {
  for (const GemmPiece& product : products_) {
    kernels::Gemm(*kernels_, *threads_, precision_, product, scratch_.data());
  }
}

}  // namespace tenfold
