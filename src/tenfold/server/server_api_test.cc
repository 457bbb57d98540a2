// What the endpoints say.
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/server/server_for_test.h"

namespace tenfold::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;
using testing::StartsWith;

TEST_F(ServerApiTest, TellsHealthVersionAndModels) {
  options_.api.version = "1.2.3";
  StartServer();
  TestClient client = Connect();
  EXPECT_EQ(client.Get("/health").status, 200);
  EXPECT_EQ(client.Get("/version?x=y").body, R"({"version":"1.2.3"})");
  const json::value models = FromJson(client.Get("/v1/models").body);
  EXPECT_EQ(models.at("object"), "list");
  ASSERT_EQ(models.at("data").as_array().size(), 2);
  EXPECT_EQ(models.at("data").at(0).at("id"), "fake");
  EXPECT_EQ(models.at("data").at(0).at("object"), "model");
  EXPECT_EQ(models.at("data").at(0).at("max_model_len"), 512);
  EXPECT_EQ(models.at("data").at(1).at("id"), "alias");
  EXPECT_EQ(FromJson(client.Get("/v1/models/alias").body), models.at("data").at(1));
  EXPECT_EQ(FromJson(client.Get("/v1/models/f%61ke").body), models.at("data").at(0));
  EXPECT_EQ(client.Get("/v1/models/fake%").status, 404);
  EXPECT_EQ(client.Get("/v1/models/").status, 404);
  EXPECT_THAT(client.Get("/v1/models/%ff").body, HasSubstr("\uFFFD")) << "an answer is UTF-8, whatever is asked for";
}

TEST_F(ServerApiTest, CompletesAPrompt) {
  StartServer();
  const json::value answer =
      PostOk("/v1/completions", R"({"model": "alias", "prompt": "Hi", "max_tokens": 4, "cache_salt": "s"})");
  EXPECT_THAT(Text(answer.at("id")), StartsWith("cmpl-"));
  EXPECT_EQ(answer.at("object"), "text_completion");
  EXPECT_GT(answer.at("created").as_int64(), 1'700'000'000);
  EXPECT_EQ(answer.at("model"), "alias");
  EXPECT_EQ(answer.at("choices"), json::parse(R"([{"index": 0, "text": "abcd", "logprobs": null,
                                                   "finish_reason": "length", "stop_reason": null}])"));
  EXPECT_EQ(answer.at("usage"), json::parse(R"({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7,
                                                "prompt_tokens_details": {"cached_tokens": 2}})"));
  const engine::Request request = engine_->submitted().at(0);
  EXPECT_THAT(request.prompt, ElementsAre(kBos, kFirstByte + 'H', kFirstByte + 'i'));
  EXPECT_THAT(request.sampling.max_tokens, Optional(4));
  EXPECT_EQ(request.cache_salt, "s");
}

TEST_F(ServerApiTest, TheStopReasonIsAStringATokenOrNull) {
  StartServer();
  engine_->SetScript([](const engine::Request& request, int, int) {
    engine::OutputEvent event{.tokens = {3}, .finish = engine::FinishReason::kStop};
    if (request.prompt[0] == 7) event.stop_string = "x";
    if (request.prompt[0] == 8) event.stop_token = 3;
    return event;
  });
  const json::value answer = PostOk("/v1/completions", R"({"prompt": [[7], [8], [9]]})");
  EXPECT_EQ(answer.at("choices").at(0).at("stop_reason"), "x");
  EXPECT_EQ(answer.at("choices").at(1).at("stop_reason"), 3);
  EXPECT_EQ(answer.at("choices").at(2).at("stop_reason"), nullptr);
}

// The fake engine's context has 512 tokens.
TEST_F(ServerApiTest, KeepsTheLastTokensOfAPrompt) {
  StartServer();
  const auto kept = [&](std::string_view fields) {
    const std::string prompt(1000, 'a');
    PostOk("/v1/completions", fmt::format(R"({{"prompt": "{}b", {}}})", prompt, fields));
    const std::vector<TokenId> tokens = engine_->submitted().back().prompt;
    EXPECT_EQ(tokens.back(), kFirstByte + 'b');
    return tokens.size();
  };
  EXPECT_EQ(kept(R"("truncate_prompt_tokens": 3)"), 3u);
  EXPECT_EQ(kept(R"("truncate_prompt_tokens": 512)"), 512u);
  EXPECT_EQ(kept(R"("truncate_prompt_tokens": -1, "max_tokens": 12)"), 500u);
  EXPECT_EQ(kept(R"("truncate_prompt_tokens": -1, "max_tokens": 600)"), 1u);
  PostOk("/v1/completions", R"({"prompt": "Hi", "truncate_prompt_tokens": 3})");
  EXPECT_EQ(engine_->submitted().back().prompt.size(), 3u);
  PostOk("/v1/chat/completions", Chat(R"("truncate_prompt_tokens": 2)"));
  EXPECT_THAT(engine_->submitted().back().prompt, ElementsAre(kFirstByte + 't', kFirstByte + '\n'));
}

