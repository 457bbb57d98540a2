#include "tenfold/server/tokenize_request.h"

#include <optional>
#include <utility>

#include "tenfold/server/json_fields.h"

namespace tenfold::server {
namespace {

struct TokenizeBody {
  std::string model;
  std::optional<std::string> prompt;
  std::optional<bool> add_special_tokens;
  bool return_token_strs = false;
};

constexpr JsonField<TokenizeBody> kTokenizeFields[] = {
    {"model", ReadMember<&TokenizeBody::model>},
    {"prompt", ReadMember<&TokenizeBody::prompt>},
    {"add_special_tokens", ReadMember<&TokenizeBody::add_special_tokens>},
    {"return_token_strs", ReadMember<&TokenizeBody::return_token_strs>},
};

constexpr JsonField<DetokenizeRequest> kDetokenizeFields[] = {
    {"model", ReadMember<&DetokenizeRequest::model>},
    {"tokens", ReadMember<&DetokenizeRequest::tokens>},
};

}  // namespace

ApiResult<TokenizeRequest> ParseTokenizeRequest(std::string_view text) {
  const ApiResult<json::object> parsed = ParseBody(text);
  if (!parsed) return tl::unexpected(parsed.error());
  TokenizeBody body;
  if (!parsed->contains("messages")) {
    RETURN_IF_REFUSED(ReadFields(*parsed, "", FieldsOf<TokenizeBody>{body, kTokenizeFields}));
    if (!body.prompt) return BadField("prompt", "is missing: send it, or \"messages\" for the chat template");
    return TokenizeRequest{.model = std::move(body.model),
                           .prompt = *std::move(body.prompt),
                           .add_special_tokens = body.add_special_tokens.value_or(true),
                           .return_token_strs = body.return_token_strs};
  }
  ChatPromptBody chat;
  RETURN_IF_REFUSED(ReadFields(*parsed, "", FieldsOf<TokenizeBody>{body, kTokenizeFields},
                               FieldsOf<ChatPromptBody>{chat, ChatPromptFields()}));
  RETURN_IF_REFUSED(FinishChatPrompt(chat));
  if (body.prompt) return BadField("prompt", "and \"messages\" exclude each other: send one of them");
  if (body.add_special_tokens.value_or(false)) {
    return BadField("add_special_tokens", "must be false for \"messages\": the chat template writes special tokens");
  }
  return TokenizeRequest{.model = std::move(body.model),
                         .prompt = static_cast<ChatPrompt&&>(chat),
                         .return_token_strs = body.return_token_strs};
}

ApiResult<DetokenizeRequest> ParseDetokenizeRequest(std::string_view text) {
  const ApiResult<json::object> parsed = ParseBody(text);
  if (!parsed) return tl::unexpected(parsed.error());
  if (!parsed->contains("tokens")) return BadField("tokens", "is missing");
  DetokenizeRequest request;
  RETURN_IF_REFUSED(ReadFields(*parsed, "", FieldsOf<DetokenizeRequest>{request, kDetokenizeFields}));
  return request;
}

}  // namespace tenfold::server
