#include "tenfold/tokenizer/special_token_matcher.h"

#include <unordered_map>

namespace tenfold::tokenizer {
namespace {

uint64_t ChildKey(uint32_t node, char byte) {
  return uint64_t{node} << 8 | static_cast<uint8_t>(byte);
}

}  // namespace

SpecialTokenMatcher::SpecialTokenMatcher(const std::vector<Entry>& entries) {
  constexpr Node kNoEntry = {kNoId, false};
  std::unordered_map<uint64_t, uint32_t> children;
  nodes_.push_back(kNoEntry);
  for (const Entry& entry : entries) {
    first_bytes_[static_cast<uint8_t>(entry.text[0])] = true;
    uint32_t node = 0;
    for (const char byte : entry.text) {
      const auto [child, is_new] = children.emplace(ChildKey(node, byte), static_cast<uint32_t>(nodes_.size()));
      if (is_new) nodes_.push_back(kNoEntry);
      node = child->second;
    }
    if (nodes_[node].id == kNoId) nodes_[node] = {entry.id, entry.needs_parsing};
  }
  children_ = FlatMap<uint32_t>({children.begin(), children.end()});
}

std::vector<SpecialTokenMatcher::Match> SpecialTokenMatcher::Find(std::string_view text, bool parse) const {
  std::vector<Match> matches;
  for (size_t begin = 0; begin < text.size();) {
    Match longest{begin, 0, kNoId};
    if (first_bytes_[static_cast<uint8_t>(text[begin])]) {
      uint32_t node = 0;
      for (size_t end = begin; end < text.size(); ++end) {
        const uint32_t* child = children_.Find(ChildKey(node, text[end]));
        if (child == nullptr) break;
        node = *child;
        if (nodes_[node].id != kNoId && (parse || !nodes_[node].needs_parsing)) {
          longest = {begin, end + 1 - begin, nodes_[node].id};
        }
      }
    }
    if (longest.size_bytes > 0) matches.push_back(longest);
    begin += longest.size_bytes > 0 ? longest.size_bytes : 1;
  }
  return matches;
}

}  // namespace tenfold::tokenizer
