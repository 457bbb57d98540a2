#include "tenfold/server/openai_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::server {
namespace {

using sampling::SamplingParams;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

GenerationRequest ParseOk(Endpoint endpoint, std::string_view body) {
  auto request = ParseGenerationRequest(endpoint, body);
  EXPECT_TRUE(request.has_value()) << request.error().message;
  return request ? *request : GenerationRequest{};
}

TEST(OpenAiRequestTest, ReadsEveryFieldOfACompletion) {
  const GenerationRequest request = ParseOk(Endpoint::kCompletions, R"({
    "model": "m", "prompt": "Hi", "max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "n": 2, "logprobs": 3,
    "stop": ["x", "y"], "seed": -7, "presence_penalty": 1, "frequency_penalty": -1.5, "logit_bias": {"12": -100},
    "stream": true, "stream_options": {"include_usage": true}, "top_k": 40, "min_p": 0.1, "repetition_penalty": 1.1,
    "min_tokens": 2, "ignore_eos": true, "stop_token_ids": [3, 4], "include_stop_str_in_output": true,
    "allowed_token_ids": [9, 2, 9], "bad_words": ["x y", "z"], "skip_special_tokens": false, "truncate_prompt_tokens": 64,
    "spaces_between_special_tokens": true, "return_token_ids": true, "best_of": 2, "use_beam_search": false, "length_penalty": 1, "echo": false, "suffix": null, "user": "u", "metadata": {"a": 1}, "cache_salt": "alice",
    "response_format": {"type": "text"}})");
  EXPECT_EQ(request.model, "m");
  EXPECT_THAT(request.prompts, ElementsAre(PromptInput("Hi")));
  EXPECT_TRUE(request.stream);
  EXPECT_TRUE(request.include_usage);
  EXPECT_TRUE(request.return_token_ids);
  EXPECT_EQ(request.cache_salt, "alice");
  const sampling::SamplingParams& sampling = request.sampling;
  EXPECT_THAT(sampling.max_tokens, Optional(5));
  EXPECT_EQ(sampling.temperature, 0.5);
  EXPECT_EQ(sampling.top_p, 0.9);
  EXPECT_EQ(sampling.n, 2);
  EXPECT_THAT(sampling.num_logprobs, Optional(3));
  EXPECT_THAT(sampling.stop, ElementsAre("x", "y"));
  EXPECT_THAT(sampling.seed, Optional(static_cast<uint64_t>(-7)));
  EXPECT_EQ(sampling.presence_penalty, 1);
  EXPECT_EQ(sampling.frequency_penalty, -1.5);
  ASSERT_EQ(sampling.logit_bias.size(), 1);
  EXPECT_EQ(sampling.logit_bias[0].token, 12);
  EXPECT_EQ(sampling.logit_bias[0].bias, -100);
  EXPECT_EQ(sampling.top_k, 40);
  EXPECT_EQ(sampling.min_p, 0.1);
  EXPECT_EQ(sampling.repetition_penalty, 1.1);
  EXPECT_EQ(sampling.min_tokens, 2);
  EXPECT_TRUE(sampling.ignore_eos);
  EXPECT_THAT(sampling.stop_token_ids, ElementsAre(3, 4));
  EXPECT_TRUE(sampling.include_stop_str_in_output);
  EXPECT_THAT(request.truncate_prompt_tokens, Optional(64));
  EXPECT_FALSE(sampling.skip_special_tokens);
  EXPECT_THAT(sampling.allowed_token_ids, ElementsAre(2, 9));
  EXPECT_THAT(request.bad_words, ElementsAre("x y", "z"));
}

// The engine scores a prompt for whoever shows it, and where nothing else is to be done.
TEST(OpenAiRequestTest, PromptsAreScoredForTheirLogprobsAndForEcho) {
  const auto scored = [](std::string_view fields) {
    return ParseOk(Endpoint::kCompletions, fmt::format(R"({{"prompt": "a", {}}})", fields))
        .sampling.num_prompt_logprobs;
  };
  EXPECT_EQ(scored(R"("prompt_logprobs": 0)"), 0);
  EXPECT_EQ(scored(R"("prompt_logprobs": null, "logprobs": 3)"), std::nullopt);
  EXPECT_EQ(scored(R"("echo": true)"), std::nullopt);
  EXPECT_EQ(scored(R"("echo": true, "max_tokens": 0)"), 0);
  EXPECT_EQ(scored(R"("echo": true, "logprobs": 3)"), 3);
  EXPECT_EQ(scored(R"("echo": true, "logprobs": 3, "prompt_logprobs": 5)"), 5);
}

