#include "tenfold/graph/executor.h"

#include <algorithm>

#include "tenfold/base/check.h"
#include "tenfold/base/rounding.h"
#include "tenfold/graph/row_ops.h"
#include "tenfold/kernels/matmul.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::graph {
namespace {

size_t RoundUpToLine(size_t bytes) {
  return RoundUp(bytes, 64);
}

const Node* FindAttention(const Graph& graph) {
  const auto found =
      std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return n.op == Op::kAttention; });
  return found == graph.nodes.end() ? nullptr : &*found;
}

}  // namespace

Executor::Executor(const Graph& graph, std::span<const BoundParameter> parameters, const BatchLimits& limits,
                   const kernels::KvPages& kv, const kernels::KernelTable& kernels, platform::ThreadPool& threads,
                   Fusion fusion)
    : graph_(&graph),
      parameters_(parameters),
      limits_(limits),
      kv_(kv),
      kernels_(&kernels),
      threads_(&threads),
      steps_(PlanSteps(graph, fusion)) {
  CHECK_EQ(parameters.size(), graph.parameters.size());
  const auto is_selected = [](const Step& step) { return step.rows == Rows::kLogitRows; };
  num_token_steps_ = static_cast<size_t>(std::ranges::find_if(steps_, is_selected) - steps_.begin());
  plan_ = PlanMemory(graph, steps_, FindResultsReadWhole(), limits);
}

Result<Executor> Executor::Create(const Graph& graph, std::span<const BoundParameter> parameters,
                                  const BatchLimits& limits, const kernels::KvPages& kv,
                                  const kernels::KernelTable& kernels, platform::ThreadPool& threads, Fusion fusion) {
  Executor executor(graph, parameters, limits, kv, kernels, threads, fusion);
  if (const Node* attention = FindAttention(graph)) {
    executor.attention_shape_ = {attention->attributes.num_heads, attention->attributes.scale};
    executor.attention_plan_.emplace(kv.layout, executor.attention_shape_, limits.max_tokens, threads.num_threads());
  }
  ASSIGN_OR_RETURN(executor.arena_, platform::AlignedBuffer::Allocate(executor.PlanScratch(), "activations"));
  return executor;
}

kernels::RowFormat Executor::FormatOf(NodeId linear) const {
  return kernels::RowFormatFor(parameter(node(linear)).matrix.type());
}

std::vector<bool> Executor::FindResultsReadWhole() const {
  std::vector<bool> is_read_whole(graph_->nodes.size(), false);
  for (NodeId id = 0; id < static_cast<NodeId>(graph_->nodes.size()); ++id) {
    if (node(id).op != Op::kLinear || FormatOf(id) != kernels::RowFormat::kF32) continue;
    is_read_whole[static_cast<size_t>(node(id).inputs[0])] = true;
  }
  return is_read_whole;
}

size_t Executor::PlanScratch() {
  const size_t packed_offset = RoundUpToLine(plan_.arena_bytes);
  size_t packed_end = packed_offset, matmul_bytes = 0;
  packings_.resize(steps_.size());
  for (size_t s = 0; s < steps_.size(); ++s) {
    const Step& step = steps_[s];
    if (step.kind != Step::Kind::kLinear) continue;
    std::vector<Packing>& packings = packings_[s - 1];
    size_t end = packed_offset;
    for (const NodeId id : step.nodes) {
      const kernels::PackedMatrix& weights = parameter(node(id)).matrix;
      matmul_bytes = std::max(matmul_bytes, kernels::MultiplyScratchBytes(weights, threads_->num_threads()));
      const kernels::RowFormat format = FormatOf(id);
      const bool is_planned = std::ranges::find(packings, format, &Packing::format) != packings.end();
      if (format == kernels::RowFormat::kF32 || is_planned) continue;
      packings.push_back({format, end});
      end += RoundUpToLine(kernels::PackedRowsBytes(format, limits_.max_rows(step.rows), weights.cols()));
    }
    packed_end = std::max(packed_end, end);
  }
  rows_scratch_offset_ = packed_end;
  const auto num_threads = static_cast<size_t>(threads_->num_threads());
  matmul_scratch_offset_ = rows_scratch_offset_ + plan_.thread_bytes * num_threads;
  attention_scratch_offset_ = matmul_scratch_offset_ + RoundUpToLine(matmul_bytes);
  if (!attention_plan_) return attention_scratch_offset_;
  return attention_scratch_offset_ + static_cast<size_t>(attention_plan_->scratch_floats()) * sizeof(float);
}

void Executor::Run(const Batch& batch) {
  CHECK_LE(static_cast<int64_t>(batch.tokens.size()), limits_.max_tokens);
  CHECK_EQ(batch.positions.size(), batch.tokens.size());
  batch_ = batch;
  if (attention_plan_) attention_plan_->Build(batch.sequences);
  RunSteps(0, num_token_steps_);
}

std::span<float> Executor::Output(std::span<const int32_t> rows) {
  return Select(rows, graph_->output);
}

std::span<const float> Executor::States(std::span<const int32_t> rows) {
  CHECK(graph_->states != kNone);
  return Select(rows, graph_->states);
}

std::span<float> Executor::Select(std::span<const int32_t> rows, NodeId id) {
  CHECK_LE(static_cast<int64_t>(rows.size()), limits_.max_logit_rows);
  if (rows.empty()) return {};
  selected_rows_ = rows;
  const auto computes_it = [&](const Step& step) { return std::ranges::find(step.nodes, id) != step.nodes.end(); };
  const auto last = std::ranges::find_if(steps_, computes_it);
  RunSteps(num_token_steps_, static_cast<size_t>(last - steps_.begin()) + 1);
  return {result(id), rows.size() * static_cast<size_t>(node(id).shape.cols)};
}

