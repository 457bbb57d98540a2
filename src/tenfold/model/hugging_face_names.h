// What Hugging Face files call the tensors that here have GGUF's names.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tenfold::model {

struct HuggingFaceName {
  std::string name;
  bool is_transposed = false;  // GPT-2's products are "Conv1D", whose weights lie as [inputs, outputs]
};

// "blk.0.attn_q.weight" is "model.layers.0.self_attn.q_proj.weight". nullopt for a name that the architecture has not.
std::optional<HuggingFaceName> HuggingFaceNameOf(std::string_view architecture, std::string_view name);

// The first files of GPT-2 leave this beginning out of its names; the output matrix never has it.
inline constexpr std::string_view kGpt2Prefix = "transformer.";

}  // namespace tenfold::model
