// What a request asks of sampling: a plain struct with vLLM's names and meanings.
//
// Filled by the server or the command line, checked once by Validate, read-only afterwards. Everything behind Validate
// (sampler.h, stop_strings.h) relies on the ranges named here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"

namespace tenfold::sampling {

// Limits that keep one request from costing out of proportion.
inline constexpr int kMaxSequences = 128;           // OpenAI's limit of n
inline constexpr size_t kMaxStopStrings = 16;       // each costs a comparison per byte of text
inline constexpr size_t kMaxStopStringBytes = 256;  // as many bytes may be held back from the client
inline constexpr size_t kMaxStopTokenIds = 1024;
inline constexpr size_t kMaxLogitBiases = 1024;
inline constexpr size_t kMaxBadWords = 1024;      // each is compared with the end of the output at every token
inline constexpr size_t kMaxBadWordTokens = 256;  // of one
inline constexpr int kMaxLogprobs = 20;           // OpenAI's and vLLM's limit
inline constexpr int kMaxBeamWidth = 64;

struct LogitBias {
  TokenId token;
  double bias;  // [-100, 100], added to the logit
};

struct SamplingParams {
  int n = 1;  // sequences to generate, [1, kMaxSequences]

  // Beam search instead of drawing: the n outputs with the greatest score among those that `beam_width` beams find. The
  // score is the sum of the tokens' log-probabilities divided by (number of tokens) ^ length_penalty.
  bool use_beam_search = false;
  int beam_width = 1;           // [n, kMaxBeamWidth]
  double length_penalty = 1.0;  // [-10, 10]: above 0 favours long outputs

  // Which tokens can be drawn.
  double temperature = 1.0;  // [0, 100]; below kGreedyTemperature the most likely token is taken
  int top_k = 0;             // keep the k most likely tokens; 0 or -1 = all
  double top_p = 1.0;        // (0, 1]: keep the fewest most likely tokens whose probabilities reach p
  double min_p = 0.0;        // [0, 1]: keep tokens at least min_p times as likely as the most likely one
  double repetition_penalty =
      1.0;                         // (0, 100]: divides positive, multiplies negative logits of prompt and output tokens
  double presence_penalty = 0.0;   // [-2, 2]: subtracted once for each token of the output
  double frequency_penalty = 0.0;  // [-2, 2]: subtracted for each occurrence in the output
  std::vector<LogitBias> logit_bias;
  // In rising order, each once. Every other token is forbidden, those that end a sequence too; empty = none is.
  std::vector<TokenId> allowed_token_ids;
  // Sequences of tokens that the output must not hold: what would complete one is forbidden. None is empty.
  std::vector<std::vector<TokenId>> bad_words;
  std::optional<uint64_t> seed;  // none: the engine chooses one

  // When the sequence ends.
  // None: as far as the context reaches. 0: only the prompt is computed, for its log-probabilities.
  std::optional<int> max_tokens = 16;
  int min_tokens = 0;  // [0, max_tokens]: end-of-sequence and stop tokens are forbidden before
  std::vector<std::string> stop;
  std::vector<TokenId> stop_token_ids;
  bool include_stop_str_in_output = false;  // the text of what ended it, stop token or end-of-sequence, too
  bool ignore_eos = false;

  bool skip_special_tokens = true;  // the text is without control tokens; stop strings see what the text has

  std::optional<int> num_logprobs;  // [0, kMaxLogprobs]; 0 = of the chosen token only, none = no log-probabilities
  std::optional<int> num_prompt_logprobs;  // likewise of each token of the prompt, given those before it

  static constexpr double kGreedyTemperature = 1e-5;
  bool IsGreedy() const { return temperature < kGreedyTemperature; }
};

// Refuses values outside the ranges above; the message names the field, its value and what is allowed.
Status Validate(const SamplingParams& params, int64_t vocab_size);

}  // namespace tenfold::sampling
