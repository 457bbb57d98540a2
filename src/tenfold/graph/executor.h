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
#include "tenfold/graph/fusion.h"
#include "tenfold/graph/graph.h"
#include "tenfold/graph/memory_plan.h"
#include "tenfold/kernels/attention.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/packed_matrix.h"
#include "tenfold/kernels/packed_rows.h"
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
  std::span<const TokenId> tokens;                     // [T]
  std::span<const int32_t> positions;                  // [T] of each token in its sequence
  std::span<const kernels::AttentionChunk> sequences;  // cover the T rows
  std::span<const int32_t> logit_rows;                 // [R] indices of rows in [0, T)
};

class Executor {
 public:
  // `parameters` are those of graph.parameters, in order. Errors: kResourceExhausted.
  static Result<Executor> Create(const Graph& graph, std::span<const BoundParameter> parameters,
                                 const BatchLimits& limits, const kernels::KvPages& kv,
                                 const kernels::KernelTable& kernels, platform::ThreadPool& threads,
                                 Fusion fusion = Fusion::kRowChains);

  // Computes the batch, writes its keys and values into the cache's pages, and returns the output [R, cols], valid
  // until the next Run. The batch must be within the limits. Every token must be inside the vocabulary.
  std::span<float> Run(const Batch& batch);

  size_t arena_bytes() const { return arena_.size_bytes(); }

 private:
  // Rows packed at the end of a kRows step, in each form that the products after it take.
  struct Packing {
    kernels::RowFormat format;
    size_t offset;  // in the arena
  };

  Executor(const Graph& graph, std::span<const BoundParameter> parameters, const BatchLimits& limits,
           const kernels::KvPages& kv, const kernels::KernelTable& kernels, platform::ThreadPool& threads,
           Fusion fusion);

  kernels::RowFormat FormatOf(NodeId linear) const;
  std::vector<bool> FindResultsReadWhole() const;
  // Lays scratch out behind the results and returns the size of all.
  size_t PlanScratch();
  kernels::PackedRows PackedRowsOf(NodeId node, const Packing& packing, int64_t rows);

  void RunRows(size_t step, const Batch& batch);
  void RunRowNode(NodeId id, const Batch& batch, int64_t row, int thread);
  void RunLinear(size_t step, const Batch& batch);
  void RunAttention(const Node& node, float* out);
  void ComputeEmbedding(const Node& node, const Batch& batch, int64_t row, float* out) const;
  void ComputeRotaryAngles(const Batch& batch, int64_t row, float* out) const;
  void ComputeRotary(const Node& node, const float* x, const float* angles, float* out) const;

  const Node& node(NodeId id) const { return graph_->nodes[static_cast<size_t>(id)]; }
  const BoundParameter& parameter(const Node& n) const { return parameters_[static_cast<size_t>(n.parameter)]; }
  int64_t NumRows(Rows rows, const Batch& batch) const {
    return static_cast<int64_t>(rows == Rows::kTokens ? batch.tokens.size() : batch.logit_rows.size());
  }
  // All rows of a result in the arena.
  float* result(NodeId id) {
    return reinterpret_cast<float*>(arena_.data() + plan_.places[static_cast<size_t>(id)].offset);
  }
  // One row of any result, on the thread that works on that row.
  float* row_of(NodeId id, int64_t row, int thread);

  const Graph* graph_;
  std::span<const BoundParameter> parameters_;
  BatchLimits limits_;
  kernels::KvPages kv_;
  const kernels::KernelTable* kernels_;
  platform::ThreadPool* threads_;
  std::vector<Step> steps_;
  MemoryPlan plan_;
  std::vector<std::vector<Packing>> packings_;  // of each step
  kernels::AttentionShape attention_shape_;
  std::optional<kernels::AttentionPlan> attention_plan_;  // none in a graph without attention
  size_t rows_scratch_offset_ = 0;
  size_t matmul_scratch_offset_ = 0;
  size_t attention_scratch_offset_ = 0;
  platform::AlignedBuffer arena_;  // results, then scratch
};

}  // namespace tenfold::graph
