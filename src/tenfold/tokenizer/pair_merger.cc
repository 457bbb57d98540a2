#include "tenfold/tokenizer/pair_merger.h"

#include <algorithm>
#include <limits>

#include "tenfold/base/check.h"

namespace tenfold::tokenizer {
namespace {

constexpr int32_t kBoundary = std::numeric_limits<int32_t>::min();
constexpr int32_t kInside = -1;  // neither the first nor the last slot of a symbol, and no symbol has -1 as its last

uint64_t PairKey(TokenId left, TokenId right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

TokenId LeftOf(uint64_t key) {
  return static_cast<TokenId>(key >> 32);
}

TokenId RightOf(uint64_t key) {
  return static_cast<TokenId>(key);
}

}  // namespace

bool PairMerger::ComesLater::operator()(const Pair& a, const Pair& b) const {
  if (a.count != b.count) return a.count < b.count;
  return a.left != b.left ? a.left > b.left : a.right > b.right;
}

uint64_t PairMerger::NumSlots(const PieceCounter::Counts& pieces) {
  uint64_t num_slots = 1;
  for (const auto& [piece, count] : pieces) num_slots += piece.size() + 1;
  return num_slots;
}

PairMerger::PairMerger(const PieceCounter::Counts& pieces, const std::array<TokenId, 256>& symbol_of_byte) {
  const uint64_t num_slots = NumSlots(pieces);
  CHECK(num_slots < std::numeric_limits<uint32_t>::max());
  slots_.reserve(num_slots);
  pieces_of_slots_.reserve(num_slots);
  slots_.push_back(kBoundary);
  pieces_of_slots_.push_back(0);
  const TokenId last_symbol = *std::ranges::max_element(symbol_of_byte);
  sizes_.assign(static_cast<size_t>(std::max(last_symbol, 0)) + 1, 1);
  for (const auto& [piece, count] : pieces) {
    const auto index = static_cast<uint32_t>(weights_.size());
    weights_.push_back(count);
    for (const char byte : piece) {
      const TokenId symbol = symbol_of_byte[static_cast<uint8_t>(byte)];
      CHECK(symbol >= 0);
      if (slots_.back() != kBoundary) {
        Add(slots_.back(), symbol, static_cast<uint32_t>(slots_.size() - 1), count);
      }
      slots_.push_back(symbol);
      pieces_of_slots_.push_back(index);
    }
    slots_.push_back(kBoundary);
    pieces_of_slots_.push_back(index);
  }
  for (const auto& [key, occurrences] : pairs_) queue_.push({LeftOf(key), RightOf(key), occurrences.count});
  risen_ = {};
}

std::optional<PairMerger::Pair> PairMerger::TakeBest() {
  while (!queue_.empty()) {
    Pair best = queue_.top();
    queue_.pop();
    const auto found = pairs_.find(PairKey(best.left, best.right));
    const int64_t count = found == pairs_.end() ? 0 : found->second.count;
    if (count == best.count) return best;
    // Where the count rose, a newer entry says so.
    if (count > 0 && count < best.count) queue_.push({best.left, best.right, count});
  }
  return std::nullopt;
}

void PairMerger::Merge(const Pair& pair, TokenId joined) {
  const auto found = pairs_.find(PairKey(pair.left, pair.right));
  CHECK(found != pairs_.end());
  if (sizes_.size() <= static_cast<size_t>(joined)) sizes_.resize(static_cast<size_t>(joined) + 1);
  sizes_[static_cast<size_t>(joined)] = size_bytes(pair.left) + size_bytes(pair.right);
  const std::vector<uint32_t> places = std::move(found->second.places);
  // Leftmost first: in "aaa" the first two join. All places were added while the younger of the two symbols was made,
  // which went from left to right.
  DCHECK(std::ranges::is_sorted(places));
  for (const uint32_t place : places) MergeAt(place, pair, joined);
  pairs_.erase(PairKey(pair.left, pair.right));
  std::ranges::sort(risen_);
  risen_.erase(std::unique(risen_.begin(), risen_.end()), risen_.end());
  for (const uint64_t key : risen_) {
    const int64_t count = pairs_[key].count;
    if (count > 0) queue_.push({LeftOf(key), RightOf(key), count});
  }
  risen_.clear();
}

void PairMerger::MergeAt(uint32_t place, const Pair& pair, TokenId joined) {
  if (slots_[place] != pair.left) return;
  const uint32_t right_place = place + size_bytes(pair.left);
  if (slots_[right_place] != pair.right) return;
  const int64_t weight = weights_[pieces_of_slots_[place]];

  if (const int32_t before = slots_[place - 1]; before != kBoundary) {
    const uint32_t previous_place = before >= 0 ? place - 1 : place - static_cast<uint32_t>(-before);
    const TokenId previous = slots_[previous_place];
    Subtract(previous, pair.left, weight);
    Add(previous, joined, previous_place, weight);
  }
  const uint32_t end = right_place + size_bytes(pair.right);
  if (const TokenId next = slots_[end]; next != kBoundary) {
    Subtract(pair.right, next, weight);
    Add(joined, next, place, weight);
  }
  slots_[place] = joined;
  slots_[right_place] = kInside;
  slots_[end - 1] = -static_cast<int32_t>(end - place);
}

void PairMerger::Add(TokenId left, TokenId right, uint32_t place, int64_t weight) {
  Occurrences& occurrences = pairs_[PairKey(left, right)];
  occurrences.count += weight;
  occurrences.places.push_back(place);
  risen_.push_back(PairKey(left, right));
}

void PairMerger::Subtract(TokenId left, TokenId right, int64_t weight) {
  pairs_[PairKey(left, right)].count -= weight;
}

}  // namespace tenfold::tokenizer
