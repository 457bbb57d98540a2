// Config files of training runs: the keys of training_keys.h in the part of TOML that lists of settings need. Lines of
// `key = value` and comments; values are strings in "" (with escapes) or '', numbers, true, false, and arrays of
// strings over one line or several. Tables ([name]) are refused: every key is also a flag, and flags have no tables.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tenfold/base/result.h"
#include "tenfold/training/training_config.h"

namespace tenfold::training {

// Sets what `text` sets; `source` is its path, for errors. Errors: kInvalidArgument for an unknown key, one that stands
// twice, or a value that its key cannot have, with the line.
Status ApplyConfigText(std::string_view text, const std::string& source, TrainingConfig& config);

// The same for a file. Errors: those of reading it, too.
Status ApplyConfigFile(const std::filesystem::path& path, TrainingConfig& config);

}  // namespace tenfold::training
