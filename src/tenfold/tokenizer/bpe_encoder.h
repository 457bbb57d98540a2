// BpeEncoder: byte-pair merging of one word, the same for both kinds of vocabulary.
//
// A word begins as its characters (kSentencePiece) or its bytes (kByteLevel); again and again the pair of neighbours
// with the best rank joins, the leftmost of equals, until no pair joins (Sennrich et al., "Neural machine translation
// of rare words with subword units", 2016, section 3.2). Symbols are linked and pairs wait in a heap, so that a word of
// n symbols takes O(n log n). Scores are turned into ranks when the encoder is built: a token of several characters is
// the join of every two tokens that it falls apart into, ranked by its score.
//
// Immutable; any thread may call, each with its own Workspace.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/tokenizer/flat_map.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::tokenizer {

class BpeEncoder {
 public:
  // `texts` are the bytes that each token of the (checked) vocabulary stands for; the strings outlive the encoder.
  // Errors: kCorrupt, naming a merge whose parts or whole are not tokens.
  static Result<BpeEncoder> Create(const Vocabulary& vocabulary, std::span<const std::string> texts);

  // Memory that one call after another may use.
  class Workspace {
    friend class BpeEncoder;
    struct Symbol {
      int32_t id;        // a token, a character that is no token, or kNoSymbol
      uint32_t begin;    // in the word
      int32_t previous;  // neighbours that still stand, -1 at the ends
      int32_t next;
    };
    struct Candidate {
      uint32_t rank;
      int32_t left;     // index of a symbol; it would join with the one that followed when this was found
      int32_t left_id;  // what the two were then: when they are no longer, the candidate is void
      int32_t right_id;
      int32_t joined_id;
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // Appends the ids of `word`, valid UTF-8 of less than 2 GiB.
  void Encode(std::string_view word, Workspace& workspace, std::vector<TokenId>& ids) const;

  // Whether no token has a space behind another character: then a text may be cut before such spaces.
  bool spaces_begin_words() const { return spaces_begin_words_; }

 private:
  struct Join {
    uint32_t rank;
    int32_t joined_id;
  };
  using Joins = std::vector<std::pair<uint64_t, Join>>;
  static constexpr int32_t kNoSymbol = -1;

  BpeEncoder() = default;
  Result<Joins> JoinsOfMerges(const Vocabulary& vocabulary, std::span<const std::string> texts);
  Joins JoinsOfScores(const Vocabulary& vocabulary, std::span<const std::string> texts);
  void NoteJoined(std::string_view text);

  void Start(std::string_view word, Workspace& workspace) const;
  void Consider(int32_t left, Workspace& workspace) const;
  void AppendFallback(std::string_view text, std::vector<TokenId>& ids) const;

  VocabularyKind kind_ = VocabularyKind::kSentencePiece;
  int32_t num_tokens_ = 0;                // symbols from here on are characters that are no token
  FlatMap<int32_t> characters_;           // a code point (kSentencePiece) or a byte (kByteLevel) to its symbol
  FlatMap<Join> joins_;                   // left << 32 | right
  std::array<TokenId, 256> fallbacks_{};  // the token of each byte, or kNoToken
  TokenId unknown_ = kNoToken;
  std::unordered_map<std::string_view, TokenId> whole_words_;  // only where the vocabulary ignores merges
  bool spaces_begin_words_ = true;
};

}  // namespace tenfold::tokenizer
