// Gradients of every op against central differences, in f64.
#include "tenfold/graph/autodiff.h"

#include <cmath>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/graph/builder.h"
#include "tenfold/graph/gradient_check_for_test.h"

namespace tenfold::graph {
namespace {

constexpr int64_t kVocab = 7, kWidth = 8;

// What is tested stands between an embedding and a head, so that gradients of its inputs reach the table's.
struct OpCase {
  const char* name;
  std::function<Value(GraphBuilder& g, Value x)> op;
};

void PrintTo(const OpCase& op, std::ostream* out) {
  *out << op.name;
}

Graph WithHead(const OpCase& op) {
  GraphBuilder g;
  const Value x = op.op(g, g.Embedding("table", kVocab, kWidth));
  return std::move(g).Finish(g.Linear(g.SelectRows(x), "head", kVocab));
}

Value Attend(GraphBuilder& g, Value x, bool rotates) {
  const auto projected = [&](const char* name, int64_t cols) { return g.Linear(x, name, cols); };
  Value q = projected("q", 4 * 4), k = projected("k", 2 * 4);
  if (rotates) {
    const Value angles = g.RotaryAngles({0.5}, 0.9);  // half of a head rotates
    q = g.Rotary(q, angles, 4);
    k = g.Rotary(k, angles, 4);
  }
  return g.Attention(q, k, projected("v", 2 * 4), 0, {.num_heads = 4, .num_kv_heads = 2, .head_dim = 4, .scale = 0.7});
}

const OpCase kOps[] = {
    {"Nothing", [](GraphBuilder&, Value x) { return x; }},
    {"Linear", [](GraphBuilder& g, Value x) { return g.Linear(x, "w", 5); }},
    {"RmsNorm", [](GraphBuilder& g, Value x) { return g.RmsNorm(x, "w", 1e-3); }},
    {"LayerNorm", [](GraphBuilder& g, Value x) { return g.LayerNorm(x, "w", 1e-3); }},
    {"Positions", [](GraphBuilder& g, Value x) { return g.Add(x, g.PositionEmbedding("p", 4, kWidth)); }},
    {"Gelu", [](GraphBuilder& g, Value x) { return g.Gelu(g.Linear(x, "w", 6)); }},
    {"AddVector", [](GraphBuilder& g, Value x) { return g.Gelu(g.AddVector(x, "b")); }},
    {"Columns", [](GraphBuilder& g, Value x) { return g.SiluMultiply(g.Columns(x, 1, 4), g.Columns(x, 3, 4)); }},
    {"SiluMultiply", [](GraphBuilder& g, Value x) { return g.SiluMultiply(g.Linear(x, "a", 6), g.Linear(x, "b", 6)); }},
    {"Square", [](GraphBuilder& g, Value x) { return g.SiluMultiply(x, x); }},
    {"Add", [](GraphBuilder& g, Value x) { return g.Add(g.Add(x, x), g.Linear(x, "w", kWidth)); }},
    {"Attention", [](GraphBuilder& g, Value x) { return Attend(g, x, /*rotates=*/false); }},
    {"RotaryAttention", [](GraphBuilder& g, Value x) { return Attend(g, x, /*rotates=*/true); }},
    {"OneParameterTwice", [](GraphBuilder& g, Value x) { return g.Linear(g.Linear(x, "w", kWidth), "w", kWidth); }},
};

class AutodiffTest : public testing::TestWithParam<OpCase> {};

TEST_P(AutodiffTest, GradientsAreSlopes) {
  const TrainingBatch batch{.tokens = {1, 2, 2, 0, 6, 5, 3, 1},
                            .sequence_lengths = {3, 1, 4},
                            .target_rows = {0, 1, 2, 4, 5, 7},  // two tokens are read only
                            .targets = {2, 2, 0, 5, 3, 1},
                            .gradient_scale = 1.0 / 6};
  ExpectGradientsAreSlopes(WithHead(GetParam()), batch, /*relative=*/1e-6);
}

INSTANTIATE_TEST_SUITE_P(Ops, AutodiffTest, testing::ValuesIn(kOps), [](const auto& info) { return info.param.name; });

TEST(AutodiffTest, TheForwardPassComesFirstAndUnchanged) {
  GraphBuilder g;
  const Value x = g.SelectRows(g.RmsNorm(g.Embedding("table", kVocab, kWidth), "norm", 1e-5));
  const Graph model = std::move(g).Finish(g.Linear(x, "head", kVocab));
  const TrainingGraph training = Differentiate(model);
  EXPECT_EQ(training.logits, model.output);
  EXPECT_EQ(training.num_forward_nodes, static_cast<NodeId>(model.nodes.size()) + 1);
  EXPECT_EQ(training.graph.output, training.num_forward_nodes - 1);
  EXPECT_EQ(training.graph.ToString(), R"(%0 [T, 8] = embedding(table [7, 8])
%1 [T, 8] = rms_norm(%0, norm [8])
%2 [R, 8] = select_rows(%1)
%3 [R, 7] = linear(%2, head [7, 8])
%4 [R, 1] = cross_entropy(%3)
%5 [R, 7] = cross_entropy_gradient(%3)
head [7, 8] += linear_weight_gradient(%2, %5)
%7 [R, 8] = linear_input_gradient(%5, head [7, 8])
%8 [T, 8] = scatter_rows(%7)
norm [8] += rms_norm_weight_gradient(%0, %8)
%10 [T, 8] = rms_norm_input_gradient(%0, %8, norm [8])
table [7, 8] += embedding_weight_gradient(%10)
return %4
)");
}

}  // namespace
}  // namespace tenfold::graph