void Executor::RunSteps(size_t begin, size_t end) {
  for (size_t s = begin; s < end; ++s) {
    switch (steps_[s].kind) {
      case Step::Kind::kRows:
        RunRows(s);
        break;
      case Step::Kind::kLinear:
        RunLinear(s);
        break;
      case Step::Kind::kAttention:
        RunAttention(node(steps_[s].nodes[0]), result(steps_[s].nodes[0]));
        break;
      case Step::Kind::kWhole:
      case Step::Kind::kLossHead:
        CHECK_MSG(false, "a step of training");
    }
  }
}

float* Executor::row_of(NodeId id, int64_t row, int thread) {
  const MemoryPlan::Place& place = plan_.places[static_cast<size_t>(id)];
  if (!place.is_row_local) return result(id) + row * node(id).shape.cols;
  return reinterpret_cast<float*>(arena_.data() + rows_scratch_offset_ +
                                  static_cast<size_t>(thread) * plan_.thread_bytes + place.offset);
}

kernels::PackedRows Executor::PackedRowsOf(NodeId id, const Packing& packing, int64_t rows) {
  return kernels::PlanPackedRows(packing.format, rows, node(id).shape.cols, kernels_->max_tile_rows, nullptr,
                                 arena_.data() + packing.offset);
}

void Executor::RunRows(size_t index) {
  const Step& step = steps_[index];
  const std::vector<Packing>& packings = packings_[index];
  const int64_t rows = NumRows(step.rows);
  if (rows == 0 || (step.nodes.empty() && packings.empty())) return;
  // A tile of packed rows shares cache lines and is one thread's; where nothing is packed any piece will do.
  const int64_t tile_rows = kernels_->max_tile_rows;
  threads_->Run(CeilDivide(rows, tile_rows), [&](int64_t piece, int thread) {
    const kernels::RowTile tile = kernels::RowTileAt(rows, tile_rows, piece);
    for (int64_t row = tile.begin; row < tile.begin + tile.count; ++row) {
      for (const NodeId id : step.nodes) RunRowNode(id, row, thread);
      for (const Packing& packing : packings) {
        kernels_->pack_row(row_of(step.packed, row, thread), node(step.packed).shape.cols, row,
                           PackedRowsOf(step.packed, packing, rows));
      }
    }
  });
}

void Executor::RunRowNode(NodeId id, int64_t row, int thread) {
  const Node& n = node(id);
  const int64_t cols = n.shape.cols;
  float* const out = row_of(id, row, thread);
  const auto input = [&](size_t i) -> const float* { return row_of(n.inputs[i], row, thread); };
  switch (n.op) {
    case Op::kEmbedding:
      return CopyTableRow(n, batch_.tokens[static_cast<size_t>(row)], out);
    case Op::kPositionEmbedding:
      return CopyTableRow(n, batch_.positions[static_cast<size_t>(row)], out);
    case Op::kRotaryAngles:
      return ComputeRotaryAngles(*graph_, batch_.positions[static_cast<size_t>(row)], out);
    case Op::kSelectRows: {
      const float* const from = row_of(n.inputs[0], selected_rows_[static_cast<size_t>(row)], thread);
      std::copy_n(from, cols, out);
      return;
    }
    default:
      return ComputeRow(*kernels_, n,
                        {.x = input(0),
                         .second = n.inputs.size() > 1 ? input(1) : nullptr,
                         .vector = n.parameter == kNone ? nullptr : parameter(n).vector.data(),
                         .num_frequencies = static_cast<int64_t>(graph_->rotary_frequencies.size())},
                        out);
  }
}

void Executor::RunLinear(size_t index) {
  const Step& step = steps_[index];
  const NodeId input = steps_[index - 1].packed;
  const int64_t rows = NumRows(step.rows);
  constexpr size_t kMostProducts = 16;
  const auto multiply = [&](kernels::RowFormat format, const kernels::PackedRows& packed) {
    kernels::Product products[kMostProducts];
    size_t count = 0;
    for (const NodeId id : step.nodes) {
      if (FormatOf(id) != format) continue;
      CHECK_LT(count, kMostProducts);
      products[count++] = {&parameter(node(id)).matrix, result(id)};
    }
    if (count == 0) return;
    kernels::MultiplyPacked(*kernels_, *threads_, {products, count}, packed, arena_.data() + matmul_scratch_offset_);
  };
  for (const Packing& packing : packings_[index - 1]) multiply(packing.format, PackedRowsOf(input, packing, rows));
  multiply(kernels::RowFormat::kF32, kernels::PlanPackedRows(kernels::RowFormat::kF32, rows, node(input).shape.cols,
                                                             kernels_->max_tile_rows, result(input), nullptr));
}

void Executor::RunAttention(const Node& n, float* out) {
  kernels::PagedAttention(*kernels_, *threads_, *attention_plan_, kv_, attention_shape_, n.attributes.layer,
                          result(n.inputs[0]), result(n.inputs[1]), result(n.inputs[2]), out,
                          reinterpret_cast<float*>(arena_.data() + attention_scratch_offset_));
}

void Executor::CopyTableRow(const Node& n, int64_t index, float* out) const {
  const tensor::TensorView& table = parameter(n).table;
  CHECK(index >= 0 && index < table.shape.rows());
  tensor::DequantizeRow(table.type, table.row(index), {out, static_cast<size_t>(n.shape.cols)});
}

}  // namespace tenfold::graph
