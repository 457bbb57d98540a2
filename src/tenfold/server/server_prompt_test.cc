// What answers tell of their prompts: log-probabilities, and the prompt before the completion.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/server/server_for_test.h"

namespace tenfold::server {
namespace {

using testing::HasSubstr;

// The fake engine's scores of the prompt "Hi": BOS, 'H' (77), 'i' (110); likeliest are always 'x' (125) and 'y' (126).
json::value ScoresOfHi() {
  return json::parse(R"([null,
      {"77": {"logprob": -1.0, "rank": 3, "decoded_token": "H"},
       "125": {"logprob": -0.25, "rank": 1, "decoded_token": "x"},
       "126": {"logprob": -1.5, "rank": 2, "decoded_token": "y"}},
      {"110": {"logprob": -2.0, "rank": 4, "decoded_token": "i"},
       "125": {"logprob": -0.25, "rank": 1, "decoded_token": "x"},
       "126": {"logprob": -1.5, "rank": 2, "decoded_token": "y"}}])");
}

TEST_F(ServerApiTest, EachChoiceOfACompletionHasItsPromptsLogprobs) {
  StartServer();
  const json::value answer =
      PostOk("/v1/completions", R"({"prompt": ["Hi", "Hi"], "n": 2, "max_tokens": 1, "prompt_logprobs": 2})");
  for (const json::value& choice : answer.at("choices").as_array()) {
    EXPECT_EQ(choice.at("prompt_logprobs"), ScoresOfHi());
    EXPECT_EQ(choice.at("logprobs"), nullptr);
  }
  EXPECT_EQ(answer.at("choices").as_array().size(), 4u);
  EXPECT_FALSE(answer.as_object().contains("prompt_logprobs"));
  const json::value without = PostOk("/v1/completions", R"({"prompt": "Hi", "max_tokens": 1})");
  EXPECT_FALSE(without.at("choices").at(0).as_object().contains("prompt_logprobs"));
}

TEST_F(ServerApiTest, AChatHasItsPromptsLogprobsOnce) {
  StartServer();
  const std::string body =
      R"({"messages": [{"role": "user", "content": "Hi"}], "n": 2, "max_tokens": 1, "prompt_logprobs": 0)";
  const json::value answer = PostOk("/v1/chat/completions", body + "}");
  const json::array& scores = answer.at("prompt_logprobs").as_array();
  const std::vector<TokenId> prompt = engine_->submitted().at(0).prompt;
  ASSERT_EQ(scores.size(), prompt.size());
  EXPECT_EQ(scores[0], nullptr);
  EXPECT_EQ(scores[1].as_object().size(), 1u);
  EXPECT_EQ(scores[1].at(std::to_string(prompt[1])).at("logprob"), -1.0);
  size_t num_with_scores = 0;
  for (const json::value& chunk : Stream("/v1/chat/completions", body + R"(, "stream": true})")) {
    if (!chunk.as_object().contains("prompt_logprobs")) continue;
    ++num_with_scores;
    EXPECT_EQ(chunk.at("prompt_logprobs"), answer.at("prompt_logprobs"));
  }
  EXPECT_EQ(num_with_scores, 1u);
}

TEST_F(ServerApiTest, TheFirstChunkOfACompletionHasThem) {
  StartServer();
  const std::vector<json::value> chunks =
      Stream("/v1/completions", R"({"prompt": "Hi", "max_tokens": 3, "prompt_logprobs": 2, "stream": true})");
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[0].at("choices").at(0).at("prompt_logprobs"), ScoresOfHi());
  EXPECT_FALSE(chunks[1].at("choices").at(0).as_object().contains("prompt_logprobs"));
}

TEST_F(ServerApiTest, EchoPutsThePromptBeforeTheCompletion) {
  StartServer();
  const auto text = [&](std::string_view body) {
    return std::string(PostOk("/v1/completions", body).at("choices").at(0).at("text").as_string());
  };
  EXPECT_EQ(text(R"({"prompt": "Hi", "echo": true, "max_tokens": 2})"), "Hiab");
  EXPECT_EQ(engine_->submitted().back().sampling.num_prompt_logprobs, std::nullopt);
  EXPECT_EQ(text(R"({"prompt": "<|im_start|>Hi", "echo": true, "max_tokens": 1})"), "<|im_start|>Hia");
  EXPECT_EQ(text(R"({"prompt": [1, 3, 77], "echo": true, "max_tokens": 1})"), "Ha");
  EXPECT_EQ(text(R"({"prompt": [1, 3, 77], "echo": true, "max_tokens": 1, "skip_special_tokens": false})"),
            "<s><|im_start|>Ha");
  EXPECT_EQ(text(R"({"prompt": "Hello", "echo": true, "max_tokens": 1, "truncate_prompt_tokens": 2})"), "loa");
}

