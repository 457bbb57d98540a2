// Chats: what reaches the engine, and what comes back of its text.
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/server/server_for_test.h"

namespace tenfold::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

TEST_F(ServerApiTest, Chats) {
  StartServer();
  const json::value answer = PostOk("/v1/chat/completions", Chat(R"("temperature": 0)"));
  EXPECT_THAT(Text(answer.at("id")), StartsWith("chatcmpl-"));
  EXPECT_EQ(answer.at("object"), "chat.completion");
  EXPECT_EQ(answer.at("model"), "fake");
  EXPECT_EQ(answer.at("choices"),
            json::parse(R"([{"index": 0, "message": {"role": "assistant", "content": "abc", "refusal": null},
                             "logprobs": null, "finish_reason": "length", "stop_reason": null}])"));
  const engine::Request request = engine_->submitted().at(0);
  EXPECT_EQ(engine_->tokenizer().Decode(request.prompt, {.skip_special = false, .begins_text = false}),
            "<s><|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST_F(ServerApiTest, UsersCannotWriteControlTokens) {
  StartServer();
  PostOk("/v1/chat/completions", R"({"messages": [{"role": "user", "content": "<|im_end|>"}], "max_tokens": 1})");
  const std::vector<TokenId> prompt = engine_->submitted().at(0).prompt;
  EXPECT_EQ(std::count(prompt.begin(), prompt.end(), /*<|im_end|>*/ 4), 1);
}

TEST_F(ServerApiTest, AnAnswerMayGoOnWithTheLastMessage) {
  StartServer();
  const std::string conversation =
      R"({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Well, "}], "max_tokens": 1)";
  const auto prompt_of = [&](std::string_view fields) {
    PostOk("/v1/chat/completions", fmt::format("{}, {}}}", conversation, fields));
    return engine_->tokenizer().Decode(engine_->submitted().back().prompt,
                                       {.skip_special = false, .begins_text = false});
  };
  EXPECT_EQ(prompt_of(R"("continue_final_message": true)"),
            "<s><|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nWell,");
  EXPECT_EQ(prompt_of(R"("add_generation_prompt": false)"),
            "<s><|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nWell, <|im_end|>\n");
}

TEST_F(ServerApiTest, ATemplateMayRefuse) {
  StartServer();
  const TestResponse response = Post("/v1/chat/completions", Chat(R"("chat_template_kwargs": {"shout": 3})"));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("no shouting: 3"));
}

TEST_F(ServerApiTest, AChatMayUseTheWholeContext) {
  StartServer();
  PostOk("/v1/chat/completions", R"({"messages": [{"role": "user", "content": "Hi"}]})");
  EXPECT_EQ(engine_->submitted().at(0).sampling.max_tokens, std::nullopt);
}

TEST_F(ServerApiTest, StreamsAChatWithTheRoleFirst) {
  StartServer();
  const auto chunks = Stream("/v1/chat/completions", Chat(R"("stream": true, "logprobs": true)"));
  ASSERT_THAT(chunks, SizeIs(4));
  EXPECT_EQ(chunks[0].at("object"), "chat.completion.chunk");
  EXPECT_EQ(chunks[0].at("choices").at(0).at("delta"), json::parse(R"({"role": "assistant", "content": ""})"));
  EXPECT_TRUE(chunks[0].at("choices").at(0).at("logprobs").is_null());
  EXPECT_EQ(chunks[1].at("choices").at(0).at("delta"), json::parse(R"({"content": "a"})"));
  EXPECT_EQ(chunks[1].at("choices").at(0).at("logprobs").at("content").as_array().size(), 1);
  EXPECT_EQ(chunks[2].at("choices").at(0).at("delta"), json::parse(R"({"content": "b"})"));
  EXPECT_EQ(chunks[3].at("choices").at(0).at("finish_reason"), "length");
}

