#include "tenfold/server/openai_response.h"

#include <algorithm>
#include <random>

#include "tenfold/base/json.h"
#include "tenfold/server/api_error.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::server {
namespace {

using tokenizer::Tokenizer;

// JSON has no infinity; OpenAI writes this for a token that could not have been chosen.
constexpr double kLeastLogprob = -9999.0;

json::value LogprobValue(double logprob) {
  return std::max(logprob, kLeastLogprob);
}

std::string TokenString(const Tokenizer& tokenizer, TokenId token) {
  return tokenizer::RepairUtf8(tokenizer.TokenText(token));
}

json::array TokenArray(const std::vector<TokenId>& tokens) {
  return json::array(tokens.begin(), tokens.end());
}

// {"token", "logprob", "bytes"}: the bytes tell apart tokens that are parts of a character.
json::object ChatToken(const Tokenizer& tokenizer, TokenId token, double logprob) {
  json::array bytes;
  for (const char byte : tokenizer.TokenText(token)) bytes.push_back(static_cast<unsigned char>(byte));
  return {{"token", TokenString(tokenizer, token)}, {"logprob", LogprobValue(logprob)}, {"bytes", std::move(bytes)}};
}

json::object ChatLogprobs(const ChoicePiece& choice, const Tokenizer& tokenizer) {
  json::array content;
  for (size_t i = 0; i < choice.logprobs.size(); ++i) {
    const engine::TokenLogprobs& entry = choice.logprobs[i];
    json::object token = ChatToken(tokenizer, choice.tokens[i], entry.logprob);
    json::array top;
    for (const auto& candidate : entry.top) top.push_back(ChatToken(tokenizer, candidate.token, candidate.logprob));
    token["top_logprobs"] = std::move(top);
    content.push_back(std::move(token));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

json::object CompletionLogprobs(const ChoicePiece& choice, const Tokenizer& tokenizer) {
  json::array tokens, logprobs, top_logprobs, offsets;
  size_t offset = choice.text_offset;
  for (size_t i = 0; i < choice.logprobs.size(); ++i) {
    const engine::TokenLogprobs& entry = choice.logprobs[i];
    const std::string text = TokenString(tokenizer, choice.tokens[i]);
    offsets.push_back(offset);
    offset += CountCharacters(text);
    json::object top;  // the chosen token is always in it
    for (const auto& candidate : entry.top) {
      top.emplace(TokenString(tokenizer, candidate.token), LogprobValue(candidate.logprob));
    }
    top.emplace(text, LogprobValue(entry.logprob));
    tokens.push_back(json::string(text));
    logprobs.push_back(LogprobValue(entry.logprob));
    top_logprobs.push_back(std::move(top));
  }
  return {{"text_offset", std::move(offsets)},
          {"token_logprobs", std::move(logprobs)},
          {"tokens", std::move(tokens)},
          {"top_logprobs", std::move(top_logprobs)}};
}

json::value FinishName(engine::FinishReason finish) {
  if (finish == engine::FinishReason::kStop) return "stop";
  if (finish == engine::FinishReason::kLength) return "length";
  return nullptr;
}

json::object CallObject(const ToolCallDelta& call, bool is_chunk) {
  json::object object;
  if (is_chunk) object["index"] = call.index;
  json::object function;
  if (call.begins()) {
    object["id"] = call.id;
    object["type"] = "function";
    function["name"] = call.name;
  }
  function["arguments"] = call.arguments;
  object["function"] = std::move(function);
  return object;
}

json::array CallArray(const ChatDelta& chat, bool is_chunk) {
  json::array calls;
  for (const ToolCallDelta& call : chat.tool_calls) calls.push_back(CallObject(call, is_chunk));
  return calls;
}

json::object MessageObject(const ChatDelta& chat) {
  json::object message{{"role", "assistant"}, {"content", chat.content}, {"refusal", nullptr}};
  if (!chat.reasoning.empty()) message["reasoning_content"] = chat.reasoning;
  if (!chat.tool_calls.empty()) {
    if (chat.content.empty()) message["content"] = nullptr;
    message["tool_calls"] = CallArray(chat, /*is_chunk=*/false);
  }
  return message;
}

json::object DeltaObject(const ChoicePiece& choice) {
  const ChatDelta& chat = choice.chat;
  json::object delta;
  if (choice.is_first) delta["role"] = "assistant";
  if (!chat.reasoning.empty()) delta["reasoning_content"] = chat.reasoning;
  const bool has_other = !chat.reasoning.empty() || !chat.tool_calls.empty();
  if (!chat.content.empty() || !has_other) delta["content"] = chat.content;
  if (!chat.tool_calls.empty()) delta["tool_calls"] = CallArray(chat, /*is_chunk=*/true);
  return delta;
}

// vLLM's: the stop string or the stop token that ended it.
json::value StopReason(const ChoicePiece& choice) {
  if (!choice.stop_string.empty()) return json::value(choice.stop_string);
  return choice.stop_token ? json::value(*choice.stop_token) : json::value(nullptr);
}

json::object ChoiceObject(const AnswerHead& head, const ChoicePiece& choice, const Tokenizer& tokenizer,
                          bool is_chunk) {
  json::object object{{"index", choice.index}};
  json::value logprobs = nullptr;
  const bool has_logprobs = head.has_logprobs && !(is_chunk && choice.tokens.empty());
  if (head.endpoint == Endpoint::kChat) {
    object[is_chunk ? "delta" : "message"] = is_chunk ? DeltaObject(choice) : MessageObject(choice.chat);
    if (has_logprobs) logprobs = ChatLogprobs(choice, tokenizer);
  } else {
    object["text"] = choice.text;
    if (has_logprobs) logprobs = CompletionLogprobs(choice, tokenizer);
  }
  object["logprobs"] = std::move(logprobs);
  const bool calls_tools = choice.has_tool_calls && choice.finish == engine::FinishReason::kStop;
  object["finish_reason"] = calls_tools ? json::value("tool_calls") : FinishName(choice.finish);
  object["stop_reason"] = StopReason(choice);
  if (head.return_token_ids) {
    if (choice.is_first) object["prompt_token_ids"] = TokenArray(*choice.prompt);
    object["token_ids"] = TokenArray(choice.tokens);
  }
  return object;
}

json::object AnswerObject(const AnswerHead& head, bool is_chunk) {
  std::string_view name = is_chunk ? "chat.completion.chunk" : "chat.completion";
  if (head.endpoint == Endpoint::kCompletions) name = "text_completion";
  return {{"id", head.id}, {"object", name}, {"created", head.created}, {"model", head.model}};
}

json::object UsageObject(const Usage& usage) {
  return {{"prompt_tokens", usage.num_prompt_tokens},
          {"completion_tokens", usage.num_output_tokens},
          {"total_tokens", usage.num_prompt_tokens + usage.num_output_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.num_cached_tokens}}}};
}

}  // namespace

