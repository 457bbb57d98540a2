// Small vocabularies for tests.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "tenfold/tokenizer/byte_alphabet.h"
#include "tenfold/tokenizer/known_pre_tokenizers.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::tokenizer {

inline TokenId AddToken(Vocabulary& vocabulary, std::string_view text, TokenType type = TokenType::kNormal,
                        float score = 0) {
  vocabulary.tokens.emplace_back(text);
  vocabulary.types.push_back(type);
  if (vocabulary.kind == VocabularyKind::kSentencePiece) vocabulary.scores.push_back(score);
  return static_cast<TokenId>(vocabulary.tokens.size() - 1);
}

// <unk> <s> </s>, optionally the 256 bytes, and then `pieces`, the first with the best score.
inline Vocabulary SmallSentencePiece(std::initializer_list<std::string_view> pieces, bool with_bytes = true) {
  Vocabulary vocabulary;
  vocabulary.source = "small";
  vocabulary.kind = VocabularyKind::kSentencePiece;
  vocabulary.unknown = AddToken(vocabulary, "<unk>", TokenType::kUnknown);
  vocabulary.bos = AddToken(vocabulary, "<s>", TokenType::kControl);
  vocabulary.eos = AddToken(vocabulary, "</s>", TokenType::kControl);
  vocabulary.add_bos = true;
  vocabulary.space_prefix = SpacePrefix::kEveryText;
  for (int byte = 0; with_bytes && byte < 256; ++byte) {
    AddToken(vocabulary, fmt::format("<0x{:02X}>", byte), TokenType::kByte);
  }
  float score = 0;
  for (const std::string_view piece : pieces) AddToken(vocabulary, piece, TokenType::kNormal, --score);
  return vocabulary;
}

// The 256 bytes as ids 0 to 255, the joins of `merges` in order, and <|end|> as a control token.
inline Vocabulary SmallByteLevel(std::initializer_list<std::pair<std::string_view, std::string_view>> merges) {
  Vocabulary vocabulary;
  vocabulary.source = "small";
  vocabulary.kind = VocabularyKind::kByteLevel;
  for (int byte = 0; byte < 256; ++byte) {
    AddToken(vocabulary, BytesToAlphabet(std::string(1, static_cast<char>(byte))));
  }
  for (const auto& [left, right] : merges) {
    vocabulary.merges.emplace_back(BytesToAlphabet(left), BytesToAlphabet(right));
    AddToken(vocabulary, vocabulary.merges.back().first + vocabulary.merges.back().second);
  }
  vocabulary.eos = AddToken(vocabulary, "<|end|>", TokenType::kControl);
  vocabulary.splits = FindPreTokenizer("gpt-2")->splits;
  return vocabulary;
}

}  // namespace tenfold::tokenizer
