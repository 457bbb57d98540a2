#include "tenfold/server/embedding_request.h"

#include <algorithm>

namespace tenfold::server {
namespace {

ApiStatus ReadInput(const json::value& value, std::string_view name, EmbeddingRequest& body) {
  return ReadPromptInputs(value, name, body.inputs);
}

ApiStatus ReadFormat(const json::value& value, std::string_view name, EmbeddingRequest& body) {
  if (value != "float" && value != "base64") return BadField(name, "must be \"float\" or \"base64\"");
  body.is_base64 = value == "base64";
  return {};
}

constexpr JsonField<EmbeddingRequest> kFields[] = {
    {"input", ReadInput},
    {"encoding_format", ReadFormat},
    {"dimensions", ReadMember<&EmbeddingRequest::dimensions>},
    {"add_special_tokens", ReadMember<&EmbeddingRequest::add_special_tokens>},
};

ApiStatus CheckDimensions(int64_t dimensions, const EmbeddingSizes& sizes) {
  constexpr std::string_view kName = "dimensions";
  if (!sizes.is_matryoshka) {
    return BadField(kName, "is not for this model: its embeddings were not made to be shortened (Matryoshka)");
  }
  if (sizes.dimensions.empty()) {
    if (dimensions >= 1 && dimensions <= sizes.size) return {};
    return BadField(kName, "is {}, but must be between 1 and {}", dimensions, sizes.size);
  }
  if (std::ranges::find(sizes.dimensions, dimensions) != sizes.dimensions.end()) return {};
  return BadField(kName, "is {}, but must be one of {}", dimensions, fmt::join(sizes.dimensions, ", "));
}

}  // namespace

ApiResult<EmbeddingRequest> ParseEmbeddingRequest(std::string_view text, const EmbeddingSizes& sizes) {
  const ApiResult<json::object> parsed = ParseBody(text);
  if (!parsed) return tl::unexpected(parsed.error());
  EmbeddingRequest body;
  RETURN_IF_REFUSED(
      ReadFields(*parsed, "", FieldsOf<WorkRequest>{body, WorkFields()}, FieldsOf<EmbeddingRequest>{body, kFields}));
  if (body.inputs.empty()) return BadField("input", "is missing");
  if (body.dimensions) RETURN_IF_REFUSED(CheckDimensions(*body.dimensions, sizes));
  return body;
}

}  // namespace tenfold::server
