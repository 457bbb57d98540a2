// A sample text of a model in training: how a reader sees what it has learned.
//
// Each token is drawn by the sampler that serves, from logits that the whole text before it is computed for again: the
// plain way, which costs little for texts of a few hundred tokens now and then.
#pragma once

#include <cstdint>
#include <string>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/tokenizer.h"
#include "tenfold/training/trainer.h"

namespace tenfold::training {

struct SampleOptions {
  std::string prompt;  // empty: the token that begins a text, or else token 0
  int64_t num_tokens = 128;
  double temperature = 0.8;  // 0: always the likeliest token
  uint64_t seed = 0;
};

// What SampleText would refuse, before a run that would only find out later. Errors: kInvalidArgument.
Status CheckSamplePrompt(const std::string& prompt, const tokenizer::Tokenizer& tokenizer, int64_t context_length);

// The prompt, which has passed CheckSamplePrompt, and what the model wrote after it, up to its end of text. Beyond the
// model's context, it goes on from the latter half of what it has. Errors: kInvalidArgument for logits that are no
// numbers.
Result<std::string> SampleText(Trainer& trainer, const tokenizer::Tokenizer& tokenizer, const SampleOptions& options);

}  // namespace tenfold::training