// Shows its tools and ends with the beginning of an answer, in the way of Qwen's.
constexpr const char* kToolTemplate =
    "{% for tool in tools %}{{ tool.function.name }}\n{% endfor %}"
    "{% for message in messages %}<|im_start|>{{ message.content }}"
    "{% for call in message.tool_calls %}<tool_call>{{ call.function | tojson }}</tool_call>{% endfor %}"
    "<|im_end|>{% endfor %}{{ '<think>\n' if thinks else '' }}{% if false %}</think>{% endif %}";

constexpr const char* kTools = R"("tools": [{"type": "function", "function": {"name": "get_time"}}])";

// Says `text` in pieces of three bytes, a token each, and stops.
FakeEngine::Script Saying(std::string text) {
  return [text](const engine::Request&, int, int step) {
    engine::OutputEvent event;
    const size_t at = 3 * static_cast<size_t>(step);
    event.text = text.substr(at, 3);
    event.tokens = {kFirstByte};
    if (at + 3 >= text.size()) event.finish = engine::FinishReason::kStop;
    return event;
  };
}

class ServerToolTest : public ServerApiTest {
 protected:
  void Start(const std::string& text) {
    options_.api.chat.chat_template = kToolTemplate;
    StartServer();
    engine_->SetScript(Saying(text));
  }
};

constexpr const char* kCall =
    "Let me see.\n<tool_call>\n{\"name\": \"get_time\", \"arguments\": {\"zone\": \"UTC\"}}\n</tool_call>";

TEST_F(ServerToolTest, ACallComesBackAsOne) {
  Start(kCall);
  json::value answer = PostOk("/v1/chat/completions", Chat(kTools));
  json::value& choice = answer.at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), "tool_calls");
  json::value& id = choice.at("message").at("tool_calls").at(0).at("id");
  EXPECT_THAT(Text(id), StartsWith("call_"));
  id = "call_1";
  EXPECT_EQ(choice.at("message"), json::parse(R"({
      "role": "assistant", "content": "Let me see.", "refusal": null, "tool_calls":
      [{"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": "{\"zone\": \"UTC\"}"}}]})"));
  const std::vector<TokenId> prompt = engine_->submitted().at(0).prompt;
  EXPECT_THAT(engine_->tokenizer().Decode(prompt, {}), HasSubstr("get_time")) << "the tools were not shown";
}

TEST_F(ServerToolTest, ACallAloneHasNoContent) {
  Start(R"(<tool_call>{"name": "get_time"}</tool_call>)");
  const json::value answer = PostOk("/v1/chat/completions", Chat(kTools));
  EXPECT_TRUE(answer.at("choices").at(0).at("message").at("content").is_null());
}

TEST_F(ServerToolTest, ACallIsStreamed) {
  Start(kCall);
  std::string content, arguments;
  std::vector<std::string> names;
  json::value finish;
  for (const json::value& chunk : Stream("/v1/chat/completions", Chat(fmt::format(R"({}, "stream": true)", kTools)))) {
    const json::value& choice = chunk.at("choices").at(0);
    const json::object& delta = choice.at("delta").as_object();
    if (delta.contains("content")) content += Text(delta.at("content"));
    finish = choice.at("finish_reason");
    if (!delta.contains("tool_calls")) continue;
    const json::object& call = delta.at("tool_calls").at(0).as_object();
    EXPECT_EQ(call.at("index"), 0);
    arguments += Text(call.at("function").at("arguments"));
    if (!call.contains("id")) continue;
    EXPECT_EQ(call.at("type"), "function");
    names.push_back(Text(call.at("function").at("name")));
  }
  EXPECT_EQ(content, "Let me see.");
  EXPECT_THAT(names, ElementsAre("get_time"));
  EXPECT_EQ(arguments, R"({"zone": "UTC"})");
  EXPECT_EQ(finish, "tool_calls");
}

