#include "tenfold/model/model_config.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "tenfold/base/json.h"

namespace tenfold::model {
namespace {

constexpr const char* kGood = R"({
  "model_type": "llama", "hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 5, "num_attention_heads": 8,
  "num_key_value_heads": 4, "vocab_size": 512, "max_position_embeddings": 512, "rms_norm_eps": 1e-05,
  "rope_theta": 10000.0, "tie_word_embeddings": true, "hidden_act": "silu"})";

// kGood with one field set to another JSON value.
std::string With(const char* key, const char* value) {
  json::value config = ParseJson(kGood, "kGood").value();
  config.as_object()[key] = ParseJson(value, "value").value();
  return json::serialize(config);
}

TEST(ConfigFromHuggingFace, ReadsAllFields) {
  const ModelConfig config = ConfigFromHuggingFace(kGood, "config.json").value();
  EXPECT_EQ(config.architecture, "llama");
  EXPECT_EQ(config.num_layers, 5);
  EXPECT_EQ(config.num_kv_heads, 4);
  EXPECT_EQ(config.head_dim, 8);
  EXPECT_EQ(config.rotary.dimensions, 8);
  EXPECT_TRUE(config.tied_head);
}

TEST(ConfigFromHuggingFace, ReadsHowEmbeddingsMayBeShortened) {
  EXPECT_FALSE(ConfigFromHuggingFace(kGood, "x")->is_matryoshka);
  EXPECT_TRUE(ConfigFromHuggingFace(With("is_matryoshka", "true"), "x")->is_matryoshka);
  const ModelConfig config = ConfigFromHuggingFace(With("matryoshka_dimensions", "[16, 64]"), "x").value();
  EXPECT_TRUE(config.is_matryoshka);
  EXPECT_EQ(config.matryoshka_dimensions, (std::vector<int64_t>{16, 64}));
  for (const char* bad : {"16", "[0]", "[65]", "[\"16\"]"}) {
    EXPECT_FALSE(ConfigFromHuggingFace(With("matryoshka_dimensions", bad), "x")) << bad;
  }
}

struct Refused {
  const char* name;
  const char* key;
  const char* value;
  const char* words;
};

class RefusedConfig : public testing::TestWithParam<Refused> {};
INSTANTIATE_TEST_SUITE_P(
    Table, RefusedConfig,
    testing::Values(
        Refused{"architecture", "model_type", "\"mamba\"",
                "the architecture \"mamba\" is not supported; there are: llama, gpt2"},
        Refused{"no_heads", "num_attention_heads", "0", "number of attention heads is 0"},
        Refused{"uneven_heads", "num_key_value_heads", "3", "8 attention heads cannot share 3 key-value heads"},
        Refused{"huge_layers", "num_hidden_layers", "1000000000000", "number of layers is 1000000000000"},
        Refused{"text_number", "hidden_size", "\"64\"", "\"hidden_size\" must be a whole number, not a string"},
        Refused{"odd_head", "head_dim", "7", "7 rotary dimensions"},
        Refused{"bias", "attention_bias", "true", "\"attention_bias\": true is not supported"},
        Refused{"activation", "hidden_act", "\"gelu\"", "\"hidden_act\" \"gelu\" is not supported"},
        Refused{"yarn", "rope_scaling", R"({"rope_type": "yarn"})", "rotary scaling \"yarn\" is not supported"},
        Refused{"scaling_kind", "rope_scaling", "3", "\"rope_scaling\" must be an object"},
        Refused{"factor", "rope_scaling", R"({"type": "linear", "factor": -2})", "scaling factor -2 must be positive"},
        Refused{"epsilon", "rms_norm_eps", "-1", "the norm's epsilon is -1"}),
    [](const auto& info) { return info.param.name; });

TEST_P(RefusedConfig, IsNamed) {
  const std::string text = With(GetParam().key, GetParam().value);
  const auto config = ConfigFromHuggingFace(text, "config.json");
  ASSERT_FALSE(config) << text;
  EXPECT_NE(config.error().message.find(GetParam().words), std::string::npos) << config.error().message;
  EXPECT_NE(config.error().message.find("config.json"), std::string::npos);
}

