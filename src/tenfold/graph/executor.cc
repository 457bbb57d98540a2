#include "tenfold/graph/executor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tenfold/base/check.h"
#include "tenfold/kernels/matmul.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::graph {
namespace {

size_t RoundUpToLine(size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

const Node* FindAttention(const Graph& graph) {
  const auto found =
      std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return n.op == Op::kAttention; });
  return found == graph.nodes.end() ? nullptr : &*found;
}

}  // namespace

Executor::Executor(const Graph& graph, std::span<const BoundParameter> parameters, const BatchLimits& limits,
                   const kernels::KvPages& kv, const kernels::KernelTable& kernels, platform::ThreadPool& threads)
    : graph_(&graph),
      parameters_(parameters),
      limits_(limits),
      kv_(kv),
      kernels_(&kernels),
      threads_(&threads),
      plan_(PlanMemory(graph, limits)) {
  CHECK_EQ(parameters.size(), graph.parameters.size());
}

Result<Executor> Executor::Create(const Graph& graph, std::span<const BoundParameter> parameters,
                                  const BatchLimits& limits, const kernels::KvPages& kv,
                                  const kernels::KernelTable& kernels, platform::ThreadPool& threads) {
  Executor executor(graph, parameters, limits, kv, kernels, threads);
  size_t matmul_scratch = 0;
  for (const Node& node : graph.nodes) {
    if (node.op != Op::kLinear) continue;
    const int64_t rows = node.shape.rows == Rows::kTokens ? limits.max_tokens : limits.max_logit_rows;
    const kernels::PackedMatrix& weights = parameters[static_cast<size_t>(node.parameter)].matrix;
    matmul_scratch = std::max(matmul_scratch, kernels::MatmulScratchBytes(weights, rows));
  }
  size_t attention_scratch = 0;
  if (const Node* attention = FindAttention(graph)) {
    executor.attention_shape_ = {attention->attributes.num_heads, attention->attributes.scale};
    executor.attention_plan_.emplace(kv.layout, executor.attention_shape_, limits.max_tokens, threads.num_threads());
    attention_scratch = static_cast<size_t>(executor.attention_plan_->scratch_floats()) * sizeof(float);
  }
  executor.matmul_scratch_offset_ = RoundUpToLine(executor.plan_.arena_bytes);
  executor.attention_scratch_offset_ = executor.matmul_scratch_offset_ + RoundUpToLine(matmul_scratch);
  ASSIGN_OR_RETURN(executor.arena_, platform::AlignedBuffer::Allocate(
                                        executor.attention_scratch_offset_ + attention_scratch, "activations"));
  return executor;
}

std::span<float> Executor::Run(const Batch& batch) {
  const auto num_tokens = static_cast<int64_t>(batch.tokens.size());
  const auto num_rows = static_cast<int64_t>(batch.logit_rows.size());
  CHECK_LE(num_tokens, limits_.max_tokens);
  CHECK_LE(num_rows, limits_.max_logit_rows);
  CHECK_EQ(batch.positions.size(), batch.tokens.size());
  if (attention_plan_) attention_plan_->Build(batch.sequences);
  for (size_t i = 0; i < graph_->nodes.size(); ++i) RunNode(i, batch);
  const ValueShape& shape = graph_->nodes[static_cast<size_t>(graph_->output)].shape;
  const int64_t rows = shape.rows == Rows::kTokens ? num_tokens : num_rows;
  return {result(graph_->output), static_cast<size_t>(rows * shape.cols)};
}