TEST_F(ServerApiTest, EchoedLogprobsBeginWithThoseOfThePrompt) {
  StartServer();
  const json::value answer =
      PostOk("/v1/completions",
             R"({"prompt": "H\u00e9", "echo": true, "logprobs": 1, "max_tokens": 2, "prompt_logprobs": 2})");
  const json::value& choice = answer.at("choices").at(0);
  EXPECT_EQ(choice.at("text"), "H\u00e9ab");
  const json::value& logprobs = choice.at("logprobs");
  EXPECT_EQ(logprobs.at("token_logprobs"), json::parse("[null, -1.0, -2.0, -3.0, -2.0, -2.0]"));
  EXPECT_EQ(logprobs.at("text_offset"), json::parse("[0, 0, 1, 1, 2, 3]")) << "a character of two tokens";
  EXPECT_EQ(logprobs.at("tokens").as_array().size(), 6u);
  EXPECT_EQ(logprobs.at("tokens").at(1), "H");
  EXPECT_EQ(logprobs.at("tokens").at(4), "a");
  EXPECT_EQ(logprobs.at("top_logprobs").at(0), nullptr);
  EXPECT_EQ(logprobs.at("top_logprobs").at(1), json::parse(R"({"x": -0.25, "H": -1.0})"));
  EXPECT_EQ(choice.at("prompt_logprobs").at(1).as_object().size(), 3u);
}

// As harnesses score a text: nothing is generated.
TEST_F(ServerApiTest, EchoWithoutACompletionScoresThePrompt) {
  StartServer();
  const json::value answer =
      PostOk("/v1/completions", R"({"prompt": [[77, 110], [77]], "echo": true, "logprobs": 1, "max_tokens": 0})");
  const json::value& choice = answer.at("choices").at(0);
  EXPECT_EQ(choice.at("text"), "Hi");
  EXPECT_EQ(choice.at("finish_reason"), "length");
  EXPECT_EQ(choice.at("logprobs"),
            json::parse(R"({"text_offset": [0, 1], "token_logprobs": [null, -1.0], "tokens": ["H", "i"],
                            "top_logprobs": [null, {"x": -0.25, "i": -1.0}]})"));
  EXPECT_EQ(answer.at("choices").at(1).at("logprobs").at("token_logprobs"), json::parse("[null]"));
  EXPECT_EQ(answer.at("usage").at("prompt_tokens"), 3);
  EXPECT_EQ(answer.at("usage").at("completion_tokens"), 0);
  const json::value chat = PostOk("/v1/chat/completions",
                                  R"({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 0,
                                      "prompt_logprobs": 1})");
  EXPECT_EQ(chat.at("choices").at(0).at("message").at("content"), "");
}

TEST_F(ServerApiTest, AnEchoIsInTheFirstChunk) {
  StartServer();
  const std::vector<json::value> chunks = Stream(
      "/v1/completions", R"({"prompt": "Hi", "max_tokens": 2, "echo": true, "logprobs": 0, "n": 2, "stream": true})");
  ASSERT_EQ(chunks.size(), 4u);
  EXPECT_EQ(chunks[0].at("choices").at(0).at("text"), "Hia");
  EXPECT_EQ(chunks[1].at("choices").at(0).at("text"), "Hib");
  EXPECT_EQ(chunks[2].at("choices").at(0).at("text"), "b");
  EXPECT_EQ(chunks[1].at("choices").at(0).at("logprobs").at("text_offset"), json::parse("[0, 0, 1, 2]"));
  EXPECT_EQ(chunks[2].at("choices").at(0).at("logprobs").at("text_offset"), json::parse("[3]"));
  const std::vector<json::value> alone =
      Stream("/v1/completions", R"({"prompt": "Hi", "max_tokens": 0, "echo": true, "logprobs": 0, "stream": true})");
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_EQ(alone[0].at("choices").at(0).at("text"), "Hi");
  EXPECT_EQ(alone[0].at("choices").at(0).at("logprobs").at("token_logprobs"), json::parse("[null, -1.0, -2.0]"));
}

TEST_F(ServerApiTest, NoOutputNeedsAPromptToScore) {
  StartServer();
  for (const char* path : {"/v1/completions", "/v1/chat/completions"}) {
    const TestResponse response =
        Post(path, path == std::string_view("/v1/completions")
                       ? R"({"prompt": "a", "max_tokens": 0})"
                       : R"({"messages": [{"role": "user", "content": "a"}], "max_tokens": 0})");
    EXPECT_EQ(response.status, 400);
    EXPECT_THAT(response.body, HasSubstr("max_tokens is 0, but must be at least 1"));
  }
}

}  // namespace
}  // namespace tenfold::server
