// Embeddings of prompts, through the engine.
#include "tenfold/engine/state_pooler.h"

#include <cmath>

#include <gtest/gtest.h>

#include "tenfold/engine/tiny_engine_for_test.h"
#include "tenfold/model/checkpoint.h"

namespace tenfold::engine {
namespace {

Request Embed(RequestId id, std::string_view text, Pooling pooling) {
  return {.id = id, .prompt = TinyModel().model->tokenizer().Encode(text), .sampling = {}, .pooling = pooling};
}

std::vector<float> EmbeddingOf(Request request, const EngineOptions& options = SmallOptions()) {
  const RequestId id = request.id;
  const Transcript out = RunAll({std::move(request)}, options).at({id, 0});
  EXPECT_EQ(out.finish, FinishReason::kStop);
  EXPECT_TRUE(out.tokens.empty());
  EXPECT_TRUE(out.logits.empty());
  return out.embedding;
}

double Dot(const float* a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < b.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// The output matrix, here the embedding table of the file, makes logits of the last state: so its product with the
// embedding is the logits over the state's length, which is returned.
double LengthBehind(const std::vector<float>& embedding, const std::vector<TokenId>& prompt) {
  static const auto checkpoint = model::OpenCheckpoint(model::WriteTinyModel(tensor::DataType::kF32)).value();
  const tensor::TensorView table = checkpoint->Tensor("token_embd.weight").value().view;
  Request request{.id = 1, .prompt = prompt, .sampling = {}};
  request.sampling.max_tokens = 1;
  const std::vector<float> logits = RunAll({request}).at({1, 0}).logits.at(0);
  double length = 0;
  for (size_t token = 0; token < logits.size(); ++token) {
    const double product = Dot(reinterpret_cast<const float*>(table.row(static_cast<int64_t>(token))), embedding);
    if (token == 0) length = static_cast<double>(logits[0]) / product;
    EXPECT_NEAR(product * length, logits[token], 2e-5) << token;
  }
  return length;
}

TEST(StatePooler, TheLastStateIsWhatLogitsAreMadeOf) {
  const Request request = Embed(1, "once and on", Pooling::kLast);
  const std::vector<float> embedding = EmbeddingOf(request);
  ASSERT_EQ(embedding.size(), 32u);
  EXPECT_NEAR(Dot(embedding.data(), embedding), 1, 1e-6);
  EXPECT_NEAR(LengthBehind(embedding, request.prompt), std::sqrt(32), 1e-3) << "the norm's weights are 1";
}

TEST(StatePooler, TheMeanIsThatOfAllStates) {
  const Request request = Embed(1, "once and on the and", Pooling::kMean);
  std::vector<double> sum(32);
  for (size_t size = 1; size <= request.prompt.size(); ++size) {
    Request beginning = Embed(1, "", Pooling::kLast);
    beginning.prompt.assign(request.prompt.begin(), request.prompt.begin() + static_cast<ptrdiff_t>(size));
    const std::vector<float> last = EmbeddingOf(beginning);
    const double length = LengthBehind(last, beginning.prompt);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += length * static_cast<double>(last[i]);
  }
  double square = 0;
  for (const double value : sum) square += value * value;
  const std::vector<float> embedding = EmbeddingOf(request);
  for (size_t i = 0; i < sum.size(); ++i) EXPECT_NEAR(embedding[i], sum[i] / std::sqrt(square), 1e-5) << i;
}

TEST(StatePooler, ChunksCompanyAndPassesChangeNoBit) {
  for (const Pooling pooling : {Pooling::kLast, Pooling::kMean}) {
    const Request request = Embed(1, std::string(110, 'q'), pooling);
    const std::vector<float> expected = EmbeddingOf(request);
    EngineOptions options = SmallOptions();
    options.max_num_seqs = 1;
    for (const int64_t budget : {1, 7, 128}) {
      options.max_num_batched_tokens = budget;
      EXPECT_EQ(EmbeddingOf(request, options), expected) << budget;
    }
    Request other{.id = 2, .prompt = {80, 90}, .sampling = {}};
    other.sampling.num_prompt_logprobs = 1;
    EXPECT_EQ(RunAll({other, Embed(3, "the", Pooling::kMean), request}).at({1, 0}).embedding, expected);
  }
}

// The last state needs nothing but the cache before it, the mean all states; both leave their pages behind.
TEST(StatePooler, TakesFromThePrefixCacheWhatItDoesNotNeed) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(SmallOptions());
  std::vector<int64_t> num_cached;
  std::vector<std::vector<float>> embeddings;
  for (const Pooling pooling : {Pooling::kMean, Pooling::kLast, Pooling::kMean}) {
    core->Add(Embed(1, std::string(60, 'q'), pooling));
    EventBatch events;
    while (core->HasWork()) core->Step(events);
    num_cached.push_back(events.at(0).num_cached_tokens);
    embeddings.push_back(events.at(0).embedding);
  }
  EXPECT_EQ(num_cached, (std::vector<int64_t>{0, 48, 0}));
  EXPECT_EQ(embeddings[0], embeddings[2]);
  EXPECT_EQ(embeddings[1], EmbeddingOf(Embed(1, std::string(60, 'q'), Pooling::kLast)));
}

TEST(StatePooler, KeepsItsSumThroughPreemptions) {
  EngineOptions options = SmallOptions();
  options.scheduling_policy = "priority";
  options.max_num_batched_tokens = 16;
  options.kv_cache_bytes = 8 * model::KvLayoutOf(TinyModel().model->config(), 16, options.kv_cache_type).page_bytes();
  Request request = Embed(1, std::string(90, 'q'), Pooling::kMean);
  const std::vector<float> expected = EmbeddingOf(request);
  request.priority = 1;
  for (const int num_steps : {1, 3, 5}) {
    const std::unique_ptr<EngineCore> core = TinyModel().Core(options);
    Recorder recorder;
    core->Add(request);
    EventBatch events;
    for (int step = 0; step < num_steps; ++step) core->Step(events);
    core->Add(Embed(2, std::string(100, 'u'), Pooling::kLast));
    RunToEnd(*core, recorder);
    EXPECT_EQ(core->Stats().num_preemptions, 1u);
    EXPECT_EQ(recorder.transcripts.at({1, 0}).embedding, expected) << num_steps;
  }
}

TEST(StatePooler, RefusesWhatDoesNotGoWithAnEmbedding) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(SmallOptions());
  Request request = Embed(1, "once", Pooling::kLast);
  request.prompt.assign(128, 70);
  EXPECT_TRUE(core->Check(request)) << "it may fill the context";
  request.sampling.n = 2;
  EXPECT_FALSE(core->Check(request));
  request.sampling = {};
  request.sampling.num_prompt_logprobs = 0;
  EXPECT_FALSE(core->Check(request));
  request.sampling = {};
  request.sampling.use_beam_search = true;
  EXPECT_FALSE(core->Check(request));
  request.sampling = {};
  request.prompt.push_back(70);
  EXPECT_FALSE(core->Check(request));
}

}  // namespace
}  // namespace tenfold::engine
