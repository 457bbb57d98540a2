// What the commands that write models have in common.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <CLI/App.hpp>

#include "tenfold/base/result.h"
#include "tenfold/model/model_writer.h"

namespace tenfold::cli {

// --type, with the names of all mixes.
CLI::Option* AddWeightMix(CLI::App& command, std::string& name, const std::string& description);

// --threads, 0 = one for each usable processor.
void AddWritingThreads(CLI::App& command, int& num_threads);

// Writes `out` and says on standard error what came of it: in how many bytes, beside those of `in` unless that is empty,
// and how long it took; with a note where matrices have another type than they should.
Status WriteAndReport(const std::filesystem::path& in, const std::filesystem::path& out,
                      const std::function<Result<model::WriteSummary>()>& write);

}  // namespace tenfold::cli
