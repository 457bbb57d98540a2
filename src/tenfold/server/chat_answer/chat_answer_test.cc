// What answers come apart into, however their text is cut into pieces.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/server/chat_answer/chat_answer_parser.h"

namespace tenfold::server {
namespace {

using enum ToolCallFormat;

constexpr ReasoningTags kThink{"<think>", "</think>"};

struct Answer {
  const char* name;
  ChatAnswerFormat format;
  std::string text;
  // What it comes apart into, calls as "name(arguments)" behind one another.
  std::string content = {};
  std::string calls = {};
  std::string reasoning = {};
};

void PrintTo(const Answer& answer, std::ostream* out) {
  *out << answer.text;
}

// The sum of what came out. Deltas must not be empty strings of nothing, and a call begins once.
ChatDelta Parse(const ChatAnswerFormat& format, const std::vector<std::string>& pieces) {
  ChatAnswerParser parser(format);
  ChatDelta sum;
  int num_begun = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    ChatDelta delta = parser.Feed(pieces[i], i + 1 == pieces.size());
    for (const ToolCallDelta& call : delta.tool_calls) {
      num_begun += call.begins() ? 1 : 0;
      EXPECT_EQ(call.index, num_begun - 1) << "more of a call that has ended";
      EXPECT_NE(call.id.empty(), call.begins());
    }
    sum.Append(std::move(delta));
  }
  EXPECT_LE(parser.calls_tools(), num_begun > 0);
  return sum;
}

void ExpectAnswer(const Answer& expected, const ChatDelta& got) {
  std::string calls;
  for (const ToolCallDelta& call : got.tool_calls) calls += fmt::format("{}({})", call.name, call.arguments);
  EXPECT_EQ(got.content, expected.content);
  EXPECT_EQ(calls, expected.calls);
  EXPECT_EQ(got.reasoning, expected.reasoning);
}

class ChatAnswerTest : public testing::TestWithParam<Answer> {};

TEST_P(ChatAnswerTest, ComesApart) {
  ExpectAnswer(GetParam(), Parse(GetParam().format, {GetParam().text}));
}

TEST_P(ChatAnswerTest, ComesApartByteByByte) {
  std::vector<std::string> pieces;
  for (const char byte : GetParam().text) pieces.emplace_back(1, byte);
  pieces.emplace_back();  // the end of generation has no text
  ExpectAnswer(GetParam(), Parse(GetParam().format, pieces));
}

TEST_P(ChatAnswerTest, ComesApartHoweverItIsCut) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> pieces;
    for (size_t at = 0; at < GetParam().text.size();) {
      pieces.push_back(GetParam().text.substr(at, 1 + random() % 12));
      at += pieces.back().size();
    }
    pieces.emplace_back();
    ExpectAnswer(GetParam(), Parse(GetParam().format, pieces));
  }
}

ChatAnswerFormat Calls(ToolCallFormat format) {
  return {.tool_calls = format, .tools = {"f", "g"}};
}
ChatAnswerFormat Thinks(bool begins_inside = false) {
  return {.reasoning = kThink, .begins_in_reasoning = begins_inside, .tool_calls = kHermes};
}

