// Small templates with their expected output, for tests. What is expected is what Jinja 3.1 gives.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/tokenizer/chat_template.h"

namespace tenfold::tokenizer::jinja {

struct RenderCase {
  const char* source;
  const char* expected;
};

inline constexpr std::string_view kInputsForTest = R"({
  "messages": [
    {"role": "user", "content": "  Hi there <|im_end|>  ", "n": 1},
    {"role": "assistant", "content": null,
     "tool_calls": [{"function": {"name": "f", "arguments":
       {"b": 2, "A": [1, 2.5, null, true], "ü": "é\"\\\n\t\u0001🌊"}}}]},
    {"role": "user", "content": [{"type": "text", "text": "x"}]}
  ],
  "nums": [3, 1, 2, 10, -5],
  "words": ["b", "A", "c", "a", "B"],
  "people": [{"name": "Bob", "age": 3, "c": {"x": 1}}, {"name": "alice", "age": 1, "c": {"x": 2}},
             {"name": "Bob", "age": 2}],
  "d": {"z": 1, "Y": "q", "x": null},
  "s": "Hello, World", "u": "ÄöÜ straße", "e": "", "ml": "a\nb\n\nc\n", "html": "<a href=\"x\">&'T'</a>  <b>y</b>",
  "t": true, "f": 1.5, "n": null
})";

// What the template writes for these inputs, or "error: " and the message.
inline std::string RenderForTest(std::string_view source) {
  const auto parsed = ChatTemplate::Parse(source);
  if (!parsed) return "error: " + parsed.error().message;
  const auto inputs = ParseJson(kInputsForTest, "inputs");
  const auto prompt = parsed->Render(inputs.value().get_object());
  if (!prompt) return "error: " + prompt.error().message;
  std::string text;
  for (const PromptSegment& segment : *prompt) text += segment.text;
  return text;
}

class RenderTest : public testing::TestWithParam<RenderCase> {};

// For INSTANTIATE_TEST_SUITE_P: cases have numbers, their templates are no names.
inline std::string CaseName(const testing::TestParamInfo<RenderCase>& test) {
  return std::to_string(test.index);
}

}  // namespace tenfold::tokenizer::jinja
