#include <algorithm>

#include "tenfold/base/json.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/formats/safetensors.h"

namespace tenfold::formats {
namespace {

// Whether `name` names a file in a folder and nothing outside it.
bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
}

Result<json::object> ReadWeightMap(const std::filesystem::path& index_path) {
  const std::string source = index_path.string();
  ASSIGN_OR_RETURN(const std::string text, platform::ReadTextFile(index_path));
  auto index = ParseJson(text, source);
  if (!index) return MakeError(ErrorCode::kCorrupt, "{}", index.error().message);
  json::value* map = index->is_object() ? index->get_object().if_contains("weight_map") : nullptr;
  if (map == nullptr || !map->is_object()) {
    return MakeError(ErrorCode::kCorrupt, "{}: \"weight_map\" must be an object of tensor names and file names",
                     source);
  }
  return std::move(map->get_object());
}

Result<std::vector<std::string>> ShardNames(const json::object& weight_map, const std::string& source) {
  std::vector<std::string> shards;
  for (const auto& [tensor, shard] : weight_map) {
    if (!shard.is_string() || !IsPlainFileName(shard.get_string())) {
      return MakeError(ErrorCode::kCorrupt, "{}: the shard of tensor {} must be the name of a file in the same folder",
                       source, Quoted(tensor));
    }
    shards.emplace_back(shard.get_string());
  }
  std::ranges::sort(shards);
  shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
  return shards;
}

}  // namespace

Result<std::vector<std::string>> ReadShardNames(const std::filesystem::path& index_path) {
  ASSIGN_OR_RETURN(const json::object weight_map, ReadWeightMap(index_path));
  return ShardNames(weight_map, index_path.string());
}

Result<SafetensorsModel> SafetensorsModel::Open(const std::filesystem::path& folder) {
  SafetensorsModel model;
  model.name_ = folder.string();
  const auto single_path = folder / "model.safetensors";
  const auto index_path = folder / "model.safetensors.index.json";
  std::error_code ignored;  // what cannot be looked at is not there
  if (std::filesystem::exists(single_path, ignored)) {
    ASSIGN_OR_RETURN(model.files_.emplace_back(), SafetensorsFile::Open(single_path));
    for (const SafetensorsTensor& tensor : model.files_[0].tensors()) model.file_of_tensor_.emplace(tensor.name, 0);
  } else if (std::filesystem::exists(index_path, ignored)) {
    RETURN_IF_ERROR(model.OpenShards(index_path));
  } else {
    return MakeError(ErrorCode::kNotFound,
                     "{}: holds neither model.safetensors nor model.safetensors.index.json; pass a folder with weights "
                     "in safetensors, or a GGUF file",
                     model.name_);
  }
  for (const auto& [name, file] : model.file_of_tensor_) model.tensor_names_.push_back(name);
  std::ranges::sort(model.tensor_names_);
  return model;
}

Status SafetensorsModel::OpenShards(const std::filesystem::path& index_path) {
  const std::string source = index_path.string();
  ASSIGN_OR_RETURN(const json::object weight_map, ReadWeightMap(index_path));
  ASSIGN_OR_RETURN(const std::vector<std::string> shards, ShardNames(weight_map, source));
  for (const std::string& shard : shards) {
    auto file = SafetensorsFile::Open(index_path.parent_path() / shard);
    if (!file) return MakeError(file.error().code, "{} (named by {})", file.error().message, source);
    files_.push_back(*std::move(file));
  }
  for (const auto& [name, shard] : weight_map) {
    const auto place = std::ranges::lower_bound(shards, std::string_view(shard.get_string())) - shards.begin();
    const SafetensorsTensor* tensor = files_[static_cast<size_t>(place)].FindTensor(name);
    if (tensor == nullptr) {
      return MakeError(ErrorCode::kCorrupt, "{}: tensor {} is not in its shard {}", source, Quoted(name),
                       Quoted(shard.get_string()));
    }
    file_of_tensor_.emplace(tensor->name, static_cast<size_t>(place));
  }
  return {};
}

Result<tensor::TensorView> SafetensorsModel::Tensor(std::string_view name) const {
  const auto found = file_of_tensor_.find(name);
  if (found == file_of_tensor_.end()) {
    return MakeError(ErrorCode::kNotFound, "{}: has no tensor {}", name_, Quoted(name));
  }
  return files_[found->second].Tensor(name);
}

}  // namespace tenfold::formats
