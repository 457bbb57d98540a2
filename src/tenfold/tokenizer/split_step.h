// SplitStep: one step of cutting a text into words, as plain data (Vocabulary::splits).
#pragma once

#include <string>
#include <string_view>

namespace tenfold::tokenizer {

// What becomes of the matches of a pattern. The names and meanings are tokenizer.json's.
enum class SplitBehavior {
  kIsolated,            // matches and what lies between them are pieces
  kRemoved,             // what lies between the matches
  kContiguous,          // as kIsolated, but matches in a row are one piece
  kMergedWithPrevious,  // a match ends the piece before it
  kMergedWithNext,      // a match begins the piece after it
};

struct SplitStep {
  std::string pattern;  // PCRE2, in UTF and UCP mode; ^ and $ match at lines
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // what lies between the matches counts as the match

  friend bool operator==(const SplitStep&, const SplitStep&) = default;
};

// A pattern that matches exactly `text`.
std::string LiteralPattern(std::string_view text);

}  // namespace tenfold::tokenizer
