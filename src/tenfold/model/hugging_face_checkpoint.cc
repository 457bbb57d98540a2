#include <algorithm>
#include <optional>
#include <utility>

#include "tenfold/base/json.h"
#include "tenfold/formats/safetensors.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/model/generation_config.h"
#include "tenfold/model/hugging_face_names.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/tokenizer_json.h"

namespace tenfold::model {
namespace {

// Adds the ids under "eos_token_id", one number or a list, of config.json or generation_config.json.
Status AddEndTokens(const json::object& object, const std::string& source, int64_t vocab_size,
                    tokenizer::Vocabulary& vocabulary) {
  const json::value* value = object.if_contains("eos_token_id");
  if (value == nullptr || value->is_null()) return {};
  const json::array ids = value->is_array() ? value->get_array() : json::array{*value};
  for (const json::value& id : ids) {
    if (!id.is_int64() || id.get_int64() < 0 || id.get_int64() >= vocab_size) {
      return MakeError(ErrorCode::kCorrupt, "{}: \"eos_token_id\" must hold ids inside the vocabulary of {}", source,
                       vocab_size);
    }
    const auto token = static_cast<TokenId>(id.get_int64());
    if (static_cast<size_t>(token) >= vocabulary.tokens.size()) continue;  // padding of the embedding table
    auto& known = vocabulary.end_of_generation;
    if (std::find(known.begin(), known.end(), token) == known.end()) known.push_back(token);
  }
  return {};
}

class HuggingFaceCheckpoint final : public Checkpoint {
 public:
  static Result<std::unique_ptr<Checkpoint>> Open(const std::filesystem::path& folder) {
    auto checkpoint = std::make_unique<HuggingFaceCheckpoint>();
    checkpoint->source_ = folder.string();
    const std::filesystem::path config_path = folder / "config.json";
    std::error_code ignored;  // an unreadable file is reported when it is opened
    if (std::filesystem::status(config_path, ignored).type() == std::filesystem::file_type::not_found) {
      return MakeError(ErrorCode::kNotFound,
                       "{}: the folder holds no config.json; a Hugging Face model has config.json, tokenizer.json and "
                       "*.safetensors, and a GGUF model is given by its file",
                       folder.string());
    }
    ASSIGN_OR_RETURN(const std::string config_text, platform::ReadTextFile(config_path));
    ASSIGN_OR_RETURN(checkpoint->config_, ConfigFromHuggingFace(config_text, config_path.string()));
    ASSIGN_OR_RETURN(checkpoint->vocabulary_, tokenizer::LoadTokenizerFolder(folder));
    RETURN_IF_ERROR(checkpoint->ReadEndTokens(config_path, config_text));
    const std::filesystem::path generation_path = folder / "generation_config.json";
    if (std::filesystem::exists(generation_path, ignored)) {
      ASSIGN_OR_RETURN(const std::string generation_text, platform::ReadTextFile(generation_path));
      RETURN_IF_ERROR(checkpoint->ReadEndTokens(generation_path, generation_text));
      ASSIGN_OR_RETURN(checkpoint->sampling_defaults_, SamplingDefaultsFrom(generation_text, generation_path.string()));
    }
    ASSIGN_OR_RETURN(checkpoint->weights_, formats::SafetensorsModel::Open(folder));
    return checkpoint;
  }

  Result<CheckpointTensor> Tensor(const std::string& name) const override {
    const std::optional<HuggingFaceName> theirs = HuggingFaceNameOf(config_.architecture, name);
    if (!theirs) return MakeError(ErrorCode::kNotFound, "{}: no tensor corresponds to {}", source_, name);
    CheckpointTensor tensor;
    tensor.is_transposed = theirs->is_transposed;
    auto view = weights_.Tensor(theirs->name);
    if (!view && view.error().code == ErrorCode::kNotFound && theirs->name.starts_with(kGpt2Prefix)) {
      view = weights_.Tensor(std::string_view(theirs->name).substr(kGpt2Prefix.size()));
    }
    if (!view) return tl::unexpected(view.error());
    tensor.view = *view;
    return tensor;
  }

  void DropResidentPages(const tensor::TensorView& tensor) const override {
    for (const formats::SafetensorsFile& file : weights_.files()) {
      file.file().DropResidentPages({tensor.data, tensor.size_bytes()});
    }
  }

 private:
  Status ReadEndTokens(const std::filesystem::path& path, const std::string& text) {
    ASSIGN_OR_RETURN(const json::value document, ParseJson(text, path.string()));
    if (!document.is_object()) return MakeError(ErrorCode::kCorrupt, "{}: must hold one JSON object", path.string());
    return AddEndTokens(document.get_object(), path.string(), config_.vocab_size, vocabulary_);
  }

  formats::SafetensorsModel weights_;
};

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenHuggingFaceCheckpoint(const std::filesystem::path& folder) {
  return HuggingFaceCheckpoint::Open(folder);
}

}  // namespace tenfold::model
