#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tenfold/base/count_allocations_for_test.h"
#include "tenfold/base/random.h"
#include "tenfold/graph/autodiff.h"
#include "tenfold/graph/builder.h"
#include "tenfold/graph/executor.h"
#include "tenfold/graph/fusion.h"
#include "tenfold/graph/memory_plan.h"
#include "tenfold/graph/reference_interpreter.h"
#include "tenfold/platform/cpu_features.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::graph {
namespace {

constexpr int64_t kVocab = 40, kHidden = 32, kHeads = 4, kKvHeads = 2, kHeadDim = 8, kFfn = 64;

// One transformer block of each architecture: between them every op occurs.
Graph SmallLlama() {
  GraphBuilder g;
  const Value angles = g.RotaryAngles({1.0, 0.1, 0.01, 0.001});
  Value x = g.Embedding("embedding", kVocab, kHidden);
  const Value h = g.RmsNorm(x, "norm", 1e-5);
  const Value q = g.Rotary(g.Linear(h, "q", kHeads * kHeadDim), angles, kHeadDim);
  const Value k = g.Rotary(g.Linear(h, "k", kKvHeads * kHeadDim), angles, kHeadDim);
  const Value v = g.Linear(h, "v", kKvHeads * kHeadDim);
  const Value attention = g.Attention(q, k, v, 0, {kHeads, kKvHeads, kHeadDim, 1 / std::sqrt(8.0)});
  x = g.Add(x, g.Linear(attention, "o", kHidden));
  x = g.Add(x, g.Linear(g.SiluMultiply(g.Linear(x, "gate", kFfn), g.Linear(x, "up", kFfn)), "down", kHidden));
  const Value logits = g.Linear(g.SelectRows(x), "head", kVocab);
  return std::move(g).Finish(logits);
}

Graph SmallGpt2() {
  GraphBuilder g;
  Value x = g.Add(g.Embedding("embedding", kVocab, kHidden), g.PositionEmbedding("positions", 64, kHidden));
  const Value h = g.AddVector(g.LayerNorm(x, "norm", 1e-5), "norm.bias");
  const int64_t width = kHeads * kHeadDim;
  const Value qkv = g.AddVector(g.Linear(h, "qkv", 3 * width), "qkv.bias");
  const auto part = [&](int64_t i) { return g.Columns(qkv, i * width, width); };
  Value attention = g.Attention(part(0), part(1), part(2), 0, {kHeads, kHeads, kHeadDim, 1 / std::sqrt(8.0)});
  x = g.Add(x, g.Linear(attention, "o", kHidden));
  x = g.Add(x, g.Linear(g.Gelu(g.AddVector(g.Linear(x, "up", kFfn), "up.bias")), "down", kHidden));
  return std::move(g).Finish(g.Linear(g.SelectRows(g.LayerNorm(x, "last", 1e-5)), "head", kVocab));
}

using Build = Graph (*)();

class SmallModelRun {
 public:
  explicit SmallModelRun(Build build, int num_threads, tensor::DataType matrix_type = tensor::DataType::kF32,
                         Fusion fusion = Fusion::kRowChains)
      : threads_(num_threads), graph_(build()) {
    for (size_t p = 0; p < graph_.parameters.size(); ++p) {
      const Parameter& parameter = graph_.parameters[p];
      std::vector<float>& values = values_.emplace_back(static_cast<size_t>(parameter.shape.num_elements()));
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(UniformDouble(1, p, i) - 0.5);
      const tensor::TensorView view{tensor::DataType::kF32, parameter.shape,
                                    reinterpret_cast<const std::byte*>(values.data())};
      BoundParameter& bound = bound_.emplace_back();
      if (parameter.use == ParameterUse::kTable) bound.table = view;
      if (parameter.use == ParameterUse::kMatrix)
        bound.matrix = kernels::PackedMatrix::Pack(Encode(view, matrix_type), {}, threads_).value();
      if (parameter.use == ParameterUse::kVector) bound.vector = values;
    }
    kv_.layout = {.num_layers = 1,
                  .num_kv_heads = build == SmallLlama ? kKvHeads : kHeads,
                  .head_dim = kHeadDim,
                  .page_size = 16,
                  .type = tensor::DataType::kF32};
    pool_ = platform::AlignedBuffer::Allocate(kv_.layout.page_bytes() * 8, "pages").value();
    kv_.pages = pool_.data();
    executor_.emplace(Executor::Create(graph_, bound_, {.max_tokens = 64, .max_logit_rows = 4}, kv_,
                                       *kernels::SelectKernels("auto", platform::DetectCpuFeatures()).value(), threads_,
                                       fusion)
                          .value());
  }