TEST_F(ServerToolTest, WithoutToolsACallIsText) {
  Start(kCall);
  const json::value answer = PostOk("/v1/chat/completions", Chat(R"("tool_choice": "auto")"));
  EXPECT_EQ(answer.at("choices").at(0).at("message").at("content"), kCall);
  EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "stop");
}

TEST_F(ServerToolTest, AServerMayBeToldTheFormat) {
  options_.api.chat.tool_calls = ToolCallFormat::kMistral;
  Start(R"([TOOL_CALLS] [{"name": "get_time", "arguments": {}}])");
  const json::value answer = PostOk("/v1/chat/completions", Chat(kTools));
  EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "tool_calls");
}

TEST_F(ServerApiTest, ToolsThatNoTemplateShowsAreRefused) {
  StartServer();
  const TestResponse response = Post("/v1/chat/completions", Chat(kTools));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("its chat template knows none"));
}

TEST_F(ServerApiTest, AnAnswerIsCalledAsItsRequest) {
  StartServer();
  EXPECT_EQ(PostOk("/v1/chat/completions", Chat(R"("request_id": "mine:1")")).at("id"), "chatcmpl-mine:1");
}

// Where a marker is a control token, it must not be left out of the text.
TEST_F(ServerToolTest, ControlTokensAreShownWhereCallsAreMadeOfThem) {
  options_.api.chat.tool_calls = ToolCallFormat::kMistral;
  Start("a");
  const auto skips = [&](std::string_view fields) {
    PostOk("/v1/chat/completions", Chat(fields));
    return engine_->submitted().back().sampling.skip_special_tokens;
  };
  EXPECT_TRUE(skips(R"("n": 1)"));
  EXPECT_FALSE(skips(kTools));
  EXPECT_EQ(Post("/v1/chat/completions", Chat(fmt::format(R"({}, "skip_special_tokens": true)", kTools))).status, 400);
}

TEST_F(ServerToolTest, EarlierCallsAreShown) {
  Start("12:00");
  PostOk("/v1/chat/completions", R"({"messages": [
      {"role": "user", "content": "Time?"},
      {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "get_time", "arguments": "{\"a\": 1}"}}]},
      {"role": "tool", "tool_call_id": "c", "content": "noon"}]})");
  EXPECT_EQ(engine_->tokenizer().Decode(engine_->submitted().at(0).prompt, {}),
            R"(Time?<tool_call>{"name": "get_time", "arguments": {"a": 1}}</tool_call>noon)");
}

TEST_F(ServerToolTest, ReasoningComesApart) {
  Start("<think>\nNoon?\n</think>\n\nNoon.");
  const json::value answer = PostOk("/v1/chat/completions", Chat(R"("n": 1)"));
  EXPECT_EQ(answer.at("choices").at(0).at("message"),
            json::parse(R"({"role": "assistant", "content": "Noon.", "refusal": null, "reasoning_content": "Noon?"})"));
}

TEST_F(ServerToolTest, ReasoningMayBeginInThePrompt) {
  Start("Noon?</think>Noon.");
  const auto chunks =
      Stream("/v1/chat/completions", Chat(R"("stream": true, "chat_template_kwargs": {"thinks": true})"));
  std::string reasoning, content;
  for (const json::value& chunk : chunks) {
    const json::object& delta = chunk.at("choices").at(0).at("delta").as_object();
    if (delta.contains("reasoning_content")) reasoning += Text(delta.at("reasoning_content"));
    if (delta.contains("content")) content += Text(delta.at("content"));
  }
  EXPECT_EQ(reasoning, "Noon?");
  EXPECT_EQ(content, "Noon.");
}

TEST_F(ServerToolTest, AServerMayLeaveReasoningInTheText) {
  options_.api.chat.splits_reasoning = false;
  Start("<think>Noon?</think>");
  const json::value answer = PostOk("/v1/chat/completions", Chat(R"("n": 1)"));
  EXPECT_EQ(answer.at("choices").at(0).at("message").at("content"), "<think>Noon?</think>");
}

}  // namespace
}  // namespace tenfold::server
