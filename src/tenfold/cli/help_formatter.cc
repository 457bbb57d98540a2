#include "tenfold/cli/help_formatter.h"

#include <string_view>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

namespace tenfold::cli {
namespace {

constexpr size_t kNameWidth = 34;
constexpr size_t kTextWidth = 84;  // 118 columns in all

// Breaks at spaces; CLI11 indents what follows a line break.
std::string Wrapped(std::string_view text) {
  std::string lines;
  while (text.size() > kTextWidth) {
    const size_t space = text.rfind(' ', kTextWidth);
    if (space == std::string_view::npos) break;
    lines += std::string(text.substr(0, space)) + "\n";
    text.remove_prefix(space + 1);
  }
  return lines + std::string(text);
}

}  // namespace

HelpFormatter::HelpFormatter() {
  column_width(kNameWidth);
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  const bool takes_value = option->get_type_size() != 0 && !option->get_type_name().empty();
  return takes_value ? " " + option->get_type_name() : std::string();
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  std::string text = option->get_description();
  const std::string& value = option->get_default_str();
  if (option->get_required()) text += " (required)";
  if (!value.empty() && value != "[]") text += fmt::format(" (default: {})", value);
  return Wrapped(text);
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  std::ostringstream out;
  CLI::detail::format_help(out, command->get_name(), Wrapped(command->get_description()), kNameWidth);
  return out.str();
}

}  // namespace tenfold::cli
