#include "tenfold/model/gguf_row_order.h"

namespace tenfold::model {
namespace {

// From interleaved pairs (0, 1), (2, 3), ... within each head to halves: row (half s, pair i) was row 2 i + s.
std::vector<int32_t> HalvesFromInterleaved(int64_t num_heads, int64_t head_dim) {
  std::vector<int32_t> order;
  order.reserve(static_cast<size_t>(num_heads * head_dim));
  for (int64_t head = 0; head < num_heads; ++head) {
    for (int64_t s = 0; s < 2; ++s) {
      for (int64_t i = 0; i < head_dim / 2; ++i) order.push_back(static_cast<int32_t>(head * head_dim + 2 * i + s));
    }
  }
  return order;
}

}  // namespace

std::vector<int32_t> GgufRowsOfModel(const ModelConfig& config, std::string_view tensor_name) {
  if (config.architecture != "llama") return {};
  if (tensor_name.ends_with(".attn_q.weight")) return HalvesFromInterleaved(config.num_heads, config.head_dim);
  if (tensor_name.ends_with(".attn_k.weight")) return HalvesFromInterleaved(config.num_kv_heads, config.head_dim);
  return {};
}

std::vector<int32_t> ModelRowsOfGguf(const ModelConfig& config, std::string_view tensor_name) {
  const std::vector<int32_t> forward = GgufRowsOfModel(config, tensor_name);
  std::vector<int32_t> back(forward.size());
  for (size_t i = 0; i < forward.size(); ++i) back[static_cast<size_t>(forward[i])] = static_cast<int32_t>(i);
  return back;
}

}  // namespace tenfold::model
