#include "tenfold/model/generation_config.h"

#include <limits>
#include <utility>

#include "tenfold/base/json.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::model {
namespace {

Result<std::optional<int>> Narrow(Result<std::optional<int64_t>> value, const std::string& source,
                                  std::string_view key) {
  ASSIGN_OR_RETURN(const std::optional<int64_t> wide, std::move(value));
  if (!wide) return std::nullopt;
  if (*wide < std::numeric_limits<int>::min() || *wide > std::numeric_limits<int>::max()) {
    return MakeError(ErrorCode::kCorrupt, "{}: \"{}\" is out of range: {}", source, key, *wide);
  }
  return static_cast<int>(*wide);
}

}  // namespace

Result<sampling::SamplingDefaults> SamplingDefaultsFrom(std::string_view text, const std::string& source) {
  ASSIGN_OR_RETURN(const json::value document, ParseJson(text, source));
  if (!document.is_object()) return MakeError(ErrorCode::kCorrupt, "{}: must hold one JSON object", source);
  const json::object& object = document.get_object();
  sampling::SamplingDefaults defaults;
  ASSIGN_OR_RETURN(defaults.temperature, GetNumber(object, "temperature", source));
  ASSIGN_OR_RETURN(defaults.top_k, Narrow(GetInt(object, "top_k", source), source, "top_k"));
  ASSIGN_OR_RETURN(defaults.top_p, GetNumber(object, "top_p", source));
  ASSIGN_OR_RETURN(defaults.min_p, GetNumber(object, "min_p", source));
  ASSIGN_OR_RETURN(defaults.repetition_penalty, GetNumber(object, "repetition_penalty", source));
  ASSIGN_OR_RETURN(defaults.max_tokens, Narrow(GetInt(object, "max_new_tokens", source), source, "max_new_tokens"));
  return defaults;
}

Result<sampling::SamplingDefaults> SamplingDefaultsFrom(const formats::GgufFile& file) {
  const std::string prefix = "general.sampling.";
  sampling::SamplingDefaults defaults;
  ASSIGN_OR_RETURN(defaults.temperature, file.GetNumber(prefix + "temp"));
  ASSIGN_OR_RETURN(defaults.top_k, Narrow(file.GetInt(prefix + "top_k"), file.name(), prefix + "top_k"));
  ASSIGN_OR_RETURN(defaults.top_p, file.GetNumber(prefix + "top_p"));
  ASSIGN_OR_RETURN(defaults.min_p, file.GetNumber(prefix + "min_p"));
  ASSIGN_OR_RETURN(defaults.repetition_penalty, file.GetNumber(prefix + "penalty_repeat"));
  return defaults;
}

void SetSamplingDefaults(const sampling::SamplingDefaults& defaults, formats::GgufHeaderBuilder& header) {
  const std::string prefix = "general.sampling.";
  const auto set = [&](const char* key, const std::optional<double>& value) {
    if (value) header.SetFloat32(prefix + key, static_cast<float>(*value));
  };
  set("temp", defaults.temperature);
  if (defaults.top_k) header.SetInt32(prefix + "top_k", *defaults.top_k);
  set("top_p", defaults.top_p);
  set("min_p", defaults.min_p);
  set("penalty_repeat", defaults.repetition_penalty);
}

Result<sampling::SamplingDefaults> SamplingDefaultsIn(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "generation_config.json";
  ASSIGN_OR_RETURN(const std::string text, platform::ReadTextFile(path));
  return SamplingDefaultsFrom(text, path.string());
}

}  // namespace tenfold::model
