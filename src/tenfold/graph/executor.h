// Executor: runs a graph on batches. Buffers, scratch and work lists are planned once; Run allocates nothing (law 4).
//
// One thread at a time. The graph, the weights, the kernels and the thread pool must outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/graph/graph.h"
#include "tenfold/graph/memory_plan.h"
#include "tenfold/kernels/attention.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/packed_matrix.h"
#include "tenfold/platform/aligned_buffer.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tensor/tensor_view.h"

namespace tenfold::graph {

// A parameter in memory, as its use asks; the other members stay empty.
struct BoundParameter {
  tensor::TensorView table;
  kernels::PackedMatrix matrix;
  std::vector<float> vector;
};

// One flat batch: prompts' chunks and decodes of all sequences in one matrix (Orca, OSDI 2022).
struct Batch {
  std::span<const TokenId> tokens;                        // [T]
  std::span<const int32_t> positions;                     // [T] of each token in its sequence
  std::span<const kernels::AttentionSequence> sequences;  // cover the T rows
  std::span<const int32_t> logit_rows;                    // [R] indices of rows in [0, T)
};

class Executor {
 public:
  // `parameters` are those of graph.parameters, in order. Errors: kResourceExhausted.
  static Result<Executor> Create(const Graph& graph, std::span<const BoundParameter> parameters,
                                 const BatchLimits& limits, const kernels::KvPages& kv,
                                 const kernels::KernelTable& kernels, platform::ThreadPool& threads);

  // Computes the batch, writes its keys and values into the cache's pages, and returns the output [R, cols], valid
  // until the next Run. The batch must be within the limits. Every token must be inside the vocabulary.
  std::span<float> Run(const Batch& batch);

  size_t arena_bytes() const { return arena_.size_bytes(); }

 private:
  Executor(const Graph& graph, std::span<const BoundParameter> parameters, const BatchLimits& limits,
           const kernels::KvPages& kv, const kernels::KernelTable& kernels, platform::ThreadPool& threads);

  void RunNode(size_t index, const Batch& batch);
  void RunEmbedding(const Node& node, const Batch& batch, float* out);
  void RunRotaryAngles(const Batch& batch, float* out);
  void RunRotary(const Node& node, int64_t rows, float* out);
  void RunSelectRows(const Node& node, const Batch& batch, float* out);
  // Calls body(row) for each row, several rows a piece.
  template <class Body>
  void ForEachRow(int64_t rows, int64_t cols, Body body);

  float* result(NodeId node) {
    return reinterpret_cast<float*>(arena_.data() + plan_.offsets[static_cast<size_t>(node)]);
  }

  const Graph* graph_;
  std::span<const BoundParameter> parameters_;
  BatchLimits limits_;
  kernels::KvPages kv_;
  const kernels::KernelTable* kernels_;
  platform::ThreadPool* threads_;
  MemoryPlan plan_;
  kernels::AttentionShape attention_shape_;
  std::optional<kernels::AttentionPlan> attention_plan_;  // none in a graph without attention
  size_t matmul_scratch_offset_ = 0;
  size_t attention_scratch_offset_ = 0;
  platform::AlignedBuffer arena_;  // results, then scratch
};

}  // namespace tenfold::graph
