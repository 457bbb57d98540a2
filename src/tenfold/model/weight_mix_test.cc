#include "tenfold/model/weight_mix.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::model {
namespace {

using tensor::DataType;
using testing::ElementsAre;

std::vector<int64_t> UpgradedLayers(const WeightMix& mix, MatrixRole role, int64_t num_layers) {
  std::vector<int64_t> layers;
  for (int64_t layer = 0; layer < num_layers; ++layer) {
    const DataType type = TypeOf(mix, {role, layer, num_layers});
    if (type != mix.type) {
      EXPECT_EQ(type, DataType::kQ6_K);
      layers.push_back(layer);
    }
  }
  return layers;
}

// The files of TinyLlama 1.1B and Llama 3.1 8B in circulation have Q6_K in these layers.
TEST(WeightMix, GivesMoreBitsToTheKnownLayers) {
  for (const char* name : {"Q4_K_M", "Q5_K_M"}) {
    const WeightMix& mix = *FindWeightMix(name);
    for (const MatrixRole role : {MatrixRole::kValue, MatrixRole::kFfnDown}) {
      EXPECT_THAT(UpgradedLayers(mix, role, 22), ElementsAre(0, 1, 4, 7, 10, 13, 16, 19, 20, 21));
      EXPECT_THAT(UpgradedLayers(mix, role, 32), ElementsAre(0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31));
    }
    EXPECT_THAT(UpgradedLayers(mix, MatrixRole::kOther, 22), ElementsAre());
    EXPECT_EQ(TypeOf(mix, {MatrixRole::kOutput}), DataType::kQ6_K);
    EXPECT_EQ(TypeOf(mix, {}), mix.type);
  }
}

TEST(WeightMix, APlainTypeIsTheSameEverywhere) {
  for (const MatrixRole role : {MatrixRole::kOther, MatrixRole::kOutput, MatrixRole::kValue, MatrixRole::kFfnDown}) {
    EXPECT_EQ(TypeOf(*FindWeightMix("q4_k"), {role, 0, 2}), DataType::kQ4_K);
  }
}

TEST(WeightMix, EveryDataTypeIsAMixOfItsOwn) {
  for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kBF16, DataType::kQ8_0, DataType::kQ4_0,
                              DataType::kQ4_K, DataType::kQ5_K, DataType::kQ6_K}) {
    ASSERT_NE(FindWeightMix(tensor::Name(type)), nullptr);
    EXPECT_EQ(FindWeightMix(tensor::Name(type))->type, type);
  }
  EXPECT_EQ(FindWeightMix("Q4_K_L"), nullptr);
}

TEST(WeightMix, KnowsTensorsByTheirNames) {
  const tensor::Shape matrix = {64, 64};
  EXPECT_TRUE(IsInMixes("blk.3.attn_q.weight", matrix));
  EXPECT_TRUE(IsInMixes("blk.3.ffn_down_exps.weight", {4, 64, 64}));
  EXPECT_FALSE(IsInMixes("blk.3.attn_norm.weight", {64}));
  EXPECT_FALSE(IsInMixes("blk.3.attn_qkv.bias", {64}));
  EXPECT_FALSE(IsInMixes("position_embd.weight", matrix));
  EXPECT_FALSE(IsInMixes("blk.3.ffn_gate_inp.weight", matrix));

  EXPECT_EQ(PlaceOf("output.weight", 32, false).role, MatrixRole::kOutput);
  EXPECT_EQ(PlaceOf("token_embd.weight", 32, false).role, MatrixRole::kOther);
  EXPECT_EQ(PlaceOf("token_embd.weight", 32, true).role, MatrixRole::kOutput);
  EXPECT_EQ(PlaceOf("blk.31.attn_output.weight", 32, false).role, MatrixRole::kOther);
  const MatrixPlace value = PlaceOf("blk.31.attn_v.weight", 32, false);
  EXPECT_EQ(value.role, MatrixRole::kValue);
  EXPECT_EQ(value.layer, 31);
  EXPECT_EQ(value.num_layers, 32);
  EXPECT_EQ(PlaceOf("blk.7.ffn_down.weight", 32, false).role, MatrixRole::kFfnDown);
}

TEST(WeightMix, RowsOfPartBlocksFallBack) {
  EXPECT_EQ(TypeForRowsOf(512, DataType::kQ4_K), DataType::kQ4_K);
  EXPECT_EQ(TypeForRowsOf(576, DataType::kQ4_K), DataType::kQ8_0);
  EXPECT_EQ(TypeForRowsOf(100, DataType::kQ6_K), DataType::kF16);
  EXPECT_EQ(TypeForRowsOf(100, DataType::kF32), DataType::kF32);
}

}  // namespace
}  // namespace tenfold::model
