#include "tenfold/model/checkpoint.h"

namespace tenfold::model {

Result<std::unique_ptr<Checkpoint>> OpenCheckpoint(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return MakeError(ErrorCode::kNotFound,
                     "{}: no such file or folder; a model is a .gguf file or a Hugging Face folder", path.string());
  }
  return std::filesystem::is_directory(status) ? OpenHuggingFaceCheckpoint(path) : OpenGgufCheckpoint(path);
}

}  // namespace tenfold::model
