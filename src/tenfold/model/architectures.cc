#include "tenfold/model/architectures.h"

#include <algorithm>
#include <array>

#include "tenfold/base/check.h"
#include "tenfold/model/architectures/gpt2.h"
#include "tenfold/model/architectures/llama.h"

namespace tenfold::model {
namespace {

struct Architecture {
  std::string_view name;
  graph::Graph (*build)(const ModelConfig&);
};

constexpr std::array<Architecture, 2> kArchitectures = {{
    {"llama", BuildLlama},
    {"gpt2", BuildGpt2},
}};

const Architecture* Find(std::string_view name) {
  const auto found =
      std::find_if(kArchitectures.begin(), kArchitectures.end(), [&](const Architecture& a) { return a.name == name; });
  return found == kArchitectures.end() ? nullptr : &*found;
}

}  // namespace

Status CheckArchitecture(std::string_view architecture, const std::string& source) {
  if (Find(architecture) != nullptr) return {};
  std::string names;
  for (const Architecture& known : kArchitectures) names += (names.empty() ? "" : ", ") + std::string(known.name);
  return MakeError(ErrorCode::kUnsupported, "{}: the architecture \"{}\" is not supported; there are: {}", source,
                   architecture, names);
}

graph::Graph BuildGraph(const ModelConfig& config) {
  const Architecture* architecture = Find(config.architecture);
  CHECK_MSG(architecture != nullptr, "{}", config.architecture);
  return architecture->build(config);
}

}  // namespace tenfold::model
