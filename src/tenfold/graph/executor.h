// Executor: runs a graph on batches. Buffers, scratch and work lists are planned once; nothing is allocated later
// (law 4).
//
// First all tokens of a batch are computed, then the output of whichever of its rows are wanted: as many at once as the
// limits allow, as often as it takes.
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
};

class Executor {
 public:
  // `parameters` are those of graph.parameters, in order. Errors: kResourceExhausted.
  static Result<Executor> Create(const Graph& graph, std::span<const BoundParameter> parameters,
                                 const BatchLimits& limits, const kernels::KvPages& kv,
                                 const kernels::KernelTable& kernels, platform::ThreadPool& threads,
                                 Fusion fusion = Fusion::kRowChains);

  // Computes the batch and writes its keys and values into the cache's pages. The batch must be within the limits, and
  // lie where it is until the next one. Every token must be inside the vocabulary, and every position inside a table of
  // positions, where the graph has one.
  void Run(const Batch& batch);

  // The graph's output for `rows` of the batch, indices in [0, T): [rows, cols], valid until the next call.
  std::span<float> Output(std::span<const int32_t> rows);
  // The graph's states for these rows, without the product that makes the output of them; likewise.
  std::span<const float> States(std::span<const int32_t> rows);

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

  // Runs steps [begin, end).
  void RunSteps(size_t begin, size_t end);
  // Runs the steps of selected rows up to the one that computes `node`, and returns its result.
  std::span<float> Select(std::span<const int32_t> rows, NodeId node);
  void RunRows(size_t step);
  void RunRowNode(NodeId id, int64_t row, int thread);
  void RunLinear(size_t step);
  void RunAttention(const Node& node, float* out);
  void CopyTableRow(const Node& node, int64_t index, float* out) const;

  const Node& node(NodeId id) const { return graph_->nodes[static_cast<size_t>(id)]; }
  const BoundParameter& parameter(const Node& n) const { return parameters_[static_cast<size_t>(n.parameter)]; }
  int64_t NumRows(Rows rows) const {
    return static_cast<int64_t>(rows == Rows::kTokens ? batch_.tokens.size() : selected_rows_.size());
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
  size_t num_token_steps_ = 0;  // the first of them: of kTokens rows
  MemoryPlan plan_;
  std::vector<std::vector<Packing>> packings_;  // of each step
  kernels::AttentionShape attention_shape_;
  std::optional<kernels::AttentionPlan> attention_plan_;  // none in a graph without attention
  size_t rows_scratch_offset_ = 0;
  size_t matmul_scratch_offset_ = 0;
  size_t attention_scratch_offset_ = 0;
  platform::AlignedBuffer arena_;           // results, then scratch
  Batch batch_;                             // that is computed
  std::span<const int32_t> selected_rows_;  // of it
};

}  // namespace tenfold::graph
