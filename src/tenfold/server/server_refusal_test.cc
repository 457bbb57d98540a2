// What the endpoints refuse, and in which words.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/server/server_for_test.h"

namespace tenfold::server {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct Refusal {
  const char* name;
  std::string method;
  std::string path;
  std::string body;
  int status;
  const char* param;  // null on the wire when empty
  const char* words;
};

// {"messages":{"messages": ... {}}}
std::string Nested(int depth) {
  std::string open;
  for (int i = 0; i < depth; ++i) open += R"({"messages":)";
  return open + "{}" + std::string(depth, '}');
}

class ServerRefusalTest : public ServerApiTest, public testing::WithParamInterface<Refusal> {};

TEST_P(ServerRefusalTest, SaysWhy) {
  StartServer();
  TestClient client = Connect();
  client.Send(TestClient::Format(GetParam().method, GetParam().path, GetParam().body));
  const TestResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, GetParam().status);
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  const json::value error = FromJson(response.body).at("error");
  EXPECT_EQ(error.at("type"), "invalid_request_error");
  EXPECT_EQ(error.at("param"), *GetParam().param ? json::value(GetParam().param) : json::value(nullptr));
  EXPECT_THAT(Text(error.at("message")), HasSubstr(GetParam().words));
  EXPECT_EQ(response.headers.count("allow"), GetParam().status == 405 ? 1 : 0);
  EXPECT_THAT(engine_->submitted(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    All, ServerRefusalTest,
    testing::Values(
        Refusal{"UnknownPath", "GET", "/v2/models", "", 404, "", "no such path"},
        Refusal{"WrongMethod", "GET", "/v1/completions", "", 405, "", "POST"},
        Refusal{"BadJson", "POST", "/v1/completions", "{]", 400, "", "byte 1"},
        Refusal{"NoBody", "POST", "/v1/completions", "", 400, "", "not valid JSON near byte 0: incomplete"},
        Refusal{"HalfAnObject", "POST", "/v1/completions", R"({"prompt": "a)", 400, "", "incomplete"},
        Refusal{"TwoObjects", "POST", "/v1/completions", R"({"prompt": "a"} {})", 400, "", "extra text"},
        Refusal{"AnArray", "POST", "/v1/completions", "[]", 400, "", "must be a JSON object, not an array"},
        Refusal{"Deep", "POST", "/v1/completions",
                R"({"prompt": )" + std::string(10'000, '[') + std::string(10'000, ']') + "}", 400, "", "too deep"},
        Refusal{"DeepObjects", "POST", "/v1/chat/completions", Nested(10'000), 400, "", "too deep"},
        Refusal{"NotANumber", "POST", "/v1/completions", R"({"prompt": "a", "temperature": NaN})", 400, "",
                "not valid JSON near byte"},
        Refusal{"Infinity", "POST", "/v1/completions", R"({"prompt": "a", "temperature": -Infinity})", 400, "",
                "not valid JSON near byte"},
        Refusal{"BeyondDoubles", "POST", "/v1/completions", R"({"prompt": "a", "temperature": 1e999})", 400,
                "temperature", "between 0 and 100"},
        Refusal{"InvalidUtf8", "POST", "/v1/completions", "{\"prompt\": \"a\xff\"}", 400, "",
                "not valid JSON near byte"},
        Refusal{"OverlongUtf8", "POST", "/v1/completions", "{\"prompt\": \"\xc0\xaf\"}", 400, "",
                "not valid JSON near byte"},
        Refusal{"HalfASurrogatePair", "POST", "/v1/completions", R"({"prompt": "\ud800"})", 400, "",
                "not valid JSON near byte"},
        Refusal{"RawControlCharacter", "POST", "/v1/completions", "{\"prompt\": \"a\nb\"}", 400, "",
                "not valid JSON near byte"},
        Refusal{"WrongType", "POST", "/v1/completions", R"({"prompt": "a", "max_tokens": "4"})", 400, "max_tokens",
                "must be a whole number, not a string"},
        Refusal{"WrongTypeInside", "POST", "/v1/chat/completions", R"({"messages": [{"role": "user", "content": 3}]})",
                400, "messages[0].content", "not a number"},
        Refusal{"NotWhole", "POST", "/v1/completions", R"({"prompt": "a", "max_tokens": 1.5})", 400, "max_tokens",
                "must be a whole number, not 1.5E0"},
        Refusal{"NegativeTokens", "POST", "/v1/completions", R"({"prompt": "a", "max_tokens": -1})", 400, "max_tokens",
                "-1"},
        Refusal{"NegativeBestOf", "POST", "/v1/completions", R"({"prompt": "a", "best_of": -1})", 400, "best_of", "-1"},
        Refusal{"NegativeSamples", "POST", "/v1/completions", R"({"prompt": "a", "n": -5, "best_of": 3})", 400, "n",
                "-5"},
        Refusal{"NegativeToken", "POST", "/v1/completions", R"({"prompt": "a", "logit_bias": {"-1": 1}})", 400,
                "logit_bias", "-1"},
        Refusal{"BeyondIntegers", "POST", "/v1/completions", R"({"prompt": "a", "max_tokens": 4294967297})", 400,
                "max_tokens", "out of range"},
        Refusal{"UnknownFieldInside", "POST", "/v1/completions",
                R"({"prompt": "a", "stream": true, "stream_options": {"usage": true}})", 400, "stream_options.usage",
                "unknown field"},
        Refusal{"UnknownFieldWithQuotes", "POST", "/v1/completions", R"({"a\"b\n": 1})", 400, "a\"b\n",
                "unknown field"},
        Refusal{"UnknownModel", "POST", "/v1/completions", R"({"model": "gpt", "prompt": "a"})", 404, "model",
                "\"gpt\" does not exist here; there is \"fake\", \"alias\""},
        Refusal{"UnknownField", "POST", "/v1/chat/completions", R"({"mesages": []})", 400, "mesages", "unknown field"},
        Refusal{"Range", "POST", "/v1/completions", R"({"prompt": "a", "top_p": 0})", 400, "top_p", "greater than 0"},
        Refusal{"Negative", "POST", "/v1/completions", R"({"prompt": "a", "temperature": -1})", 400, "temperature",
                "between 0 and 100"},
        Refusal{"BadWord", "POST", "/v1/completions", R"({"prompt": "a", "bad_words": ["b", " "]})", 400,
                "bad_words[1]", "more than white space"},
        Refusal{"Allowed", "POST", "/v1/completions", R"({"prompt": "a", "allowed_token_ids": [999]})", 400,
                "allowed_token_ids", "between 0 and 261"},
        Refusal{"TruncateToNothing", "POST", "/v1/completions", R"({"prompt": "a", "truncate_prompt_tokens": 0})", 400,
                "truncate_prompt_tokens", "between 1 and the context's 512"},
        Refusal{"TruncateNegative", "POST", "/v1/completions", R"({"prompt": "a", "truncate_prompt_tokens": -2})", 400,
                "truncate_prompt_tokens", "is -2"},
        Refusal{"TruncateLong", "POST", "/v1/completions", R"({"prompt": "a", "truncate_prompt_tokens": 513})", 400,
                "truncate_prompt_tokens", "is 513"},
        Refusal{"Vocabulary", "POST", "/v1/completions", R"({"prompt": "a", "stop_token_ids": [999]})", 400,
                "stop_token_ids", "999"},
        Refusal{"TokenizeNothing", "POST", "/tokenize", "{}", 400, "prompt", "is missing"},
        Refusal{"TokenizeBoth", "POST", "/tokenize",
                R"({"prompt": "a", "messages": [{"role": "user", "content": "a"}]})", 400, "prompt",
                "exclude each other"},
        Refusal{"TokenizeSpecial", "POST", "/tokenize",
                R"({"messages": [{"role": "user", "content": "a"}], "add_special_tokens": true})", 400,
                "add_special_tokens", "must be false"},
        Refusal{"TokenizeOtherModel", "POST", "/tokenize", R"({"prompt": "a", "model": "gpt"})", 404, "model", "fake"},
        Refusal{"TokenizeSampling", "POST", "/tokenize", R"({"prompt": "a", "top_p": 1})", 400, "top_p", "unknown"},
        Refusal{"DetokenizeNothing", "POST", "/detokenize", "{}", 400, "tokens", "is missing"},
        Refusal{"DetokenizeUnknown", "POST", "/detokenize", R"({"tokens": [1, 999]})", 400, "tokens", "has 999"},
        Refusal{"DetokenizeNegative", "POST", "/detokenize", R"({"tokens": [-1]})", 400, "tokens", "has -1"}),
    [](const auto& info) { return info.param.name; });

TEST_F(ServerApiTest, AClientThatLeavesNoTokenToChooseIsToldSo) {
  StartServer();
  engine_->SetScript([](const engine::Request&, int, int) {
    engine::OutputEvent event;
    event.finish = engine::FinishReason::kError;
    event.error = Error{ErrorCode::kInvalidArgument, "every token is forbidden"};
    return event;
  });
  EXPECT_EQ(Post("/v1/completions", R"({"prompt": "a"})").status, 400);
}

TEST_F(ServerApiTest, MorePromptsThanMayWaitAreNotToldToComeAgain) {
  StartServer();
  engine_->SetMaxWaitingRequests(2);
  EXPECT_EQ(Post("/v1/completions", R"({"prompt": ["a", "b"], "max_tokens": 1})").status, 200);
  const TestResponse response = Post("/v1/completions", R"({"prompt": ["a", "b", "c"], "max_tokens": 1})");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("--max-waiting-requests"));
}

TEST_F(ServerApiTest, AnAnswerSaysOnlySoMuchOfItsPrompts) {
  StartServer();
  const std::string prompt(400, 'a');
  const auto status = [&](int n) {
    return Post("/v1/completions",
                fmt::format(R"({{"prompt": "{}", "n": {}, "max_tokens": 1, "prompt_logprobs": 20}})", prompt, n))
        .status;
  };
  EXPECT_EQ(status(2), 200);
  EXPECT_EQ(status(64), 400);
}

TEST_F(ServerApiTest, RefusesBodiesThatAWebPageCouldPost) {
  StartServer();
  EXPECT_EQ(Post("/v1/completions", R"({"prompt": "a"})", "Origin: http://evil.example\r\n").status, 415);
  EXPECT_EQ(Post("/v1/completions", R"({"prompt": "a"})", "Content-Type: text/plain\r\n").status, 415);
  EXPECT_EQ(Post("/v1/completions", R"({"prompt": "a"})", "Content-Type: Application/JSON; charset=utf-8\r\n").status,
            200);
}

}  // namespace
}  // namespace tenfold::server