  // Computes tokens [begin, end) of a fixed text on pages 0, 1, ...; returns the last one's logits.
  std::vector<float> Step(int64_t begin, int64_t end) {
    tokens_.clear();
    positions_.clear();
    for (int64_t i = begin; i < end; ++i) {
      tokens_.push_back(static_cast<TokenId>(i * 7 % kVocab));
      positions_.push_back(static_cast<int32_t>(i));
    }
    const kernels::AttentionChunk sequence{0, end - begin, begin, page_ids_.data()};
    const auto last = static_cast<int32_t>(end - begin - 1);
    const int64_t before = num_allocations.load();
    executor_->Run({.tokens = tokens_, .positions = positions_, .sequences = {&sequence, 1}});
    const std::span<float> logits = executor_->Output({&last, 1});
    allocations_in_run = num_allocations.load() - before;
    return {logits.begin(), logits.end()};
  }

  // Of rows of the last step.
  std::vector<float> Output(std::span<const int32_t> rows) {
    const std::span<float> output = executor_->Output(rows);
    return {output.begin(), output.end()};
  }
  std::vector<float> States(std::span<const int32_t> rows) {
    const std::span<const float> states = executor_->States(rows);
    return {states.begin(), states.end()};
  }

  // The logits after `num_tokens` of the same text.
  std::vector<double> Interpret(int64_t num_tokens) const {
    const TrainingGraph training = Differentiate(graph_);
    ReferenceInterpreter<double>::Tensors parameters;
    for (size_t p = 0; p < values_.size(); ++p) {
      parameters[graph_.parameters[p].name].assign(values_[p].begin(), values_[p].end());
    }
    TrainingBatch batch;
    batch.sequence_lengths = {num_tokens};
    batch.targets = {0};
    for (int64_t i = 0; i < num_tokens; ++i) batch.tokens.push_back(static_cast<TokenId>(i * 7 % kVocab));
    batch.target_rows = {static_cast<int32_t>(num_tokens - 1)};
    ReferenceInterpreter<double> interpreter(training.graph, std::move(parameters));
    interpreter.Run(batch, training.num_forward_nodes);
    return interpreter.value(training.logits);
  }

  int64_t allocations_in_run = 0;

 private:
  tensor::TensorView Encode(const tensor::TensorView& floats, tensor::DataType type) {
    tensor::TensorView view{type, floats.shape, nullptr};
    std::vector<std::byte>& bytes = encoded_.emplace_back(view.size_bytes());
    for (int64_t r = 0; r < view.shape.rows(); ++r) {
      const auto* row = reinterpret_cast<const float*>(floats.row(r));
      tensor::QuantizeRow(type, {row, static_cast<size_t>(view.shape.cols())},
                          bytes.data() + static_cast<size_t>(r) * view.row_bytes());
    }
    view.data = bytes.data();
    return view;
  }