TEST_F(ServerApiTest, RequestsStartFromTheModelsDefaults) {
  model_.sampling_defaults = {.temperature = 0.5, .max_tokens = 3};
  StartServer();
  PostOk("/v1/completions", R"({"prompt": "a"})");
  EXPECT_EQ(engine_->submitted().back().sampling.temperature, 0.5);
  EXPECT_EQ(engine_->submitted().back().sampling.max_tokens, 3);
  PostOk("/v1/chat/completions", R"({"messages": [{"role": "user", "content": "a"}], "temperature": 0.75})");
  EXPECT_EQ(engine_->submitted().back().sampling.temperature, 0.75);
  EXPECT_EQ(engine_->submitted().back().sampling.max_tokens, 3);
}

TEST_F(ServerApiTest, EncodesBadWords) {
  StartServer();
  PostOk("/v1/completions", R"({"prompt": "a", "bad_words": ["Hi", "</s>"], "allowed_token_ids": [7, 3]})");
  const sampling::SamplingParams sampling = engine_->submitted().at(0).sampling;
  EXPECT_THAT(sampling.bad_words, ElementsAre(ElementsAre(kFirstByte + 'H', kFirstByte + 'i'), ElementsAre(2)));
  EXPECT_THAT(sampling.allowed_token_ids, ElementsAre(3, 7));
}

TEST_F(ServerApiTest, NumbersChoicesByPromptThenSample) {
  StartServer();
  engine_->SetScript([](const engine::Request& request, int sample, int) {
    engine::OutputEvent event;
    event.text = fmt::format("{}-{}", request.prompt.size(), sample);
    event.finish = engine::FinishReason::kStop;
    event.stop_string = "\n";
    return event;
  });
  const json::value answer = PostOk("/v1/completions", R"({"prompt": [[7], [7, 8, 9]], "n": 2})");
  std::vector<std::string> texts;
  for (const json::value& choice : answer.at("choices").as_array()) {
    EXPECT_EQ(choice.at("index"), texts.size());
    EXPECT_EQ(choice.at("finish_reason"), "stop");
    EXPECT_EQ(choice.at("stop_reason"), "\n");
    texts.push_back(Text(choice.at("text")));
  }
  EXPECT_THAT(texts, ElementsAre("1-0", "1-1", "3-0", "3-1"));
  EXPECT_EQ(answer.at("usage").at("prompt_tokens"), 4);
  EXPECT_EQ(answer.at("usage").at("completion_tokens"), 4);
}

TEST_F(ServerApiTest, BestOfReturnsTheLikeliestSamples) {
  StartServer();
  engine_->SetScript([](const engine::Request&, int sample, int step) {
    engine::OutputEvent event;
    event.text = fmt::format("{}", sample);
    event.tokens = {5};
    constexpr double kLogprobs[] = {-3, -1, -2, -1};  // of two tokens each
    event.logprobs = {{.logprob = kLogprobs[sample]}};
    if (step == 1) event.finish = engine::FinishReason::kLength;
    return event;
  });
  const json::value answer = PostOk("/v1/completions", R"({"prompt": ["a", "b"], "n": 3, "best_of": 4})");
  std::vector<std::string> texts;
  for (const json::value& choice : answer.at("choices").as_array()) {
    EXPECT_EQ(choice.at("index"), texts.size());
    EXPECT_TRUE(choice.at("logprobs").is_null());
    texts.push_back(Text(choice.at("text")));
  }
  EXPECT_THAT(texts, ElementsAre("11", "33", "22", "11", "33", "22"));
  EXPECT_EQ(answer.at("usage").at("completion_tokens"), 16) << "all that was generated";
}

