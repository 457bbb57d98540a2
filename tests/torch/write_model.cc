// Writes a model with drawn weights by the engine's own writer.
//
// usage: write_model JOB.json    {"config": {...}, "seed": 1, "format": "folder" | "gguf", "out": PATH}
#include <cstdio>
#include <exception>

#include <fmt/format.h>

#include "tenfold/model/architectures.h"
#include "tenfold/model/model_writer.h"
#include "tenfold/tokenizer/small_vocabulary.h"

#include "training_job.h"

namespace tenfold {
namespace {

int WriteModel(const char* path) {
  const json::object job = ReadJob(path);
  const model::ModelConfig config = ReadModelConfig(job.at("config").as_object());
  const Tensors tensors = DrawWeights(model::BuildGraph(config), NumberOr<uint64_t>(job, "seed", 1));
  const tokenizer::Vocabulary vocabulary = tokenizer::SmallByteLevel({{"t", "h"}});
  const model::FloatWeights weights([&](const std::string& name) { return std::span<const float>(tensors.at(name)); });
  const model::ModelContent content{.config = &config, .vocabulary = &vocabulary, .weights = &weights};
  const auto write = job.at("format").as_string() == "gguf" ? model::WriteGgufModel : model::WriteHuggingFaceModel;
  platform::ThreadPool threads(1);
  const auto written = write(content, {.overwrite = true}, std::string(job.at("out").as_string()), threads);
  if (!written) fmt::print(stderr, "write_model: {}\n", written.error().message);
  return written ? 0 : 1;
}

}  // namespace
}  // namespace tenfold

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: write_model JOB.json\n");
    return 2;
  }
  try {
    return tenfold::WriteModel(argv[1]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "write_model: {}: {}\n", argv[1], error.what());
    return 2;
  }
}
