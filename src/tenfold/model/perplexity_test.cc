#include "tenfold/model/perplexity.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/test_data.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::model {
namespace {

using testing::HasSubstr;

class PerplexityOfStories : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_SHARED("models/stories260K.gguf");
    model_ = Model::Load(SharedData("models/stories260K.gguf"), threads_).value();
    const std::string path = SharedData("models/stories260K-greedy.json").string();
    records_ = ParseJson(platform::ReadTextFile(path).value(), path).value();
  }

  // The recorded prompts with their completions, without the beginning-of-text token.
  std::vector<TokenId> Text(const json::value& record) const {
    auto ids = json::value_to<std::vector<TokenId>>(record.at("prompt_ids"));
    EXPECT_EQ(ids.front(), model_->tokenizer().bos());
    for (const json::value& id : record.at("completion_ids").as_array()) ids.push_back(id.to_number<TokenId>());
    ids.erase(ids.begin());
    return ids;
  }

  Result<Perplexity> Measure(std::span<const TokenId> text, int64_t context) {
    return MeasurePerplexity(*model_, text, {.context = context, .kv_cache_type = tensor::DataType::kF32},
                             *kernels::SelectKernels("auto", platform::DetectCpuFeatures()).value(), threads_);
  }

  platform::ThreadPool threads_{2};
  std::unique_ptr<Model> model_;
  json::value records_;
};

TEST_F(PerplexityOfStories, IsTheRecordedLikelihoodInOneWindow) {
  for (const json::value& record : records_.as_array()) {
    const std::vector<TokenId> text = Text(record);
    const Perplexity measured = Measure(text, 512).value();
    EXPECT_EQ(measured.num_tokens, static_cast<int64_t>(text.size()));
    EXPECT_NEAR(measured.mean_nll(), record.at("mean_nll_all").to_number<double>(), 1e-4);
    EXPECT_DOUBLE_EQ(measured.perplexity(), std::exp(measured.mean_nll()));
  }
}

TEST_F(PerplexityOfStories, StartsAnewInEachWindow) {
  const std::vector<TokenId> text = Text(records_.as_array()[0]);
  constexpr int64_t kContext = 50;
  constexpr size_t kTextTokens = 49;  // the beginning-of-text token takes a place
  Perplexity sum;
  for (size_t begin = 0; begin < text.size(); begin += kTextTokens) {
    const auto window = std::span(text).subspan(begin, std::min(kTextTokens, text.size() - begin));
    const Perplexity alone = Measure(window, 512).value();
    sum.total_nll += alone.total_nll;
    sum.num_tokens += alone.num_tokens;
    sum.num_bytes += alone.num_bytes;
  }
  const Perplexity measured = Measure(text, kContext).value();
  EXPECT_DOUBLE_EQ(measured.total_nll, sum.total_nll);
  EXPECT_EQ(measured.num_tokens, sum.num_tokens);
  EXPECT_EQ(measured.num_bytes, sum.num_bytes);
}

TEST_F(PerplexityOfStories, CountsTheBytesOfTheText) {
  const std::string text = "One day, a boy named Tim went to the park.";
  const Perplexity measured = Measure(model_->tokenizer().Encode(text, {.add_special = false}), 512).value();
  EXPECT_EQ(measured.num_bytes, static_cast<int64_t>(text.size()) + 1);  // and the space before it
  EXPECT_DOUBLE_EQ(measured.bits_per_byte(), measured.mean_nll() * static_cast<double>(measured.num_tokens) /
                                                 std::log(2.0) / static_cast<double>(text.size() + 1));
}

TEST_F(PerplexityOfStories, RefusesWhatHasNoMeaning) {
  const std::vector<TokenId> text = Text(records_.as_array()[0]);
  EXPECT_THAT(Measure(text, 1).error().message, HasSubstr("--context 1: must be 2 to 512"));
  EXPECT_THAT(Measure(text, 513).error().message, HasSubstr("--context 513"));
  EXPECT_THAT(Measure({}, 512).error().message, HasSubstr("no token to score"));
  for (const TokenId id : {-1, 512}) {
    EXPECT_THAT(Measure({&id, 1}, 512).error().message, HasSubstr("outside the model's vocabulary of 512"));
  }
}

}  // namespace
}  // namespace tenfold::model