TEST_F(ServerApiTest, StreamsACompletion) {
  StartServer();
  const auto chunks = Stream("/v1/completions", R"({"prompt": "Hi", "max_tokens": 2, "stream": true})");
  ASSERT_THAT(chunks, SizeIs(2));
  EXPECT_EQ(chunks[0].at("object"), "text_completion");
  EXPECT_EQ(chunks[0].at("id"), chunks[1].at("id"));
  EXPECT_EQ(chunks[0].as_object().count("usage"), 0);
  EXPECT_EQ(chunks[0].at("choices").at(0).at("text"), "a");
  EXPECT_TRUE(chunks[0].at("choices").at(0).at("finish_reason").is_null());
  EXPECT_EQ(chunks[1].at("choices").at(0).at("text"), "b");
  EXPECT_EQ(chunks[1].at("choices").at(0).at("finish_reason"), "length");
}

TEST_F(ServerApiTest, HeldBackTokensGoWithTheTextToCome) {
  StartServer();
  engine_->SetScript([](const engine::Request& request, int sample, int step) {
    engine::OutputEvent event = FakeEngine::Alphabet(request, sample, step);
    if (step == 0) event.text.clear();
    if (step == 1) event.text = "\u00e9b";
    return event;
  });
  const auto chunks = Stream("/v1/completions", R"({"prompt": "Hi", "max_tokens": 3, "stream": true, "logprobs": 0,
                                                    "return_token_ids": true})");
  ASSERT_THAT(chunks, SizeIs(2));
  const json::value& first = chunks[0].at("choices").at(0);
  EXPECT_EQ(first.at("text"), "\u00e9b");
  EXPECT_EQ(first.at("logprobs").at("tokens"), json::parse(R"(["a", "b"])"));
  EXPECT_EQ(first.at("prompt_token_ids"), (json::array{kBos, kFirstByte + 'H', kFirstByte + 'i'}));
  EXPECT_EQ(first.at("token_ids"), (json::array{kFirstByte + 'a', kFirstByte + 'b'}));
  const json::value& second = chunks[1].at("choices").at(0);
  EXPECT_EQ(second.at("token_ids"), (json::array{kFirstByte + 'c'}));
  EXPECT_EQ(second.at("logprobs").at("text_offset"), (json::array{2}));
  EXPECT_EQ(second.as_object().count("prompt_token_ids"), 0);
}

TEST_F(ServerApiTest, StreamsUsageLast) {
  StartServer();
  const auto chunks = Stream("/v1/completions", R"({"prompt": ["Hi", "You"], "n": 2, "max_tokens": 1, "stream": true,
                                                    "stream_options": {"include_usage": true}})");
  ASSERT_THAT(chunks, SizeIs(5));
  EXPECT_TRUE(chunks[0].at("usage").is_null());
  EXPECT_THAT(chunks[4].at("choices").as_array(), IsEmpty());
  EXPECT_EQ(chunks[4].at("usage"), json::parse(R"({"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11,
                                                   "prompt_tokens_details": {"cached_tokens": 5}})"));
}

TEST_F(ServerApiTest, TokenizesAndBack) {
  StartServer();
  const auto tokens = [&](std::string_view body) { return PostOk("/tokenize", body); };
  EXPECT_EQ(tokens(R"({"model": "alias", "prompt": "Hi"})"),
            json::parse(R"({"count": 3, "max_model_len": 512, "tokens": [1, 77, 110], "token_strs": null})"));
  EXPECT_EQ(tokens(R"({"prompt": "\u00e9<|im_end|>", "add_special_tokens": false, "return_token_strs": true})"),
            json::parse(R"({"count": 3, "max_model_len": 512, "tokens": [200, 174, 4],
                            "token_strs": ["\ufffd", "\ufffd", "<|im_end|>"]})"));
  const json::value chat = tokens(R"({"messages": [{"role": "user", "content": "Hi <|im_end|>"}]})");
  const json::value text =
      PostOk("/detokenize", fmt::format(R"({{"tokens": {}}})", json::serialize(chat.at("tokens"))));
  EXPECT_EQ(text.at("prompt"), "<s><|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n");
}

