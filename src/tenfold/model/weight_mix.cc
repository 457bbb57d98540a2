#include "tenfold/model/weight_mix.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace tenfold::model {
namespace {

using tensor::DataType;

// Files whose matrices are all in Q4_K or Q5_K have the numbers of Q4_K_S and Q5_K_S, which differ in a few layers.
constexpr std::array<WeightMix, 10> kMixes = {{
    {"F32", DataType::kF32, 0, false},
    {"F16", DataType::kF16, 1, false},
    {"BF16", DataType::kBF16, 32, false},
    {"Q8_0", DataType::kQ8_0, 7, false},
    {"Q6_K", DataType::kQ6_K, 18, false},
    {"Q5_K", DataType::kQ5_K, 16, false},
    {"Q4_K", DataType::kQ4_K, 14, false},
    {"Q4_0", DataType::kQ4_0, 2, false},
    {"Q5_K_M", DataType::kQ5_K, 17, true},
    {"Q4_K_M", DataType::kQ4_K, 15, true},
}};

// llama.cpp's rule of the same purpose (llama_tensor_get_type, use_more_bits), with its whole-number divisions.
bool DeservesMoreBits(int64_t layer, int64_t num_layers) {
  const int64_t eighth = num_layers / 8;
  return layer < eighth || layer >= 7 * num_layers / 8 || (layer - eighth) % 3 == 2;
}

}  // namespace

std::span<const WeightMix> WeightMixes() {
  return kMixes;
}

const WeightMix* FindWeightMix(std::string_view name) {
  const auto same = [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; };
  const auto found =
      std::ranges::find_if(kMixes, [&](const WeightMix& mix) { return std::ranges::equal(name, mix.name, same); });
  return found == kMixes.end() ? nullptr : &*found;
}

DataType TypeOf(const WeightMix& mix, const MatrixPlace& place) {
  if (!mix.has_upgrades) return mix.type;
  switch (place.role) {
    case MatrixRole::kOutput:
      return DataType::kQ6_K;
    case MatrixRole::kValue:
    case MatrixRole::kFfnDown:
      return DeservesMoreBits(place.layer, place.num_layers) ? DataType::kQ6_K : mix.type;
    case MatrixRole::kOther:
      break;
  }
  return mix.type;
}

bool IsInMixes(std::string_view name, const tensor::Shape& shape) {
  return shape.rank() >= 2 && name.ends_with(".weight") && name != "position_embd.weight" &&
         name != "token_types.weight" && name.find("ffn_gate_inp.") == std::string_view::npos;
}

MatrixPlace PlaceOf(std::string_view name, int64_t num_layers, bool tied_head) {
  MatrixPlace place;
  place.num_layers = num_layers;
  if (name == "output.weight" || (tied_head && name == "token_embd.weight")) place.role = MatrixRole::kOutput;
  if (!name.starts_with("blk.")) return place;
  std::from_chars(name.data() + 4, name.data() + name.size(), place.layer);
  if (name.ends_with(".attn_v.weight")) place.role = MatrixRole::kValue;
  // ffn_down_exps: of a mixture of experts.
  if (name.find(".ffn_down") != std::string_view::npos) place.role = MatrixRole::kFfnDown;
  return place;
}

DataType TypeForRowsOf(int64_t cols, DataType wanted) {
  for (const DataType type : {wanted, DataType::kQ8_0}) {
    if (cols % tensor::Traits(type).block_elements == 0) return type;
  }
  return DataType::kF16;
}

}  // namespace tenfold::model
