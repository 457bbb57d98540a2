#include "tenfold/graph/training_executor.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/base/rounding.h"
#include "tenfold/graph/dropout.h"
#include "tenfold/graph/row_ops.h"
#include "tenfold/graph/training_steps.h"
#include "tenfold/kernels/gemm.h"
#include "tenfold/kernels/training_kernels.h"

namespace tenfold::graph {
namespace {

// Rows of a piece of a kRows step. Sums over rows, the gradients of vectors, are sums over pieces of sums within them:
// a number of its own, not of the threads.
constexpr int64_t kPieceRows = 64;

LossHead LossHeadOf(const TrainingGraph& training, const BatchLimits& limits) {
  const auto cols = [&](NodeId id) { return training.graph.nodes[static_cast<size_t>(id)].shape.cols; };
  const Node& logits = training.graph.nodes[static_cast<size_t>(training.logits)];
  return {logits.shape.cols, cols(logits.inputs[0]), limits.max_logit_rows};
}

size_t RoundUpToLine(size_t bytes) {
  return RoundUp(bytes, size_t{64});
}

kernels::TrainingAttentionShape AttentionShapeOf(const Node& n) {
  return {n.attributes.num_heads, n.attributes.num_kv_heads, n.attributes.head_dim, n.attributes.scale};
}

}  // namespace

TrainingExecutor::TrainingExecutor(const TrainingGraph& graph, std::vector<TrainingParameter> parameters,
                                   const BatchLimits& limits, kernels::Precision precision,
                                   const kernels::KernelTable& kernels, platform::ThreadPool& threads)
    : training_(&graph),
      parameters_(std::move(parameters)),
      limits_(limits),
      precision_(precision),
      kernels_(&kernels),
      threads_(&threads),
      steps_(PlanTrainingSteps(graph.graph)),
      loss_head_(LossHeadOf(graph, limits)) {
  CHECK_EQ(parameters_.size(), graph.graph.parameters.size());
  const auto is_loss_head = [](const Step& step) { return step.kind == Step::Kind::kLossHead; };
  loss_step_ = static_cast<size_t>(std::ranges::find_if(steps_, is_loss_head) - steps_.begin());
  CHECK_LT(loss_step_, steps_.size());
  const std::vector<bool> nothing_is_packed(graph.graph.nodes.size(), true);
  plan_ = PlanMemory(graph.graph, steps_, nothing_is_packed, limits);
}

Result<TrainingExecutor> TrainingExecutor::Create(const TrainingGraph& graph, std::vector<TrainingParameter> parameters,
                                                  const BatchLimits& limits, kernels::Precision precision,
                                                  const kernels::KernelTable& kernels, platform::ThreadPool& threads) {
  TrainingExecutor executor(graph, std::move(parameters), limits, precision, kernels, threads);
  ASSIGN_OR_RETURN(executor.arena_, platform::AlignedBuffer::Allocate(executor.PlanScratch(), "activations"));
  return executor;
}

size_t TrainingExecutor::PlanScratch() {
  const auto num_threads = static_cast<size_t>(threads_->num_threads());
  size_t kernel_bytes = kernels::GemmScratchBytes(threads_->num_threads());
  int64_t vector_floats = 0;
  for (const Step& step : steps_) {
    int64_t step_floats = 0;
    for (const NodeId id : step.nodes) {
      const Node& n = node(id);
      if (AddsToVectorGradient(n.op)) step_floats += cols(n.inputs.back());
      if (n.op == Op::kTrainingAttention || n.op == Op::kAttentionGradient) {
        kernel_bytes = std::max(kernel_bytes,
                                kernels::TrainingAttentionScratchBytes(n.attributes.head_dim, threads_->num_threads()));
      }
    }
    vector_floats = std::max(vector_floats, step_floats * CeilDivide(limits_.max_rows(step.rows), kPieceRows));
  }
  logits_offset_ = RoundUpToLine(plan_.arena_bytes);
  rows_scratch_offset_ = logits_offset_ + RoundUpToLine(loss_head_.logits_bytes());
  vector_gradients_offset_ = rows_scratch_offset_ + plan_.thread_bytes * num_threads;
  kernel_scratch_offset_ = vector_gradients_offset_ + RoundUpToLine(static_cast<size_t>(vector_floats) * sizeof(float));
  return kernel_scratch_offset_ + kernel_bytes;
}

size_t PlanActivationBytes(const TrainingGraph& graph, const BatchLimits& limits) {
  const std::vector<Step> steps = PlanTrainingSteps(graph.graph);
  const std::vector<bool> nothing_is_packed(graph.graph.nodes.size(), true);
  return PlanMemory(graph.graph, steps, nothing_is_packed, limits).arena_bytes +
         LossHeadOf(graph, limits).logits_bytes();
}

double TrainingExecutor::Run(const TrainingBatch& batch) {
  Begin(batch);
  dropout_seed_ = batch.dropout_seed;
  RunSteps(0, loss_step_);
  RunLossHead(steps_[loss_step_], /*has_gradient=*/true);
  RunSteps(loss_step_ + 1, steps_.size());
  return SumLosses();
}

double TrainingExecutor::Evaluate(const TrainingBatch& batch) {
  Begin(batch);
  RunSteps(0, loss_step_);
  RunLossHead(steps_[loss_step_], /*has_gradient=*/false);
  return SumLosses();
}

void TrainingExecutor::ComputeLogits(const TrainingBatch& batch, std::span<float> logits) {
  Begin(batch);
  CHECK_EQ(logits.size(), batch.target_rows.size() * vocab_size());
  RunSteps(0, loss_step_);
  const Node& linear = node(training_->logits);
  const int64_t width = cols(linear.inputs[0]), num_outputs = linear.shape.cols;
  Multiply({.a = kernels::GemmOperand::Rows(result(linear.inputs[0]), width),
            .b = kernels::GemmOperand::Transposed(weight(linear), width),
            .rows = NumRows(Rows::kLogitRows),
            .cols = num_outputs,
            .depth = width,
            .c = logits.data(),
            .c_stride = num_outputs});
}

void TrainingExecutor::Begin(const TrainingBatch& batch) {
  CHECK_LE(static_cast<int64_t>(batch.tokens.size()), limits_.max_tokens);
  CHECK_LE(static_cast<int64_t>(batch.target_rows.size()), limits_.max_logit_rows);
  CHECK_EQ(batch.target_rows.size(), batch.targets.size());
  batch_ = &batch;
  dropout_seed_.reset();
  positions_.clear();
  int64_t longest = 0;
  for (const int64_t length : batch.sequence_lengths) {
    longest = std::max(longest, length);
    for (int64_t position = 0; position < length; ++position) positions_.push_back(static_cast<int32_t>(position));
  }
  CHECK_EQ(positions_.size(), batch.tokens.size());
  target_of_row_.assign(batch.tokens.size(), -1);
  for (size_t i = 0; i < batch.target_rows.size(); ++i) {
    target_of_row_[static_cast<size_t>(batch.target_rows[i])] = static_cast<int32_t>(i);
  }
  const size_t floats = 2 * graph().rotary_frequencies.size();
  const size_t num_known = floats == 0 ? 0 : rotary_angles_.size() / floats;
  rotary_angles_.resize(std::max(num_known, static_cast<size_t>(longest)) * floats);
  for (size_t position = num_known; position * floats < rotary_angles_.size(); ++position) {
    ComputeRotaryAngles(graph(), static_cast<int64_t>(position), rotary_angles_.data() + position * floats);
  }
}

double TrainingExecutor::SumLosses() {
  double sum = 0;
  const float* const losses = result(graph().output);
  for (size_t i = 0; i < batch_->target_rows.size(); ++i) sum += static_cast<double>(losses[i]);
  return sum;
}

void TrainingExecutor::RunSteps(size_t begin, size_t end) {
  for (size_t s = begin; s < end; ++s) {
    const Step& step = steps_[s];
    if (step.kind == Step::Kind::kRows) {
      RunRows(step);
    } else {
      const Node& n = node(step.nodes[0]);
      RunWhole(n, n.shape.cols == 0 ? nullptr : result(step.nodes[0]));
    }
  }
}

float* TrainingExecutor::row_of(NodeId id, int64_t row, int thread) {
  const MemoryPlan::Place& place = plan_.places[static_cast<size_t>(id)];
  if (!place.is_row_local) return result(id) + row * cols(id);
  return reinterpret_cast<float*>(arena_.data() + rows_scratch_offset_ +
                                  static_cast<size_t>(thread) * plan_.thread_bytes + place.offset);
}

void TrainingExecutor::RunRows(const Step& step) {
  const int64_t rows = NumRows(step.rows), num_pieces = CeilDivide(rows, kPieceRows);
  // The vectors' gradients of a piece stand side by side.
  int64_t vector_floats = 0;
  for (const NodeId id : step.nodes) {
    if (AddsToVectorGradient(node(id).op)) vector_floats += cols(node(id).inputs.back());
  }
  auto* const vectors = reinterpret_cast<float*>(arena_.data() + vector_gradients_offset_);
  threads_->Run(num_pieces, [&](int64_t piece, int thread) {
    float* const piece_vectors = vectors + piece * vector_floats;
    std::fill_n(piece_vectors, vector_floats, 0.0f);
    const int64_t end = std::min(rows, (piece + 1) * kPieceRows);
    for (int64_t row = piece * kPieceRows; row < end; ++row) {
      float* vector = piece_vectors;
      for (const NodeId id : step.nodes) {
        RunRowNode(id, row, thread, vector);
        if (AddsToVectorGradient(node(id).op)) vector += cols(node(id).inputs.back());
      }
    }
  });
  const float* vector = vectors;
  for (const NodeId id : step.nodes) {
    if (!AddsToVectorGradient(node(id).op)) continue;
    const int64_t count = cols(node(id).inputs.back());
    float* const sum = gradient(node(id));
    for (int64_t piece = 0; piece < num_pieces; ++piece) {
      kernels_->add(sum, vector + piece * vector_floats, count, sum);
    }
    vector += count;
  }
}

void TrainingExecutor::RunRowNode(NodeId id, int64_t row, int thread, float* vector_gradients) {
  const Node& n = node(id);
  const int64_t width = n.shape.cols;
  const kernels::TrainingKernels& training = kernels_->training();
  const auto x = [&](size_t i) -> const float* { return row_of(n.inputs[i], row, thread); };
  const float epsilon = n.attributes.epsilon;
  const auto num_frequencies = static_cast<int64_t>(graph().rotary_frequencies.size());
  float* const y = width == 0 ? nullptr : row_of(id, row, thread);
  switch (n.op) {
    case Op::kEmbedding:
      std::copy_n(weight(n) + batch_->tokens[static_cast<size_t>(row)] * width, width, y);
      return;
    case Op::kPositionEmbedding:
      std::copy_n(weight(n) + positions_[static_cast<size_t>(row)] * width, width, y);
      return;
    case Op::kRotaryAngles:
      std::copy_n(rotary_angles_.data() + positions_[static_cast<size_t>(row)] * width, width, y);
      return;
    case Op::kDropout:
      if (dropout_seed_) {
        DropOut(*dropout_seed_, n.attributes.stream, n.attributes.probability, row, x(0), width, y);
      } else if (x(0) != y) {
        std::copy_n(x(0), width, y);
      }
      return;
    case Op::kRotaryGradient:
      return RotateHeads(training.rotate_head_back, n, {.x = x(0), .second = x(1), .num_frequencies = num_frequencies},
                         y);
    case Op::kPlaceColumns:
      std::fill_n(y, width, 0.0f);
      std::copy_n(x(0), cols(n.inputs[0]), y + n.attributes.first_col);
      return;
    case Op::kSelectRows:
      std::copy_n(row_of(n.inputs[0], batch_->target_rows[static_cast<size_t>(row)], thread), width, y);
      return;
    case Op::kScatterRows:
      if (const int32_t target = target_of_row_[static_cast<size_t>(row)]; target >= 0) {
        std::copy_n(row_of(n.inputs[0], target, thread), width, y);
      } else {
        std::fill_n(y, width, 0.0f);
      }
      return;
    case Op::kRmsNormInputGradient:
      return training.rms_norm_gradient(x(0), weight(n), x(1), epsilon, width, y);
    case Op::kLayerNormInputGradient:
      return training.layer_norm_gradient(x(0), weight(n), x(1), epsilon, width, y);
    case Op::kGeluGradient:
      return training.gelu_gradient(x(0), x(1), width, y);
    case Op::kSiluMultiplyGateGradient:
      return training.silu_gate_gradient(x(0), x(1), x(2), width, y);
    case Op::kSiluMultiplyUpGradient:
      return training.silu_up_gradient(x(0), x(1), width, y);
    case Op::kRmsNormWeightGradient:
      return training.rms_norm_weight_gradient(x(0), x(1), epsilon, cols(n.inputs[1]), vector_gradients);
    case Op::kLayerNormWeightGradient:
      return training.layer_norm_weight_gradient(x(0), x(1), epsilon, cols(n.inputs[1]), vector_gradients);
    case Op::kAddVectorWeightGradient:
      return kernels_->add(vector_gradients, x(0), cols(n.inputs[0]), vector_gradients);
    default:
      return ComputeRow(*kernels_, n,
                        {.x = x(0),
                         .second = n.inputs.size() > 1 ? x(1) : nullptr,
                         .vector = n.parameter == kNone ? nullptr : weight(n),
                         .num_frequencies = num_frequencies},
                        y);
  }
}

void TrainingExecutor::Multiply(const kernels::GemmPiece& product) {
  kernels::Gemm(*kernels_, *threads_, precision_, product, arena_.data() + kernel_scratch_offset_);
}

void TrainingExecutor::RunWhole(const Node& n, float* out) {
  using kernels::GemmOperand;
  const auto input = [&](size_t i) -> const float* { return result(n.inputs[i]); };
  const int64_t rows = NumRows(n.shape.rows), width = n.shape.cols;
  std::byte* const scratch = arena_.data() + kernel_scratch_offset_;
  switch (n.op) {
    case Op::kLinear: {
      const int64_t depth = cols(n.inputs[0]);
      return Multiply({.a = GemmOperand::Rows(input(0), depth),
                       .b = GemmOperand::Transposed(weight(n), depth),
                       .rows = rows,
                       .cols = width,
                       .depth = depth,
                       .c = out,
                       .c_stride = width});
    }
    case Op::kLinearInputGradient: {
      const int64_t depth = cols(n.inputs[0]);
      return Multiply({.a = GemmOperand::Rows(input(0), depth),
                       .b = GemmOperand::Rows(weight(n), width),
                       .rows = rows,
                       .cols = width,
                       .depth = depth,
                       .c = out,
                       .c_stride = width});
    }
    case Op::kLinearWeightGradient: {
      const int64_t num_inputs = cols(n.inputs[0]), num_outputs = cols(n.inputs[1]);
      return Multiply({.a = GemmOperand::Transposed(input(1), num_outputs),
                       .b = GemmOperand::Rows(input(0), num_inputs),
                       .rows = num_outputs,
                       .cols = num_inputs,
                       .depth = rows,
                       .c = gradient(n),
                       .c_stride = num_inputs,
                       .adds = true});
    }
    case Op::kTrainingAttention:
      return kernels::TrainingAttention(*kernels_, *threads_, precision_, AttentionShapeOf(n), batch_->sequence_lengths,
                                        input(0), input(1), input(2), out, scratch);
    case Op::kAttentionGradient:
      return kernels::AttentionGradient(*kernels_, *threads_, precision_, AttentionShapeOf(n), batch_->sequence_lengths,
                                        input(0), input(1), input(2), input(3), input(4), out, scratch);
    case Op::kEmbeddingWeightGradient:
    case Op::kPositionEmbeddingWeightGradient:
      return AddTableGradient(n);
    default:
      CHECK_MSG(false, "{} is not for training", OpName(n.op));
  }
}

// A row of the table may be chosen by several rows of the batch: each thread has columns of its own and adds in the
// batch's order.
void TrainingExecutor::AddTableGradient(const Node& n) {
  constexpr int64_t kPieceCols = 64;
  const float* const dy = result(n.inputs[0]);
  const int64_t width = cols(n.inputs[0]), rows = NumRows(n.shape.rows);
  const bool is_by_token = n.op == Op::kEmbeddingWeightGradient;
  threads_->Run(CeilDivide(width, kPieceCols), [&](int64_t piece, int) {
    const int64_t begin = piece * kPieceCols, count = std::min(kPieceCols, width - begin);
    for (int64_t row = 0; row < rows; ++row) {
      const auto index = static_cast<size_t>(row);
      float* const to = gradient(n) + (is_by_token ? batch_->tokens[index] : positions_[index]) * width + begin;
      kernels_->add(to, dy + row * width + begin, count, to);
    }
  });
}

void TrainingExecutor::RunLossHead(const Step& step, bool has_gradient) {
  const Node& linear = node(training_->logits);
  LossHead::Arguments arguments{.states = result(linear.inputs[0]),
                                .weight = weight(linear),
                                .targets = batch_->targets,
                                .logits = reinterpret_cast<float*>(arena_.data() + logits_offset_),
                                .losses = result(graph().output)};
  if (has_gradient) {
    arguments.z_loss = node(graph().output).attributes.z_loss;
    arguments.gradient_scale = static_cast<float>(batch_->gradient_scale);
    arguments.weight_gradient = gradient(linear);
    for (const NodeId id : step.nodes) {
      if (node(id).op == Op::kLinearInputGradient) arguments.d_states = result(id);
    }
  }
  loss_head_.Run(arguments, *kernels_, *threads_, [this](const kernels::GemmPiece& product) { Multiply(product); });
}

}  // namespace tenfold::graph