TEST_F(ServerApiTest, GivesLogprobsInEachEndpointsForm) {
  StartServer();
  const json::value completion = PostOk("/v1/completions", R"({"prompt": "Hi", "max_tokens": 2, "logprobs": 2})");
  EXPECT_EQ(completion.at("choices").at(0).at("logprobs"), json::parse(R"({
      "text_offset": [0, 1], "token_logprobs": [-2.0, -2.0], "tokens": ["a", "b"],
      "top_logprobs": [{"x": -0.25, "y": -1.5, "a": -2.0}, {"x": -0.25, "y": -1.5, "b": -2.0}]})"));
  const json::value chat = PostOk("/v1/chat/completions", Chat(R"("logprobs": true, "top_logprobs": 1)"));
  const json::value& logprobs = chat.at("choices").at(0).at("logprobs");
  ASSERT_EQ(logprobs.at("content").as_array().size(), 3);
  EXPECT_EQ(logprobs.at("content").at(0), json::parse(R"({"token": "a", "logprob": -2.0, "bytes": [97],
      "top_logprobs": [{"token": "x", "logprob": -0.25, "bytes": [120]}]})"));
}

TEST_F(ServerApiTest, ATokenThatIsPartOfACharacterStaysValidJson) {
  StartServer();
  engine_->SetScript([](const engine::Request&, int, int) {
    engine::OutputEvent event;
    event.tokens = {kFirstByte + 0xC3};
    event.logprobs = {{.logprob = -std::numeric_limits<double>::infinity(), .rank = 1, .top = {}}};
    event.text = "\uFFFD";
    event.finish = engine::FinishReason::kLength;
    return event;
  });
  const json::value answer = PostOk("/v1/chat/completions", Chat(R"("logprobs": true)"));
  EXPECT_EQ(answer.at("choices").at(0).at("logprobs").at("content").at(0),
            json::parse(R"({"token": "\uFFFD", "logprob": -9999.0, "bytes": [195], "top_logprobs": []})"));
}

TEST_F(ServerApiTest, AnEngineErrorEndsAnAnswerAndAStream) {
  StartServer();
  engine_->SetScript([](const engine::Request& request, int sample, int step) {
    engine::OutputEvent event = FakeEngine::Alphabet(request, sample, step);
    if (sample == 1 && step == 1) {
      event.finish = engine::FinishReason::kError;
      event.error = Error{ErrorCode::kCorrupt, "a logit is no number"};
    }
    return event;
  });
  const TestResponse whole = Post("/v1/completions", R"({"prompt": "Hi", "n": 2})");
  EXPECT_EQ(whole.status, 500);
  EXPECT_EQ(FromJson(whole.body).at("error").at("message"), "a logit is no number");
  EXPECT_TRUE(engine_->WaitForCancelled(1)) << "the other sample has no one to read it";
  const auto chunks = Stream("/v1/completions", R"({"prompt": "Hi", "n": 2, "stream": true})");
  ASSERT_FALSE(chunks.empty());
  EXPECT_EQ(chunks.back().at("error").at("type"), "server_error");
}

TEST_F(ServerApiTest, AFullQueueIs429AndCancelsWhatWasSubmitted) {
  StartServer();
  engine_->Pause();
  engine_->Refuse(Error{ErrorCode::kResourceExhausted, "the queue is full"}, /*accepted=*/2);
  const TestResponse response = Post("/v1/completions", R"({"prompt": ["a", "b", "c"], "stream": true})");
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers.at("retry-after"), "1");
  EXPECT_EQ(FromJson(response.body).at("error").at("type"), "rate_limit_error");
  EXPECT_TRUE(engine_->WaitForCancelled(2));
}

TEST_F(ServerApiTest, CountsWhomItSendsAway) {
  StartServer();
  engine_->Refuse(Error{ErrorCode::kResourceExhausted, "the queue is full"});
  Post("/v1/completions", R"({"prompt": "a"})");
  EXPECT_THAT(Connect().Get("/metrics").body, HasSubstr("tenfold:request_rejected_total{model_name=\"fake\"} 1\n"));
}

