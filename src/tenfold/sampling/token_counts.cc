#include "tenfold/sampling/token_counts.h"

#include <bit>

namespace tenfold::sampling {
namespace {

// The first slot to look at: Fibonacci hashing takes the high bits of a product with 2^32 / golden ratio, which spreads
// the runs of neighbouring ids that vocabularies sorted by merge order produce.
size_t FirstSlot(TokenId token, size_t num_slots) {
  return static_cast<uint32_t>(static_cast<uint32_t>(token) * 0x9E3779B9u) >> (32 - std::countr_zero(num_slots));
}

constexpr size_t kFirstSlots = 64;

}  // namespace

void TokenCounts::AddPrompt(std::span<const TokenId> tokens) {
  for (const TokenId token : tokens) FindOrInsert(token).in_prompt = true;
}

void TokenCounts::AddOutput(TokenId token) {
  ++FindOrInsert(token).num_outputs;
  ++num_output_tokens_;
}

TokenCounts::Entry& TokenCounts::FindOrInsert(TokenId token) {
  if (2 * (entries_.size() + 1) > slots_.size()) Grow();
  const size_t mask = slots_.size() - 1;
  size_t slot = FirstSlot(token, slots_.size());
  while (slots_[slot] != 0) {
    Entry& entry = entries_[slots_[slot] - 1];
    if (entry.token == token) return entry;
    slot = (slot + 1) & mask;
  }
  entries_.push_back({.token = token, .num_outputs = 0, .in_prompt = false});
  slots_[slot] = static_cast<uint32_t>(entries_.size());
  return entries_.back();
}

void TokenCounts::Grow() {
  const size_t num_slots = slots_.empty() ? kFirstSlots : 2 * slots_.size();
  slots_.assign(num_slots, 0);
  for (size_t i = 0; i < entries_.size(); ++i) {
    size_t slot = FirstSlot(entries_[i].token, num_slots);
    while (slots_[slot] != 0) slot = (slot + 1) & (num_slots - 1);
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

}  // namespace tenfold::sampling
