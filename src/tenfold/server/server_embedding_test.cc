// /v1/embeddings: what reaches the engine, and what comes back.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/server/base64.h"
#include "tenfold/server/server_for_test.h"

namespace tenfold::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Base64, IsThatOfTheRfc) {
  const std::pair<std::string, std::string> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"},
                                                       {"\xff\xfe", "//4="},
                                                       {"\xfb", "+w=="}};
  for (const auto& [text, encoded] : cases) EXPECT_EQ(Base64(std::as_bytes(std::span(text))), encoded);
}

TEST_F(ServerApiTest, EmbedsTexts) {
  StartServer();
  const json::value answer = PostOk("/v1/embeddings", R"({"input": ["Hi", "you"], "model": "alias", "user": "u",
                                                          "priority": 0, "cache_salt": "s", "request_id": "mine"})");
  EXPECT_EQ(answer.at("id"), "embd-mine");
  EXPECT_EQ(answer.at("object"), "list");
  EXPECT_EQ(answer.at("model"), "alias");
  EXPECT_EQ(answer.at("data"), json::parse(R"([
      {"object": "embedding", "index": 0, "embedding": [0.5, 0.5, 0.5, -0.5]},
      {"object": "embedding", "index": 1, "embedding": [0.5, 0.5, 0.5, -0.5]}])"));
  EXPECT_EQ(answer.at("usage"), json::parse(R"({"prompt_tokens": 7, "total_tokens": 7,
                                                "prompt_tokens_details": {"cached_tokens": 5}})"));
  const engine::Request request = engine_->submitted().at(0);
  EXPECT_THAT(request.prompt, ElementsAre(kBos, kFirstByte + 'H', kFirstByte + 'i'));
  EXPECT_EQ(request.pooling, engine::Pooling::kLast);
  EXPECT_EQ(request.cache_salt, "s");
}

TEST_F(ServerApiTest, EmbedsByTheServersPooling) {
  model_.pooling = engine::Pooling::kMean;
  StartServer();
  PostOk("/v1/embeddings", R"({"input": "Hi", "add_special_tokens": false})");
  EXPECT_EQ(engine_->submitted().back().pooling, engine::Pooling::kMean);
  EXPECT_THAT(engine_->submitted().back().prompt, ElementsAre(kFirstByte + 'H', kFirstByte + 'i'));
  PostOk("/v1/embeddings", R"({"input": [7, 8]})");
  EXPECT_THAT(engine_->submitted().back().prompt, ElementsAre(7, 8));
  PostOk("/v1/embeddings", R"({"input": [[7, 8], [9]], "truncate_prompt_tokens": 1})");
  EXPECT_THAT(engine_->submitted().back().prompt, ElementsAre(9));
  EXPECT_THAT(engine_->submitted().at(2).prompt, ElementsAre(8));
  PostOk("/v1/embeddings", fmt::format(R"({{"input": "{}", "truncate_prompt_tokens": -1}})", std::string(600, 'a')));
  EXPECT_EQ(engine_->submitted().back().prompt.size(), 512u);
}

TEST_F(ServerApiTest, EmbeddingsComeInBase64) {
  StartServer();
  const json::value answer = PostOk("/v1/embeddings", R"({"input": "Hi", "encoding_format": "base64"})");
  // 0.5 is 3f000000, -0.5 bf000000, with the lowest byte first.
  EXPECT_EQ(answer.at("data").at(0).at("embedding"), "AAAAPwAAAD8AAAA/AAAAvw==");
  EXPECT_THAT(std::string(answer.at("id").as_string()), StartsWith("embd-"));
}

TEST_F(ServerApiTest, EmbeddingsAreShortenedWhereTheModelIsMadeForIt) {
  model_.embedding_sizes = {.size = 4, .is_matryoshka = true};
  StartServer();
  const json::value answer = PostOk("/v1/embeddings", R"({"input": "Hi", "dimensions": 1})");
  EXPECT_EQ(answer.at("data").at(0).at("embedding"), json::parse("[1.0]"));
  EXPECT_EQ(Post("/v1/embeddings", R"({"input": "Hi", "dimensions": 4})").status, 200);
  for (const char* dimensions : {"0", "5"}) {
    const TestResponse refused =
        Post("/v1/embeddings", fmt::format(R"({{"input": "Hi", "dimensions": {}}})", dimensions));
    EXPECT_EQ(refused.status, 400);
    EXPECT_THAT(refused.body, HasSubstr("must be between 1 and 4"));
  }
}

TEST_F(ServerApiTest, AFailureOfOneTextIsThatOfAll) {
  StartServer();
  engine_->SetScript([](const engine::Request& request, int, int) {
    engine::OutputEvent event{.embedding = {1}, .finish = engine::FinishReason::kStop};
    if (request.prompt[0] == 8) event.finish = engine::FinishReason::kError;
    event.error = {ErrorCode::kCorrupt, "not finite"};
    return event;
  });
  const TestResponse failed = Post("/v1/embeddings", R"({"input": [[7], [8]]})");
  EXPECT_EQ(failed.status, 500);
  EXPECT_THAT(failed.body, HasSubstr("not finite"));
}

struct BadEmbedding {
  const char* name;
  const char* body;
  const char* param;
  const char* words;
};

class RefusedEmbeddings : public ServerApiTest, public testing::WithParamInterface<BadEmbedding> {};

TEST_P(RefusedEmbeddings, NameTheField) {
  model_.embedding_sizes = {.size = 8};
  StartServer();
  const TestResponse response = Post("/v1/embeddings", GetParam().body);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(FromJson(response.body).at("error").at("param"), GetParam().param);
  EXPECT_THAT(response.body, HasSubstr(GetParam().words));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedEmbeddings,
    testing::Values(BadEmbedding{"NoInput", R"({"model": "fake"})", "input", "missing"},
                    BadEmbedding{"EmptyInput", R"({"input": []})", "input", "empty"},
                    BadEmbedding{"Number", R"({"input": 5})", "input", "must be a string"},
                    BadEmbedding{"Format", R"({"input": "a", "encoding_format": "f16"})", "encoding_format", "base64"},
                    BadEmbedding{"Dimensions", R"({"input": "a", "dimensions": 4})", "dimensions", "Matryoshka"},
                    BadEmbedding{"Unknown", R"({"input": "a", "temperature": 1})", "temperature", "unknown field"}),
    [](const auto& info) { return info.param.name; });

TEST(EmbeddingRequest, AModelMayNameItsSizes) {
  const EmbeddingSizes sizes = {.size = 768, .is_matryoshka = true, .dimensions = {128, 256}};
  EXPECT_TRUE(ParseEmbeddingRequest(R"({"input": "a", "dimensions": 256})", sizes));
  const auto refused = ParseEmbeddingRequest(R"({"input": "a", "dimensions": 200})", sizes);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("must be one of 128, 256"));
}

}  // namespace
}  // namespace tenfold::server