  platform::ThreadPool threads_;
  Graph graph_;
  std::vector<std::vector<float>> values_;
  std::vector<std::vector<std::byte>> encoded_;
  std::vector<BoundParameter> bound_;
  kernels::KvPages kv_;
  platform::AlignedBuffer pool_;
  std::optional<Executor> executor_;
  std::vector<int32_t> page_ids_ = {0, 1, 2, 3};
  std::vector<TokenId> tokens_;
  std::vector<int32_t> positions_;
};

class ExecutorTest : public testing::TestWithParam<Build> {};
INSTANTIATE_TEST_SUITE_P(Blocks, ExecutorTest, testing::Values(SmallLlama, SmallGpt2),
                         [](const auto& info) { return info.param == SmallLlama ? "llama" : "gpt2"; });

TEST_P(ExecutorTest, ChunksAndThreadsDoNotChangeLogits) {
  const std::vector<float> whole = SmallModelRun(GetParam(), 1).Step(0, 60);
  ASSERT_EQ(whole.size(), static_cast<size_t>(kVocab));
  for (const float logit : whole) ASSERT_TRUE(std::isfinite(logit));
  for (const int64_t chunk : {1, 7, 59}) {
    SmallModelRun run(GetParam(), 2);
    std::vector<float> last;
    for (int64_t begin = 0; begin < 60; begin += chunk) last = run.Step(begin, std::min<int64_t>(60, begin + chunk));
    EXPECT_EQ(last, whole) << "chunks of " << chunk;
  }
}

// Rows come out the same in any order and company, however often they are asked for, and so do the states before.
TEST_P(ExecutorTest, SelectsRowsAgainAndAgain) {
  for (const auto fusion : {Fusion::kNone, Fusion::kRowChains}) {
    SmallModelRun run(GetParam(), 2, tensor::DataType::kQ8_0, fusion);
    const std::vector<float> last = run.Step(0, 60);
    std::vector<std::vector<float>> logits, states;
    for (int32_t row = 0; row < 60; ++row) {
      logits.push_back(run.Output({&row, 1}));
      states.push_back(run.States({&row, 1}));
      ASSERT_EQ(states.back().size(), static_cast<size_t>(kHidden));
    }
    EXPECT_EQ(logits[59], last);
    EXPECT_NE(logits[58], last);
    EXPECT_NE(states[58], states[59]);
    const std::vector<int32_t> rows = {40, 3, 59};
    std::vector<float> expected_logits, expected_states;
    for (const int32_t row : rows) {
      const auto r = static_cast<size_t>(row);
      expected_logits.insert(expected_logits.end(), logits[r].begin(), logits[r].end());
      expected_states.insert(expected_states.end(), states[r].begin(), states[r].end());
    }
    EXPECT_EQ(run.Output(rows), expected_logits);
    EXPECT_EQ(run.States(rows), expected_states);
  }
}

TEST_P(ExecutorTest, FusionChangesNoBit) {
  for (const auto type : {tensor::DataType::kF32, tensor::DataType::kBF16, tensor::DataType::kQ8_0}) {
    for (const int64_t length : {1, 13, 60}) {
      const std::vector<float> plain = SmallModelRun(GetParam(), 1, type, Fusion::kNone).Step(0, length);
      EXPECT_EQ(SmallModelRun(GetParam(), 2, type, Fusion::kRowChains).Step(0, length), plain)
          << Name(type) << " " << length;
    }
  }
}

// What the plain interpreter of training graphs computes of the same graph in f64.
TEST_P(ExecutorTest, AgreesWithThePlainInterpreter) {
  SmallModelRun run(GetParam(), 2);
  const std::vector<float> logits = run.Step(0, 60);
  const std::vector<double> expected = run.Interpret(60);
  ASSERT_EQ(logits.size(), expected.size());
  for (size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], expected[i], 1e-4) << i;
}

TEST_P(ExecutorTest, RunAllocatesNothing) {
  SmallModelRun run(GetParam(), 2);
  run.Step(0, 40);
  EXPECT_EQ(run.allocations_in_run, 0);
  run.Step(40, 41);
  EXPECT_EQ(run.allocations_in_run, 0);
}

TEST(Graph, PrintsItself) {
  GraphBuilder g;
  const Value x = g.Embedding("table", 10, 4);
  const std::string text = std::move(g).Finish(g.Linear(g.SelectRows(x), "head", 10)).ToString();
  EXPECT_EQ(text,
            "%0 [T, 4] = embedding(table [10, 4])\n"
            "%1 [R, 4] = select_rows(%0)\n"
            "%2 [R, 10] = linear(%1, head [10, 4])\n"
            "return %2\n");
}

TEST(GraphBuilderDeathTest, StopsOnShapesThatDoNotFit) {
  GraphBuilder g;
  const Value x = g.Embedding("table", 10, 4);
  const Value y = g.Linear(x, "w", 6);
  EXPECT_DEATH(g.Add(x, y), "CHECK failed");
}

