// From scores to merges and back: SentencePiece vocabularies of GGUF files say by scores which tokens join, those of
// tokenizer.json by an ordered list of pairs.
//
// With scores any two neighbours join whose texts together are a token, the highest score first. Merges that say the
// same list every way to cut each token in two, tokens in the order of their scores, which is how Hugging Face converts
// SentencePiece models. (Among pairs that make the same token the leftmost goes first with scores, the first of the list
// with merges: that matters only where such pairs overlap, as in runs of spaces.)
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::tokenizer {

// Errors, here and below: kUnsupported, naming the vocabulary's source and the token, where the other form cannot say
// the same: equal scores of two tokens that are not runs of one character; a character without a token of its own;
// merges that leave out a way to cut a token, or whose tokens come in no order.
Result<std::vector<std::pair<std::string, std::string>>> MergesFromScores(const Vocabulary& vocabulary);
Result<std::vector<float>> ScoresFromMerges(const Vocabulary& vocabulary);

}  // namespace tenfold::tokenizer
