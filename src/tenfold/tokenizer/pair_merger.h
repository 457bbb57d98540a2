// PairMerger: pieces of text as symbols, and how often each pair of neighbours stands in them, kept up to date while
// pairs are merged into new symbols. The core of byte-pair training.
//
// Counts are those of a recount after every merge (pairs overlap: "aaa" holds "aa" twice), at the cost of the places
// that a merge changes: each pair knows where it may stand, and pairs wait in a heap whose entries are corrected when
// they come up. Not thread-safe.
//
// All pieces lie in one array of slots, one for each byte, with a boundary slot around each piece. A symbol of n bytes
// has its id in its first slot and, from two bytes on, -n in its last, so that its neighbours on both sides are found
// without links.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/tokenizer/piece_counts.h"

namespace tenfold::tokenizer {

class PairMerger {
 public:
  struct Pair {
    TokenId left;
    TokenId right;
    int64_t count;  // in all pieces, as often as they occur
  };

  // Each byte of the pieces begins as symbol `symbol_of_byte`, at least 0. There are fewer than 2^32 slots
  // (NumSlots).
  PairMerger(const PieceCounter::Counts& pieces, const std::array<TokenId, 256>& symbol_of_byte);

  static uint64_t NumSlots(const PieceCounter::Counts& pieces);

  // The pair with the highest count; of equals, the one with the smallest left, then right symbol. A pair that is not
  // merged comes up again only when its count rises. nullopt when no symbols are neighbours.
  std::optional<Pair> TakeBest();

  // Joins the pair wherever it stands, from left to right in each piece, into the new symbol `joined`, the next number
  // or a later one.
  void Merge(const Pair& pair, TokenId joined);

 private:
  struct Occurrences {
    int64_t count = 0;
    std::vector<uint32_t> places;  // first slots, ascending; the pair may no longer stand there
  };
  struct ComesLater {
    bool operator()(const Pair& a, const Pair& b) const;
  };

  void Add(TokenId left, TokenId right, uint32_t place, int64_t weight);
  void Subtract(TokenId left, TokenId right, int64_t weight);
  void MergeAt(uint32_t place, const Pair& pair, TokenId joined);
  uint32_t size_bytes(TokenId symbol) const { return sizes_[static_cast<size_t>(symbol)]; }

  std::vector<int32_t> slots_;
  std::vector<uint32_t> pieces_of_slots_;
  std::vector<int64_t> weights_;  // of each piece: how often it occurs
  std::vector<uint32_t> sizes_;   // of each symbol, in bytes
  std::unordered_map<uint64_t, Occurrences> pairs_;
  // Every pair that occurs has an entry whose count is at least the pair's.
  std::priority_queue<Pair, std::vector<Pair>, ComesLater> queue_;
  std::vector<uint64_t> risen_;  // pairs whose count the merge under way raises
};

}  // namespace tenfold::tokenizer
