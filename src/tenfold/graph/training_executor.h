// TrainingExecutor: runs training graphs (autodiff.h) with the fast kernels on all threads.
//
// Results live in one arena whose places are planned once over both passes (memory_plan.h): a forward result lives to
// its last use in the backward pass. Weights and their gradients are the caller's, row-major f32.
//
// Every sum's order is fixed, whatever the number of threads: losses and gradients are the same bits on one thread and
// on many. One thread at a time may call it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/graph/autodiff.h"
#include "tenfold/graph/fusion.h"
#include "tenfold/graph/loss_head.h"
#include "tenfold/graph/memory_plan.h"
#include "tenfold/graph/training_batch.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/training_attention.h"
#include "tenfold/platform/aligned_buffer.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::graph {

// Of one of the graph's parameters; two of one name share it.
struct TrainingParameter {
  const float* weight = nullptr;
  float* gradient = nullptr;  // null: Run may not be called
};

class TrainingExecutor {
 public:
  // The graph outlives it, and so do parameters' arrays, kernels and threads. `parameters` are in the graph's order.
  // `precision` is what matrix products and attention multiply; all else is f32. Errors: kResourceExhausted.
  static Result<TrainingExecutor> Create(const TrainingGraph& graph, std::vector<TrainingParameter> parameters,
                                         const BatchLimits& limits, kernels::Precision precision,
                                         const kernels::KernelTable& kernels, platform::ThreadPool& threads);

  // Both passes. Adds to the parameters' gradients; returns the sum of the losses. The batch keeps within the limits,
  // its tokens and targets within the vocabulary.
  double Run(const TrainingBatch& batch);

  // The forward pass alone, without dropout and z-loss; returns the sum of the losses.
  double Evaluate(const TrainingBatch& batch);

  // The forward pass to the logits of the batch's target rows, [R, vocab_size], written to `logits`.
  void ComputeLogits(const TrainingBatch& batch, std::span<float> logits);

  // Of results, those of the loss's few rows of logits included: planned, and allocated once.
  size_t activation_bytes() const { return plan_.arena_bytes + loss_head_.logits_bytes(); }
  // Of the threads, beside.
  size_t scratch_bytes() const { return arena_.size_bytes() - activation_bytes(); }

 private:
  TrainingExecutor(const TrainingGraph& graph, std::vector<TrainingParameter> parameters, const BatchLimits& limits,
                   kernels::Precision precision, const kernels::KernelTable& kernels, platform::ThreadPool& threads);

  size_t PlanScratch();
  void Begin(const TrainingBatch& batch);
  double SumLosses();

  void RunSteps(size_t begin, size_t end);
  void RunRows(const Step& step);
  void RunRowNode(NodeId id, int64_t row, int thread, float* vector_gradients);
  void RunWhole(const Node& node, float* out);
  void RunLossHead(const Step& step, bool has_gradient);
  void Multiply(const kernels::GemmPiece& product);
  void AddTableGradient(const Node& node);

  const Graph& graph() const { return training_->graph; }
  const Node& node(NodeId id) const { return graph().nodes[static_cast<size_t>(id)]; }
  int64_t cols(NodeId id) const { return node(id).shape.cols; }
  size_t vocab_size() const { return static_cast<size_t>(cols(training_->logits)); }
  const float* weight(const Node& n) const { return parameters_[static_cast<size_t>(n.parameter)].weight; }
  float* gradient(const Node& n) const { return parameters_[static_cast<size_t>(n.parameter)].gradient; }
  int64_t NumRows(Rows rows) const {
    return static_cast<int64_t>(rows == Rows::kTokens ? batch_->tokens.size() : batch_->target_rows.size());
  }
  // All rows of a result in the arena.
  float* result(NodeId id) {
    return reinterpret_cast<float*>(arena_.data() + plan_.places[static_cast<size_t>(id)].offset);
  }
  // One row of any result, on the thread that works on that row.
  float* row_of(NodeId id, int64_t row, int thread);

  const TrainingGraph* training_;
  std::vector<TrainingParameter> parameters_;
  BatchLimits limits_;
  kernels::Precision precision_;
  const kernels::KernelTable* kernels_;
  platform::ThreadPool* threads_;
  std::vector<Step> steps_;
  LossHead loss_head_;
  size_t loss_step_ = 0;  // the forward pass are the steps to this one
  MemoryPlan plan_;
  size_t logits_offset_ = 0;
  size_t rows_scratch_offset_ = 0;
  size_t vector_gradients_offset_ = 0;
  size_t kernel_scratch_offset_ = 0;
  platform::AlignedBuffer arena_;     // results, then scratch
  std::vector<float> rotary_angles_;  // [positions, 2 * frequencies]: grows with the longest sequence

  // Of the batch that is computed.
  const TrainingBatch* batch_ = nullptr;
  std::optional<uint64_t> dropout_seed_;
  std::vector<int32_t> positions_;      // [T] in their sequences
  std::vector<int32_t> target_of_row_;  // [T] which of the targets is its own, or -1
};

// What activation_bytes() of an executor will be, before it is made.
size_t PlanActivationBytes(const TrainingGraph& graph, const BatchLimits& limits);

}  // namespace tenfold::graph
