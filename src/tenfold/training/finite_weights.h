// Whether weights are numbers: an update may make them infinite, and the next loss only tells when they are kept
// already.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "tenfold/platform/thread_pool.h"
#include "tenfold/training/parameter_layout.h"

namespace tenfold::training {

// The name of the first parameter that holds infinity or NaN; nullopt where none does. Reads all weights once, on all
// threads: a seventh of what an update reads and writes.
std::optional<std::string> FirstNotFinite(const ParameterLayout& layout, std::span<const float> weights,
                                          platform::ThreadPool& threads);

}  // namespace tenfold::training
