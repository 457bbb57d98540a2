// Whatever the template and the inputs, rendering ends soon, with an error or with a prompt that is the same each time
// and whose segments differ from their neighbours in kind.
//
// Template and inputs (JSON) are the two parts of the input, separated by its first zero byte.
#include <algorithm>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "tenfold/base/check.h"
#include "tenfold/base/json.h"
#include "tenfold/tokenizer/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tenfold;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(input.find('\0'), input.size());
  const auto parsed = tokenizer::ChatTemplate::Parse(input.substr(0, zero));
  if (!parsed) {
    CHECK(!parsed.error().message.empty());
    return 0;
  }
  const auto values = ParseJson(zero < size ? input.substr(zero + 1) : "{}", "inputs");
  const json::object inputs = values && values->is_object() ? values->get_object() : json::object{{"messages", "Hi"}};

  // Small limits, so that inputs that run into them do not slow the search down.
  const tokenizer::RenderOptions options = {.now = std::tm{}, .limits = {.max_steps = 50'000, .max_bytes = 1 << 20}};
  const auto prompt = parsed->Render(inputs, options);
  const auto again = parsed->Render(inputs, options);
  CHECK_EQ(prompt.has_value(), again.has_value());
  if (!prompt) {
    CHECK_EQ(prompt.error().message, again.error().message);
    return 0;
  }
  CHECK(*prompt == *again);
  for (size_t i = 0; i < prompt->size(); ++i) {
    CHECK(!(*prompt)[i].text.empty());
    if (i > 0) CHECK((*prompt)[i].parse_special != (*prompt)[i - 1].parse_special);
  }
  return 0;
}