// Random chains of operations with random inputs: results that live at once never overlap, in-place ones excepted.
RC_GTEST_PROP(MemoryPlan, LiveResultsDoNotOverlap, ()) {
  GraphBuilder g;
  std::vector<Value> values = {g.Embedding("table", 10, 16)};
  const int num_ops = *rc::gen::inRange(1, 40);
  for (int i = 0; i < num_ops; ++i) {
    const auto pick = [&] { return values[*rc::gen::inRange<size_t>(0, values.size())]; };
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        values.push_back(g.Add(pick(), pick()));
        break;
      case 1:
        values.push_back(g.Linear(pick(), "w", 16));
        break;
      default:
        values.push_back(g.RmsNorm(pick(), "n", 1e-5));
        break;
    }
  }
  const Graph graph = std::move(g).Finish(values.back());
  const BatchLimits limits{.max_tokens = 8, .max_logit_rows = 2};
  const auto fusion = *rc::gen::element(Fusion::kNone, Fusion::kRowChains);
  const std::vector<Step> steps = PlanSteps(graph, fusion);
  std::vector<bool> is_read_whole;
  for (size_t n = 0; n < graph.nodes.size(); ++n) is_read_whole.push_back(*rc::gen::arbitrary<bool>());
  const MemoryPlan plan = PlanMemory(graph, steps, is_read_whole, limits);
  const std::vector<LastUse> last = LastUses(graph, steps);
  std::vector<NodeId> order;
  std::vector<size_t> step_of(graph.nodes.size());
  for (size_t s = 0; s < steps.size(); ++s) {
    for (const NodeId id : steps[s].nodes) {
      order.push_back(id);
      step_of[static_cast<size_t>(id)] = s;
    }
  }
  RC_ASSERT(order.size() == graph.nodes.size());
  const auto overlap = [&](NodeId a, NodeId b) {
    const auto &first = plan.places[static_cast<size_t>(a)], &second = plan.places[static_cast<size_t>(b)];
    const size_t size = first.is_row_local ? 64 : 8 * 64;
    return first.is_row_local == second.is_row_local && first.offset < second.offset + size &&
           second.offset < first.offset + size;
  };
  for (size_t i = 0; i < order.size(); ++i) {
    const NodeId a = order[i];
    const size_t step = step_of[static_cast<size_t>(a)];
    const MemoryPlan::Place& place = plan.places[static_cast<size_t>(a)];
    const LastUse& use = last[static_cast<size_t>(a)];
    RC_ASSERT(place.offset + (place.is_row_local ? 64 : 8 * 64) <=
              (place.is_row_local ? plan.thread_bytes : plan.arena_bytes));
    if (place.is_row_local) RC_ASSERT(use.step <= step + (steps[step].packed == a ? 1 : 0));
    for (size_t j = i + 1; j < order.size(); ++j) {
      const NodeId b = order[j];
      const size_t other_step = step_of[static_cast<size_t>(b)];
      // a's result is still wanted in b's step; b, when it is the last to read it, may write over it only whole.
      if (place.is_row_local ? other_step == step : use.step >= other_step) {
        RC_ASSERT(!overlap(a, b) ||
                  (use.node == b && !place.is_row_local && place.offset == plan.places[static_cast<size_t>(b)].offset));
      }
    }
  }
}

// Every node once, after its inputs; products right after the step that packs their input.
TEST(PlanSteps, KeepsTheOrderOfDependencies) {
  const Graph graph = SmallLlama();
  for (const Fusion fusion : {Fusion::kNone, Fusion::kRowChains}) {
    std::vector<NodeId> done;
    const std::vector<Step> steps = PlanSteps(graph, fusion);
    for (size_t s = 0; s < steps.size(); ++s) {
      for (const NodeId id : steps[s].nodes) {
        const Node& node = graph.nodes[static_cast<size_t>(id)];
        for (const NodeId input : node.inputs) EXPECT_TRUE(std::ranges::find(done, input) != done.end());
        if (node.op == Op::kLinear) {
          EXPECT_TRUE(s > 0 && steps[s - 1].packed == node.inputs[0]);
        }
        done.push_back(id);
      }
    }
    EXPECT_TRUE(done.size() == graph.nodes.size());
  }
}

TEST(PlanSteps, ChainsRowsAndSharesProductsOfOneInput) {
  const Graph graph = SmallLlama();
  std::string text;
  for (const Step& step : PlanSteps(graph, Fusion::kRowChains)) {
    for (const NodeId id : step.nodes) text += std::string(OpName(graph.nodes[static_cast<size_t>(id)].op)) + " ";
    text += step.packed == kNone ? "| " : "pack | ";
  }
  EXPECT_EQ(
      text,
      "rotary_angles embedding rms_norm pack | linear linear linear | rotary rotary | attention | pack | linear | "
      "add pack | linear linear | silu_multiply pack | linear | add | select_rows pack | linear | ");
}

// A deep model needs no more memory than a shallow one.
TEST(MemoryPlan, ReusesMemoryAcrossLayers) {
  const auto bytes = [](int num_layers) {
    GraphBuilder g;
    Value x = g.Embedding("table", 10, 16);
    for (int i = 0; i < num_layers; ++i) x = g.Add(x, g.Linear(g.RmsNorm(x, "n", 1e-5), "w", 16));
    const Graph graph = std::move(g).Finish(x);
    const std::vector<bool> is_read_whole(graph.nodes.size(), true);
    return PlanMemory(graph, PlanSteps(graph, Fusion::kRowChains), is_read_whole,
                      {.max_tokens = 8, .max_logit_rows = 2})
        .arena_bytes;
  };
  EXPECT_EQ(bytes(2), bytes(50));
}

}  // namespace
}  // namespace tenfold::graph
