#include "tenfold/model/generation_config.h"

#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "tenfold/formats/gguf_writer.h"

namespace tenfold::model {
namespace {

std::filesystem::path TestFile(std::string_view name) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("tenfold-generation-config-{}", getpid());
  std::filesystem::create_directories(folder);
  return folder / name;
}

TEST(GenerationConfig, ReadsWhatVllmReads) {
  const sampling::SamplingDefaults defaults =
      SamplingDefaultsFrom(
          R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0, "repetition_penalty": 1.05,
          "max_new_tokens": 2048, "eos_token_id": [1, 2], "transformers_version": "4.51.0"})",
          "generation_config.json")
          .value();
  EXPECT_EQ(defaults.ToString(),
            "temperature 0.6, top_k 20, top_p 0.95, min_p 0, repetition_penalty 1.05, at most max_tokens 2048");
  EXPECT_EQ(SamplingDefaultsFrom(R"({"top_p": null})", "x").value().ToString(), "none");
}

TEST(GenerationConfig, RefusesOtherTypesByName) {
  for (const auto* text : {R"({"top_k": 1.5})", R"({"top_k": "many"})", R"({"top_k": 5000000000})"}) {
    const auto refused = SamplingDefaultsFrom(text, "generation_config.json");
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().message.starts_with("generation_config.json: \"top_k\"")) << refused.error().message;
  }
  EXPECT_FALSE(SamplingDefaultsFrom("[]", "x"));
}

TEST(GenerationConfig, OfAFolder) {
  const std::filesystem::path path = TestFile("generation_config.json");
  std::ofstream(path) << R"({"temperature": 0.25})";
  EXPECT_EQ(SamplingDefaultsIn(path.parent_path()).value().temperature, 0.25);
  std::filesystem::remove(path);
  const auto missing = SamplingDefaultsIn(path.parent_path());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("generation_config.json"), std::string::npos);
}

TEST(GenerationConfig, OfAGgufFile) {
  formats::GgufHeaderBuilder header;
  header.SetString("general.architecture", "llama");
  header.SetUint32("general.sampling.top_k", 40);
  header.SetFloat32("general.sampling.top_p", 0.5f);
  header.SetFloat32("general.sampling.min_p", 0.25f);
  header.SetFloat32("general.sampling.temp", 0.75f);
  header.SetFloat32("general.sampling.penalty_repeat", 1.5f);
  const std::filesystem::path path = TestFile("sampling.gguf");
  ASSERT_TRUE(formats::GgufWriter::Create(path, header).value().Finish());
  const formats::GgufFile file = formats::GgufFile::Open(path).value();
  EXPECT_EQ(SamplingDefaultsFrom(file).value().ToString(),
            "temperature 0.75, top_k 40, top_p 0.5, min_p 0.25, repetition_penalty 1.5");
}

}  // namespace
}  // namespace tenfold::model
