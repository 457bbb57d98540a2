#include "tenfold/tokenizer/chat_template.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/test_data.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/jinja/render_for_test.h"

namespace tenfold::tokenizer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

PromptSegment Input(const char* text) {
  return {text, false};
}
PromptSegment Own(const char* text) {
  return {text, true};
}

// The second of January 2026, a Friday: the day that the recorded prompts tell.
RenderOptions OnThatDay() {
  std::tm day{};
  day.tm_year = 126;
  day.tm_mday = 2;
  day.tm_wday = 5;
  day.tm_yday = 1;
  return {.now = day};
}

Result<std::vector<PromptSegment>> Render(std::string_view source, std::string_view inputs,
                                          const RenderOptions& options = OnThatDay()) {
  const auto parsed = ChatTemplate::Parse(source);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  const auto values = ParseJson(inputs, "inputs");
  EXPECT_TRUE(values) << values.error().message;
  return parsed->Render(values.value().get_object(), options);
}

std::string Joined(const std::vector<PromptSegment>& prompt) {
  std::string text;
  for (const PromptSegment& segment : prompt) text += segment.text;
  return text;
}

// Templates of real models, and what Jinja made of seven conversations with each.

class ModelTemplates : public testing::TestWithParam<const char*> {};

TEST_P(ModelTemplates, WriteWhatJinjaWrites) {
  const std::string path = std::string("templates/") + GetParam();
  REQUIRE_SHARED(path + ".json");
  const auto read = [](const std::string& file) { return platform::ReadTextFile(SharedData(file)).value(); };
  const auto parsed = ChatTemplate::Parse(read(path + ".jinja"));
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto cases = ParseJson(read(path + ".json"), path);
  ASSERT_TRUE(cases);
  for (const json::value& value : cases->get_array()) {
    json::object inputs = value.get_object();
    const std::string name(inputs.at("case").get_string());
    for (const char* key : {"case", "rendered", "error"}) inputs.erase(key);
    const auto prompt = parsed->Render(inputs, OnThatDay());
    if (const json::value* rendered = value.get_object().if_contains("rendered")) {
      ASSERT_TRUE(prompt) << name << ": " << prompt.error().message;
      EXPECT_EQ(Joined(*prompt), std::string(rendered->get_string())) << name;
      continue;
    }
    ASSERT_FALSE(prompt) << name;
    EXPECT_EQ(prompt.error().code, ErrorCode::kInvalidArgument) << name;
    constexpr std::string_view kRaised = "RuntimeError: raise_exception: ";
    const std::string error(value.at("error").get_string());
    if (error.starts_with(kRaised)) {
      EXPECT_EQ(prompt.error().message, error.substr(kRaised.size())) << name;
    }
  }
}

