// Writes what a Hugging Face folder says of a model beside its weights and tokenizer. Internal to the writer of folders.
#pragma once

#include "tenfold/base/json.h"
#include "tenfold/base/result.h"
#include "tenfold/model/model_config.h"
#include "tenfold/sampling/sampling_defaults.h"
#include "tenfold/tensor/data_type.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::model {

// config.json; `type` is that of most weights. Errors: kUnsupported, for what it has no place for: rotary frequencies
// with divisors that are not Llama 3's.
Result<json::object> HuggingFaceConfig(const ModelConfig& config, const tokenizer::Vocabulary& vocabulary,
                                       tensor::DataType type);

// generation_config.json.
json::object HuggingFaceGenerationConfig(const sampling::SamplingDefaults& defaults,
                                         const tokenizer::Vocabulary& vocabulary);

}  // namespace tenfold::model