TEST(OpenAiRequestTest, TheModelsDefaultsHoldForWhatIsLeftOut) {
  const sampling::SamplingDefaults defaults = {
      .temperature = 0.5, .top_k = 20, .repetition_penalty = 1.5, .max_tokens = 8};
  const auto parse = [&](std::string_view fields) {
    return ParseGenerationRequest(Endpoint::kCompletions, fmt::format(R"({{"prompt": "a", {}}})", fields), defaults)
        ->sampling;
  };
  EXPECT_EQ(parse(R"("top_p": 0.9)").temperature, 0.5);
  EXPECT_EQ(parse(R"("temperature": null)").temperature, 0.5);
  EXPECT_EQ(parse(R"("temperature": 1)").temperature, 1);
  EXPECT_EQ(parse(R"("top_k": 0)").top_k, 0);
  EXPECT_EQ(parse(R"("top_p": 0.9)").top_k, 20);
  EXPECT_EQ(parse(R"("top_p": 0.9)").max_tokens, 8);
  EXPECT_EQ(parse(R"("max_tokens": 5)").max_tokens, 5);
  EXPECT_EQ(parse(R"("max_tokens": 50)").max_tokens, 8);
  const SamplingParams beams = parse(R"("use_beam_search": true)");
  EXPECT_EQ(beams.temperature, 1);
  EXPECT_EQ(beams.top_k, 0);
  EXPECT_EQ(beams.repetition_penalty, 1.5);
}

TEST(OpenAiRequestTest, BestOfMakesMoreSamplesThanItReturns) {
  const GenerationRequest request = ParseOk(Endpoint::kChat, R"({"messages": [{"role": "user", "content": "a"}],
                                                                 "n": 2, "best_of": 5})");
  EXPECT_EQ(request.sampling.n, 5);
  EXPECT_EQ(request.num_returned, 2);
  EXPECT_THAT(request.sampling.num_logprobs, Optional(0)) << "to compare the samples by";
  EXPECT_FALSE(request.has_logprobs);
}

TEST(OpenAiRequestTest, BeamsAreNOrBestOf) {
  const auto parse = [](std::string_view fields) {
    return ParseOk(Endpoint::kCompletions, fmt::format(R"({{"prompt": "a", "use_beam_search": true, {}}})", fields));
  };
  const GenerationRequest request = parse(R"("n": 3, "length_penalty": 0.5)");
  EXPECT_TRUE(request.sampling.use_beam_search);
  EXPECT_EQ(request.sampling.beam_width, 3);
  EXPECT_EQ(request.sampling.length_penalty, 0.5);
  EXPECT_EQ(parse(R"("n": 2, "best_of": 6)").sampling.beam_width, 6);
  EXPECT_EQ(parse(R"("n": 2, "best_of": 6, "stream": true)").sampling.n, 2);
}

TEST(OpenAiRequestTest, KnowsTheFourKindsOfPrompt) {
  using Ids = std::vector<TokenId>;
  const auto prompts = [](std::string_view body) { return ParseOk(Endpoint::kCompletions, body).prompts; };
  EXPECT_THAT(prompts(R"({"prompt": ""})"), ElementsAre(PromptInput("")));
  EXPECT_THAT(prompts(R"({"prompt": ["a", "b"]})"), ElementsAre(PromptInput("a"), PromptInput("b")));
  EXPECT_THAT(prompts(R"({"prompt": [1, 2]})"), ElementsAre(PromptInput(Ids{1, 2})));
  EXPECT_THAT(prompts(R"({"prompt": [[1, 2], [3]]})"), ElementsAre(PromptInput(Ids{1, 2}), PromptInput(Ids{3})));
}

