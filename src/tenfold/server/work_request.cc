#include "tenfold/server/work_request.h"

#include <algorithm>

namespace tenfold::server {
namespace {

ApiStatus ReadCacheSalt(const json::value& value, std::string_view name, WorkRequest& body) {
  RETURN_IF_REFUSED(ReadValue(value, name, body.cache_salt));
  if (body.cache_salt.empty()) return BadField(name, "must not be empty: leave it out to share prefixes with all");
  if (body.cache_salt.size() > kMaxCacheSaltBytes) return BadField(name, "is longer than {} bytes", kMaxCacheSaltBytes);
  return {};
}

ApiStatus ReadRequestId(const json::value& value, std::string_view name, WorkRequest& body) {
  RETURN_IF_REFUSED(ReadValue(value, name, body.request_id));
  const bool is_printable = std::ranges::all_of(body.request_id, [](char c) { return '!' <= c && c <= '~'; });
  if (body.request_id.empty() || body.request_id.size() > kMaxRequestIdBytes || !is_printable) {
    return BadField(name, "must be 1 to {} printable ASCII characters without spaces", kMaxRequestIdBytes);
  }
  return {};
}

ApiStatus ReadTimeout(const json::value& value, std::string_view name, WorkRequest& body) {
  double timeout_s = 0;
  RETURN_IF_REFUSED(ReadValue(value, name, timeout_s));
  if (!(timeout_s > 0 && timeout_s <= kMaxTimeoutS)) {
    return BadField(name, "is {}, but must be above 0 and at most {} seconds", timeout_s, kMaxTimeoutS);
  }
  body.timeout_s = timeout_s;
  return {};
}

constexpr JsonField<WorkRequest> kFields[] = {
    {"model", ReadMember<&WorkRequest::model>},
    // vLLM's.
    {"truncate_prompt_tokens", ReadMember<&WorkRequest::truncate_prompt_tokens>},
    {"priority", ReadMember<&WorkRequest::priority>},
    {"request_id", ReadRequestId},
    {"cache_salt", ReadCacheSalt},
    {"request_timeout", ReadTimeout},
    // Bookkeeping of OpenAI's own service, without effect on the answer.
    {"user", Ignore},
    {"metadata", Ignore},
    {"store", Ignore},
    {"service_tier", Ignore},
    {"safety_identifier", Ignore},
    {"prompt_cache_key", Ignore},
};

}  // namespace

std::span<const JsonField<WorkRequest>> WorkFields() {
  return kFields;
}

ApiStatus ReadPromptInputs(const json::value& value, std::string_view name, std::vector<PromptInput>& inputs) {
  if (value.is_string()) {
    inputs.emplace_back(std::string(value.get_string()));
    return {};
  }
  if (!value.is_array()) {
    return BadField(name, "must be a string, an array of strings, an array of token ids or an array of those, not {}",
                    JsonKindName(value));
  }
  const json::array& array = value.get_array();
  if (array.empty()) return BadField(name, "must not be an empty array");
  if (array.front().is_number()) {
    return ReadValue(value, name, inputs.emplace_back().emplace<std::vector<TokenId>>());
  }
  if (array.size() > kMaxChoices) {
    return BadField(name, "holds {} texts, but may hold at most {}", array.size(), kMaxChoices);
  }
  for (const json::value& element : array) {
    const std::string element_name = fmt::format("{}[{}]", name, inputs.size());
    if (!element.is_string() && !element.is_array()) {
      return BadField(element_name, "must be a string or an array of token ids like the others, not {}",
                      JsonKindName(element));
    }
    PromptInput& prompt = inputs.emplace_back();
    RETURN_IF_REFUSED(element.is_string() ? ReadValue(element, element_name, std::get<std::string>(prompt))
                                          : ReadValue(element, element_name, prompt.emplace<std::vector<TokenId>>()));
  }
  return {};
}

std::string AnswerId(std::string_view prefix, std::string_view request_id, const std::array<uint32_t, 4>& random) {
  if (!request_id.empty()) return fmt::format("{}-{}", prefix, request_id);
  return fmt::format("{}-{:08x}{:08x}{:08x}{:08x}", prefix, random[0], random[1], random[2], random[3]);
}

}  // namespace tenfold::server
