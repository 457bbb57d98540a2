// Changes the types of a model's weights: `tenfold quantize`, and the way from one format to the other: `tenfold
// convert`.
#pragma once

#include <filesystem>
#include <string>

#include "tenfold/base/result.h"
#include "tenfold/model/model_writer.h"
#include "tenfold/model/weight_mix.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::model {

struct QuantizeOptions {
  std::filesystem::path in;   // a GGUF file of any architecture, or a Hugging Face folder of a known one
  std::filesystem::path out;  // a GGUF file
  const WeightMix* mix = nullptr;
  std::string name = {};  // of the model, for people, where `in` does not say it
  bool overwrite = false;
  bool allow_requantize = false;  // from quantized weights to others, whose errors add up
};

// Of a GGUF file everything but the types of matrices is taken over as it stands. The result is the same with any
// number of threads. Errors: kInvalidArgument (`out` exists; `out`, or the name it has until it is whole, is `in`;
// quantized weights without `allow_requantize`), and those of reading and writing; nothing is left behind then.
Result<WriteSummary> QuantizeModel(const QuantizeOptions& options, platform::ThreadPool& threads);

struct ConvertOptions {
  std::filesystem::path in;
  std::filesystem::path out;       // a GGUF file when it ends in ".gguf", otherwise a Hugging Face folder
  const WeightMix* mix = nullptr;  // as in WriteOptions: without it weights keep their types, quantized ones become F32
  std::string name = {};           // of the model, for people, where `in` does not say it
  bool overwrite = false;
};

// From a GGUF file to a Hugging Face folder, or the other way. Errors: kInvalidArgument (`in` has the format of `out`
// already, `out` exists), and those of reading and writing; nothing is left behind then.
Result<WriteSummary> ConvertModel(const ConvertOptions& options, platform::ThreadPool& threads);

}  // namespace tenfold::model
