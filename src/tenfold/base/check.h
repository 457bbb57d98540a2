// CHECK stops the program when an invariant of our own is broken; DCHECK does so in debug and sanitized builds only.
//
// Never for anything that input can cause: that is a Result (result.h).
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ostream.h>

namespace tenfold {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, std::string_view detail);

}  // namespace tenfold

#define CHECK(condition)                                          \
  do {                                                            \
    if (!(condition)) [[unlikely]]                                \
      ::tenfold::CheckFailed(__FILE__, __LINE__, #condition, {}); \
  } while (false)

// With a message: CHECK_MSG(n < limit, "{} of {}", n, limit).
#define CHECK_MSG(condition, ...)                                                         \
  do {                                                                                    \
    if (!(condition)) [[unlikely]]                                                        \
      ::tenfold::CheckFailed(__FILE__, __LINE__, #condition, ::fmt::format(__VA_ARGS__)); \
  } while (false)

// Prints both values.
#define CHECK_OP(op, a, b)                                                        \
  do {                                                                            \
    const auto& check_a_ = (a);                                                   \
    const auto& check_b_ = (b);                                                   \
    if (!(check_a_ op check_b_)) [[unlikely]]                                     \
      ::tenfold::CheckFailed(__FILE__, __LINE__, #a " " #op " " #b,               \
                             ::fmt::format("{} against {}", check_a_, check_b_)); \
  } while (false)
#define CHECK_EQ(a, b) CHECK_OP(==, a, b)
#define CHECK_NE(a, b) CHECK_OP(!=, a, b)
#define CHECK_LT(a, b) CHECK_OP(<, a, b)
#define CHECK_LE(a, b) CHECK_OP(<=, a, b)
#define CHECK_GT(a, b) CHECK_OP(>, a, b)
#define CHECK_GE(a, b) CHECK_OP(>=, a, b)

#ifdef NDEBUG
#define DCHECK(condition)         \
  do {                            \
    if (false) (void)(condition); \
  } while (false)
#else
#define DCHECK(condition) CHECK(condition)
#endif
