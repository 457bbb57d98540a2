#include "tenfold/server/prompt_response.h"

#include <algorithm>
#include <utility>

#include "tenfold/tokenizer/detokenizer.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::server {

using tokenizer::Tokenizer;

void EchoPrompt(const Tokenizer& tokenizer, bool was_text, bool skip_special_tokens, PromptPiece& prompt) {
  tokenizer::StreamingDetokenizer detokenizer(tokenizer,
                                              {.skip_special = skip_special_tokens && !was_text, .begins_text = true});
  size_t num_characters = 0;
  const auto append = [&](const std::string& text) {
    prompt.text += text;
    num_characters += CountCharacters(text);
  };
  for (size_t i = 0; i < prompt.tokens.size(); ++i) {
    prompt.text_offsets.push_back(num_characters);
    const bool was_added = i == 0 && was_text && prompt.tokens[i] == tokenizer.bos();
    if (!was_added) append(detokenizer.Append(prompt.tokens[i]));
  }
  append(detokenizer.Flush());
}

json::array PromptLogprobs(const PromptPiece& prompt, int num_top, const Tokenizer& tokenizer) {
  json::array positions = {nullptr};
  for (size_t i = 0; i < prompt.logprobs.size(); ++i) {
    const engine::TokenLogprobs& entry = prompt.logprobs[i];
    json::object& candidates = positions.emplace_back(json::object()).get_object();
    const auto add = [&](TokenId token, double logprob, int rank) {
      candidates.emplace(std::to_string(token), json::object{{"logprob", LogprobValue(logprob)},
                                                             {"rank", rank},
                                                             {"decoded_token", TokenString(tokenizer, token)}});
    };
    add(prompt.tokens[i + 1], entry.logprob, entry.rank);
    const size_t count = std::min(entry.top.size(), static_cast<size_t>(num_top));
    for (size_t k = 0; k < count; ++k) add(entry.top[k].token, entry.top[k].logprob, static_cast<int>(k) + 1);
  }
  return positions;
}

json::value LogprobValue(double logprob) {
  constexpr double kLeastLogprob = -9999.0;
  return std::max(logprob, kLeastLogprob);
}

std::string TokenString(const Tokenizer& tokenizer, TokenId token) {
  return tokenizer::RepairUtf8(tokenizer.TokenText(token));
}

size_t CountCharacters(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

}  // namespace tenfold::server
