#include "tenfold/server/chat_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/server/openai_request.h"

namespace tenfold::server {
namespace {

// What the template gets for the fields of a chat.
json::value Inputs(std::string_view fields) {
  const auto request = ParseGenerationRequest(Endpoint::kChat, fmt::format("{{{}}}", fields));
  EXPECT_TRUE(request.has_value()) << request.error().message;
  return request ? json::value(request->chat.TemplateInputs()) : json::value();
}

struct MessageCase {
  const char* name;
  const char* sent;
  const char* rendered;
};

class ChatMessageTest : public testing::TestWithParam<MessageCase> {};

TEST_P(ChatMessageTest, ReachesTheTemplate) {
  const json::value inputs = Inputs(fmt::format(R"("messages": [{}])", GetParam().sent));
  EXPECT_EQ(inputs.at("messages").at(0), json::parse(GetParam().rendered));
}

INSTANTIATE_TEST_SUITE_P(
    All, ChatMessageTest,
    testing::Values(
        MessageCase{"Text", R"({"role": "user", "content": "Hi"})", R"({"role": "user", "content": "Hi"})"},
        MessageCase{"Developer", R"({"role": "developer", "content": "Hi"})", R"({"role": "system", "content": "Hi"})"},
        MessageCase{"Parts",
                    R"({"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]})",
                    R"({"role": "user", "content": "Hi"})"},
        MessageCase{"Name", R"({"role": "user", "content": "Hi", "name": "Ann"})",
                    R"({"role": "user", "content": "Hi", "name": "Ann"})"},
        MessageCase{"OwnAnswerSentBack",
                    R"({"role": "assistant", "content": "Hi", "refusal": null, "annotations": [], "audio": null,
                        "function_call": null, "tool_calls": [], "reasoning_content": null})",
                    R"({"role": "assistant", "content": "Hi"})"},
        MessageCase{"Reasoning", R"({"role": "assistant", "content": "4", "reasoning_content": "2 and 2"})",
                    R"({"role": "assistant", "content": "4", "reasoning_content": "2 and 2"})"},
        // Templates add texts to the content, so it is never null; arguments are objects, as Hugging Face has them.
        MessageCase{"Call",
                    R"({"role": "assistant", "content": null, "tool_calls":
                        [{"id": "c1", "type": "function", "index": 0,
                          "function": {"name": "f", "arguments": "{\"x\": [1, null]}"}}]})",
                    R"({"role": "assistant", "content": "", "tool_calls":
                        [{"type": "function", "id": "c1", "function": {"name": "f", "arguments": {"x": [1, null]}}}]})"},
        MessageCase{"CallWithoutArguments",
                    R"({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": ""}},
                                                            {"function": {"name": "g", "arguments": {"y": 2}}}]})",
                    R"({"role": "assistant", "content": "", "tool_calls":
                        [{"type": "function", "function": {"name": "f", "arguments": {}}},
                         {"type": "function", "function": {"name": "g", "arguments": {"y": 2}}}]})"},
        // What a model wrote once must not end a conversation.
        MessageCase{"CallWithoutJson",
                    R"({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{\"a\": 1]"}},
                                                            {"function": {"name": "g", "arguments": "5"}}]})",
                    R"({"role": "assistant", "content": "", "tool_calls":
                        [{"type": "function", "function": {"name": "f", "arguments": "{\"a\": 1]"}},
                         {"type": "function", "function": {"name": "g", "arguments": "5"}}]})"},
        MessageCase{"ToolsAnswer", R"({"role": "tool", "tool_call_id": "c1", "content": "12:00"})",
                    R"({"role": "tool", "content": "12:00", "tool_call_id": "c1"})"}),
    [](const auto& info) { return info.param.name; });

TEST(ChatPromptTest, ToolsReachTheTemplateAsTheyAre) {
  const std::string tools = R"([{"type": "function", "function": {"name": "f", "strict": false, "parameters":
                                 {"type": "object", "properties": {"z": {}, "a": {}}}}}])";
  const json::value inputs = Inputs(R"("messages": [{"role": "user", "content": "a"}], "tool_choice": "auto",
                                       "parallel_tool_calls": false, "tools": )" +
                                    tools);
  EXPECT_EQ(json::serialize(inputs.at("tools")), json::serialize(json::parse(tools))) << "in their order, too";
}

TEST(ChatPromptTest, NobodySeesToolsThatMustNotBeCalled) {
  const json::value inputs = Inputs(R"("messages": [{"role": "user", "content": "a"}], "tool_choice": "none",
                                       "tools": [{"type": "function", "function": {"name": "f"}}])");
  EXPECT_FALSE(inputs.as_object().contains("tools")) << "a template asks whether there are any";
}

TEST(ChatPromptTest, TheTemplateLearnsHowThePromptEnds) {
  const std::string chat = R"("messages": [{"role": "user", "content": "a"}])";
  EXPECT_EQ(Inputs(chat).at("add_generation_prompt"), true);
  EXPECT_EQ(Inputs(chat + R"(, "add_generation_prompt": false)").at("add_generation_prompt"), false);
  EXPECT_EQ(Inputs(chat + R"(, "continue_final_message": true)").at("add_generation_prompt"), false);
  EXPECT_EQ(Inputs(chat + R"(, "chat_template_kwargs": {"enable_thinking": false})").at("enable_thinking"), false);
}

}  // namespace
}  // namespace tenfold::server