void ChoicePiece::Append(engine::OutputEvent&& event, ChatDelta&& gained) {
  text += event.text;
  chat.Append(std::move(gained));
  tokens.insert(tokens.end(), event.tokens.begin(), event.tokens.end());
  std::move(event.logprobs.begin(), event.logprobs.end(), std::back_inserter(logprobs));
  finish = event.finish;
  stop_string = std::move(event.stop_string);
  stop_token = event.stop_token;
}

std::string NewAnswerId(Endpoint endpoint) {
  std::random_device random;
  return fmt::format("{}-{:08x}{:08x}{:08x}{:08x}", endpoint == Endpoint::kChat ? "chatcmpl" : "cmpl", random(),
                     random(), random(), random());
}

std::string AnswerJson(const AnswerHead& head, std::span<const ChoicePiece> choices, const Usage& usage,
                       const Tokenizer& tokenizer) {
  json::object answer = AnswerObject(head, /*is_chunk=*/false);
  json::array array;
  for (const ChoicePiece& choice : choices) array.push_back(ChoiceObject(head, choice, tokenizer, /*is_chunk=*/false));
  answer["choices"] = std::move(array);
  answer["usage"] = UsageObject(usage);
  return json::serialize(answer);
}

std::string ChunkEvent(const AnswerHead& head, const ChoicePiece& choice, const Tokenizer& tokenizer) {
  json::object chunk = AnswerObject(head, /*is_chunk=*/true);
  chunk["choices"] = json::array{ChoiceObject(head, choice, tokenizer, /*is_chunk=*/true)};
  if (head.include_usage) chunk["usage"] = nullptr;
  return ServerSentEvent(json::serialize(chunk));
}

std::string UsageEvent(const AnswerHead& head, const Usage& usage) {
  json::object chunk = AnswerObject(head, /*is_chunk=*/true);
  chunk["choices"] = json::array();
  chunk["usage"] = UsageObject(usage);
  return ServerSentEvent(json::serialize(chunk));
}

std::string ServerSentEvent(std::string_view json) {
  return fmt::format("data: {}\n\n", json);
}

size_t CountCharacters(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

}  // namespace tenfold::server
