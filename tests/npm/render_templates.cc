// Renders chat templates for whoever compares them with another engine's.
//
// usage: render_templates     reads a JSON array of {"template", "inputs"}, writes one of {"text"} or {"error"}
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "tenfold/base/json.h"
#include "tenfold/tokenizer/chat_template.h"

namespace tenfold::tokenizer {
namespace {

json::object Render(const json::value& job) {
  const json::string& source = job.at("template").as_string();
  const auto parsed = ChatTemplate::Parse({source.data(), source.size()});
  if (!parsed) return {{"error", parsed.error().message}};
  const auto segments = parsed->Render(job.at("inputs").as_object());
  if (!segments) return {{"error", segments.error().message}};
  std::string text;
  for (const PromptSegment& segment : *segments) text += segment.text;
  return {{"text", text}};
}

}  // namespace
}  // namespace tenfold::tokenizer

int main() {
  using namespace tenfold;
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  const auto jobs = ParseJson(text, "standard input");
  if (!jobs || !jobs->is_array()) {
    fmt::print(stderr, "{}\n", jobs ? "standard input is no array" : jobs.error().message);
    return 1;
  }
  json::array results;
  for (const json::value& job : jobs->get_array()) results.push_back(tokenizer::Render(job));
  fmt::print("{}\n", json::serialize(results));
}
