// The operations on one row that serving and training have in common: norms, rotary, activations, sums.
#pragma once

#include <cstdint>

#include "tenfold/graph/graph.h"
#include "tenfold/kernels/kernel_table.h"

namespace tenfold::graph {

struct RowOperands {
  const float* x = nullptr;       // the row of the first input
  const float* second = nullptr;  // of the second, where the op has one
  const float* vector = nullptr;  // the parameter, where the op has one
  int64_t num_frequencies = 0;    // kRotary: of the graph
};

// Computes node `n` for one row; y may be x. The op must be one of them.
void ComputeRow(const kernels::KernelTable& kernels, const Node& n, const RowOperands& operands, float* y);

// Rotates all heads of a row by `rotate`, one head's kernel. What does not rotate is copied.
void RotateHeads(void (*rotate)(const float* x, const float* angles, int64_t half, float* y), const Node& n,
                 const RowOperands& operands, float* y);

// Cosines and sines of a position, [2, frequencies of the graph].
void ComputeRotaryAngles(const Graph& graph, int64_t position, float* angles);

}  // namespace tenfold::graph
