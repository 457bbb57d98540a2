// How well a model predicts a text: the mean negative log-likelihood of its tokens.
//
// The text's tokens are cut into windows that do not overlap. A window of a model that wants a beginning-of-text token
// is that token and the next `context` - 1 of the text, all of which are scored; otherwise it is `context` tokens, and
// its first is not scored because nothing stands before it. A token's score is -ln of its probability given everything
// before it in its window; the last window may be shorter. Tokens at the start of a window know little, so values are
// comparable only at the same context.
#pragma once

#include <cstdint>
#include <span>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/kv_layout.h"
#include "tenfold/model/model.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tensor/data_type.h"

namespace tenfold::model {

struct PerplexityOptions {
  int64_t context = 512;                                          // tokens in a window, from 2 to the model's context
  tensor::DataType kv_cache_type = kernels::kDefaultKvCacheType;  // F32, F16, BF16 or Q8_0
};

struct Perplexity {
  int64_t num_tokens = 0;  // scored
  int64_t num_bytes = 0;   // of their texts; a space that the tokenizer puts before the text counts
  double total_nll = 0;    // nats

  double mean_nll() const;
  double perplexity() const;     // e^mean_nll
  double bits_per_byte() const;  // comparable between vocabularies
};

// `text` is without special tokens. Runs on pages of its own, one window at a time, and shows a progress bar when it
// takes over a second. Errors: kInvalidArgument (the context, a token outside the vocabulary, nothing to score),
// kResourceExhausted.
Result<Perplexity> MeasurePerplexity(const Model& model, std::span<const TokenId> text,
                                     const PerplexityOptions& options, const kernels::KernelTable& kernels,
                                     platform::ThreadPool& threads);

}  // namespace tenfold::model
