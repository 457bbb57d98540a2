// PreTokenizer: cuts a text into the words that byte-pair merges never cross.
//
// Patterns run on PCRE2 with its just-in-time compiler. Immutable; any thread may call. The time is linear in the text
// for every pattern in known_pre_tokenizers.h; a pattern that backtracks beyond PCRE2's match limit leaves the rest of
// its piece in one piece, which still encodes to the same text.
//
// PCRE2 10.42 knows Unicode 14 and counts U+180E as a space, which newer Unicode does not.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/split_step.h"

namespace tenfold::tokenizer {

class PreTokenizer {
 public:
  // Errors: kUnsupported, with the pattern and PCRE2's reason.
  static Result<PreTokenizer> Create(std::span<const SplitStep> steps, std::string_view source);
  ~PreTokenizer();
  PreTokenizer(PreTokenizer&&) noexcept;
  PreTokenizer& operator=(PreTokenizer&&) noexcept;

  bool has_steps() const { return !steps_.empty(); }
  // The words of valid UTF-8, in order, as parts of `text`.
  std::vector<std::string_view> Split(std::string_view text) const;

 private:
  class CompiledStep;
  PreTokenizer();

  std::vector<CompiledStep> steps_;
};

}  // namespace tenfold::tokenizer
