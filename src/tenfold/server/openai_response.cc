#include "tenfold/server/openai_response.h"

#include <algorithm>

#include "tenfold/base/json.h"
#include "tenfold/server/api_error.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::server {
namespace {

using tokenizer::Tokenizer;

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

// Of a completion, the token's own and the likeliest by their texts; null for a token that nothing stands before.
class CompletionLogprobs {
 public:
  CompletionLogprobs(const Tokenizer& tokenizer, int num_top)
      : tokenizer_(tokenizer), num_top_(static_cast<size_t>(num_top)) {}

  void Add(TokenId token, const engine::TokenLogprobs* entry, size_t offset) {
    const std::string text = TokenString(tokenizer_, token);
    offsets_.push_back(offset);
    tokens_.push_back(json::string(text));
    if (entry == nullptr) {
      logprobs_.push_back(nullptr);
      top_logprobs_.push_back(nullptr);
      return;
    }
    json::object top;  // the chosen token is always in it
    for (size_t i = 0; i < std::min(num_top_, entry->top.size()); ++i) {
      top.emplace(TokenString(tokenizer_, entry->top[i].token), LogprobValue(entry->top[i].logprob));
    }
    top.emplace(text, LogprobValue(entry->logprob));
    logprobs_.push_back(LogprobValue(entry->logprob));
    top_logprobs_.push_back(std::move(top));
  }
  json::object Take() {
    return {{"text_offset", std::move(offsets_)},
            {"token_logprobs", std::move(logprobs_)},
            {"tokens", std::move(tokens_)},
            {"top_logprobs", std::move(top_logprobs_)}};
  }

 private:
  const Tokenizer& tokenizer_;
  const size_t num_top_;
  json::array tokens_, logprobs_, top_logprobs_, offsets_;
};

json::object LogprobsOfCompletion(const AnswerHead& head, const ChoicePiece& choice, const Tokenizer& tokenizer) {
  CompletionLogprobs logprobs(tokenizer, head.num_logprobs);
  size_t offset = choice.text_offset;
  if (head.echo && choice.is_first) {
    const PromptPiece& prompt = *choice.prompt;
    for (size_t i = 0; i < prompt.tokens.size(); ++i) {
      logprobs.Add(prompt.tokens[i], i == 0 ? nullptr : &prompt.logprobs.at(i - 1), prompt.text_offsets[i]);
    }
    offset += CountCharacters(prompt.text);
  }
  for (size_t i = 0; i < choice.logprobs.size(); ++i) {
    logprobs.Add(choice.tokens[i], &choice.logprobs[i], offset);
    offset += CountCharacters(TokenString(tokenizer, choice.tokens[i]));
  }
  return logprobs.Take();
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
  const bool echoes = head.echo && choice.is_first;
  const bool has_logprobs = head.has_logprobs && !(is_chunk && choice.tokens.empty() && !echoes);
  if (head.endpoint == Endpoint::kChat) {
    object[is_chunk ? "delta" : "message"] = is_chunk ? DeltaObject(choice) : MessageObject(choice.chat);
    if (has_logprobs) logprobs = ChatLogprobs(choice, tokenizer);
  } else {
    object["text"] = choice.text;
    if (has_logprobs) logprobs = LogprobsOfCompletion(head, choice, tokenizer);
    if (head.num_prompt_logprobs && choice.is_first) {
      object["prompt_logprobs"] = PromptLogprobs(*choice.prompt, *head.num_prompt_logprobs, tokenizer);
    }
  }
  object["logprobs"] = std::move(logprobs);
  const bool calls_tools = choice.calls_tools && choice.finish == engine::FinishReason::kStop;
  object["finish_reason"] = calls_tools ? json::value("tool_calls") : FinishName(choice.finish);
  const bool is_own_stop = !choice.stop_string.empty() && choice.stop_string == head.own_stop_string;
  object["stop_reason"] = is_own_stop ? json::value(nullptr) : StopReason(choice);
  if (head.return_token_ids) {
    if (choice.is_first) object["prompt_token_ids"] = TokenArray(choice.prompt->tokens);
    object["token_ids"] = TokenArray(choice.tokens);
  }
  return object;
}

json::object AnswerObject(const AnswerHead& head, bool is_chunk) {
  std::string_view name = is_chunk ? "chat.completion.chunk" : "chat.completion";
  if (head.endpoint == Endpoint::kCompletions) name = "text_completion";
  return {{"id", head.id}, {"object", name}, {"created", head.created}, {"model", head.model}};
}

// A chat has one prompt, which vLLM reports on once.
void AddPromptLogprobs(const AnswerHead& head, const ChoicePiece& choice, const Tokenizer& tokenizer,
                       json::object& answer) {
  if (head.endpoint != Endpoint::kChat || !head.num_prompt_logprobs) return;
  if (!choice.is_first || choice.index != 0) return;
  answer["prompt_logprobs"] = PromptLogprobs(*choice.prompt, *head.num_prompt_logprobs, tokenizer);
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

std::string AnswerJson(const AnswerHead& head, std::span<const ChoicePiece> choices, const Usage& usage,
                       const Tokenizer& tokenizer) {
  json::object answer = AnswerObject(head, /*is_chunk=*/false);
  json::array array;
  for (const ChoicePiece& choice : choices) array.push_back(ChoiceObject(head, choice, tokenizer, /*is_chunk=*/false));
  answer["choices"] = std::move(array);
  answer["usage"] = UsageObject(usage);
  AddPromptLogprobs(head, choices.front(), tokenizer, answer);
  return json::serialize(answer);
}

std::string ChunkEvent(const AnswerHead& head, const ChoicePiece& choice, const Tokenizer& tokenizer) {
  json::object chunk = AnswerObject(head, /*is_chunk=*/true);
  chunk["choices"] = json::array{ChoiceObject(head, choice, tokenizer, /*is_chunk=*/true)};
  if (head.include_usage) chunk["usage"] = nullptr;
  AddPromptLogprobs(head, choice, tokenizer, chunk);
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

}  // namespace tenfold::server