void Executor::RunNode(size_t index, const Batch& batch) {
  const Node& node = graph_->nodes[index];
  const auto rows =
      static_cast<int64_t>(node.shape.rows == Rows::kTokens ? batch.tokens.size() : batch.logit_rows.size());
  const int64_t cols = node.shape.cols;
  float* const out = result(static_cast<NodeId>(index));
  const auto input = [&](size_t i) -> const float* { return result(node.inputs[i]); };
  switch (node.op) {
    case Op::kEmbedding:
      return RunEmbedding(node, batch, out);
    case Op::kRmsNorm: {
      const float* const x = input(0);
      const float* const weight = parameters_[static_cast<size_t>(node.parameter)].vector.data();
      return ForEachRow(rows, cols, [&](int64_t row) {
        kernels_->rms_norm(x + row * cols, weight, node.attributes.epsilon, cols, out + row * cols);
      });
    }
    case Op::kLinear:
      return kernels::Matmul(*kernels_, *threads_, parameters_[static_cast<size_t>(node.parameter)].matrix, input(0),
                             rows, out, arena_.data() + matmul_scratch_offset_);
    case Op::kRotaryAngles:
      return RunRotaryAngles(batch, out);
    case Op::kRotary:
      return RunRotary(node, rows, out);
    case Op::kAttention:
      return kernels::PagedAttention(*kernels_, *threads_, *attention_plan_, kv_, attention_shape_,
                                     node.attributes.layer, input(0), input(1), input(2), out,
                                     reinterpret_cast<float*>(arena_.data() + attention_scratch_offset_));
    case Op::kSiluMultiply: {
      const float* const gate = input(0);
      const float* const up = input(1);
      return ForEachRow(rows, cols, [&](int64_t row) {
        kernels_->silu_multiply(gate + row * cols, up + row * cols, cols, out + row * cols);
      });
    }
    case Op::kAdd: {
      const float* const a = input(0);
      const float* const b = input(1);
      return ForEachRow(rows, cols,
                        [&](int64_t row) { kernels_->add(a + row * cols, b + row * cols, cols, out + row * cols); });
    }
    case Op::kSelectRows:
      return RunSelectRows(node, batch, out);
  }
}

template <class Body>
void Executor::ForEachRow(int64_t rows, int64_t cols, Body body) {
  // Enough work in a piece that handing it out (some 100 ns) does not show: 16K elements take a few microseconds.
  constexpr int64_t kElementsPerPiece = 16384;
  const int64_t per_piece = std::max<int64_t>(1, kElementsPerPiece / cols);
  threads_->Run((rows + per_piece - 1) / per_piece, [&](int64_t piece, int) {
    const int64_t end = std::min(rows, (piece + 1) * per_piece);
    for (int64_t row = piece * per_piece; row < end; ++row) body(row);
  });
}

void Executor::RunEmbedding(const Node& node, const Batch& batch, float* out) {
  const tensor::TensorView& table = parameters_[static_cast<size_t>(node.parameter)].table;
  const int64_t cols = node.shape.cols;
  ForEachRow(static_cast<int64_t>(batch.tokens.size()), cols, [&](int64_t row) {
    const TokenId token = batch.tokens[static_cast<size_t>(row)];
    CHECK(token >= 0 && token < table.shape.rows());
    tensor::DequantizeRow(table.type, table.row(token), {out + row * cols, static_cast<size_t>(cols)});
  });
}

void Executor::RunRotaryAngles(const Batch& batch, float* out) {
  const size_t half = graph_->rotary_frequencies.size();
  ForEachRow(static_cast<int64_t>(batch.tokens.size()), static_cast<int64_t>(2 * half), [&](int64_t row) {
    float* const angles = out + row * static_cast<int64_t>(2 * half);
    for (size_t i = 0; i < half; ++i) {
      const double angle = batch.positions[static_cast<size_t>(row)] * graph_->rotary_frequencies[i];
      angles[i] = static_cast<float>(std::cos(angle) * graph_->rotary_scale);
      angles[half + i] = static_cast<float>(std::sin(angle) * graph_->rotary_scale);
    }
  });
}

void Executor::RunRotary(const Node& node, int64_t rows, float* out) {
  const int64_t cols = node.shape.cols, head_dim = node.attributes.head_dim;
  const float* const x = result(node.inputs[0]);
  const float* const angles = result(node.inputs[1]);
  const auto half = static_cast<int64_t>(graph_->rotary_frequencies.size());
  ForEachRow(rows, cols, [&](int64_t row) {
    for (int64_t head = 0; head < cols; head += head_dim) {
      const float* const from = x + row * cols + head;
      float* const to = out + row * cols + head;
      kernels_->rotate_head(from, angles + row * 2 * half, half, to);
      if (from != to) std::copy(from + 2 * half, from + head_dim, to + 2 * half);
    }
  });
}

void Executor::RunSelectRows(const Node& node, const Batch& batch, float* out) {
  const float* const x = result(node.inputs[0]);
  const int64_t cols = node.shape.cols;
  for (size_t r = 0; r < batch.logit_rows.size(); ++r) {
    std::copy_n(x + batch.logit_rows[r] * cols, cols, out + static_cast<int64_t>(r) * cols);
  }
}

}  // namespace tenfold::graph
