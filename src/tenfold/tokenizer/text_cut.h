// Where a long text may be cut into chunks that are worked on one by one.
//
// A space between two ASCII letters begins a word under every pattern of known_pre_tokenizers.h and in SentencePiece
// vocabularies, so that chunks which are cut there have the words, and the ids, of the whole text.
#pragma once

#include <cstddef>
#include <string_view>

namespace tenfold::tokenizer {

// How many bytes the first chunk of `text` has: all that are left when there are at most `limit_bytes` (at least 4);
// else up to the last such space within them. A text that has none is cut behind a whole character, where its words may
// come out otherwise than in the whole. Costs at most the chunk's length.
size_t FirstChunkBytes(std::string_view text, size_t limit_bytes);

}  // namespace tenfold::tokenizer
