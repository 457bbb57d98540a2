#include "tenfold/server/bad_words.h"

#include <utility>

namespace tenfold::server {

ApiResult<std::vector<std::vector<TokenId>>> EncodeBadWords(const std::vector<std::string>& words,
                                                            const tokenizer::Tokenizer& tokenizer) {
  constexpr tokenizer::EncodeOptions kBare = {.add_special = false, .parse_special = true};
  std::vector<std::vector<TokenId>> sequences;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t begin = words[i].find_first_not_of(" \t\n\v\f\r");
    if (begin == std::string::npos) {
      return BadField(fmt::format("bad_words[{}]", i), "must hold more than white space");
    }
    const std::string word = words[i].substr(begin);
    std::vector<TokenId> alone = tokenizer.Encode(word, kBare);
    std::vector<TokenId> after_space = tokenizer.Encode(" " + word, kBare);
    const bool is_other = after_space.size() == alone.size() && after_space.front() != alone.front();
    sequences.push_back(std::move(alone));
    if (is_other) sequences.push_back(std::move(after_space));
  }
  return sequences;
}

}  // namespace tenfold::server
