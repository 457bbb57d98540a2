// Gradients of every op against central differences, in f64.
#include "tenfold/graph/autodiff.h"

#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/graph/dropout.h"
#include "tenfold/graph/gradient_check_for_test.h"
#include "tenfold/graph/op_cases_for_test.h"

namespace tenfold::graph {
namespace {

class AutodiffTest : public testing::TestWithParam<OpCase> {};

TEST_P(AutodiffTest, GradientsAreSlopes) {
  ExpectGradientsAreSlopes(WithHead(GetParam()), SmallBatch(), /*relative=*/1e-6);
}

TEST_P(AutodiffTest, GradientsAreSlopesUnderDropoutAndZLoss) {
  TrainingBatch batch = SmallBatch();
  batch.dropout_seed = 7;
  ExpectGradientsAreSlopes(WithDropout(WithHead(GetParam()), 0.2), batch, /*relative=*/1e-6, /*z_loss=*/0.01);
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
