#include "tenfold/cli/size.h"

#include <cctype>
#include <charconv>
#include <cmath>

#include "tenfold/formats/quoted.h"

namespace tenfold::cli {
namespace {

constexpr std::string_view kUnits = "KMGT";

// How often 1024 goes into the unit, or -1.
int PowerOfUnit(std::string_view unit) {
  if (unit.empty()) return 0;
  const size_t index = kUnits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(unit[0]))));
  const std::string_view rest = unit.substr(1);
  if (index == std::string_view::npos) return -1;
  if (!rest.empty() && rest != "B" && rest != "iB") return -1;
  return static_cast<int>(index) + 1;
}

}  // namespace

Result<size_t> ParseSize(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  const int power = error == std::errc() ? PowerOfUnit({unit, static_cast<size_t>(end - unit)}) : -1;
  const double bytes = std::ldexp(number, 10 * power);
  if (power < 0 || !(bytes >= 0 && bytes < 0x1p63)) {
    return MakeError(ErrorCode::kInvalidArgument, "{} is not a size: write a number of bytes, or 512M, 4G, 1.5G",
                     formats::Quoted(text));
  }
  return static_cast<size_t>(bytes);
}

}  // namespace tenfold::cli
