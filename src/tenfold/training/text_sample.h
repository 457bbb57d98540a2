// A sample text of a model: how a reader sees what a run has learned. Through the serving path: the cache, the fast
// executor, the sampler.
#pragma once

#include <cstdint>
#include <string>

#include "tenfold/base/result.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/model/model.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::training {

struct SampleOptions {
  std::string prompt;  // empty: the token that begins a text, or else token 0
  int64_t num_tokens = 128;
  double temperature = 0.8;  // 0: always the likeliest token
  uint64_t seed = 0;
};

// The prompt and what the model wrote after it: up to its end of text or its context's. Errors: kResourceExhausted, and
// kInvalidArgument for a prompt that fills the context or a model whose logits are no numbers.
Result<std::string> SampleText(const model::Model& model, const SampleOptions& options,
                               const kernels::KernelTable& kernels, platform::ThreadPool& threads);

}  // namespace tenfold::training
