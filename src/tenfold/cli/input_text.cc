#include "tenfold/cli/input_text.h"

#include <cstdio>

#include "tenfold/platform/mapped_file.h"

namespace tenfold::cli {

void AddTextSource(CLI::App& command, TextSource& source) {
  CLI::Option* text = command.add_option("--text", source.text, "The text")->type_name("TEXT");
  command.add_option("--file", source.file, "A file that holds it; without either, standard input is read")
      ->type_name("FILE")
      ->excludes(text);
  source.text_option = text;
}

Result<std::string> ReadText(const TextSource& source) {
  if (!source.file.empty()) return platform::ReadTextFile(source.file);
  if (source.text_option->count() > 0) return source.text;
  return ReadStandardInput();
}

Result<std::string> ReadStandardInput() {
  std::string text;
  char buffer[65536];
  while (const size_t count = std::fread(buffer, 1, sizeof(buffer), stdin)) text.append(buffer, count);
  if (std::ferror(stdin) != 0) return MakeError(ErrorCode::kIo, "standard input could not be read");
  return text;
}

}  // namespace tenfold::cli
