#include "tenfold/bench/answer_reader.h"

#include <fmt/format.h>

namespace tenfold::bench {
namespace {

const json::object* ObjectIn(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}

const json::array* ArrayIn(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_array() ? &value->get_array() : nullptr;
}

int64_t NumberIn(const json::object& object, std::string_view key, int64_t otherwise) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
}

bool HasText(const json::object& object, std::string_view key) {
  const json::value* text = object.if_contains(key);
  return text != nullptr && text->is_string() && !text->get_string().empty();
}

// A completion's, or a chat's delta's, which may be reasoning.
bool ChoiceHasText(const json::object& choice) {
  const json::object* delta = ObjectIn(choice, "delta");
  if (delta == nullptr) return HasText(choice, "text");
  return HasText(*delta, "content") || HasText(*delta, "reasoning_content");
}

}  // namespace

std::string AnswerReader::Feed(std::string_view bytes, double now_s) {
  for (const std::string& event : events_.Feed(bytes)) {
    if (event == "[DONE]") {
      is_complete_ = true;
    } else if (std::string error = TakeEvent(event, now_s); !error.empty()) {
      return error;
    }
  }
  return {};
}

std::string AnswerReader::TakeEvent(const std::string& event, double now_s) {
  const Result<json::value> parsed = ParseJson(event, "an event of the stream");
  if (!parsed) return parsed.error().message;
  if (!parsed->is_object()) return fmt::format("an event is no JSON object: {}", event.substr(0, 200));
  const json::object& chunk = parsed->get_object();
  if (const json::value* error = chunk.if_contains("error"); error != nullptr && !error->is_null()) {
    return json::serialize(*error);
  }
  if (const json::object* usage = ObjectIn(chunk, "usage")) TakeUsage(*usage);
  if (const json::array* choices = ArrayIn(chunk, "choices")) {
    if (!choices->empty() && choices->front().is_object()) TakeChoice(choices->front().get_object(), now_s);
  }
  return {};
}

void AnswerReader::TakeUsage(const json::object& usage) {
  num_prompt_tokens_ = NumberIn(usage, "prompt_tokens", num_prompt_tokens_);
  num_output_tokens_ = NumberIn(usage, "completion_tokens", num_output_tokens_);
  if (const json::object* details = ObjectIn(usage, "prompt_tokens_details")) {
    num_cached_tokens_ = NumberIn(*details, "cached_tokens", num_cached_tokens_);
  }
}

void AnswerReader::TakeChoice(const json::object& choice, double now_s) {
  if (const json::array* ids = ArrayIn(choice, "token_ids")) {
    for (const json::value& id : *ids) {
      if (id.is_int64()) tokens_.push_back(static_cast<TokenId>(id.get_int64()));
    }
  }
  if (!ChoiceHasText(choice)) return;
  if (num_chunks_++ == 0) {
    first_text_s_ = now_s;
  } else {
    gaps_s_.push_back(now_s - last_text_s_);
  }
  last_text_s_ = now_s;
}

}  // namespace tenfold::bench
