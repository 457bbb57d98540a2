// Runner: executes one step of a model on a flat batch of sequences' chunks.
//
// Builds the batch (tokens, positions, page tables, rows that need logits) and runs the graph on it. One thread at a
// time; the model, the page pool's memory and the thread pool must outlive it. A step allocates nothing once warm.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/graph/executor.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/kv_layout.h"
#include "tenfold/model/model.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::model {

// One sequence's share of a step.
struct SequenceChunk {
  std::span<const TokenId> tokens;    // to compute now, at least one
  int64_t first_position = 0;         // of tokens[0]; everything before is in the cache
  const int32_t* page_ids = nullptr;  // with room for these tokens
  int64_t num_logit_rows = 0;         // of the last tokens: 0 inside a prompt, 1 at its end and when decoding
};

// How a model's keys and values lie in a page.
kernels::KvLayout KvLayoutOf(const ModelConfig& config, int64_t page_size, tensor::DataType type);

class Runner {
 public:
  // `pages` is the pool's memory in the given layout.
  static Result<Runner> Create(const Model& model, const graph::BatchLimits& limits, const kernels::KvPages& pages,
                               const kernels::KernelTable& kernels, platform::ThreadPool& threads);

  // Computes all chunks. Returns [sum of num_logit_rows, vocab_size], rows in the order of the chunks: at most
  // limits.max_logit_rows, valid and free to overwrite until the next call.
  std::span<float> Run(std::span<const SequenceChunk> chunks);

  // Of the tokens that were computed last, counted through all chunks: their logits [rows, vocab_size], and the states
  // that logits are made of [rows, hidden_size], after the last norm. As above, and as often as wanted.
  std::span<float> Logits(std::span<const int32_t> rows) { return executor_.Output(rows); }
  std::span<const float> States(std::span<const int32_t> rows) { return executor_.States(rows); }
  int64_t max_logit_rows() const { return max_logit_rows_; }

  // Memory for activations.
  size_t arena_bytes() const { return executor_.arena_bytes(); }

 private:
  Runner(graph::Executor executor, const graph::BatchLimits& limits);

  graph::Executor executor_;
  int64_t max_logit_rows_;
  std::vector<TokenId> tokens_;
  std::vector<int32_t> positions_;
  std::vector<int32_t> logit_rows_;
  std::vector<kernels::AttentionChunk> sequences_;
};

}  // namespace tenfold::model
