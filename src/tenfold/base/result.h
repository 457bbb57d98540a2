// Result<T>: a value, or an Error that says what went wrong, where, and what to do about it.
//
// Everything that input, files, the network or memory can cause is returned as an Error (law 7). Broken invariants of
// our own stop in CHECK (check.h). No exception crosses a folder: a library that throws is caught where it is called.
//
// `base` is the namespace `tenfold` itself, so that Result and CHECK read without a prefix in every folder.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <tl/expected.hpp>

namespace tenfold {

enum class ErrorCode {
  kInvalidArgument,    // the caller asked for something that has no meaning
  kNotFound,           // a file, model or id that does not exist
  kUnsupported,        // meaningful, but not something this program does
  kCorrupt,            // a file or message that contradicts itself or ends early
  kResourceExhausted,  // memory, pages, queue places
  kUnavailable,        // shutting down
  kIo,                 // the operating system refused
};

// "invalid_argument" and so on, for logs and tests.
std::string_view ErrorCodeName(ErrorCode code);

struct Error {
  ErrorCode code;
  std::string message;  // a full sentence for the user: what, where, and the way out
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

// Builds the error side of a Result: `return MakeError(ErrorCode::kCorrupt, "{}: header ends at byte {}", path, n);`
template <class... Args>
tl::unexpected<Error> MakeError(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

#define TENFOLD_CONCAT_INNER(a, b) a##b
#define TENFOLD_CONCAT(a, b) TENFOLD_CONCAT_INNER(a, b)

// Evaluates a Result, returns its error from the enclosing function, or assigns its value: ASSIGN_OR_RETURN(auto x,
// F());
#define ASSIGN_OR_RETURN(lhs, expression) \
  ASSIGN_OR_RETURN_IMPL(TENFOLD_CONCAT(assign_or_return_, __LINE__), lhs, expression)
#define ASSIGN_OR_RETURN_IMPL(result, lhs, expression)                  \
  auto result = (expression);                                           \
  if (!result) return tl::unexpected<::tenfold::Error>(result.error()); \
  lhs = std::move(*result)

#define RETURN_IF_ERROR(expression)                                                                      \
  do {                                                                                                   \
    if (auto status_ = (expression); !status_) return tl::unexpected<::tenfold::Error>(status_.error()); \
  } while (false)

}  // namespace tenfold
