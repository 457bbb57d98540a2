// `tenfold bench model`: prefill, decode, loading and memory of one model, straight on the runner, without an engine.
//
// Prefill computes a prompt in chunks and the last token's logits. Decode computes one token for each sequence per
// step; the tokens before it are not computed but stand in the cache as arbitrary numbers, which cost the same to read.
// No sampling, no tokenizer, no scheduler: what is left is the model's own time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/bench/report.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/kv_layout.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tensor/data_type.h"

namespace tenfold::bench {

struct ModelBenchOptions {
  // Points to measure; all empty = the standard ones. Contexts without batches are decoded by one sequence, batches
  // without contexts at 0.
  std::vector<int64_t> prefills = {};
  std::vector<int64_t> decode_batches = {};
  std::vector<int64_t> contexts = {};
  int repeat = 5;
  int64_t max_num_batched_tokens = 512;
  int64_t page_size = 32;
  tensor::DataType kv_cache_type = kernels::kDefaultKvCacheType;
};

struct DecodePoint {
  int64_t batch;
  int64_t context;

  friend bool operator==(const DecodePoint&, const DecodePoint&) = default;
};

struct ModelPoints {
  std::vector<int64_t> prefills = {};
  std::vector<DecodePoint> decodes = {};
  bool is_standard = false;
};

// What to measure, in order.
ModelPoints PointsOf(const ModelBenchOptions& options);

// Steps in a decode sample.
inline constexpr int64_t kDecodeSteps = 16;

// Loads the model (--repeat times for the standard points, to time it), prints a line for each measurement. A context
// may be longer than the model's own: the runner does not mind, unless positions are looked up in a table; standard
// points beyond its end are left out then. Errors: those of loading, kInvalidArgument for other points beyond such a
// table, kResourceExhausted.
Status BenchModel(const std::filesystem::path& path, const ModelBenchOptions& options,
                  const kernels::KernelTable& kernels, platform::ThreadPool& threads, Report& report);

}  // namespace tenfold::bench
