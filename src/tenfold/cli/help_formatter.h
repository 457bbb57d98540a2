// Lays out --help: "--flag TYPE" on the left, on the right what it does and its default, broken into lines.
#pragma once

#include <string>

#include <CLI/App.hpp>
#include <CLI/FormatterFwd.hpp>

namespace tenfold::cli {

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();

  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
  std::string make_subcommand(const CLI::App* command) const override;
};

}  // namespace tenfold::cli
