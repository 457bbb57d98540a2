// What a model's files say about sampling: Hugging Face's generation_config.json, or GGUF's general.sampling.* keys.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tenfold/base/result.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/formats/gguf_writer.h"
#include "tenfold/sampling/sampling_defaults.h"

namespace tenfold::model {

// Values are taken as they stand: sampling::Validate says whether they can be used. Errors: a value of another type, by
// its key.

// `text` is generation_config.json, `source` its path for errors. Of its many keys, those that vLLM takes.
Result<sampling::SamplingDefaults> SamplingDefaultsFrom(std::string_view text, const std::string& source);
Result<sampling::SamplingDefaults> SamplingDefaultsFrom(const formats::GgufFile& file);

// Sets the keys that the above reads. A limit of tokens has no key there and is left out.
void SetSamplingDefaults(const sampling::SamplingDefaults& defaults, formats::GgufHeaderBuilder& header);

// Of the generation_config.json in a folder. Errors: kNotFound and those of reading it, too.
Result<sampling::SamplingDefaults> SamplingDefaultsIn(const std::filesystem::path& folder);

}  // namespace tenfold::model
