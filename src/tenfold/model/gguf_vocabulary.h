// The tokenizer.* metadata of a GGUF file, as a Vocabulary.
//
// Supported tokenizer.ggml.model: "llama" (SentencePiece BPE by scores), "gpt2" (byte-level BPE), "gemma4"
// (SentencePiece BPE by merges).
#pragma once

#include "tenfold/base/result.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::model {

// Errors: kNotFound without tokenizer metadata, kUnsupported for another tokenizer or an unknown pre-tokenizer (by
// name), kCorrupt for metadata that contradicts itself; each names the file and the key.
Result<tokenizer::Vocabulary> ReadGgufVocabulary(const formats::GgufFile& file);

}  // namespace tenfold::model
