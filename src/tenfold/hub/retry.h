// When a request that failed is made again.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "tenfold/hub/failure.h"

namespace tenfold::hub {

// A question to the hub, and a file, of which more has come each time.
constexpr int kMaxQuestionAttempts = 4;
constexpr int kMaxFileAttempts = 6;
// Who is told to wait for longer should rather be told so.
constexpr std::chrono::seconds kLongestWait{300};

// How long to wait after `num_failed` attempts in a row before the next: half a second, doubled each time, or what the
// hub asked for. nullopt: do not try again.
std::optional<std::chrono::milliseconds> WaitBeforeRetry(const Failure& failure, int num_failed, int max_attempts);

// Waits, and says in the log what failed. False, at once, where WaitBeforeRetry gives up.
bool WaitToRetry(const Failure& failure, int num_failed, int max_attempts);

}  // namespace tenfold::hub
