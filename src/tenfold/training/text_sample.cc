#include "tenfold/training/text_sample.h"

#include <algorithm>
#include <vector>

#include "tenfold/sampling/sampler.h"

namespace tenfold::training {

namespace {

std::vector<TokenId> PromptTokens(const std::string& prompt, const tokenizer::Tokenizer& tokenizer) {
  std::vector<TokenId> tokens = tokenizer.Encode(prompt, {.add_special = false});
  if (tokens.empty()) tokens.push_back(std::max<TokenId>(tokenizer.bos(), 0));
  return tokens;
}

}  // namespace

Status CheckSamplePrompt(const std::string& prompt, const tokenizer::Tokenizer& tokenizer, int64_t context_length) {
  const auto num_tokens = static_cast<int64_t>(PromptTokens(prompt, tokenizer).size());
  if (num_tokens < context_length) return {};
  return MakeError(ErrorCode::kInvalidArgument, "sample-prompt has {} tokens; context-length is {}, and must be more",
                   num_tokens, context_length);
}

Result<std::string> SampleText(Trainer& trainer, const tokenizer::Tokenizer& tokenizer, const SampleOptions& options) {
  const ModelShape& model = trainer.config().model;
  std::vector<TokenId> tokens = PromptTokens(options.prompt, tokenizer);
  sampling::SamplingParams params;
  params.temperature = options.temperature;
  const sampling::TokenCounts no_history;
  sampling::SamplerScratch scratch;
  std::vector<float> logits(static_cast<size_t>(model.vocab_size));
  std::vector<TokenId> context = tokens;
  for (int64_t step = 0; step < options.num_tokens; ++step) {
    if (static_cast<int64_t>(context.size()) == model.context_length) {
      context.erase(context.begin(), context.begin() + model.context_length / 2);
    }
    trainer.ComputeLogits({.tokens = context,
                           .sequence_lengths = {static_cast<int64_t>(context.size())},
                           .target_rows = {static_cast<int32_t>(context.size()) - 1},
                           .targets = {0}},
                          logits);
    const sampling::DrawKey key{.seed = options.seed, .step = static_cast<uint64_t>(step)};
    ASSIGN_OR_RETURN(const sampling::SampledToken drawn,
                     sampling::Sample(logits, params, {}, no_history, {}, key, scratch));
    if (tokenizer.IsEndOfGeneration(drawn.token)) break;
    tokens.push_back(drawn.token);
    context.push_back(drawn.token);
  }
  return tokenizer.Decode(tokens);
}

}  // namespace tenfold::training
