// What all bodies hold that give the engine work: completions, chats, embeddings.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/server/api_error.h"
#include "tenfold/server/json_fields.h"

namespace tenfold::server {

// Text still to be encoded, or token ids.
using PromptInput = std::variant<std::string, std::vector<TokenId>>;

// Sequences that one body may ask for: as many as the engine is made to hold (4,096 sequences in flight).
inline constexpr size_t kMaxChoices = 4096;
inline constexpr size_t kMaxCacheSaltBytes = 256;
inline constexpr size_t kMaxRequestIdBytes = 128;
inline constexpr double kMaxTimeoutS = 86'400;

struct WorkRequest {
  std::string model = {};                              // empty: the server's only one
  std::optional<int64_t> truncate_prompt_tokens = {};  // as prompt_truncation.h reads it
  std::optional<double> timeout_s = {};                // from its arrival to its end; none: the server's
  int64_t priority = 0;                                // lower is more urgent, where the engine goes by it
  std::string request_id = {};  // the answer's id ends with it; empty: one of the server's making
  std::string cache_salt = {};  // shares cached prefixes only with requests that have the same
};

std::span<const JsonField<WorkRequest>> WorkFields();

// A text, token ids, or an array of several of either.
ApiStatus ReadPromptInputs(const json::value& value, std::string_view name, std::vector<PromptInput>& inputs);

// "cmpl-" for example, and what the client wants behind it or 32 random hexadecimal digits.
std::string AnswerId(std::string_view prefix, std::string_view request_id, const std::array<uint32_t, 4>& random);

}  // namespace tenfold::server
