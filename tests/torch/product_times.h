// ProductTimes: what the matrix products of a training step cost alone: the same shapes and operands' layouts in the
// same order, with nothing in between. What a step takes beyond that is spent on other things, or on waiting for memory
// that products alone find in the caches.
#pragma once

#include <vector>

#include "tenfold/graph/autodiff.h"
#include "tenfold/graph/training_batch.h"
#include "tenfold/kernels/gemm_piece.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/platform/aligned_buffer.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold {

class ProductTimes {
 public:
  // The graph is not kept; kernels and threads outlive it.
  ProductTimes(const graph::TrainingGraph& training, const graph::TrainingBatch& batch, kernels::Precision precision,
               const kernels::KernelTable& kernels, platform::ThreadPool& threads);

  void Run();
  // Floating-point operations of Run, an addition and a multiplication being two.
  double flops() const { return flops_; }
  // Of causal attention: two products forward; five backward, that of the scores among them, which are not kept.
  double attention_flops() const { return attention_flops_; }

 private:
  kernels::Precision precision_;
  const kernels::KernelTable* kernels_;
  platform::ThreadPool* threads_;
  std::vector<kernels::GemmPiece> products_;
  double flops_ = 0, attention_flops_ = 0;
  platform::AlignedBuffer a_, b_, c_, scratch_;  // the greatest operands; all products use their beginnings
};

}  // namespace tenfold