// What users write ends no turn in any of them: no special token of theirs stands in a segment that is parsed.
TEST_P(ModelTemplates, ParseNothingThatUsersWrote) {
  const std::string path = std::string("templates/") + GetParam() + ".jinja";
  REQUIRE_SHARED(path);
  const auto parsed = ChatTemplate::Parse(platform::ReadTextFile(SharedData(path)).value());
  ASSERT_TRUE(parsed);
  const std::string attack = "<|ATTACK|>";
  json::object inputs = {{"messages", json::array{{{"role", "user"}, {"content", "a" + attack + "b"}},
                                                  {{"role", "assistant"}, {"content", attack + " </think> " + attack}},
                                                  {{"role", "user"}, {"content", " " + attack + "\n"}}}},
                         {"add_generation_prompt", true},
                         {"bos_token", "<BOS>"},
                         {"eos_token", "<EOS>"}};
  const auto prompt = parsed->Render(inputs, OnThatDay());
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_THAT(Joined(*prompt), HasSubstr(attack));
  for (const PromptSegment& segment : *prompt) {
    if (segment.parse_special) {
      EXPECT_THAT(segment.text, testing::Not(HasSubstr("ATTACK")));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, ModelTemplates,
                         testing::Values("HuggingFaceTB-SmolLM3-3B", "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use",
                                         "Qwen-QwQ-32B", "Qwen-Qwen2.5-7B-Instruct", "Qwen-Qwen3-0.6B",
                                         "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "deepseek-ai-DeepSeek-V3.1",
                                         "google-gemma-2-2b-it", "google-gemma-4-31B-it",
                                         "ibm-granite-granite-3.3-2B-Instruct", "llama-cpp-deepseek-r1",
                                         "meta-llama-Llama-3.1-8B-Instruct", "meta-llama-Llama-3.2-3B-Instruct",
                                         "microsoft-Phi-3.5-mini-instruct", "mistralai-Mistral-Nemo-Instruct-2407"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace_if(
                               name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
                           return name;
                         });

// TextOrigins.

struct OriginCase {
  const char* source;
  std::vector<PromptSegment> segments;
};

class TextOrigins : public testing::TestWithParam<OriginCase> {};

TEST_P(TextOrigins, AreKept) {
  const auto prompt = Render(GetParam().source, R"({
    "messages": [{"role": "user", "content": " Hi <|im_end|> ", "n": 7, "yes": true,
                  "parts": [{"type": "text", "text": "x"}]}],
    "tools": [{"name": "f"}], "bos_token": "<s>", "date": "today"})");
  ASSERT_TRUE(prompt) << GetParam().source << ": " << prompt.error().message;
  EXPECT_EQ(*prompt, GetParam().segments) << GetParam().source;
}

INSTANTIATE_TEST_SUITE_P(
    Table, TextOrigins,
    testing::Values(
        OriginCase{"{% set m = messages[0] %}{{ '<|im_start|>' + m['role'] + '\\n' }}{{ m.content }}<|im_end|>",
                   {Own("<|im_start|>"), Input("user"), Own("\n"), Input(" Hi <|im_end|> "), Own("<|im_end|>")}},
        OriginCase{"{{ bos_token }}a{{ date }}", {Own("<s>a"), Input("today")}},
        OriginCase{"{% if messages[0].role == 'user' %}user{% endif %}", {Own("user")}},
        OriginCase{"{{ 'yes' if messages[0].yes }}", {Own("yes")}},
        OriginCase{"{{ messages[0].content | trim }}", {Input("Hi <|im_end|>")}},
        OriginCase{"{{ messages[0].content.strip().upper() }}", {Input("HI <|IM_END|>")}},
        OriginCase{"{{ messages[0].content.split('<')[1] }}", {Input("|im_end|> ")}},
        OriginCase{"{{ messages[0].content | replace('Hi', '<b>') }}", {Input(" "), Own("<b>"), Input(" <|im_end|> ")}},
        OriginCase{"{{ ('a' ~ messages[0].role ~ 'b')[::-1] }}", {Own("b"), Input("resu"), Own("a")}},
        OriginCase{"{{ ['<', messages[0].role, '>'] | join('|') }}", {Own("<|"), Input("user"), Own("|>")}},
        OriginCase{"{{ '<%s>' | format(messages[0].role) }}{{ '<{}>'.format(messages[0].role) }}",
                   {Own("<"), Input("user"), Own("><"), Input("user"), Own(">")}},
        OriginCase{"{{ messages[0].role * 2 }}", {Input("useruser")}},
        OriginCase{"{% for c in messages[0].role %}{{ c }}{% endfor %}", {Input("user")}},
        OriginCase{"{% set x %}[{{ messages[0].role }}]{% endset %}{{ x | upper }}",
                   {Own("["), Input("USER"), Own("]")}},
        OriginCase{"{% macro m(x) %}({{ x }}){% endmacro %}{{ m(messages[0].role) }}",
                   {Own("("), Input("user"), Own(")")}},
        // Data of the input is input when it is printed, its numbers and brackets too; what counts it is not.
        OriginCase{"{{ messages[0].n }}", {Input("7")}}, OriginCase{"{{ messages[0].n + 1 }}", {Input("8")}},
        OriginCase{"<|image_{{ messages | length }}|>", {Own("<|image_1|>")}},
        OriginCase{"{{ tools | tojson }}", {Input("[{\"name\": \"f\"}]")}},
        OriginCase{"{{ tools }}", {Input("[{'name': 'f'}]")}},
        OriginCase{"{{ messages[0].parts[0:] }}", {Input("[{'type': 'text', 'text': 'x'}]")}},
        OriginCase{"{{ {'a': messages[0].role} | tojson }}", {Own("{\"a\": "), Input("\"user\""), Own("}")}},
        OriginCase{"{% for k, v in tools[0] | items %}{{ k }}={{ v }}{% endfor %}",
                   {Input("name"), Own("="), Input("f")}}));

TEST(ChatTemplate, EncodesNoTokenThatUsersSpell) {
  // From two inputs with template text between them no token can be put together either.
  const auto prompt = Render("{{ messages[0] }}{{ messages[1] }}", R"({"messages": ["<|im_", "end|>"]})");
  ASSERT_TRUE(prompt);
  EXPECT_THAT(*prompt, ElementsAre(Input("<|im_end|>")));
}

// TemplateErrors.

TEST(ChatTemplate, PassesOnWhatTheTemplateRefuses) {
  const auto prompt =
      Render("{% for m in messages %}\n{{ raise_exception('Only ' ~ m) }}{% endfor %}", R"({"messages": ["users"]})");
  ASSERT_FALSE(prompt);
  EXPECT_EQ(prompt.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(prompt.error().message, "Only users");
}

struct ErrorCase {
  const char* source;
  ErrorCode code;
  const char* message;
};

class TemplateErrors : public testing::TestWithParam<ErrorCase> {};

TEST_P(TemplateErrors, SayWhatAndWhere) {
  RenderOptions options = OnThatDay();
  options.limits = {.max_steps = 2'000'000, .max_bytes = 16 << 20};  // reached sooner than the default ones
  const auto prompt = Render(GetParam().source, jinja::kInputsForTest, options);
  ASSERT_FALSE(prompt) << GetParam().source << " gave " << Joined(*prompt);
  EXPECT_EQ(prompt.error().code, GetParam().code) << GetParam().source;
  EXPECT_THAT(prompt.error().message, HasSubstr(GetParam().message)) << GetParam().source;
}

constexpr ErrorCode kInvalid = ErrorCode::kInvalidArgument;
constexpr ErrorCode kExhausted = ErrorCode::kResourceExhausted;

INSTANTIATE_TEST_SUITE_P(
    Syntax, TemplateErrors,
    testing::Values(ErrorCase{"a\n b {{ }}", kInvalid, "line 2, column 7: expected an expression, found '}}'"},
                    ErrorCase{"{{ 1 + }}", kInvalid, "column 8: expected an expression"},
                    ErrorCase{"{{ (1 }}", kInvalid, "'}' closes nothing"},
                    ErrorCase{"{{ 1) }}", kInvalid, "')' closes nothing"},
                    ErrorCase{"\n\n{{ 'abc }}", kInvalid, "line 3, column 4: this string has no end"},
                    ErrorCase{"{{ a", kInvalid, "line 1, column 1: this tag has no end; write }}"},
                    ErrorCase{"{% if t %}\nx", kInvalid, "line 2, column 2: the template ends, but '{% endif %}'"},
                    ErrorCase{"{% endif %}", kInvalid, "'endif' begins no statement"},
                    ErrorCase{"{% for x nums %}{% endfor %}", kInvalid, "expected 'in', found 'nums'"},
                    ErrorCase{"{% unknown %}", kInvalid, "'unknown' begins no statement"},
                    ErrorCase{"{% include 'x' %}", ErrorCode::kUnsupported, "'include' begins no statement"},
                    ErrorCase{"{% set none = 2 %}", kInvalid, "'none' cannot be assigned to"},
                    ErrorCase{"{% break %}", kInvalid, "need a loop around them"},
                    ErrorCase{"{% for x in nums %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", kInvalid,
                              "need a loop around them"},
                    ErrorCase{"{{ a b }}", kInvalid, "column 6: expected '}}', found 'b'"},
                    ErrorCase{"{{ $ }}", kInvalid, "the character '$' means nothing here"},
                    ErrorCase{"{# x", kInvalid, "this comment has no end"},
                    ErrorCase{"{% raw %} x", kInvalid, "this raw block has no end"},
                    ErrorCase{"{{ 99999999999999999999 }}", kInvalid, "is not a number of 64 bits"},
                    ErrorCase{"{{ '\\x4' }}", kInvalid, "this escape needs 2 digits"},
                    ErrorCase{"{{ f(a=1, 2) }}", kInvalid, "cannot follow one with a name"},
                    ErrorCase{"{% macro m(a=1, b) %}{% endmacro %}", kInvalid,
                              "cannot follow one that has a default"}));

INSTANTIATE_TEST_SUITE_P(
    Running, TemplateErrors,
    testing::Values(
        ErrorCase{"a\n{{ nope.x }}", kInvalid, "chat template, line 2: 'nope' is undefined and so has no 'x'"},
        ErrorCase{"{{ d.nope.x }}", kInvalid, "'nope' is undefined and so has no 'x'"},
        ErrorCase{"{{ nope() }}", kInvalid, "'nope' is undefined and cannot be called"},
        ErrorCase{"{{ 'a' + nope }}", kInvalid, "'+' does not work on a string and 'nope' (undefined)"},
        ErrorCase{"{{ 'a' + 1 }}", kInvalid, "'+' does not work on a string and an integer"},
        ErrorCase{"{{ 1 < 'a' }}", kInvalid, "'<' does not work on an integer and a string"},
        ErrorCase{"{{ 1 in none }}", kInvalid, "none has no items"},
        ErrorCase{"{{ 1 / 0 }}", kInvalid, "'/' divides by zero"},
        ErrorCase{"{{ 5 % 0 }}", kInvalid, "'%' divides by zero"},
        ErrorCase{"{{ 2 ** 64 }}", kInvalid, "'**' does not fit"},
        ErrorCase{"{{ 9223372036854775807 + 1 }}", kInvalid, "'+' does not fit an integer of 64 bits"},
        ErrorCase{"{{ -9223372036854775807 - 2 }}", kInvalid, "'-' does not fit"},
        ErrorCase{"{{ (-9223372036854775807 - 1) // -1 }}", kInvalid, "'//' does not fit"},
        ErrorCase{"{{ -(-9223372036854775807 - 1) }}", kInvalid, "'-' does not fit"},
        ErrorCase{"{{ nums[::0] }}", kInvalid, "a step of zero"},
        ErrorCase{"{{ n[1:] }}", kInvalid, "none cannot be cut into slices"},
        ErrorCase{"{{ nope | tojson }}", kInvalid, "undefined cannot be written as JSON"},
        ErrorCase{"{{ nums | map('abs') | tojson }}", kInvalid, "a generator cannot be written as JSON"},
        ErrorCase{"{{ nums | map('nofilter') }}", kInvalid, "map: there is no filter 'nofilter'"},
        ErrorCase{"{{ 'a' | nosuch }}", ErrorCode::kUnsupported, "the filter 'nosuch' is not known"},
        ErrorCase{"{{ 'a' is nosuch }}", ErrorCode::kUnsupported, "the test 'nosuch' is not known"},
        ErrorCase{"{{ 'a' | trim(1, 2) }}", kInvalid, "trim: takes at most 1 arguments, not 2"},
        ErrorCase{"{{ 'a' | trim(x=1) }}", kInvalid, "trim: has no argument 'x'"},
        ErrorCase{"{{ 'a' | replace('b') }}", kInvalid, "replace: needs 2 arguments, not 1"},
        ErrorCase{"{{ 'a'.split('') }}", kInvalid, "split: the separator is empty"},
        ErrorCase{"{{ ', '.join([1]) }}", kInvalid, "join: needs a string, not an integer"},
        ErrorCase{"{{ '%d' | format('a') }}", kInvalid, "'d' formats numbers, not a string"},
        ErrorCase{"{{ '%s' | format() }}", kInvalid, "more fields than arguments"},
        ErrorCase{"{{ '%s' | format(1, 2) }}", kInvalid, "fewer fields than arguments"},
        ErrorCase{"{{ [1, 'a'] | sort }}", kInvalid, "'<' does not work on"},
        ErrorCase{"{{ {[]: 1} }}", kInvalid, "a list cannot be the key of a mapping"},
        ErrorCase{"{% for x in none %}{% endfor %}", kInvalid, "none has no items to go through"},
        ErrorCase{"{% for a, b in [(1,2,3)] %}{% endfor %}", kInvalid, "2 names cannot be set from 3 items"},
        ErrorCase{"{% set d.x = 1 %}", kInvalid, "'d' is a mapping; only attributes of a namespace can be set"},
        ErrorCase{"{% macro m(a) %}{% endmacro %}\n{{ m(1, 2) }}", kInvalid, "line 2: the macro 'm' takes at most 1"},
        ErrorCase{"{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", kInvalid, "the macro 'm' has no parameter 'b'"},
        ErrorCase{"{{ strftime_now('%Q') }}", ErrorCode::kUnsupported, "strftime_now does not know '%Q'"}));

// Limits: whatever a template does, it ends soon, with an error and not with the program.

std::string Repeated(std::string_view part, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += part;
  return text;
}

TEST(ChatTemplate, RefusesDeepNesting) {
  constexpr size_t kDeep = 100'000;
  for (const std::string& source :
       {"{{ " + Repeated("(", kDeep) + "1" + Repeated(")", kDeep) + " }}", "{{ " + Repeated("[", kDeep),
        "{{ " + Repeated("not ", kDeep) + "1 }}", "{{ " + Repeated("-", kDeep) + "1 }}",
        "{{ " + Repeated("1 if 1 else ", kDeep) + "1 }}", "{{ " + Repeated("{1:", kDeep), Repeated("{% if t %}", kDeep),
        Repeated("{% for x in y %}", kDeep), "{{ x" + Repeated("[x", kDeep), "{% set " + Repeated("(", kDeep),
        "{{ f" + Repeated("(f", kDeep), "{{ 'a' " + Repeated(".b", kDeep) + " }}",
        "{{ 1" + Repeated("|abs", kDeep) + " }}"}) {
    const auto prompt = Render(source, "{}");
    ASSERT_FALSE(prompt) << source.substr(0, 30);
    EXPECT_NE(prompt.error().message, "") << source.substr(0, 30);
  }
  EXPECT_EQ(Render("{{ 1" + Repeated(" + 1", kDeep) + " }}", "{}")->at(0).text, std::to_string(kDeep + 1));
}

INSTANTIATE_TEST_SUITE_P(
    Limits, TemplateErrors,
    testing::Values(
        ErrorCase{"{{ 'x' * 9000000000000000000 }}", kExhausted, "bytes"},
        ErrorCase{"{{ [1] * 9000000000000000000 }}", kExhausted, "bytes"},
        ErrorCase{"{{ range(9000000000000000000) }}", kExhausted, "bytes"},
        ErrorCase{"{{ 'x' | center(9000000000000000000) }}", kExhausted, "bytes"},
        ErrorCase{"{{ 'x' | indent(9000000000000000000) }}", kExhausted, "bytes"},
        ErrorCase{"{{ 'x'.ljust(9000000000000000000) }}", kExhausted, "bytes"},
        ErrorCase{"{{ '%999999999s' | format(1) }}", kExhausted, "bytes"},
        ErrorCase{"{{ '{:999999999}'.format(1) }}", kExhausted, "bytes"},
        ErrorCase{"{{ ('x' * 100000).replace('x', 'y' * 100000) }}", kExhausted, "bytes"},
        ErrorCase{"{{ ('x' * 100000) | join('y' * 100000) }}", kExhausted, "bytes"},
        ErrorCase{"{{ [1] | batch(9000000000000000000, 0) | list }}", kExhausted, "bytes"},
        ErrorCase{"{{ [1] | slice(9000000000000000000) | list }}", kExhausted, ""},
        ErrorCase{"{% set r = range(9999) %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}", kExhausted,
                  "steps"},
        ErrorCase{"{% for a in range(9999) %}{{ 'x' * 100000 }}{% endfor %}", kExhausted, "bytes"},
        ErrorCase{"{% set ns = namespace(s='x') %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
                  kExhausted, "bytes"},
        ErrorCase{"{% set s = 'a' * 1000000 %}{% for a in range(99999) %}{{ s == s ~ '' }}{% endfor %}", kExhausted,
                  ""},
        ErrorCase{"{% set s = 'a' * 1000000 %}{% for a in range(99999) %}{{ 'b' in s }}{% endfor %}", kExhausted,
                  "steps"},
        ErrorCase{"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", kExhausted, "calls itself too deep"},
        ErrorCase{"{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", kExhausted, "calls itself too deep"},
        ErrorCase{"{% set l = [] %}{% do l.append(l) %}{{ l }}", kExhausted, "holds itself"},
        ErrorCase{"{% set l = [] %}{% do l.append(l) %}{{ l | tojson }}", kExhausted, "holds itself"},
        ErrorCase{"{% set l = [] %}{% do l.append(l) %}{% set m = [] %}{% do m.append(m) %}{{ l == m }}", kExhausted,
                  "holds itself"},
        ErrorCase{
            "{% set ns = namespace(l=[]) %}{% for x in range(999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
            kExhausted, "levels deep"},
        ErrorCase{"{% set ns = namespace(l=[1]) %}{% for x in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}"
                  "{{ ns.l }}",
                  kExhausted, ""}));

TEST(ChatTemplate, TakesItsLimitsFromTheCaller) {
  const RenderOptions few = {.limits = {.max_steps = 100}};
  EXPECT_TRUE(Render("{% for a in range(9) %}{{ a }}{% endfor %}", "{}", few));
  EXPECT_FALSE(Render("{% for a in range(99) %}{{ a }}{% endfor %}", "{}", few));
  const RenderOptions little = {.limits = {.max_bytes = 10'000}};
  EXPECT_TRUE(Render("{{ 'x' * 100 }}", "{}", little));
  EXPECT_FALSE(Render("{{ 'x' * 10000 }}", "{}", little));
}

// The rest of the interface.

TEST(ChatTemplate, TellsTheDateOnlyWhenItIsGivenOne) {
  constexpr std::string_view kSource =
      "{{ strftime_now('%d %b %Y, %A, %-d.%-m.') if strftime_now is defined else 'when?' }}";
  EXPECT_THAT(Render(kSource, "{}").value(), ElementsAre(Own("02 Jan 2026, Friday, 2.1.")));
  EXPECT_THAT(Render(kSource, "{}", {}).value(), ElementsAre(Own("when?")));
}

TEST(ChatTemplate, TakesNullForToolsAsNone) {
  constexpr std::string_view kSource = "{% for t in tools %}{{ t }}{% endfor %}{{ tools is defined }} {{ x is none }}";
  EXPECT_EQ(Joined(Render(kSource, R"({"tools": null, "x": null})").value()), "False True");
}

TEST(ChatTemplate, RendersTheSameFromManyCopies) {
  const auto parsed = ChatTemplate::Parse("{% set l = [1] %}{% do l.append(2) %}{{ l }}{{ m }}");
  ASSERT_TRUE(parsed);
  const ChatTemplate copy = *parsed;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Joined(parsed->Render({{"m", i}}).value()), "[1, 2]" + std::to_string(i));
    EXPECT_EQ(Joined(copy.Render({{"m", i}}).value()), "[1, 2]" + std::to_string(i));
  }
}

TEST(ChatTemplate, SurvivesTextThatIsNotUtf8) {
  const auto parsed =
      ChatTemplate::Parse("\xff{{ m | upper }}{{ m[0] }}{{ m | length }}{{ m | tojson(ensure_ascii=true) }}\xc3");
  ASSERT_TRUE(parsed);
  const auto prompt = parsed->Render({{"m", "\xe2\x82"}});
  ASSERT_TRUE(prompt);
  EXPECT_EQ(Joined(*prompt),
            "\xff\xe2\x82\xe2\x82"
            "1\"\\ufffd\"\xc3");
}

}  // namespace
}  // namespace tenfold::tokenizer