TEST(ConfigFromHuggingFace, ReadsTheNewPlaceOfRotaryParameters) {
  const std::string text = With("rope_parameters", R"({"rope_type": "linear", "rope_theta": 500000, "factor": 2})");
  const RotaryConfig rotary = ConfigFromHuggingFace(text, "config.json").value().rotary;
  EXPECT_EQ(rotary.base, 500000);
  EXPECT_EQ(rotary.scaling, RotaryConfig::Scaling::kLinear);
  EXPECT_EQ(rotary.factor, 2);
}

TEST(ConfigFromHuggingFace, EndsTheContextWhereASlidingWindowBegins) {
  EXPECT_EQ(ConfigFromHuggingFace(With("sliding_window", "128"), "config.json").value().context_length, 128);
  EXPECT_EQ(ConfigFromHuggingFace(With("sliding_window", "null"), "config.json").value().context_length, 512);
}

TEST(ConfigFromHuggingFace, TakesMistralAsLlama) {
  EXPECT_EQ(ConfigFromHuggingFace(With("model_type", "\"mistral\""), "config.json").value().architecture, "llama");
}

TEST(ConfigFromHuggingFace, NamesWhatIsMissing) {
  const auto config = ConfigFromHuggingFace(R"({"model_type": "llama"})", "config.json");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, "config.json: \"num_hidden_layers\" is missing");
}

TEST(RotaryFrequencies, FollowTheirDefinition) {
  RotaryConfig rotary{.dimensions = 8, .base = 10000, .frequency_divisors = {}};
  const std::vector<double> plain = RotaryFrequencies(rotary);
  ASSERT_EQ(plain.size(), 4u);
  EXPECT_DOUBLE_EQ(plain[0], 1.0);
  EXPECT_DOUBLE_EQ(plain[2], 0.01);
  rotary.scaling = RotaryConfig::Scaling::kLinear;
  rotary.factor = 4;
  EXPECT_DOUBLE_EQ(RotaryFrequencies(rotary)[2], 0.0025);
  rotary.scaling = RotaryConfig::Scaling::kNone;
  rotary.frequency_divisors = {1, 2, 4, 8};
  EXPECT_DOUBLE_EQ(RotaryFrequencies(rotary)[3], plain[3] / 8);
}

// Llama 3.1: wavelengths below 8192 / 4 stay, above 8192 / 1 are divided, and the blend meets both ends.
TEST(RotaryFrequencies, Llama3KeepsShortAndDividesLongWavelengths) {
  const RotaryConfig rotary{.dimensions = 128,
                            .base = 500000,
                            .scaling = RotaryConfig::Scaling::kLlama3,
                            .factor = 8,
                            .low_frequency_factor = 1,
                            .high_frequency_factor = 4,
                            .original_context = 8192,
                            .frequency_divisors = {}};
  RotaryConfig unscaled = rotary;
  unscaled.scaling = RotaryConfig::Scaling::kNone;
  const std::vector<double> plain = RotaryFrequencies(unscaled), scaled = RotaryFrequencies(rotary);
  int num_kept = 0, num_divided = 0, num_blended = 0;
  for (size_t i = 0; i < plain.size(); ++i) {
    const double wavelength = 2 * std::numbers::pi / plain[i], divisor = plain[i] / scaled[i];
    num_kept += wavelength < 2048 && std::abs(divisor - 1) < 1e-12 ? 1 : 0;
    num_divided += wavelength > 8192 && std::abs(divisor - 8) < 1e-12 ? 1 : 0;
    num_blended += wavelength >= 2048 && wavelength <= 8192 ? 1 : 0;
    EXPECT_GE(divisor, 1 - 1e-12);
    EXPECT_LE(divisor, 8 + 1e-12);
  }
  EXPECT_EQ(num_kept + num_divided + num_blended, 64);
  EXPECT_GT(num_kept, 20);
  EXPECT_GT(num_divided, 10);
}

}  // namespace
}  // namespace tenfold::model
