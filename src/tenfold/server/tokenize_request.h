// Bodies of /tokenize and /detokenize, as vLLM has them.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/server/api_error.h"
#include "tenfold/server/chat_prompt.h"

namespace tenfold::server {

struct TokenizeRequest {
  std::string model;                             // empty: the server's only one
  std::variant<std::string, ChatPrompt> prompt;  // a text, or a conversation for the chat template
  bool add_special_tokens = true;                // of a text; a template writes its own
  bool return_token_strs = false;
};

struct DetokenizeRequest {
  std::string model;
  std::vector<TokenId> tokens;
};

ApiResult<TokenizeRequest> ParseTokenizeRequest(std::string_view body);
ApiResult<DetokenizeRequest> ParseDetokenizeRequest(std::string_view body);

}  // namespace tenfold::server
