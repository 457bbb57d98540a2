#include "tenfold/model/checkpoint.h"

namespace tenfold::model {

tensor::Shape CheckpointTensor::shape() const {
  return is_transposed ? tensor::Shape{view.shape.cols(), view.shape.rows()} : view.shape;
}

Result<std::unique_ptr<Checkpoint>> OpenCheckpoint(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::none) {
    return MakeError(ErrorCode::kIo, "{}: cannot be looked at: {}", path.string(), error.message());
  }
  if (status.type() == std::filesystem::file_type::not_found) {
    return MakeError(ErrorCode::kNotFound,
                     "{}: no such file or folder; a model is a .gguf file or a Hugging Face folder", path.string());
  }
  return std::filesystem::is_directory(status) ? OpenHuggingFaceCheckpoint(path) : OpenGgufCheckpoint(path);
}

}  // namespace tenfold::model
