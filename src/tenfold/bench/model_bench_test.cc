#include "tenfold/bench/model_bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::bench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(PointsOf, PicksWhatIsAskedFor) {
  const ModelPoints standard = PointsOf({});
  EXPECT_TRUE(standard.is_standard);
  EXPECT_EQ(standard.prefills.size(), 4u);
  EXPECT_EQ(standard.decodes.size(), 9u);

  const ModelPoints prefill = PointsOf({.prefills = {512}});
  EXPECT_FALSE(prefill.is_standard);
  EXPECT_THAT(prefill.prefills, ElementsAre(512));
  EXPECT_THAT(prefill.decodes, IsEmpty());

  EXPECT_THAT(PointsOf({.contexts = {0, 2048}}).decodes, ElementsAre(DecodePoint{1, 0}, DecodePoint{1, 2048}));
  EXPECT_THAT(PointsOf({.decode_batches = {4, 16}}).decodes, ElementsAre(DecodePoint{4, 0}, DecodePoint{16, 0}));
  EXPECT_THAT(PointsOf({.decode_batches = {1, 2}, .contexts = {7, 8}}).decodes,
              ElementsAre(DecodePoint{1, 7}, DecodePoint{2, 7}, DecodePoint{1, 8}, DecodePoint{2, 8}));
}

}  // namespace
}  // namespace tenfold::bench
