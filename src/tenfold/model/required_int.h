// A number that a model's description must have. Internal to the readers of configurations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tenfold/base/result.h"

namespace tenfold::model {

// What was found under `key`. Errors: those of looking for it; kCorrupt where it is missing.
inline Result<int64_t> RequireInt(Result<std::optional<int64_t>> value, const std::string& source,
                                  std::string_view key) {
  ASSIGN_OR_RETURN(const std::optional<int64_t> number, std::move(value));
  if (!number) return MakeError(ErrorCode::kCorrupt, "{}: \"{}\" is missing", source, key);
  return *number;
}

}  // namespace tenfold::model
