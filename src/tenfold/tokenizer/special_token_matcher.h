// SpecialTokenMatcher: finds the control and user-defined tokens that are written out in a text.
//
// A trie over the bytes of their texts, walked from each position that one of them can begin at: leftmost match first,
// the longest of those that begin there. Immutable; any thread may call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/tokenizer/flat_map.h"

namespace tenfold::tokenizer {

class SpecialTokenMatcher {
 public:
  struct Entry {
    std::string_view text;  // not empty
    TokenId id;
    bool needs_parsing;  // a control token: only found where the caller asks for special tokens
  };
  struct Match {
    size_t begin;
    size_t size_bytes;
    TokenId id;
  };

  explicit SpecialTokenMatcher(const std::vector<Entry>& entries);

  // The matches in `text`, in order, not overlapping. Tokens that need parsing count only with `parse`.
  std::vector<Match> Find(std::string_view text, bool parse) const;

 private:
  static constexpr TokenId kNoId = -1;
  struct Node {
    TokenId id;
    bool needs_parsing;
  };

  std::array<bool, 256> first_bytes_{};
  std::vector<Node> nodes_;
  FlatMap<uint32_t> children_;  // node * 256 + byte -> node
};

}  // namespace tenfold::tokenizer
