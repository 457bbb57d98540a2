#include "tenfold/server/openai_request.h"

#include <algorithm>
#include <charconv>

#include "tenfold/server/json_fields.h"

namespace tenfold::server {
namespace {

using sampling::SamplingParams;

// Fields whose meaning depends on one another, as they stand in the body.
struct Body : GenerationRequest {
  ChatPromptBody chat_body;
  std::optional<bool> parallel_tool_calls;
  bool wants_tools = true;  // "tool_choice" is not "none"
  std::optional<int> max_tokens;
  std::optional<int> max_completion_tokens;
  std::optional<int> best_of;
  std::optional<bool> chat_logprobs;
  std::optional<int> top_logprobs;
  bool has_stream_options = false;
};

template <auto Member>
ApiStatus Sampling(const json::value& value, std::string_view name, Body& body) {
  return ReadValue(value, name, body.sampling.*Member);
}

ApiStatus ReadPrompt(const json::value& value, std::string_view name, Body& body) {
  return ReadPromptInputs(value, name, body.prompts);
}

ApiStatus ReadStop(const json::value& value, std::string_view name, Body& body) {
  if (value.is_string()) return ReadValue(value, name, body.sampling.stop.emplace_back());
  if (!value.is_array()) return BadField(name, "must be a string or an array of strings, not {}", JsonKindName(value));
  return ReadValue(value, name, body.sampling.stop);
}

ApiStatus ReadAllowedTokens(const json::value& value, std::string_view name, Body& body) {
  std::vector<TokenId>& allowed = body.sampling.allowed_token_ids;
  RETURN_IF_REFUSED(ReadValue(value, name, allowed));
  if (allowed.empty()) return BadField(name, "must not be empty: leave it out to allow every token");
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  return {};
}

ApiStatus ReadSeed(const json::value& value, std::string_view name, Body& body) {
  int64_t seed = 0;
  RETURN_IF_REFUSED(ReadValue(value, name, seed));
  body.sampling.seed = static_cast<uint64_t>(seed);
  return {};
}

ApiStatus ReadLogitBias(const json::value& value, std::string_view name, Body& body) {
  if (!value.is_object()) {
    return BadField(name, "must be an object of token ids and biases, not {}", JsonKindName(value));
  }
  for (const auto& [key, bias] : value.get_object()) {
    sampling::LogitBias& entry = body.sampling.logit_bias.emplace_back();
    const char* end = key.data() + key.size();
    const auto parsed = std::from_chars(key.data(), end, entry.token);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return BadField(name, "has the key \"{}\", which is not a token id", std::string_view(key.data(), key.size()));
    }
    RETURN_IF_REFUSED(ReadValue(bias, fmt::format("{}.{}", name, entry.token), entry.bias));
  }
  return {};
}

ApiStatus ReadToolChoice(const json::value& value, std::string_view name, Body& body) {
  if (value == "auto") return {};
  if (value == "none") {
    body.wants_tools = false;
    return {};
  }
  return BadField(name, "must be \"auto\" or \"none\": this server cannot make a model call a tool");
}

constexpr JsonField<Body> kStreamOptionFields[] = {
    {"include_usage", ReadMember<&Body::include_usage>},
    {"continuous_usage_stats", nullptr, "false"},
    {"include_obfuscation", Ignore},
};

ApiStatus ReadStreamOptions(const json::value& value, std::string_view name, Body& body) {
  if (!value.is_object()) return BadField(name, "must be an object, not {}", JsonKindName(value));
  body.has_stream_options = true;
  return ReadFields(value.get_object(), "stream_options.", FieldsOf<Body>{body, kStreamOptionFields});
}

constexpr JsonField<Body> kCommonFields[] = {
    {"max_tokens", ReadMember<&Body::max_tokens>},
    {"temperature", Sampling<&SamplingParams::temperature>},
    {"top_p", Sampling<&SamplingParams::top_p>},
    {"n", Sampling<&SamplingParams::n>},
    {"stop", ReadStop},
    {"seed", ReadSeed},
    {"presence_penalty", Sampling<&SamplingParams::presence_penalty>},
    {"frequency_penalty", Sampling<&SamplingParams::frequency_penalty>},
    {"logit_bias", ReadLogitBias},
    {"stream", ReadMember<&Body::stream>},
    {"stream_options", ReadStreamOptions},
    // vLLM's.
    {"top_k", Sampling<&SamplingParams::top_k>},
    {"min_p", Sampling<&SamplingParams::min_p>},
    {"repetition_penalty", Sampling<&SamplingParams::repetition_penalty>},
    {"min_tokens", Sampling<&SamplingParams::min_tokens>},
    {"ignore_eos", Sampling<&SamplingParams::ignore_eos>},
    {"stop_token_ids", Sampling<&SamplingParams::stop_token_ids>},
    {"include_stop_str_in_output", Sampling<&SamplingParams::include_stop_str_in_output>},
    {"return_token_ids", ReadMember<&Body::return_token_ids>},
    {"skip_special_tokens", ReadMember<&Body::skip_special_tokens>},
    {"spaces_between_special_tokens", nullptr, "true"},
    {"best_of", ReadMember<&Body::best_of>},
    {"use_beam_search", Sampling<&SamplingParams::use_beam_search>},
    {"length_penalty", Sampling<&SamplingParams::length_penalty>},
    {"prompt_logprobs", ReadMember<&Body::num_prompt_logprobs>},
    {"allowed_token_ids", ReadAllowedTokens},
    {"bad_words", ReadMember<&Body::bad_words>},
    {"structured_outputs", nullptr, "null"},
    {"response_format", nullptr, R"({"type":"text"})"},
};

constexpr JsonField<Body> kCompletionFields[] = {
    {"prompt", ReadPrompt},
    {"logprobs", Sampling<&SamplingParams::num_logprobs>},
    {"echo", ReadMember<&Body::echo>},
    {"suffix", nullptr, "null"},
};

constexpr JsonField<Body> kChatFields[] = {
    {"max_completion_tokens", ReadMember<&Body::max_completion_tokens>},
    {"logprobs", ReadMember<&Body::chat_logprobs>},
    {"top_logprobs", ReadMember<&Body::top_logprobs>},
    {"tool_choice", ReadToolChoice},
    {"parallel_tool_calls", ReadMember<&Body::parallel_tool_calls>},
    {"functions", nullptr, "[]"},
    {"function_call", nullptr, "\"none\""},
    {"modalities", nullptr, "[\"text\"]"},
    {"audio", nullptr, "null"},
    {"prediction", Ignore},  // only ever makes the same answer faster
    {"reasoning_effort", nullptr, "null"},
    {"verbosity", nullptr, "null"},
    {"web_search_options", nullptr, "null"},
};

ApiStatus FinishCompletion(Body& body) {
  if (body.prompts.empty()) return BadField("prompt", "is missing");
  if (body.max_tokens) body.sampling.max_tokens = body.max_tokens;  // else 16, OpenAI's default
  const int num_samples = std::max(body.sampling.n, body.best_of.value_or(1));
  if (body.prompts.size() * static_cast<size_t>(std::max(num_samples, 1)) > kMaxChoices) {
    return BadField("n", "times the number of prompts is more than {}", kMaxChoices);
  }
  return {};
}

// What the engine must say of the prompt's tokens: what is shown of them, and with echo what is shown of the output's.
void FinishPromptLogprobs(Body& body) {
  SamplingParams& sampling = body.sampling;
  sampling.num_prompt_logprobs = body.num_prompt_logprobs;
  if (body.echo && (sampling.num_logprobs || sampling.max_tokens == 0)) {
    sampling.num_prompt_logprobs = std::max(sampling.num_logprobs.value_or(0), body.num_prompt_logprobs.value_or(0));
  }
}

// How many samples are made, and how many of them are returned.
ApiStatus FinishSamples(Body& body) {
  SamplingParams& sampling = body.sampling;
  sampling.skip_special_tokens = body.skip_special_tokens.value_or(true);
  if (sampling.n < 1) return BadField("n", "is {}, but must be at least 1", sampling.n);
  const int best_of = body.best_of.value_or(sampling.n);
  body.num_returned = sampling.n;
  body.has_logprobs = sampling.num_logprobs.has_value();
  FinishPromptLogprobs(body);
  if (best_of < sampling.n)
    return BadField("best_of", "is {}, but must be at least \"n\", which is {}", best_of, sampling.n);
  if (sampling.use_beam_search) {
    sampling.beam_width = best_of;
    return {};
  }
  if (sampling.length_penalty != 1) return BadField("length_penalty", "needs \"use_beam_search\": true");
  if (best_of == sampling.n) return {};
  if (body.stream)
    return BadField("best_of", "must equal \"n\" in a stream: which samples are best is known at the end");
  sampling.n = best_of;
  if (!sampling.num_logprobs) sampling.num_logprobs = 0;  // to compare the samples by
  return {};
}

// Tools that must not be called are not shown to the model either.
ApiStatus FinishTools(Body& body) {
  if (!body.wants_tools) body.chat.tools.clear();
  body.one_tool_call = !body.parallel_tool_calls.value_or(true);
  return {};
}

ApiStatus FinishChat(Body& body) {
  RETURN_IF_REFUSED(FinishChatPrompt(body.chat_body));
  body.chat = std::move(body.chat_body);
  RETURN_IF_REFUSED(FinishTools(body));
  if (body.max_tokens && body.max_completion_tokens && *body.max_tokens != *body.max_completion_tokens) {
    return BadField("max_tokens", "is the old name of \"max_completion_tokens\", but they differ: send one of them");
  }
  body.sampling.max_tokens = body.max_completion_tokens ? body.max_completion_tokens : body.max_tokens;
  if (body.top_logprobs) {
    if (!body.chat_logprobs.value_or(false)) return BadField("top_logprobs", "needs \"logprobs\": true");
    if (*body.top_logprobs < 0 || *body.top_logprobs > sampling::kMaxLogprobs) {
      return BadField("top_logprobs", "must lie between 0 and {}, not {}", sampling::kMaxLogprobs, *body.top_logprobs);
    }
  }
  if (body.chat_logprobs.value_or(false)) body.sampling.num_logprobs = body.top_logprobs.value_or(0);
  return {};
}

}  // namespace

