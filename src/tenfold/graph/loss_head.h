// LossHead: from a model's last states to the losses of its targets and back, a few rows at a time: logits, their
// losses, their gradients, the gradient of the output matrix and that of the states. Logits of all rows at once would
// be the largest matrix of a small model, and for a large vocabulary of any.
//
// The sums are those of all rows at once: a product goes on where the one before it ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "tenfold/base/token_id.h"
#include "tenfold/kernels/gemm_piece.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::graph {

class LossHead {
 public:
  // `max_rows` is the most that Run is called with.
  LossHead(int64_t vocab_size, int64_t width, int64_t max_rows);

  // Of the logits that exist at once.
  size_t logits_bytes() const;

  struct Arguments {
    const float* states = nullptr;  // [targets, width]
    const float* weight = nullptr;  // [vocab_size, width]
    std::span<const TokenId> targets;
    float z_loss = 0;
    float* logits = nullptr;  // logits_bytes
    float* losses = nullptr;  // [targets]
    // Of the backward pass; without it, both are null.
    float gradient_scale = 1;
    float* weight_gradient = nullptr;  // is added to
    float* d_states = nullptr;         // [targets, width]
  };
  // Computes a product of matrices.
  using Multiply = std::function<void(const kernels::GemmPiece&)>;
  void Run(const Arguments& arguments, const kernels::KernelTable& kernels, platform::ThreadPool& threads,
           const Multiply& multiply) const;

 private:
  void RunRow(const Arguments& arguments, int64_t row, float* logits, const kernels::KernelTable& kernels) const;

  int64_t vocab_size_;
  int64_t width_;
  int64_t rows_at_once_;
};

}  // namespace tenfold::graph
