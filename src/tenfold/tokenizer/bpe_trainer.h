// Training of byte-level BPE vocabularies (Sennrich et al., "Neural machine translation of rare words with subword
// units", 2016, section 3.2; over bytes as in GPT-2): the most frequent pair of neighbouring tokens becomes a token,
// again and again.
//
// Texts fall apart into pieces by a known pre-tokenizer, and no token reaches across two of them. Special tokens are
// cut out of the texts wherever they stand and are never the join of others. Ids are the bytes in ascending order, then
// the merges in the order they were found, then the special tokens. The same texts and options give the same vocabulary
// everywhere: of pairs that are equally frequent, the one with the smallest ids goes first.
//
// 81 MB of English prose take 8,192 tokens in a few seconds on one thread; memory is that of the distinct pieces.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::tokenizer {

struct BpeTrainerOptions {
  // Tokens in all, special tokens too. 0: as many as the alphabet and the special tokens are, without merges.
  int64_t vocabulary_size = 8192;

  enum class Alphabet : uint8_t {
    kAllBytes,        // every text can be encoded
    kBytesThatOccur,  // other bytes have no token and vanish; with no merges, the tokens are the texts' characters
  };
  Alphabet alphabet = Alphabet::kAllBytes;

  // The first begins and ends texts (bos and eos of the vocabulary). May be empty.
  std::vector<std::string> special_tokens = {"<|endoftext|>"};
  int64_t min_frequency = 2;            // a pair that occurs less often does not become a token
  std::string pre_tokenizer = "gpt-2";  // a name of known_pre_tokenizers.h, which GGUF files can give
};

// The vocabulary is smaller than asked for when no pair is left that is frequent enough. `source` of the vocabulary
// says that it was trained. Shows a progress bar when it takes over a second.
//
// Errors: kInvalidArgument (an alphabet and special tokens that are more than vocabulary_size, no text for an alphabet
// of bytes that occur, special tokens that are empty, no UTF-8, twice the same or a byte's token, a frequency below 1),
// kUnsupported (the pre-tokenizer), kResourceExhausted (distinct pieces of more than 4 GiB).
Result<Vocabulary> TrainBpe(std::span<const std::string_view> texts, const BpeTrainerOptions& options);

}  // namespace tenfold::tokenizer
