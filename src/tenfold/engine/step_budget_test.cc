#include "tenfold/engine/step_budget.h"

#include <gtest/gtest.h>

#include "tenfold/engine/engine_for_test.h"
#include "tenfold/model/tiny_model_for_test.h"

namespace tenfold::engine {
namespace {

TEST(StepBudget, GrowsWithTheTargetBetweenItsBounds) {
  LoadedModel loaded(model::WriteTinyModel(tensor::DataType::kF32), 1);
  const EngineOptions options{.max_num_seqs = 20, .page_size = 16};
  const auto budget = [&](double target_s) {
    return MeasureStepBudget(options, target_s, *loaded.model, loaded.kernels(), loaded.threads);
  };
  const int64_t most = std::min(kMostStepTokens, loaded.model->config().context_length - 1);
  EXPECT_EQ(budget(1000).value(), most);
  const auto none = budget(1e-9);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("each of --max-num-seqs 20 sequences"), std::string::npos)
      << none.error().message;
  // Somewhere between what the least and the greatest step take; both bounds hold whatever was measured.
  const auto some = budget(1e-3);
  if (some) {
    EXPECT_GE(*some, options.max_num_seqs);
    EXPECT_LE(*some, most);
  }
}

}  // namespace
}  // namespace tenfold::engine
