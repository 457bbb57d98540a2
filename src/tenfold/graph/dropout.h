// WithDropout: a pass over a model's graph that puts dropout (Srivastava et al., JMLR 2014) where transformers have it:
// behind the embeddings and before each result that is added to the residual stream (Vaswani et al., NIPS 2017, 5.4).
//
// What is kept is a function of (seed, which dropout of the graph, row, column): the backward pass and recomputation
// find the same again, and no mask is stored.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tenfold/base/random.h"
#include "tenfold/graph/graph.h"

namespace tenfold::graph {

// A probability of 0 gives the model as it is. Must lie in [0, 1).
Graph WithDropout(const Graph& model, double probability);

// One row of dropout number `stream`: y = x / (1 - probability), or 0. y may be x.
template <class Scalar>
void DropOut(uint64_t seed, int64_t stream, double probability, int64_t row, const Scalar* x, int64_t cols, Scalar* y) {
  const auto threshold = static_cast<uint32_t>(probability * 0x1p32);
  const auto scale = static_cast<Scalar>(1 / (1 - probability));
  for (int64_t begin = 0; begin < cols; begin += 4) {  // four columns share a draw
    const auto draws = Philox(seed, static_cast<uint64_t>(stream), static_cast<uint64_t>(row * cols + begin));
    for (int64_t i = begin; i < std::min(begin + 4, cols); ++i) {
      y[i] = draws[static_cast<size_t>(i - begin)] < threshold ? 0 : x[i] * scale;
    }
  }
}

}  // namespace tenfold::graph
