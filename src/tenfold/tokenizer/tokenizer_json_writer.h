// Writes a Vocabulary as the tokenizer files of a Hugging Face folder, for this program (tokenizer_json.h) and for
// Hugging Face's own to read.
//
// Byte-level vocabularies become BPE with their patterns, SentencePiece ones BPE with byte fallback, scores turned into
// merges as Hugging Face's converter does.
#pragma once

#include "tenfold/base/json.h"
#include "tenfold/base/result.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::tokenizer {

// tokenizer.json. Errors: kUnsupported, naming the vocabulary's source and what the format cannot say.
Result<json::object> TokenizerJson(const Vocabulary& vocabulary);

// tokenizer_config.json: special tokens by their texts, and the chat template.
json::object TokenizerConfigJson(const Vocabulary& vocabulary);

}  // namespace tenfold::tokenizer
