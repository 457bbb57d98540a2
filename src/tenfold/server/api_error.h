// An answer that says no, in OpenAI's envelope: {"error": {"message", "type", "param", "code"}}.
#pragma once

#include <string>
#include <utility>

#include <fmt/format.h>
#include <tl/expected.hpp>

#include "tenfold/base/result.h"
#include "tenfold/server/http.h"

namespace tenfold::server {

struct ApiError {
  int status = 400;
  std::string message;     // for the user: what was wrong and the way out
  std::string param = {};  // the field at fault; null on the wire when empty
  std::string code = {};   // for programs, such as "model_not_found"; null on the wire when empty
  int retry_after_s = 1;   // of a 429 or 503
};

template <class T>
using ApiResult = tl::expected<T, ApiError>;
using ApiStatus = tl::expected<void, ApiError>;

#define RETURN_IF_REFUSED(expression)                                                     \
  do {                                                                                    \
    if (auto refused_ = (expression); !refused_) return tl::unexpected(refused_.error()); \
  } while (false)

// A 400 that blames one field: `return BadField("top_p", "must lie in (0, 1], not {}", value);`
template <class... Args>
tl::unexpected<ApiError> BadField(std::string_view param, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected(ApiError{400, fmt::format("\"{}\" {}", param, fmt::format(format, std::forward<Args>(args)...)),
                                 std::string(param), "invalid_value"});
}

// What the client is told when another folder refuses: the caller's fault is 400, a full queue 429, a shutdown 503,
// anything else 500.
ApiError FromError(const Error& error);

// The 503 of a server that takes no new work.
ApiError ShuttingDown();

HttpResponse ErrorResponse(const ApiError& error);
// The envelope alone, for a stream whose status line is already out.
std::string ErrorJson(const ApiError& error);

}  // namespace tenfold::server
