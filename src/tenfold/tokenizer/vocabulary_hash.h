// A number for a vocabulary, by which data that was encoded with it is known again.
#pragma once

#include <cstdint>

#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::tokenizer {

// Of all that decides which ids a text has, special tokens written out in it included, and of nothing else: not of the
// source, nor of the tokens that begin and end texts, unused tokens or the chat template. The same for a vocabulary that was written
// to a file and read back, and on all machines; where tokenizer.json has merges for scores, it is another. Costs a pass
// over the tokens and merges.
uint64_t HashVocabulary(const Vocabulary& vocabulary);

}  // namespace tenfold::tokenizer
