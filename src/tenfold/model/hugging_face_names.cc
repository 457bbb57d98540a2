#include "tenfold/model/hugging_face_names.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace tenfold::model {
namespace {

// Parts of names: what stands before ".weight" or ".bias".
struct NamePair {
  std::string_view ours;  // GGUF's
  std::string_view theirs;
  bool is_transposed = false;
};

// Outside layers, and inside one: "blk.N." against `layer` with N.
struct Names {
  std::string_view layer;
  std::span<const NamePair> of_model;
  std::span<const NamePair> of_layer;
};

constexpr NamePair kLlamaModel[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
};
constexpr NamePair kLlamaLayer[] = {
    {"attn_norm", "input_layernorm"}, {"attn_q", "self_attn.q_proj"},      {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},   {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},    {"ffn_up", "mlp.up_proj"},           {"ffn_down", "mlp.down_proj"},
};
constexpr NamePair kGpt2Model[] = {
    {"token_embd", "transformer.wte"},
    {"position_embd", "transformer.wpe"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
};
constexpr NamePair kGpt2Layer[] = {
    {"attn_norm", "ln_1"}, {"attn_qkv", "attn.c_attn", true}, {"attn_output", "attn.c_proj", true},
    {"ffn_norm", "ln_2"},  {"ffn_up", "mlp.c_fc", true},      {"ffn_down", "mlp.c_proj", true},
};

constexpr Names kLlama = {"model.layers.", kLlamaModel, kLlamaLayer};
constexpr Names kGpt2 = {"transformer.h.", kGpt2Model, kGpt2Layer};

const NamePair* Find(std::span<const NamePair> names, std::string_view ours) {
  const auto found = std::ranges::find(names, ours, &NamePair::ours);
  return found == names.end() ? nullptr : &*found;
}

}  // namespace

std::optional<HuggingFaceName> HuggingFaceNameOf(std::string_view architecture, std::string_view name) {
  const Names& names = architecture == "gpt2" ? kGpt2 : kLlama;
  const size_t last_dot = name.rfind('.');
  if (last_dot == std::string_view::npos) return std::nullopt;
  const std::string_view kind = name.substr(last_dot);  // ".weight"
  std::string_view part = name.substr(0, last_dot);
  std::string before;
  const bool is_in_layer = part.starts_with("blk.");
  if (is_in_layer) {
    const size_t dot = part.find('.', 4);
    if (dot == std::string_view::npos) return std::nullopt;
    before = fmt::format("{}{}.", names.layer, part.substr(4, dot - 4));
    part.remove_prefix(dot + 1);
  }
  const NamePair* pair = Find(is_in_layer ? names.of_layer : names.of_model, part);
  if (pair == nullptr) return std::nullopt;
  return HuggingFaceName{fmt::format("{}{}{}", before, pair->theirs, kind), pair->is_transposed && kind == ".weight"};
}

}  // namespace tenfold::model
