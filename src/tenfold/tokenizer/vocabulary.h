// Vocabulary: what a model file says about its tokens, as plain data.
//
// GGUF metadata (model/gguf_vocabulary.h) and tokenizer.json (tokenizer_json.h) are both read into this; Tokenizer
// (tokenizer.h) is built from it and is all that the rest of the program sees.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/tokenizer/split_step.h"

namespace tenfold::tokenizer {

enum class VocabularyKind {
  kSentencePiece,  // tokens are texts, a space may be written "▁"; what has no token falls back to bytes or unknown
  kByteLevel,      // tokens are bytes in GPT-2's alphabet (byte_alphabet.h)
};

// GGUF's numbers.
enum class TokenType : uint8_t {
  kNormal = 1,
  kUnknown = 2,      // stands for what has no token
  kControl = 3,      // structure, never text: <s>, <|im_end|>
  kUserDefined = 4,  // found in any text before everything else
  kUnused = 5,
  kByte = 6,  // "<0x0A>", the fallback for a byte
};

// Where a text gets a space put before it, so that its first word reads as one in the middle of a text.
enum class SpacePrefix {
  kNever,
  kFirstText,  // only at the very beginning
  kEveryText,  // also after each special token
};

inline constexpr TokenId kNoToken = -1;

struct Vocabulary {
  std::string source;  // the file, for errors
  VocabularyKind kind = VocabularyKind::kSentencePiece;

  // One entry per id. An empty text is a hole that no text encodes to; of equal texts the lowest id counts.
  std::vector<std::string> tokens;
  std::vector<TokenType> types;
  std::vector<float> scores;  // empty, or one per id: kSentencePiece without merges joins by the highest score

  // Pairs of tokens that join, the first before all others. Empty only for kSentencePiece with scores, and where all
  // tokens of kByteLevel are single bytes (character-level vocabularies).
  std::vector<std::pair<std::string, std::string>> merges;
  // A word that is itself a token is that token, whatever the merges say (Llama 3).
  bool ignore_merges = false;

  bool normalize_nfc = false;
  std::vector<SplitStep> splits;  // how a text falls apart into words, each step applied to the pieces of the last
  SpacePrefix space_prefix = SpacePrefix::kNever;
  bool prefix_only_when_missing = false;  // no prefix before a text that begins with a space
  bool spaces_are_underlined = true;      // kSentencePiece: tokens write a space as "▁"
  bool byte_fallback = true;              // kSentencePiece: use the kByte tokens
  bool fuse_unknown = true;               // unknown characters in a row are one unknown token

  TokenId bos = kNoToken;
  TokenId eos = kNoToken;
  TokenId unknown = kNoToken;
  TokenId padding = kNoToken;
  std::vector<TokenId> end_of_generation;  // besides eos: a model stops at any of them
  bool add_bos = false;
  bool add_eos = false;

  // Special tokens that swallow the whitespace before or after them.
  std::vector<TokenId> strip_left;
  std::vector<TokenId> strip_right;

  std::string chat_template;  // Jinja; empty when the model has none
};

// Everything that a Tokenizer relies on: sizes agree, ids lie inside the vocabulary, every merge joins two tokens into
// a third. Errors: kCorrupt, naming the source and the field.
Status CheckVocabulary(const Vocabulary& vocabulary);

// Adds to `end_of_generation` the control and user-defined tokens that are known to end a turn by their text
// ("<|im_end|>", "<|eot_id|>", ...): files rarely name them all.
void AddKnownEndOfGeneration(Vocabulary& vocabulary);

// The byte of a fallback token "<0x0A>", or -1.
int ByteOfFallbackToken(std::string_view text);

}  // namespace tenfold::tokenizer
