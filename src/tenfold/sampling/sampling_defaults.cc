#include "tenfold/sampling/sampling_defaults.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace tenfold::sampling {

void SamplingDefaults::StartFrom(bool use_beam_search, SamplingParams& params) const {
  params.repetition_penalty = repetition_penalty.value_or(params.repetition_penalty);
  if (use_beam_search) return;
  params.temperature = temperature.value_or(params.temperature);
  params.top_k = top_k.value_or(params.top_k);
  params.top_p = top_p.value_or(params.top_p);
  params.min_p = min_p.value_or(params.min_p);
}

void SamplingDefaults::Limit(SamplingParams& params) const {
  if (max_tokens) params.max_tokens = std::min(params.max_tokens.value_or(*max_tokens), *max_tokens);
}

std::string SamplingDefaults::ToString() const {
  std::string text;
  const auto add = [&text](std::string_view name, const auto& value) {
    if (!value) return;
    // Seven digits: GGUF files hold numbers of 32 bits.
    text += fmt::format("{}{} {:.7g}", text.empty() ? "" : ", ", name, static_cast<double>(*value));
  };
  add("temperature", temperature);
  add("top_k", top_k);
  add("top_p", top_p);
  add("min_p", min_p);
  add("repetition_penalty", repetition_penalty);
  add("at most max_tokens", max_tokens);
  return text.empty() ? "none" : text;
}

Status Validate(const SamplingDefaults& defaults) {
  SamplingParams params;
  params.max_tokens.reset();
  defaults.StartFrom(/*use_beam_search=*/false, params);
  defaults.Limit(params);
  return Validate(params, /*vocab_size=*/1);
}

}  // namespace tenfold::sampling
