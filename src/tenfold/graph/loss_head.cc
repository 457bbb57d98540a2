#include "tenfold/graph/loss_head.h"

#include <algorithm>

#include "tenfold/kernels/training_kernels.h"

namespace tenfold::graph {
namespace {

// Up to 16 MiB of logits, but rows enough for products to be fast. An even number, so that the weight gradient's sums
// in bfloat16, pair by pair, are those of all rows at once.
int64_t RowsAtOnce(int64_t vocab_size, int64_t max_rows) {
  constexpr int64_t kFloats = 4 << 20;
  constexpr int64_t kLeast = 128, kMost = 2048;
  return std::min(std::clamp(kFloats / vocab_size / 2 * 2, kLeast, kMost), max_rows);
}

}  // namespace

LossHead::LossHead(int64_t vocab_size, int64_t width, int64_t max_rows)
    : vocab_size_(vocab_size), width_(width), rows_at_once_(RowsAtOnce(vocab_size, max_rows)) {}

size_t LossHead::logits_bytes() const {
  return static_cast<size_t>(rows_at_once_ * vocab_size_) * sizeof(float);
}

void LossHead::Run(const Arguments& arguments, const kernels::KernelTable& kernels, platform::ThreadPool& threads,
                   const Multiply& multiply) const {
  using kernels::GemmOperand;
  const auto rows = static_cast<int64_t>(arguments.targets.size());
  float* const logits = arguments.logits;
  for (int64_t begin = 0; begin < rows; begin += rows_at_once_) {
    const int64_t count = std::min(rows_at_once_, rows - begin);
    const GemmOperand states = GemmOperand::Rows(arguments.states + begin * width_, width_);
    multiply({.a = states,
              .b = GemmOperand::Transposed(arguments.weight, width_),
              .rows = count,
              .cols = vocab_size_,
              .depth = width_,
              .c = logits,
              .c_stride = vocab_size_});
    threads.Run(count, [&](int64_t row, int) { RunRow(arguments, begin + row, logits + row * vocab_size_, kernels); });
    if (arguments.d_states == nullptr) continue;
    multiply({.a = GemmOperand::Transposed(logits, vocab_size_),
              .b = states,
              .rows = vocab_size_,
              .cols = width_,
              .depth = count,
              .c = arguments.weight_gradient,
              .c_stride = width_,
              .adds = true});
    multiply({.a = GemmOperand::Rows(logits, vocab_size_),
              .b = GemmOperand::Rows(arguments.weight, width_),
              .rows = count,
              .cols = width_,
              .depth = vocab_size_,
              .c = arguments.d_states + begin * width_,
              .c_stride = width_});
  }
}

// For the backward pass turns the row's logits into their gradient.
void LossHead::RunRow(const Arguments& arguments, int64_t row, float* logits,
                      const kernels::KernelTable& kernels) const {
  const kernels::TrainingKernels& training = kernels.training();
  const TokenId target = arguments.targets[static_cast<size_t>(row)];
  const float normalizer = training.log_sum_exp(logits, vocab_size_);
  arguments.losses[row] = normalizer - logits[target] + arguments.z_loss * normalizer * normalizer;
  if (arguments.d_states == nullptr) return;
  const float factor = arguments.gradient_scale * (1 + 2 * arguments.z_loss * normalizer);
  training.scaled_exp(logits, normalizer, factor, vocab_size_, logits);
  logits[target] -= arguments.gradient_scale;
}

}  // namespace tenfold::graph
