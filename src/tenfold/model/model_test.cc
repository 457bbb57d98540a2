// A real trained model against recorded answers of a float64 reference, through graph, kernels and cache layout.
#include "tenfold/model/model.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>

#include "tenfold/base/json.h"
#include "tenfold/base/test_data.h"
#include "tenfold/model/runner.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::model {
namespace {

// A model with pages for one sequence.
class Session {
 public:
  Session(const std::filesystem::path& path, int64_t context)
      : threads_(2), model_(Model::Load(path, threads_).value()), context_(context) {
    const kernels::KvLayout layout = KvLayoutOf(model_->config(), 32, tensor::DataType::kF32);
    const int64_t num_pages = (context + 31) / 32;
    pool_ = platform::AlignedBuffer::Allocate(layout.page_bytes() * static_cast<size_t>(num_pages), "pages").value();
    for (int64_t p = 0; p < num_pages; ++p) page_ids_.push_back(static_cast<int32_t>(p));
    runner_.emplace(Runner::Create(*model_, {.max_tokens = context, .max_logit_rows = context}, {pool_.data(), layout},
                                   *kernels::SelectKernels("auto", platform::DetectCpuFeatures()).value(), threads_)
                        .value());
  }

  // Log-probabilities [num_logit_rows, vocab] after the last of `tokens`, which begin at `position`.
  std::vector<std::vector<double>> LogProbabilities(std::span<const TokenId> tokens, int64_t position,
                                                    int64_t num_logit_rows) {
    const SequenceChunk chunk{tokens, position, page_ids_.data(), num_logit_rows};
    const std::span<float> logits = runner_->Run({&chunk, 1});
    std::vector<std::vector<double>> rows;
    const auto vocab = static_cast<size_t>(model_->config().vocab_size);
    for (size_t begin = 0; begin < logits.size(); begin += vocab) {
      std::vector<double>& row = rows.emplace_back(logits.begin() + static_cast<int64_t>(begin),
                                                   logits.begin() + static_cast<int64_t>(begin + vocab));
      double sum = 0;
      for (const double logit : row) sum += std::exp(logit);
      for (double& logit : row) logit -= std::log(sum);
    }
    return rows;
  }

  const Model& model() const { return *model_; }

 private:
  platform::ThreadPool threads_;
  std::unique_ptr<Model> model_;
  int64_t context_;
  platform::AlignedBuffer pool_;
  std::vector<int32_t> page_ids_;
  std::optional<Runner> runner_;
};

json::value ReadJson(const std::filesystem::path& path) {
  return ParseJson(platform::ReadTextFile(path).value(), path.string()).value();
}

std::vector<TokenId> Ids(const json::value& array) {
  return json::value_to<std::vector<TokenId>>(array);
}

// One recorded prompt: ids, greedy continuation, likeliest tokens with log-probabilities at each step.
void ExpectRecorded(Session& session, const json::object& record, const char* top_key, double tolerance) {
  std::vector<TokenId> ids = Ids(record.at("prompt_ids"));
  const std::vector<TokenId> expected = Ids(record.at("completion_ids"));
  const json::array& tops = record.at(top_key).as_array();
  std::span<const TokenId> next = ids;
  int64_t position = 0;
  TokenId token = 0;
  for (size_t step = 0; step < expected.size(); ++step) {
    const std::vector<double> row = session.LogProbabilities(next, position, 1).front();
    position += static_cast<int64_t>(next.size());
    for (const json::value& entry : tops[step].as_array()) {
      const auto id = entry.as_array()[0].to_number<size_t>();
      ASSERT_NEAR(row[id], entry.as_array()[1].to_number<double>(), tolerance) << "step " << step << " token " << id;
    }
    token = static_cast<TokenId>(std::max_element(row.begin(), row.end()) - row.begin());
    ASSERT_EQ(token, expected[step]) << "step " << step;
    next = {&token, 1};
  }
}

class Stories : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Formats, Stories, testing::Values("models/stories260K.gguf", "models/stories260K-hf"),
                         [](const auto& info) {
                           return std::string(info.param).ends_with("gguf") ? "gguf" : "hugging_face";
                         });

TEST_P(Stories, ReproducesTheRecordedTexts) {
  REQUIRE_SHARED(GetParam());
  REQUIRE_SHARED("models/stories260K-greedy.json");
  Session session(SharedData(GetParam()), 512);
  const json::value records = ReadJson(SharedData("models/stories260K-greedy.json"));
  for (const json::value& value : records.as_array()) {
    const json::object& record = value.as_object();
    const std::string prompt(record.at("prompt").as_string());
    SCOPED_TRACE(prompt);
    EXPECT_EQ(session.model().tokenizer().Encode(prompt), Ids(record.at("prompt_ids")));
    ExpectRecorded(session, record, "top5", 1e-3);
  }
}

TEST_P(Stories, ReproducesTheRecordedLikelihood) {
  REQUIRE_SHARED(GetParam());
  REQUIRE_SHARED("models/stories260K-greedy.json");
  Session session(SharedData(GetParam()), 512);
  const json::value records = ReadJson(SharedData("models/stories260K-greedy.json"));
  for (const json::value& value : records.as_array()) {
    const json::object& record = value.as_object();
    std::vector<TokenId> ids = Ids(record.at("prompt_ids"));
    const std::vector<TokenId> completion = Ids(record.at("completion_ids"));
    ids.insert(ids.end(), completion.begin(), completion.end());
    const auto rows = session.LogProbabilities(ids, 0, static_cast<int64_t>(ids.size()));
    double total = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) total -= rows[i][static_cast<size_t>(ids[i + 1])];
    EXPECT_NEAR(total / static_cast<double>(ids.size() - 1), record.at("mean_nll_all").to_number<double>(), 1e-4);
  }
}

struct RandomModel {
  const char* file;
  const char* name;
  double tolerance;
};

class RandomModels : public testing::TestWithParam<RandomModel> {};
INSTANTIATE_TEST_SUITE_P(Files, RandomModels,
                         testing::Values(RandomModel{"llama-gqa-untied.gguf", "untied", 1e-3},
                                         RandomModel{"llama3-ropescaled.gguf", "rope_scaled", 1e-3},
                                         // The record's GELU is half-precise (gpt2_training_test.cc).
                                         RandomModel{"gpt2.gguf", "gpt2", 2e-3}),
                         [](const auto& info) { return info.param.name; });

TEST_P(RandomModels, AgreeWithAnIndependentEngine) {
  REQUIRE_SHARED("models/arch/expected.json");
  Session session(SharedData(std::string("models/arch/") + GetParam().file), 256);
  const json::value expected = ReadJson(SharedData("models/arch/expected.json"));
  for (const json::value& record : expected.as_object().at(GetParam().file).as_array()) {
    ExpectRecorded(session, record.as_object(), "top10", GetParam().tolerance);
  }
}

}  // namespace
}  // namespace tenfold::model
