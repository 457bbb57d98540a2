// Whatever the body, ParseGenerationRequest gives a request that keeps its promises, or an error whose answer is JSON;
// and a conversation that it takes can be rendered.
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "tenfold/base/check.h"
#include "tenfold/base/json.h"
#include "tenfold/server/openai_request.h"
#include "tenfold/tokenizer/chat_template.h"

namespace tenfold::server {
namespace {

constexpr int64_t kVocabSize = 1000;
constexpr std::string_view kTemplate =
    "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}"
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content }}"
    "{% for call in message.tool_calls or [] %}{{ call.function.name ~ (call.function.arguments | tojson) }}{% endfor "
    "%}"
    "{{ '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

void ExpectAnswerable(const ApiError& error) {
  CHECK(error.status == 400);
  CHECK(!error.message.empty());
  const auto answer = ParseJson(ErrorJson(error), "answer");
  CHECK_MSG(answer.has_value(), "{}", ErrorJson(error));
  CHECK(answer->at("error").at("message") == json::string(error.message));
}

void ExpectPromises(const GenerationRequest& request) {
  if (request.endpoint == Endpoint::kCompletions) {
    CHECK(!request.prompts.empty());
    CHECK(request.prompts.size() <= kMaxChoices);
  } else {
    CHECK(!request.chat.messages.empty());
    for (const ChatMessage& message : request.chat.messages) CHECK(!message.role.empty());
    for (const json::value& tool : request.chat.tools) CHECK(tool.at("function").at("name").is_string());
  }
  CHECK(request.cache_salt.size() <= kMaxCacheSaltBytes);
  if (request.timeout_s) CHECK(*request.timeout_s > 0 && *request.timeout_s <= kMaxTimeoutS);
  // The server looks at these next.
  if (const Status valid = sampling::Validate(request.sampling, kVocabSize); !valid) {
    ExpectAnswerable(FromError(valid.error()));
    return;
  }
  CHECK(request.num_returned >= 1);
  CHECK(request.num_returned <= std::max(request.sampling.n, request.sampling.beam_width));
}

void Render(const GenerationRequest& request) {
  static const tokenizer::ChatTemplate chat_template = tokenizer::ChatTemplate::Parse(kTemplate).value();
  const auto prompt = chat_template.Render(request.chat.TemplateInputs(),
                                           {.now = std::tm{}, .limits = {.max_steps = 50'000, .max_bytes = 1 << 20}});
  if (prompt) return;
  ExpectAnswerable({.status = 400, .message = prompt.error().message});
}

}  // namespace
}  // namespace tenfold::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tenfold;
  using namespace tenfold::server;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const Endpoint endpoint : {Endpoint::kCompletions, Endpoint::kChat}) {
    const ApiResult<GenerationRequest> request = ParseGenerationRequest(endpoint, body);
    if (!request) {
      ExpectAnswerable(request.error());
      continue;
    }
    ExpectPromises(*request);
    if (endpoint == Endpoint::kChat) Render(*request);
  }
  return 0;
}
