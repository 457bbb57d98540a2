// Failure: an error on the way to the hub, and whether it may pass by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "tenfold/base/result.h"

namespace tenfold::hub {

struct Failure {
  Failure(Error e) : error(std::move(e)) {}  // implicit, so that an Error passes through an Attempt: it does not pass
  Failure(Error e, bool transient) : error(std::move(e)), is_transient(transient) {}

  Error error;
  bool is_transient = false;             // the network or the hub's state of the moment
  bool is_absent_revision = false;       // the repository is there, not this branch, tag or commit
  std::optional<int64_t> retry_after_s;  // when the hub wants to be asked again
};

// With what it was about before the message.
inline Failure Prefixed(Failure failure, std::string_view what) {
  failure.error.message = fmt::format("{}: {}", what, failure.error.message);
  return failure;
}

template <class T>
using Attempt = tl::expected<T, Failure>;

}  // namespace tenfold::hub