TEST(OpenAiRequestTest, ReadsAConversation) {
  const GenerationRequest request = ParseOk(Endpoint::kChat, R"({
    "messages": [{"role": "developer", "content": "Be brief."},
                 {"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]},
                 {"role": "assistant", "content": "Hm", "refusal": null, "tool_calls": []}],
    "logprobs": true, "top_logprobs": 4, "max_completion_tokens": 9, "stop": "x"})");
  ASSERT_EQ(request.chat.messages.size(), 3);
  EXPECT_EQ(request.chat.messages[0].role, "system");
  EXPECT_EQ(request.chat.messages[1].content, "Hi");
  EXPECT_EQ(request.chat.messages[2].content, "Hm");
  EXPECT_THAT(request.sampling.num_logprobs, Optional(4));
  EXPECT_THAT(request.sampling.max_tokens, Optional(9));
  EXPECT_THAT(request.sampling.stop, ElementsAre("x"));
}

TEST(OpenAiRequestTest, DefaultsDifferByEndpoint) {
  EXPECT_THAT(ParseOk(Endpoint::kCompletions, R"({"prompt": "a", "max_tokens": null})").sampling.max_tokens,
              Optional(16));
  const auto chat = ParseOk(Endpoint::kChat, R"({"messages": [{"role": "user", "content": "a"}], "logprobs": false})");
  EXPECT_EQ(chat.sampling.max_tokens, std::nullopt);
  EXPECT_EQ(chat.sampling.num_logprobs, std::nullopt);
}

struct Refusal {
  const char* name;
  Endpoint endpoint;
  std::string body;
  const char* param;
  const char* words;
};

class OpenAiRequestRefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(OpenAiRequestRefusalTest, NamesTheField) {
  const auto request = ParseGenerationRequest(GetParam().endpoint, GetParam().body);
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().status, 400);
  EXPECT_EQ(request.error().param, GetParam().param);
  EXPECT_THAT(request.error().message, HasSubstr(GetParam().words));
}

// A completion, or a chat, that is right but for `fields`.
Refusal Completion(const char* name, std::string_view fields, const char* param, const char* words) {
  return {name, Endpoint::kCompletions, fmt::format(R"({{"prompt": "a", {}}})", fields), param, words};
}
Refusal Chat(const char* name, std::string_view fields, const char* param, const char* words) {
  return {name, Endpoint::kChat, fmt::format(R"({{"messages": [{{"role": "user", "content": "a"}}], {}}})", fields),
          param, words};
}
Refusal Message(const char* name, std::string_view message, const char* param, const char* words) {
  return {name, Endpoint::kChat, fmt::format(R"({{"messages": [{}]}})", message), param, words};
}
Refusal Whole(const char* name, std::string body, const char* param, const char* words) {
  return {name, Endpoint::kCompletions, std::move(body), param, words};
}

std::string Repeat(std::string_view text, int count) {
  std::string repeated;
  while (count-- > 0) repeated += text;
  return repeated;
}

