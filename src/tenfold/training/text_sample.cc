#include "tenfold/training/text_sample.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "tenfold/base/rounding.h"
#include "tenfold/model/runner.h"
#include "tenfold/platform/aligned_buffer.h"
#include "tenfold/sampling/sampler.h"

namespace tenfold::training {
namespace {

constexpr int64_t kPageSize = 32;  // any size the kernels take: it changes no result (law 2)

}  // namespace

Result<std::string> SampleText(const model::Model& model, const SampleOptions& options,
                               const kernels::KernelTable& kernels, platform::ThreadPool& threads) {
  const model::ModelConfig& config = model.config();
  const tokenizer::Tokenizer& tokenizer = model.tokenizer();
  std::vector<TokenId> tokens = tokenizer.Encode(options.prompt);
  if (tokens.empty()) tokens.push_back(std::max<TokenId>(tokenizer.bos(), 0));
  if (static_cast<int64_t>(tokens.size()) >= config.context_length) {
    return MakeError(ErrorCode::kInvalidArgument, "sample-prompt has {} tokens, the model's context {}", tokens.size(),
                     config.context_length);
  }
  const size_t num_prompt_tokens = tokens.size();
  const size_t last = static_cast<size_t>(
      std::min(config.context_length, static_cast<int64_t>(num_prompt_tokens) + options.num_tokens));

  const kernels::KvLayout layout = model::KvLayoutOf(config, kPageSize, tensor::DataType::kF32);
  std::vector<int32_t> page_ids(static_cast<size_t>(CeilDivide(static_cast<int64_t>(last), kPageSize)));
  std::iota(page_ids.begin(), page_ids.end(), 0);
  ASSIGN_OR_RETURN(platform::AlignedBuffer pages,
                   platform::AlignedBuffer::Allocate(layout.page_bytes() * page_ids.size(), "keys of a sample text"));
  ASSIGN_OR_RETURN(
      model::Runner runner,
      model::Runner::Create(model, {.max_tokens = static_cast<int64_t>(num_prompt_tokens), .max_logit_rows = 1},
                            {pages.data(), layout}, kernels, threads));

  sampling::SamplingParams params;
  params.temperature = options.temperature;
  const sampling::TokenCounts no_history;
  sampling::SamplerScratch scratch;
  for (size_t computed = 0; tokens.size() < last;) {
    const model::SequenceChunk chunk{std::span(tokens).subspan(computed), static_cast<int64_t>(computed),
                                     page_ids.data(), 1};
    const std::span<float> logits = runner.Run({&chunk, 1});
    computed = tokens.size();
    const sampling::DrawKey key{.seed = options.seed, .step = computed};
    ASSIGN_OR_RETURN(
        const sampling::SampledToken drawn,
        sampling::Sample(logits, params, {}, no_history, std::span(tokens).subspan(num_prompt_tokens), key, scratch));
    if (tokenizer.IsEndOfGeneration(drawn.token)) break;
    tokens.push_back(drawn.token);
  }
  return tokenizer.Decode(tokens);
}

}  // namespace tenfold::training
