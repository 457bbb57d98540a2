// The first weights of a model, as GPT-2's: matrices and tables are drawn from N(0, 0.02), those that write into the
// residual stream from N(0, 0.02 / sqrt(2 layers)), so that its variance does not grow with depth; norms are ones,
// biases zeros (Radford et al., 2019, section 2.3).
#pragma once

#include <cstdint>
#include <span>

#include "tenfold/platform/thread_pool.h"
#include "tenfold/training/parameter_layout.h"

namespace tenfold::training {

// A weight is a function of (seed, its tensor's name, its place in it), whatever the number of threads. `weights` is a
// buffer of the layout.
void DrawInitialWeights(const ParameterLayout& layout, int64_t num_layers, uint64_t seed, platform::ThreadPool& threads,
                        std::span<float> weights);

}  // namespace tenfold::training
