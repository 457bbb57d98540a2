// Reads the tokenizer of a Hugging Face folder: tokenizer.json, tokenizer_config.json, chat_template.jinja.
//
// Supported: models of type BPE with vocabulary, merges and byte fallback; added tokens; the normalizers,
// pre-tokenizers, post-processors and decoders that tokenizer_json_pipeline.h lists. Whatever else a file asks for is
// refused by name (kUnsupported), because leaving a step out would give ids that the model was not trained on.
#pragma once

#include <filesystem>
#include <string_view>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::tokenizer {

// `source` names the folder or file in errors. An empty `tokenizer_config` stands for none: then the beginning- and
// end-of-text tokens are those of the post-processor. Errors: kInvalidArgument (not JSON, a field of the wrong kind),
// kCorrupt (fields that contradict each other), kUnsupported.
Result<Vocabulary> ParseTokenizerJson(std::string_view tokenizer_json, std::string_view tokenizer_config,
                                      std::string_view source);

// Reads the files of `folder`; only tokenizer.json must exist. Errors: as above, kNotFound, kIo.
Result<Vocabulary> LoadTokenizerFolder(const std::filesystem::path& folder);

}  // namespace tenfold::tokenizer
