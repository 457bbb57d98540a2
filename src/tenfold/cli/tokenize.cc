// tenfold tokenize: text to token ids, as a model's tokenizer does it; needs no weights.
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

#include "tenfold/base/json.h"
#include "tenfold/cli/commands.h"
#include "tenfold/cli/escaped_text.h"
#include "tenfold/cli/input_text.h"
#include "tenfold/cli/model_source.h"
#include "tenfold/cli/options.h"
#include "tenfold/formats/gguf.h"
#include "tenfold/model/gguf_vocabulary.h"
#include "tenfold/tokenizer/tokenizer.h"
#include "tenfold/tokenizer/tokenizer_json.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::cli {
namespace {

using tokenizer::Tokenizer;

struct TokenizeFlags {
  std::string model;
  TextSource text;
  bool no_special = false;
  bool parse_special = false;
  bool json = false;
};

Result<Tokenizer> LoadTokenizer(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) {
    ASSIGN_OR_RETURN(auto vocabulary, tokenizer::LoadTokenizerFolder(path));
    return Tokenizer::Create(std::move(vocabulary));
  }
  ASSIGN_OR_RETURN(const auto file, formats::GgufFile::Open(path));
  ASSIGN_OR_RETURN(auto vocabulary, model::ReadGgufVocabulary(file));
  return Tokenizer::Create(std::move(vocabulary));
}

Status RunTokenize(const TokenizeFlags& flags) {
  ASSIGN_OR_RETURN(const std::filesystem::path path, LocalModel(flags.model));
  ASSIGN_OR_RETURN(const Tokenizer tokenizer, LoadTokenizer(path));
  ASSIGN_OR_RETURN(const std::string text, ReadText(flags.text));
  const std::vector<TokenId> ids =
      tokenizer.Encode(text, {.add_special = !flags.no_special, .parse_special = flags.parse_special});
  if (!flags.json) {
    for (const TokenId id : ids) fmt::print("{:>7}  {}\n", id, EscapedText(tokenizer.TokenText(id)));
    return {};
  }
  json::array pieces;
  for (const TokenId id : ids) pieces.emplace_back(tokenizer::RepairUtf8(tokenizer.TokenText(id)));
  fmt::print("{}\n", json::serialize(json::object{{"ids", json::value_from(ids)}, {"pieces", std::move(pieces)}}));
  return {};
}

}  // namespace

Command AddTokenize(CLI::App& program) {
  CLI::App* command = program.add_subcommand(
      "tokenize", "Show the tokens of a text: one line each, id and piece. MODEL may be a vocabulary without weights");
  auto flags = std::make_shared<TokenizeFlags>();
  AddModelPath(*command, flags->model);
  AddTextSource(*command, flags->text);
  command->add_flag("--no-special", flags->no_special, "Leave out the beginning- and end-of-text tokens");
  command->add_flag("--parse-special", flags->parse_special, "Read \"<|im_end|>\" and the like as control tokens");
  command->add_flag("--json", flags->json,
                    "Print one JSON object: ids, pieces (U+FFFD stands for bytes that are no whole character)");
  return {command, [flags] { return RunTokenize(*flags); }};
}

}  // namespace tenfold::cli