ApiResult<GenerationRequest> ParseGenerationRequest(Endpoint endpoint, std::string_view text,
                                                    const sampling::SamplingDefaults& defaults) {
  const ApiResult<json::object> parsed = ParseBody(text);
  if (!parsed) return tl::unexpected(parsed.error());
  Body body;
  body.endpoint = endpoint;
  const json::value* beams = parsed->if_contains("use_beam_search");
  defaults.StartFrom(beams != nullptr && *beams == true, body.sampling);
  const bool is_chat = endpoint == Endpoint::kChat;
  const FieldsOf<WorkRequest> work_fields{body, WorkFields()};
  const FieldsOf<Body> common_fields{body, kCommonFields};
  if (is_chat) {
    RETURN_IF_REFUSED(ReadFields(*parsed, "", work_fields, common_fields, FieldsOf<Body>{body, kChatFields},
                                 FieldsOf<ChatPromptBody>{body.chat_body, ChatPromptFields()}));
    RETURN_IF_REFUSED(FinishChat(body));
  } else {
    RETURN_IF_REFUSED(ReadFields(*parsed, "", work_fields, common_fields, FieldsOf<Body>{body, kCompletionFields}));
    RETURN_IF_REFUSED(FinishCompletion(body));
  }
  defaults.Limit(body.sampling);
  RETURN_IF_REFUSED(FinishSamples(body));
  if (body.has_stream_options && !body.stream) return BadField("stream_options", "needs \"stream\": true");
  return static_cast<GenerationRequest&&>(body);
}

}  // namespace tenfold::server
