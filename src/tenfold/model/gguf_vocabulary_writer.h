// Writes a Vocabulary as the tokenizer.* metadata of a GGUF file (gguf_vocabulary.h reads it).
#pragma once

#include <cstdint>

#include "tenfold/base/result.h"
#include "tenfold/formats/gguf_writer.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::model {

// Names what a GGUF file has a place for: tokens, merges or scores, special tokens, the chat template; which special
// tokens strip whitespace around them is left out. Tables of embeddings with more rows than there are tokens get tokens
// "[PAD...]" that nothing encodes to, so that there is one for each of `vocab_size` rows. Errors: kUnsupported, naming
// the vocabulary's source, for a tokenizer that GGUF has no name for; kCorrupt for more tokens than rows.
Status WriteGgufVocabulary(const tokenizer::Vocabulary& vocabulary, int64_t vocab_size,
                           formats::GgufHeaderBuilder& header);

}  // namespace tenfold::model
