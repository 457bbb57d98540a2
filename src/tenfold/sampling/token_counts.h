// Which tokens a sequence has seen: in its prompt, and how often in its output. What the penalties are computed from.
//
// Belongs to one sequence; a fork copies it. Adding a token costs O(1), and the penalties visit the seen tokens only,
// never the vocabulary. Memory: 20 to 28 bytes for each distinct token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/base/token_id.h"

namespace tenfold::sampling {

class TokenCounts {
 public:
  struct Entry {
    TokenId token;
    uint32_t num_outputs;
    bool in_prompt;
  };

  void AddPrompt(std::span<const TokenId> tokens);
  void AddOutput(TokenId token);

  // Each distinct token once, in the order of first sight.
  std::span<const Entry> entries() const { return entries_; }

  // Output tokens so far, repeats included.
  int64_t num_output_tokens() const { return num_output_tokens_; }

 private:
  Entry& FindOrInsert(TokenId token);
  void Grow();

  std::vector<Entry> entries_;
  // Open addressing with linear probing over a power of two: index into entries_ plus one, 0 = free.
  std::vector<uint32_t> slots_;
  int64_t num_output_tokens_ = 0;
};

}  // namespace tenfold::sampling
