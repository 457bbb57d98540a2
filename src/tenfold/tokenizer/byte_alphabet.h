// The byte alphabet of GPT-2: byte-level vocabularies write each byte as one printable character.
//
// The 188 bytes that are printable in Latin-1 stand for themselves; the others, in ascending order, are U+0100 and
// following. (Radford et al., "Language models are unsupervised multitask learners", 2019.)
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tenfold::tokenizer {

// The bytes that a token's text stands for; nullopt when a character is not of the alphabet.
std::optional<std::string> BytesFromAlphabet(std::string_view text);

// The text that stands for `bytes`.
std::string BytesToAlphabet(std::string_view bytes);

}  // namespace tenfold::tokenizer