TEST_F(ServerApiTest, ADeadlineEndsARequestAndFreesIt) {
  StartServer();
  engine_->Pause();
  const TestResponse whole = Post("/v1/completions", R"({"prompt": ["a", "b"], "request_timeout": 0.1})");
  EXPECT_EQ(whole.status, 504);
  EXPECT_EQ(FromJson(whole.body).at("error").at("code"), "request_timeout");
  EXPECT_THAT(whole.body, HasSubstr("longer than its 0.1 s"));
  EXPECT_TRUE(engine_->WaitForCancelled(2));
  engine_->Resume(1);
  const auto chunks = Stream("/v1/completions", R"({"prompt": "a", "stream": true, "request_timeout": 0.3})");
  ASSERT_THAT(chunks, SizeIs(2));
  EXPECT_EQ(chunks[0].at("choices").at(0).at("text"), "a");
  EXPECT_EQ(chunks[1].at("error").at("code"), "request_timeout");
  EXPECT_TRUE(engine_->WaitForCancelled(3));
  EXPECT_THAT(Connect().Get("/metrics").body, HasSubstr("tenfold:request_timeout_total{model_name=\"fake\"} 2\n"));
}

TEST_F(ServerApiTest, TheServersDeadlineIsForRequestsThatBringNone) {
  options_.api.request_timeout_s = 0.2;
  StartServer();
  PostOk("/v1/completions", R"({"prompt": "a", "max_tokens": 3})");  // in time: nothing is left to end
  engine_->Pause();
  EXPECT_EQ(Post("/v1/completions", R"({"prompt": "a"})").status, 504);
  EXPECT_TRUE(engine_->WaitForCancelled(1));
  EXPECT_EQ(engine_->num_cancelled(), 1u);
}

TEST_F(ServerApiTest, ShowsItsState) {
  StartServer();
  engine_->Pause();
  TestClient streaming = Connect();
  streaming.Post("/v1/completions", R"({"prompt": "a", "stream": true})");
  ASSERT_TRUE(engine_->WaitForSubmitted(1));
  const json::value state = FromJson(Connect().Get("/admin/state").body);
  EXPECT_EQ(state.at("policy"), "sarathi");
  EXPECT_EQ(state.at("pages"), json::parse(R"({"total": 8, "free": 6, "size_tokens": 0})"));
  EXPECT_EQ(state.at("swap_space"), json::parse(R"({"total": 20, "used": 5, "swapped_out": 9, "swapped_in": 7})"));
  EXPECT_EQ(state.at("last_step_tokens"), 64);
  ASSERT_EQ(state.at("sequences").as_array().size(), 2u);
  const json::value& sequence = state.at("sequences").at(0);
  EXPECT_THAT(Text(sequence.at("id")), StartsWith("cmpl-"));
  EXPECT_EQ(sequence.at("state"), "running");
  EXPECT_EQ(sequence.at("prompt_tokens"), 7);
  EXPECT_EQ(sequence.at("pages"), 2);
  EXPECT_GE(sequence.at("age_s").as_double(), 0);
  EXPECT_TRUE(state.at("sequences").at(1).at("id").is_null()) << "its client is gone";
}

TEST_F(ServerApiTest, TheEnginesRefusalsKeepTheirWords) {
  StartServer();
  engine_->Refuse(Error{ErrorCode::kInvalidArgument, "600 tokens do not fit into 512"});
  const TestResponse response = Post("/v1/completions", R"({"prompt": "a"})");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("600 tokens do not fit into 512"));
  engine_->Refuse(Error{ErrorCode::kUnavailable, "shutting down"});
  EXPECT_EQ(Post("/v1/completions", R"({"prompt": "a"})").status, 503);
}

TEST_F(ServerApiTest, AKeyGuardsAllButHealth) {
  options_.api.api_keys = {"first-key", "second"};
  StartServer();
  TestClient client = Connect();
  const TestResponse refused = client.Get("/v1/models");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(FromJson(refused.body).at("error").at("code"), "invalid_api_key");
  for (const char* wrong : {"Bearer first-kex", "Bearer first-key2", "Bearer ", "Basic second", "second"}) {
    EXPECT_EQ(client.Get("/metrics", fmt::format("Authorization: {}\r\n", wrong)).status, 401) << wrong;
  }
  EXPECT_EQ(client.PostAndRead("/v1/completions", R"({"prompt": "a"})").status, 401);
  EXPECT_EQ(client.Get("/health").status, 200);
  for (const char* right : {"first-key", "second"}) {
    EXPECT_EQ(client.Get("/v1/models", fmt::format("Authorization: Bearer {}\r\n", right)).status, 200);
  }
}

