// SamplingDefaults: how the makers of a model want it to be sampled: what holds for requests that do not say otherwise.
//
// Read from a model's files (model/generation_config.h) with vLLM's meanings; a plain value.
#pragma once

#include <optional>
#include <string>

#include "tenfold/base/result.h"
#include "tenfold/sampling/sampling_params.h"

namespace tenfold::sampling {

struct SamplingDefaults {
  std::optional<double> temperature = {};
  std::optional<int> top_k = {};
  std::optional<double> top_p = {};
  std::optional<double> min_p = {};
  std::optional<double> repetition_penalty = {};
  std::optional<int> max_tokens = {};  // a limit: no request generates more

  // Sets the parameters that a request starts from. Beam search draws nothing and takes only the penalty.
  void StartFrom(bool use_beam_search, SamplingParams& params) const;
  // Lowers a request's own max_tokens.
  void Limit(SamplingParams& params) const;

  // For people: "temperature 0.6, top_p 0.95", or "none".
  std::string ToString() const;
};

// Errors: those of Validate on sampling_params.h, for the first value that no request could ask for.
Status Validate(const SamplingDefaults& defaults);

}  // namespace tenfold::sampling
