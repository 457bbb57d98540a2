// Clipping of gradients by their norm in all (Pascanu et al., ICML 2013).
#pragma once

#include <cstddef>
#include <span>

#include "tenfold/platform/thread_pool.h"

namespace tenfold::training {

// The Euclidean norm of a flat buffer. Sums in f64 over fixed pieces, added in order: the same bits however many
// threads take the pieces. `sums` is room for NumNormSums of them.
double GradientNorm(std::span<const float> gradients, platform::ThreadPool& threads, std::span<double> sums);
size_t NumNormSums(size_t num_gradients);

// What to multiply gradients by so that their norm is at most `max_norm`; 1 where it is already, or where max_norm is 0
// (no clipping).
double ClipScale(double norm, double max_norm);

}  // namespace tenfold::training
