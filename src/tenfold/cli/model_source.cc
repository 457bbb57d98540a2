#include "tenfold/cli/model_source.h"

#include <cstdlib>

#include "tenfold/cli/embedded_model.h"
#include "tenfold/hub/fetch_model.h"
#include "tenfold/hub/hub_environment.h"
#include "tenfold/hub/model_reference.h"

namespace tenfold::cli {

Result<std::filesystem::path> LocalModel(const std::string& model) {
  if (model.empty()) return EmbeddedModelFile();
  if (!hub::IsModelReference(model)) return model;
  ASSIGN_OR_RETURN(const hub::ModelReference reference, hub::ParseModelReference(model));
  const auto variable = [](const char* name) -> const char* { return std::getenv(name); };
  ASSIGN_OR_RETURN(const hub::HubEnvironment environment, hub::ReadHubEnvironment(variable));
  return hub::FetchModel(reference, environment);
}

std::string ModelName(const std::string& model) {
  if (model.empty()) return kEmbeddedModelName;
  if (const auto reference = hub::ParseModelReference(model)) return reference->repository;
  const std::filesystem::path path = model;
  const std::filesystem::path last = path.has_filename() ? path.filename() : path.parent_path().filename();
  return last.extension() == ".gguf" ? last.stem().string() : last.string();
}

}  // namespace tenfold::cli
