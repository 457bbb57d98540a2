// A server without a model that says what it is told to: the text behind the last "Say: " of a prompt, or behind
// "Slowly: ", a character every 20 ms. For testing clients, with tools and reasoning that no small model would write.
//
// usage: parrot_server     prints its URL, serves until SIGTERM
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "tenfold/base/check.h"
#include "tenfold/server/fake_engine_for_test.h"
#include "tenfold/server/server.h"

namespace tenfold::server {
namespace {

// Just the last message; for the rest, what tells the server that the model knows tools and reasoning.
constexpr const char* kTemplate =
    "{{ messages[-1].content }}{% if false %}{{ tools }}<tool_call><think></think>{% endif %}";

struct Line {
  std::string text;
  bool slow = false;
};

Line FindLine(std::string_view prompt) {
  for (const std::string_view beginning : {"Say: ", "Slowly: "}) {
    const size_t found = prompt.rfind(beginning);
    if (found != std::string_view::npos)
      return {std::string(prompt.substr(found + beginning.size())), beginning != "Say: "};
  }
  return {"?", false};
}

// Bytes of the character that begins with `first`, UTF-8.
size_t CharacterSize(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// A character a step, a byte a token.
engine::OutputEvent Speak(const engine::Request& request, int /*sample*/, int step) {
  static const tokenizer::Tokenizer tokenizer = MakeByteTokenizer();
  const Line line = FindLine(tokenizer.Decode(request.prompt));
  if (line.slow) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  engine::OutputEvent event;
  size_t begin = 0;
  for (int i = 0; i < step; ++i) begin += CharacterSize(line.text[begin]);
  event.text = line.text.substr(begin, CharacterSize(line.text[begin]));
  for (const char byte : event.text) {
    event.tokens.push_back(kFirstByte + static_cast<unsigned char>(byte));
    if (request.sampling.num_logprobs) event.logprobs.push_back({.logprob = -0.5, .rank = 1, .top = {}});
  }
  const size_t num_tokens = begin + event.text.size();
  const auto limit = static_cast<size_t>(request.sampling.max_tokens.value_or(1 << 20));
  if (num_tokens >= line.text.size()) {
    event.finish = engine::FinishReason::kStop;
  } else if (num_tokens >= limit) {
    event.finish = engine::FinishReason::kLength;
  }
  return event;
}

void Serve() {
  ServerOptions options;
  options.http.port = 0;
  options.http.handle_signals = true;
  options.api.served_model_names = {"parrot"};
  options.api.api_keys = {"secret"};
  options.api.chat.chat_template = kTemplate;
  const auto server = Server::Create(options);
  CHECK_MSG(server.has_value(), "{}", server.error().message);
  FakeEngine engine(**server);
  engine.SetScript(Speak);
  (*server)->Attach(engine);
  fmt::print("http://127.0.0.1:{}\n", (*server)->port());
  std::fflush(stdout);
  (*server)->Run();
}

}  // namespace
}  // namespace tenfold::server

int main() {
  tenfold::server::Serve();
}
