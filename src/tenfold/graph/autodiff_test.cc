// Gradients of every op against central differences, in f64.
#include "tenfold/graph/autodiff.h"

#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/graph/gradient_check_for_test.h"
#include "tenfold/graph/op_cases_for_test.h"

namespace tenfold::graph {
namespace {

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