TEST_F(ServerApiTest, ShowsMetrics) {
  StartServer();
  PostOk("/v1/completions", R"({"prompt": "a", "max_tokens": 3})");
  const TestResponse response = Connect().Get("/metrics");
  EXPECT_THAT(response.headers.at("content-type"), StartsWith("text/plain"));
  for (const char* line : {"tenfold:num_requests_running{model_name=\"fake\"} 3\n",
                           "tenfold:num_requests_waiting{model_name=\"fake\"} 2\n",
                           "tenfold:kv_cache_usage_perc{model_name=\"fake\"} 0.25\n",
                           "tenfold:prompt_tokens_total{model_name=\"fake\"} 70\n",
                           "tenfold:generation_tokens_total{model_name=\"fake\"} 30\n",
                           "tenfold:num_preemptions_total{model_name=\"fake\"} 4\n",
                           "tenfold:request_success_total{model_name=\"fake\",finished_reason=\"stop\"} 11\n",
                           "tenfold:request_success_total{model_name=\"fake\",finished_reason=\"length\"} 12\n",
                           "tenfold:time_to_first_token_seconds_count{model_name=\"fake\"} 1\n",
                           "tenfold:inter_token_latency_seconds_count{model_name=\"fake\"} 2\n",
                           "tenfold:e2e_request_latency_seconds_count{model_name=\"fake\"} 1\n",
                           "tenfold:request_queue_time_seconds_count{model_name=\"fake\"} 1\n",
                           "tenfold:request_prefill_time_seconds_count{model_name=\"fake\"} 1\n",
                           "tenfold:request_decode_time_seconds_count{model_name=\"fake\"} 1\n",
                           "tenfold:request_inference_time_seconds_count{model_name=\"fake\"} 1\n",
                           "tenfold:request_prompt_tokens_sum{model_name=\"fake\"} 2\n",
                           "tenfold:request_generation_tokens_sum{model_name=\"fake\"} 3\n",
                           "tenfold:iteration_tokens_total_bucket{model_name=\"fake\",le=\"8\"} 1\n",
                           "tenfold:iteration_tokens_total_bucket{model_name=\"fake\",le=\"32\"} 1\n",
                           "tenfold:iteration_tokens_total_bucket{model_name=\"fake\",le=\"64\"} 2\n",
                           "tenfold:iteration_tokens_total_bucket{model_name=\"fake\",le=\"+Inf\"} 2\n",
                           "tenfold:iteration_tokens_total_sum{model_name=\"fake\"} 67\n",
                           "tenfold:prefix_cache_queries_total{model_name=\"fake\"} 90\n",
                           "tenfold:prefix_cache_hits_total{model_name=\"fake\"} 45\n",
                           "tenfold:swap_space_usage_perc{model_name=\"fake\"} 0.25\n",
                           "tenfold:pages_swapped_out_total{model_name=\"fake\"} 9\n",
                           "tenfold:pages_swapped_in_total{model_name=\"fake\"} 7\n",
                           "tenfold:request_rejected_total{model_name=\"fake\"} 0\n",
                           "tenfold:io_thread_max_stall_seconds{model_name=\"fake\"} ",
                           "tenfold:io_thread_max_work_seconds{model_name=\"fake\"} ",
                           "# TYPE tenfold:prompt_tokens_total counter\n"}) {
    EXPECT_THAT(response.body, HasSubstr(line));
  }
}

// A panel of a metric that nobody prints stays empty, and looks like a server at rest.
TEST_F(ServerApiTest, PrintsEveryMetricOfTheDashboard) {
  StartServer();
  const std::string metrics = Connect().Get("/metrics").body;
  std::ifstream file(TENFOLD_SOURCE_DIR "/docs/grafana/tenfold.json");
  const std::string dashboard{std::istreambuf_iterator<char>(file), {}};
  std::set<std::string> on_panels;
  const json::value document = FromJson(dashboard);
  for (const json::value& panel : document.at("panels").as_array()) {
    const json::value* targets = panel.as_object().if_contains("targets");
    if (targets == nullptr) continue;  // a row
    for (const json::value& target : targets->as_array()) {
      const std::string query = Text(target.at("expr"));
      const std::regex name("tenfold:[a-z0-9_]+");
      for (std::sregex_iterator found(query.begin(), query.end(), name), end; found != end; ++found) {
        on_panels.insert(found->str());
      }
    }
  }
  EXPECT_GT(on_panels.size(), 30u);
  for (const std::string& name : on_panels) EXPECT_THAT(metrics, HasSubstr("\n" + name + "{")) << name;
}

}  // namespace
}  // namespace tenfold::server
