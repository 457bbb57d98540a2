// The pre-tokenizers that GGUF files name in tokenizer.ggml.pre, with what else the name says about a vocabulary.
//
// The patterns are those of the models' own tokenizer.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/split_step.h"

namespace tenfold::tokenizer {

struct KnownPreTokenizer {
  std::vector<SplitStep> splits;
  bool ignore_merges = false;
  bool normalize_nfc = false;
  bool add_bos = false;  // where the file does not say
};

// Errors: kUnsupported, naming the known ones.
Result<KnownPreTokenizer> FindPreTokenizer(std::string_view name);

// A name that stands for these steps; nullopt for steps without one. `add_bos` does not count: files say it themselves.
std::optional<std::string> PreTokenizerName(const KnownPreTokenizer& wanted);

// The pattern that tokenizer.json's ByteLevel step applies unless told not to.
std::string_view Gpt2Pattern();

}  // namespace tenfold::tokenizer
