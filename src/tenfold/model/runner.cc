#include "tenfold/model/runner.h"

#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::model {

kernels::KvLayout KvLayoutOf(const ModelConfig& config, int64_t page_size, tensor::DataType type) {
  return {.num_layers = config.num_layers,
          .num_kv_heads = config.num_kv_heads,
          .head_dim = config.head_dim,
          .page_size = page_size,
          .type = type};
}

Result<Runner> Runner::Create(const Model& model, const graph::BatchLimits& limits, const kernels::KvPages& pages,
                              const kernels::KernelTable& kernels, platform::ThreadPool& threads) {
  ASSIGN_OR_RETURN(graph::Executor executor,
                   graph::Executor::Create(model.graph(), model.parameters(), limits, pages, kernels, threads));
  return Runner(std::move(executor), limits);
}

Runner::Runner(graph::Executor executor, const graph::BatchLimits& limits)
    : executor_(std::move(executor)), max_logit_rows_(limits.max_logit_rows) {
  tokens_.reserve(static_cast<size_t>(limits.max_tokens));
  positions_.reserve(static_cast<size_t>(limits.max_tokens));
  sequences_.reserve(static_cast<size_t>(limits.max_tokens));
  logit_rows_.reserve(static_cast<size_t>(limits.max_logit_rows));
}

std::span<float> Runner::Run(std::span<const SequenceChunk> chunks) {
  tokens_.clear();
  positions_.clear();
  sequences_.clear();
  logit_rows_.clear();
  for (const SequenceChunk& chunk : chunks) {
    const auto num_tokens = static_cast<int64_t>(chunk.tokens.size());
    const auto first_row = static_cast<int64_t>(tokens_.size());
    CHECK_LE(chunk.num_logit_rows, num_tokens);
    sequences_.push_back({first_row, num_tokens, chunk.first_position, chunk.page_ids});
    tokens_.insert(tokens_.end(), chunk.tokens.begin(), chunk.tokens.end());
    for (int64_t i = 0; i < num_tokens; ++i) positions_.push_back(static_cast<int32_t>(chunk.first_position + i));
    for (int64_t i = num_tokens - chunk.num_logit_rows; i < num_tokens; ++i) {
      logit_rows_.push_back(static_cast<int32_t>(first_row + i));
    }
  }
  executor_.Run({.tokens = tokens_, .positions = positions_, .sequences = sequences_});
  return executor_.Output(logit_rows_);
}

}  // namespace tenfold::model