INSTANTIATE_TEST_SUITE_P(
    All, OpenAiRequestRefusalTest,
    testing::Values(
        Whole("Empty", "", "", "request body"), Whole("NotJson", "{\"prompt\": hello}", "", "byte 11"),
        Whole("TrailingText", "{} x", "", "byte 3"), Whole("NotAnObject", "[1]", "", "must be a JSON object"),
        Whole("Deep", std::string(10'000, '[') + std::string(10'000, ']'), "", "not valid JSON"),
        Whole("InvalidUtf8", "{\"prompt\": \"\xff\"}", "", "not valid JSON"),
        Whole("NotANumber", "{\"prompt\": \"a\", \"top_p\": NaN}", "", "not valid JSON"),
        Whole("NoPrompt", "{}", "prompt", "missing"), Whole("NullPrompt", R"({"prompt": null})", "prompt", "missing"),
        Whole("EmptyPromptArray", R"({"prompt": []})", "prompt", "empty"),
        Whole("PromptNumber", R"({"prompt": 5})", "prompt", "must be a string"),
        Whole("PromptHalfToken", R"({"prompt": [1, 2.5]})", "prompt[1]", "whole number"),
        Whole("PromptMixed", R"({"prompt": ["a", {}]})", "prompt[1]", "an object"),
        Whole("PromptMixedIds", R"({"prompt": [[1], ["a"]]})", "prompt[1][0]", "whole number"),
        Whole("ManyChoices", R"({"n": 128, "prompt": [[1])" + Repeat(", [1]", 32) + "]}", "n", "4096"),
        Completion("UnknownField", R"("temprature": 1)", "temprature", "unknown field \"temprature\""),
        Completion("StringNumber", R"("temperature": "1")", "temperature", "must be a number, not a string"),
        Completion("HalfCount", R"("max_tokens": 1.5)", "max_tokens", "whole number, not 1.5"),
        Completion("HugeCount", R"("max_tokens": 3000000000)", "max_tokens", "out of range"),
        Completion("NumberFlag", R"("stream": 1)", "stream", "true or false"),
        Completion("StopNumber", R"("stop": 3)", "stop", "must be a string or an array"),
        Completion("StopNumbers", R"("stop": ["a", 3])", "stop[1]", "must be a string"),
        Completion("BiasArray", R"("logit_bias": [1])", "logit_bias", "must be an object"),
        Completion("BiasWord", R"("logit_bias": {"the": 1})", "logit_bias", "\"the\""),
        Completion("BiasValue", R"("logit_bias": {"5": "x"})", "logit_bias.5", "must be a number"),
        Completion("AllowNothing", R"("allowed_token_ids": [])", "allowed_token_ids", "must not be empty"),
        Completion("AllowWords", R"("allowed_token_ids": ["a"])", "allowed_token_ids[0]", "whole number"),
        Completion("BadWord", R"("bad_words": "a")", "bad_words", "must be an array"),
        Completion("LogprobsFlag", R"("logprobs": true)", "logprobs", "whole number"),
        Completion("SaltNumber", R"("cache_salt": 3)", "cache_salt", "must be a string"),
        Completion("SaltEmpty", R"("cache_salt": "")", "cache_salt", "must not be empty"),
        Completion("SaltLong", R"("cache_salt": ")" + Repeat("s", 257) + "\"", "cache_salt", "longer than 256 bytes"),
        Completion("RequestIdEmpty", R"("request_id": "")", "request_id", "1 to 128"),
        Completion("RequestIdSpace", R"("request_id": "a b")", "request_id", "without spaces"),
        Completion("RequestIdHeader", R"("request_id": "a\r\n")", "request_id", "printable"),
        Completion("RequestIdLong", R"("request_id": ")" + Repeat("i", 129) + "\"", "request_id", "1 to 128"),
        Completion("TimeoutZero", R"("request_timeout": 0)", "request_timeout", "above 0"),
        Completion("TimeoutLong", R"("request_timeout": 1e9)", "request_timeout", "at most 86400 seconds"),
        Completion("Echo", R"("echo": 1)", "echo", "true or false"),
        Completion("PromptLogprobs", R"("prompt_logprobs": true)", "prompt_logprobs", "whole number"),
        Completion("Suffix", R"("suffix": "s")", "suffix", "not supported"),
        Completion("BestOfBelowN", R"("best_of": 1, "n": 2)", "best_of", "at least \"n\", which is 2"),
        // These once left the best of several samples at fewer than none.
        Completion("NoSamples", R"("best_of": 3, "n": 0)", "n", "is 0, but must be at least 1"),
        Completion("NegativeSamples", R"("best_of": 3, "n": -5)", "n", "is -5, but must be at least 1"),
        Completion("BestOfStream", R"("best_of": 3, "stream": true)", "best_of", "must equal \"n\" in a stream"),
        Completion("LengthPenaltyAlone", R"("length_penalty": 2)", "length_penalty", "\"use_beam_search\": true"),
        Completion("ResponseFormat", R"("response_format": {"type": "json_object"})", "response_format",
                   "not supported"),
        Completion("StreamOptionsAlone", R"("stream_options": {})", "stream_options", "\"stream\": true"),
        Completion("StreamOptionUnknown", R"("stream": true, "stream_options": {"x": 1})", "stream_options.x",
                   "unknown field"),
        Completion("ChatField", R"("messages": [])", "messages", "unknown field"),
        Chat("CompletionField", R"("prompt": "a")", "prompt", "unknown field"),
        Chat("LogprobsCount", R"("logprobs": 3)", "logprobs", "true or false"),
        Chat("TopLogprobsAlone", R"("top_logprobs": 3)", "top_logprobs", "\"logprobs\": true"),
        Chat("ManyTopLogprobs", R"("logprobs": true, "top_logprobs": 21)", "top_logprobs", "20"),
        Chat("TwoLimits", R"("max_tokens": 3, "max_completion_tokens": 4)", "max_tokens", "differ"),
        Chat("ToolsObject", R"("tools": {})", "tools", "must be an array"),
        Chat("ToolString", R"("tools": ["get_time"])", "tools[0]", "must be an object"),
        Chat("ToolNoType", R"("tools": [{"function": {"name": "f"}}])", "tools[0].type", "missing"),
        Chat("ToolOfOtherType", R"("tools": [{"type": "web_search"}])", "tools[0].type", "must be \"function\""),
        Chat("ToolNoFunction", R"("tools": [{"type": "function"}])", "tools[0].function", "must be an object"),
        Chat("ToolNoName", R"("tools": [{"type": "function", "function": {}}])", "tools[0].function.name",
             "1 to 256 bytes"),
        Chat("ToolStrict", R"("tools": [{"type": "function", "function": {"name": "f", "strict": true}}])",
             "tools[0].function.strict", "not supported"),
        Chat("ToolField", R"("tools": [{"type": "function", "function": {"name": "f", "bogus": 1}}])",
             "tools[0].function.bogus", "unknown field"),
        Chat("ToolParameters", R"("tools": [{"type": "function", "function": {"name": "f", "parameters": []}}])",
             "tools[0].function.parameters", "JSON schema"),
        Chat("ToolChoice", R"("tool_choice": "required")", "tool_choice", "\"auto\" or \"none\""),
        Chat("ToolChoiceNamed", R"("tool_choice": {"type": "function", "function": {"name": "f"}})", "tool_choice",
             "cannot make a model call"),
        Chat("TemplateArguments", R"("chat_template_kwargs": [1])", "chat_template_kwargs", "must be an object"),
        Chat("TemplateTokens", R"("chat_template_kwargs": {"bos_token": "x"})", "chat_template_kwargs.bos_token",
             "given by the server"),
        Chat("TwoEnds", R"("add_generation_prompt": true, "continue_final_message": true)", "continue_final_message",
             "exclude each other"),
        Message("NoMessages", "", "messages", "at least one"),
        Message("MessageString", "\"hi\"", "messages[0]", "must be an object"),
        Message("NoRole", R"({"content": "a"})", "messages[0].role", "missing"),
        Message("OtherRole", R"({"role": "robot", "content": "a"})", "messages[0].role",
                "system, developer, user, assistant, tool, not \"robot\""),
        Message("CallsOfAUser", R"({"role": "user", "tool_calls": [{"function": {"name": "f"}}]})",
                "messages[0].tool_calls", "role assistant"),
        Message("CallIdOfAUser", R"({"role": "user", "tool_call_id": "a"})", "messages[0].tool_call_id", "role tool"),
        Message("CallNoName", R"({"role": "assistant", "tool_calls": [{"function": {}}]})",
                "messages[0].tool_calls[0].function.name", "missing"),
        Message("CallOfOtherType", R"({"role": "assistant", "tool_calls": [{"type": "custom"}]})",
                "messages[0].tool_calls[0].type", "must be \"function\""),
        Message("CallArguments",
                R"({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 5}}]})",
                "messages[0].tool_calls[0].function.arguments", "must be a JSON object or the text of one"),
        Message("ContentNumber", R"({"role": "user", "content": 5})", "messages[0].content", "must be a string"),
        Message("Image", R"({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]})",
                "messages[0].content[0].type", "must be \"text\""),
        Message("MessageField", R"({"role": "user", "content": "a", "mood": "x"})", "messages[0].mood",
                "unknown field")),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tenfold::server
