// What an answer tells of its prompt: its ids, its text before the completion's (`echo`), the log-probabilities of its
// tokens.
#pragma once

#include <string>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/base/token_id.h"
#include "tenfold/engine/request.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::server {

struct PromptPiece {
  std::vector<TokenId> tokens;
  std::vector<engine::TokenLogprobs> logprobs = {};  // of each token but the first, once known and when asked for
  // With echo only.
  std::string text = {};
  std::vector<size_t> text_offsets = {};  // characters of the text before each token
};

// Fills in the text. A prompt that came as text shows the control tokens that were written in it, but not the
// beginning-of-text token that encoding put before it; one that came as ids shows control tokens as its output does.
void EchoPrompt(const tokenizer::Tokenizer& tokenizer, bool was_text, bool skip_special_tokens, PromptPiece& prompt);

// vLLM's `prompt_logprobs`: null for the first token, then for each token an object of it and the `num_top` likeliest in
// its place, by their ids: {"42": {"logprob", "rank", "decoded_token"}, ...}.
json::array PromptLogprobs(const PromptPiece& prompt, int num_top, const tokenizer::Tokenizer& tokenizer);

// JSON has no infinity; OpenAI writes -9999 for a token that could not have been chosen.
json::value LogprobValue(double logprob);
// A token's text as JSON can carry it.
std::string TokenString(const tokenizer::Tokenizer& tokenizer, TokenId token);
// Unicode characters of valid UTF-8, the unit of text offsets.
size_t CountCharacters(std::string_view text);

}  // namespace tenfold::server
