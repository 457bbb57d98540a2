// Tokenizer: text to token ids and back, as the model's own tokenizer does it.
//
// Immutable after Create; any thread may call, without locks. Encoding takes O(n log n) at worst and remembers the
// words of one call, so that ordinary text runs at the speed of cutting it into words. Texts are less than 2 GiB.
//
// Text that is not valid UTF-8 is repaired first (utf8.h). Decoded text is always valid UTF-8.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/tokenizer/bpe_encoder.h"
#include "tenfold/tokenizer/pre_tokenizer.h"
#include "tenfold/tokenizer/special_token_matcher.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::tokenizer {

struct EncodeOptions {
  bool add_special = true;     // the beginning- and end-of-text tokens that the model wants
  bool parse_special = false;  // "<|im_end|>" in the text is the control token; else it is text like any other
};

// A part of a prompt. What users wrote must not be parsed: they could end their own turn and speak for the system.
struct PromptSegment {
  std::string text;
  bool parse_special = false;

  friend bool operator==(const PromptSegment&, const PromptSegment&) = default;
};

struct DecodeOptions {
  bool skip_special = true;  // control and unknown tokens are left out; else they appear as they are written
  // The ids begin a text, rather than continue one: the space that encoding put before it is taken away again.
  bool begins_text = true;
};

class Tokenizer {
 public:
  // Errors: kCorrupt (CheckVocabulary, a merge of what are not tokens), kUnsupported (a pattern).
  static Result<Tokenizer> Create(Vocabulary vocabulary);

  std::vector<TokenId> Encode(std::string_view text, const EncodeOptions& options = {}) const;
  // Encodes the segments as the one text that they make, tokens joining across their borders; a control token is
  // found only inside a segment that asks for parsing.
  std::vector<TokenId> Encode(std::span<const PromptSegment> segments, bool add_special) const;

  // Ids outside the vocabulary have no text.
  std::string Decode(std::span<const TokenId> ids, const DecodeOptions& options = {}) const;
  // The bytes of one token, as in the middle of a text; they need not be whole characters.
  std::string_view TokenText(TokenId id) const;

  bool IsSpecial(TokenId id) const;  // a control or unknown token
  bool IsEndOfGeneration(TokenId id) const;

  size_t vocab_size() const { return texts_.size(); }
  TokenId bos() const { return vocabulary_.bos; }  // kNoToken when there is none
  TokenId eos() const { return vocabulary_.eos; }
  // Jinja; empty when the model has none.
  const std::string& chat_template() const { return vocabulary_.chat_template; }

  // What Decode shows of a token, before the space at the beginning is taken away. For StreamingDetokenizer.
  std::string_view VisibleText(TokenId id, const DecodeOptions& options) const;
  bool TakesLeadingSpace(const DecodeOptions& options) const;

 private:
  enum Flag : uint8_t { kIsSpecial = 1, kEndsGeneration = 2, kStripsLeft = 4, kStripsRight = 8 };

  Tokenizer(Vocabulary vocabulary, std::vector<std::string> texts, BpeEncoder encoder, PreTokenizer pre_tokenizer);
  void SetFlag(std::span<const TokenId> ids, Flag flag);
  bool HasFlag(TokenId id, Flag flag) const;

  // Encodes a text without special tokens; `is_first` when it begins the whole.
  void EncodeText(std::string_view text, bool is_first, std::vector<TokenId>& ids) const;
  std::vector<std::string_view> CutIntoWords(std::string_view text) const;

  Vocabulary vocabulary_;           // without what the members below were made from: tokens, scores, merges, splits
  std::vector<std::string> texts_;  // what each token stands for
  std::vector<uint8_t> flags_;      // of each token
  BpeEncoder encoder_;
  PreTokenizer pre_tokenizer_;
  SpecialTokenMatcher special_tokens_;
};

}  // namespace tenfold::tokenizer
