#include "tenfold/tokenizer/vocabulary.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "tenfold/tokenizer/byte_alphabet.h"

namespace tenfold::tokenizer {
namespace {

Status CheckId(const Vocabulary& vocabulary, std::string_view field, TokenId id) {
  if (id == kNoToken || (id >= 0 && static_cast<size_t>(id) < vocabulary.tokens.size())) return {};
  return MakeError(ErrorCode::kCorrupt, "{}: the {} is {}, outside the vocabulary of {} tokens", vocabulary.source,
                   field, id, vocabulary.tokens.size());
}

Status CheckSize(const Vocabulary& vocabulary, std::string_view field, size_t size) {
  if (size == vocabulary.tokens.size()) return {};
  return MakeError(ErrorCode::kCorrupt, "{}: {} {} for {} tokens; there must be one each", vocabulary.source, size,
                   field, vocabulary.tokens.size());
}

// Whether no token of a byte-level vocabulary has more than one byte, so that there is nothing to join.
bool OnlyBytes(const Vocabulary& vocabulary) {
  if (vocabulary.kind != VocabularyKind::kByteLevel) return false;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == TokenType::kNormal && BytesFromAlphabet(vocabulary.tokens[id]).value_or("").size() > 1)
      return false;
  }
  return true;
}

}  // namespace

Status CheckVocabulary(const Vocabulary& vocabulary) {
  const std::string& source = vocabulary.source;
  if (vocabulary.tokens.empty()) return MakeError(ErrorCode::kCorrupt, "{}: the vocabulary has no tokens", source);
  if (vocabulary.tokens.size() > static_cast<size_t>(std::numeric_limits<TokenId>::max() / 2)) {
    return MakeError(ErrorCode::kCorrupt, "{}: {} tokens are too many", source, vocabulary.tokens.size());
  }
  RETURN_IF_ERROR(CheckSize(vocabulary, "token types", vocabulary.types.size()));
  if (!vocabulary.scores.empty()) RETURN_IF_ERROR(CheckSize(vocabulary, "scores", vocabulary.scores.size()));
  if (std::ranges::any_of(vocabulary.scores, [](float score) { return std::isnan(score); })) {
    return MakeError(ErrorCode::kCorrupt, "{}: a token's score is not a number", source);
  }
  if (vocabulary.kind == VocabularyKind::kSentencePiece) {
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      if (vocabulary.types[id] == TokenType::kByte && ByteOfFallbackToken(vocabulary.tokens[id]) < 0) {
        return MakeError(ErrorCode::kCorrupt, "{}: token {} is a byte, but its text is \"{}\" and not like \"<0x0A>\"",
                         source, id, vocabulary.tokens[id]);
      }
    }
  }
  const bool joins_by_score = vocabulary.kind == VocabularyKind::kSentencePiece && !vocabulary.scores.empty();
  if (vocabulary.merges.empty() && !joins_by_score && !OnlyBytes(vocabulary)) {
    return MakeError(ErrorCode::kCorrupt,
                     "{}: the vocabulary has neither merges nor scores, so nothing says which "
                     "tokens join",
                     source);
  }
  RETURN_IF_ERROR(CheckId(vocabulary, "beginning-of-text token", vocabulary.bos));
  RETURN_IF_ERROR(CheckId(vocabulary, "end-of-text token", vocabulary.eos));
  RETURN_IF_ERROR(CheckId(vocabulary, "unknown token", vocabulary.unknown));
  RETURN_IF_ERROR(CheckId(vocabulary, "padding token", vocabulary.padding));
  for (const TokenId id : vocabulary.end_of_generation) {
    RETURN_IF_ERROR(CheckId(vocabulary, "end-of-generation token", id));
  }
  for (const auto* ids : {&vocabulary.strip_left, &vocabulary.strip_right}) {
    for (const TokenId id : *ids) RETURN_IF_ERROR(CheckId(vocabulary, "whitespace-stripping token", id));
  }
  if (vocabulary.add_bos && vocabulary.bos == kNoToken) {
    return MakeError(ErrorCode::kCorrupt, "{}: texts shall begin with a beginning-of-text token, but none is named",
                     source);
  }
  if (vocabulary.add_eos && vocabulary.eos == kNoToken) {
    return MakeError(ErrorCode::kCorrupt, "{}: texts shall end with an end-of-text token, but none is named", source);
  }
  return {};
}

void AddKnownEndOfGeneration(Vocabulary& vocabulary) {
  static constexpr std::array<std::string_view, 13> kTexts = {
      "<|eot_id|>", "<|eom_id|>", "<|im_end|>",      "<|end|>", "<end_of_turn>",         "<|endoftext|>", "<EOT>",
      "<|return|>", "<|call|>",   "<|end_of_text|>", "<eos>",   "<｜end▁of▁sentence｜>", "<turn|>",
  };
  // Harmony (gpt-oss) ends each message with <|end|> and goes on; only <|return|> and <|call|> end a turn there.
  const bool is_harmony = std::ranges::find(vocabulary.tokens, "<|return|>") != vocabulary.tokens.end();
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const TokenType type = vocabulary.types[i];
    if (type != TokenType::kControl && type != TokenType::kUserDefined) continue;
    const std::string& text = vocabulary.tokens[i];
    if (std::ranges::find(kTexts, text) == kTexts.end() || (is_harmony && text == "<|end|>")) continue;
    vocabulary.end_of_generation.push_back(static_cast<TokenId>(i));
  }
}

int ByteOfFallbackToken(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text.back() != '>') return -1;
  int byte = -1;
  const auto [end, error] = std::from_chars(text.data() + 3, text.data() + 5, byte, 16);
  return error == std::errc{} && end == text.data() + 5 ? byte : -1;
}

}  // namespace tenfold::tokenizer
