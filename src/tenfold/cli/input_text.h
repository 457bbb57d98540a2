// Text that the user gives: on the command line, in a file, or on standard input.
#pragma once

#include <string>

#include <CLI/App.hpp>

#include "tenfold/base/result.h"

namespace tenfold::cli {

// --text TEXT or --file FILE; standard input when neither is given.
struct TextSource {
  std::string text;
  std::string file;
  const CLI::Option* text_option = nullptr;
};
void AddTextSource(CLI::App& command, TextSource& source);

Result<std::string> ReadText(const TextSource& source);

// All of standard input.
Result<std::string> ReadStandardInput();

}  // namespace tenfold::cli