const Answer kAnswers[] = {
    {"Nothing", Calls(kHermes), "", ""},
    {"Plain", {}, " <think>a</think><tool_call>{} [TOOL_CALLS] ", " <think>a</think><tool_call>{} [TOOL_CALLS] "},
    {"HermesText", Calls(kHermes), " Hello <b>, <tool_cal ", " Hello <b>, <tool_cal "},
    {"HermesCall", Calls(kHermes),
     "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": \"}\\\"{\", \"y\": [1, {}]}}\n</tool_call>", "",
     R"(f({"x": "}\"{", "y": [1, {}]}))"},
    {"HermesTextAndCalls", Calls(kHermes),
     "Let me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"name\": \"h\", "
     "\"arguments\": {\"a\": 1 } }\n</tool_call>\n",
     "Let me see.", R"(f({})h({"a": 1 }))"},
    {"HermesTextBehind", Calls(kHermes), "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n That was it. ",
     "That was it. ", "f({})"},
    {"HermesArgumentsFirst", Calls(kHermes), R"(<tool_call>{"arguments": {"a": {}}, "id": 3, "name": "f"}</tool_call>)",
     "", R"(f({"a": {}}))"},
    {"HermesArgumentsInAString", Calls(kHermes), R"(<tool_call>{"name": "f", "arguments": "{\"a\": 1}"}</tool_call>)",
     "", R"(f({"a": 1}))"},
    {"HermesNoArguments", Calls(kHermes), R"(<tool_call>{"name": "f"}</tool_call>)", "", "f({})"},
    {"HermesNullArguments", Calls(kHermes), R"(<tool_call>{"name": "f", "arguments": null}</tool_call>)", "", "f({})"},
    {"HermesEscapedName", Calls(kHermes), R"(<tool_call>{"name": "\u0066"}</tool_call>)", "", "f({})"},
    {"HermesForgottenEnd", Calls(kHermes), R"(<tool_call>{"name": "f"}<tool_call>{"name": "g"})", "", "f({})g({})"},
    {"HermesCutInTheName", Calls(kHermes), R"(a <tool_call> {"name": "ge)", R"(a <tool_call> {"name": "ge)"},
    {"HermesCutInTheArguments", Calls(kHermes), R"(<tool_call>{"name": "f", "arguments": {"a": "b)", "",
     R"(f({"a": "b))"},
    {"HermesCutInTheEnd", Calls(kHermes), R"(<tool_call>{"name": "f"}</tool_)", "", "f({})"},
    {"HermesWordsAround", Calls(kHermes),
     "Let me look <tool_call>{\"name\": \"f\"}</tool_call>\n<tool_call>{\"name\": \"g\"}</tool_call> now wait",
     "Let me look now wait", "f({})g({})"},
    {"HermesSurplusBrackets", Calls(kHermes), R"(<tool_call>{"name": "f", "arguments": {"a": 1}}}]</tool_call> So.)",
     "So.", R"(f({"a": 1}))"},
    {"HermesWrongBracket", Calls(kHermes), R"(<tool_call>{"name": "f", "arguments": {"a": 1]}</tool_call> So.)", "So.",
     R"(f({"a": 1))"},
    {"HermesBracketBehindArguments", Calls(kHermes),
     R"(<tool_call>{"name": "f", "arguments": {"a": 1}]}</tool_call> So.)", "So.", R"(f({"a": 1}))"},
    {"HermesTextBehindArguments", Calls(kHermes), R"(<tool_call>{"name": "f", "arguments": {"a": 1} "x"}</tool_call>)",
     "", R"(f({"a": 1}))"},
    {"HermesNoJsonBehindTheName", Calls(kHermes), R"(<tool_call>{"name": "f", x}</tool_call> So.)", "So.", "f()"},
    {"HermesNoCall", Calls(kHermes), "Write <tool_call> and </tool_call> around it. ",
     "Write <tool_call> and </tool_call> around it. "},
    {"HermesNoName", Calls(kHermes), "<tool_call>\n{\"nam\": \"f\"}\n</tool_call>",
     "<tool_call>\n{\"nam\": \"f\"}\n</tool_call>"},
    {"HermesNameNumber", Calls(kHermes), R"(<tool_call>{"name": 3}</tool_call>)",
     R"(<tool_call>{"name": 3}</tool_call>)"},
    {"LlamaText", Calls(kLlama3), "Hello {", "Hello {"},
    {"LlamaCall", Calls(kLlama3), R"({"name": "f", "parameters": {"x": 1}})", "", R"(f({"x": 1}))"},
    {"LlamaTag", Calls(kLlama3), R"(<|python_tag|>{"name": "h", "parameters": {}})", "", "h({})"},
    {"LlamaTagCode", Calls(kLlama3), "<|python_tag|>print(1)", "print(1)"},
    {"LlamaCalls", Calls(kLlama3), R"( {"name": "f", "parameters": {}}; {"name": "g", "arguments": {}} )", "",
     "f({})g({})"},
    {"LlamaJsonThatIsText", Calls(kLlama3), R"( {"name": "Ann", "parameters": {"age": 5}} )",
     R"( {"name": "Ann", "parameters": {"age": 5}} )"},
    {"LlamaTextBehind", Calls(kLlama3), R"({"name": "f", "parameters": {}} Done {"name": "g"})",
     R"(Done {"name": "g"})", "f({})"},
    {"MistralText", Calls(kMistral), "Hello [TOOL_CALL", "Hello [TOOL_CALL"},
    {"MistralArray", Calls(kMistral),
     R"(Hm. [TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}, "id": "abcdefghi"}] )",
     "Hm.", R"(f({"a": 1})g({}))"},
    {"MistralMarkerBehindAnArray", Calls(kMistral), R"([TOOL_CALLS][{"name": "f", "arguments": {}}] x [TOOL_CALLS])",
     "x [TOOL_CALLS]", "f({})"},
    {"MistralNoArray", Calls(kMistral), "[TOOL_CALLS] [1, 2]", "[TOOL_CALLS] [1, 2]"},
    {"MistralNamed", Calls(kMistral), R"([TOOL_CALLS]f[ARGS]{"a": "}"}[TOOL_CALLS]g[CALL_ID]abcdefghi[ARGS]{})", "",
     R"(f({"a": "}"})g({}))"},
    {"MistralNamedWithoutMarker", Calls(kMistral), R"([TOOL_CALLS]f {"a": {"b": 2}} and so on)", "and so on",
     R"(f({"a": {"b": 2}}))"},
    {"MistralNoName", Calls(kMistral), "[TOOL_CALLS] they are {things}", "[TOOL_CALLS] they are {things}"},
    {"Thoughts", Thinks(), "<think>\n2 and 2\n\nis <4.\n</think>\n\n Four. ", "Four. ", "", "2 and 2\n\nis <4."},
    {"ThoughtsThatThePromptBegan", Thinks(true), "\nHm.\n</think>\nFour.", "Four.", "", "Hm."},
    {"ThoughtsBegunTwice", Thinks(true), "<think>\nHm.\n</think>\nFour.", "Four.", "", "Hm."},
    {"NoThoughts", Thinks(), " Four, < five.", " Four, < five."},
    {"EmptyThoughts", Thinks(), "<think>\n\n</think>\n\nFour.", "Four."},
    {"ThoughtsAlone", Thinks(), "<think>\nHm. </thin", "", "", "Hm. </thin"},
    {"ThoughtsCutBehindASpace", Thinks(), "<think>Hm. ", "", "", "Hm."},
    {"ThoughtsOnlyAtTheBeginning", Thinks(), "Say <think>a</think>", "Say <think>a</think>"},
    {"ThoughtsOfCalls", Thinks(),
     "<think>I call <tool_call>{\"name\": \"f\"}</tool_call></think>\n\n<tool_call>{\"name\": \"g\"}</tool_call>", "",
     "g({})", "I call <tool_call>{\"name\": \"f\"}</tool_call>"},
};

