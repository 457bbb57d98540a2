#include "tenfold/base/check.h"

#include <cstdio>
#include <cstdlib>

#include "tenfold/base/print.h"

namespace tenfold {

void CheckFailed(const char* file, int line, const char* condition, std::string_view detail) {
  Print(stderr, "{}:{}: CHECK failed: {}{}{}\n", file, line, condition, detail.empty() ? "" : " (",
        detail.empty() ? std::string() : std::string(detail) + ")");
  std::fflush(stderr);
  std::abort();
}

}  // namespace tenfold