INSTANTIATE_TEST_SUITE_P(All, ChatAnswerTest, testing::ValuesIn(kAnswers),
                         [](const auto& info) { return info.param.name; });

TEST(ChatAnswerTest, ArgumentsGoOutWhileTheyAreWritten) {
  ChatAnswerParser parser(Calls(kHermes));
  EXPECT_TRUE(parser.Feed("<tool_call>\n{\"name\": \"f", false).empty());
  EXPECT_EQ(parser.Feed("\", \"arguments\": {\"a", false).tool_calls.at(0).name, "f");
  const ChatDelta more = parser.Feed("\": \"b", false);
  EXPECT_FALSE(more.tool_calls.at(0).begins());
  EXPECT_EQ(more.tool_calls.at(0).arguments, "\": \"b");
}

TEST(ChatAnswerTest, AnAnswerCallsToolsWhenItsCallsAreWhole) {
  const auto calls = [](std::string_view text) {
    ChatAnswerParser parser(Calls(kHermes));
    parser.Feed(text, true);
    return parser.calls_tools();
  };
  EXPECT_TRUE(calls(R"(<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>)"));
  EXPECT_TRUE(calls(R"(<tool_call>{"name": "f"})")) << "the end alone is missing";
  EXPECT_FALSE(calls(R"(<tool_call>{"name": "f", "arguments":)"));
  EXPECT_FALSE(calls(R"(<tool_call>{"name": "f", "arguments": {"a": "b)"));
  EXPECT_FALSE(calls(R"(<tool_call>{"name": "f", x}</tool_call>)"));
  EXPECT_FALSE(calls(R"(<tool_call>{"name": "f"}</tool_call><tool_call>{"name": "g", "arguments": {)"));
  EXPECT_FALSE(calls("f"));
}

TEST(ChatAnswerTest, OneCallIsTheFirst) {
  ChatAnswerFormat format = Calls(kHermes);
  format.one_tool_call = true;
  const std::string call = R"(<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>)";
  EXPECT_EQ(Parse(format, {call + call}).tool_calls.size(), 1);
  ChatAnswerParser parser(format);
  parser.Feed(call + R"(<tool_call>{"name": "g", "arg)", true);
  EXPECT_TRUE(parser.calls_tools()) << "what is dropped may be broken";
}

TEST(ChatAnswerTest, CallsHaveIdsThatTheirTemplatesTake) {
  const auto id = [](ToolCallFormat format, const char* text) {
    return Parse(Calls(format), {text}).tool_calls.at(0).id;
  };
  EXPECT_THAT(id(kHermes, R"(<tool_call>{"name": "f"})"), testing::MatchesRegex("call_[0-9A-Za-z]{24}"));
  EXPECT_THAT(id(kMistral, R"([TOOL_CALLS] [{"name": "f"}])"), testing::MatchesRegex("[0-9A-Za-z]{9}"));
  EXPECT_EQ(id(kMistral, R"([TOOL_CALLS]f[CALL_ID]abcdefghi[ARGS]{})"), "abcdefghi");
}

TEST(ChatAnswerTest, TemplatesTellTheFormat) {
  EXPECT_EQ(FindToolCallFormat("... <tool_call>\\n ..."), kHermes);
  EXPECT_EQ(FindToolCallFormat("'[TOOL_CALLS] ['"), kMistral);
  EXPECT_EQ(FindToolCallFormat("<|python_tag|>"), kLlama3);
  EXPECT_EQ(FindToolCallFormat("{{ messages }}"), kNone);
  EXPECT_EQ(FindToolCallFormat("<tool_call>\\n<function="), kNone) << "Qwen3-Coder's";
  EXPECT_EQ(FindToolCallFormat("<tool_call>{{ name }}<arg_key>"), kNone) << "GLM's";
  EXPECT_EQ(FindReasoningTags("content.split('</think>')").begin, "<think>");
  EXPECT_FALSE(FindReasoningTags("think hard").known());
}

}  // namespace
}  // namespace tenfold::server
