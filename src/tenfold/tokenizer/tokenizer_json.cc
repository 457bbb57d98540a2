#include "tenfold/tokenizer/tokenizer_json.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "tenfold/base/json.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/tokenizer_json_pipeline.h"

namespace tenfold::tokenizer {
namespace {

// Ids may leave holes, but a file of a few tokens must not ask for a table of billions. Real files leave at most a few
// hundred.
constexpr size_t kMostHoles = 65536;

// Puts a token at its id, growing the tables. `limit` is the first id that is too large.
Status PlaceToken(const json::value& id_value, std::string_view text, TokenType type, size_t limit,
                  Vocabulary& vocabulary) {
  if (!id_value.is_int64() || id_value.get_int64() < 0) {
    return MakeError(ErrorCode::kInvalidArgument, "{}: the id of token \"{}\" must be a whole number from 0",
                     vocabulary.source, text);
  }
  const auto id = static_cast<uint64_t>(id_value.get_int64());
  if (id >= limit) {
    return MakeError(ErrorCode::kCorrupt, "{}: token \"{}\" has id {}, far beyond the number of tokens",
                     vocabulary.source, text, id);
  }
  if (id >= vocabulary.tokens.size()) {
    vocabulary.tokens.resize(id + 1);
    vocabulary.types.resize(id + 1, TokenType::kUnused);
  }
  std::string& token = vocabulary.tokens[id];
  if (!token.empty() && token != text) {
    return MakeError(ErrorCode::kCorrupt, "{}: tokens \"{}\" and \"{}\" have the same id {}", vocabulary.source, token,
                     text, id);
  }
  token = text;
  vocabulary.types[id] = type;
  return {};
}

Status ReadTokens(const json::object& model, const json::value& added, Vocabulary& vocabulary) {
  const std::string& source = vocabulary.source;
  ASSIGN_OR_RETURN(const json::object* tokens, GetObject(model, "vocab", source + ": model"));
  const size_t num_added = added.is_array() ? added.get_array().size() : 0;
  const size_t limit = 2 * (tokens->size() + num_added) + kMostHoles;
  for (const auto& [text, id] : *tokens) {
    const bool is_byte = vocabulary.byte_fallback && ByteOfFallbackToken(text) >= 0;
    RETURN_IF_ERROR(PlaceToken(id, text, is_byte ? TokenType::kByte : TokenType::kNormal, limit, vocabulary));
  }
  if (added.is_null()) return {};
  if (!added.is_array()) {
    return MakeError(ErrorCode::kInvalidArgument, "{}: \"added_tokens\" must be an array, not {}", source,
                     JsonKindName(added));
  }
  const std::string what = source + ": added_tokens";
  for (const json::value& value : added.get_array()) {
    ASSIGN_OR_RETURN(const json::object* token, AsObject(value, what));
    ASSIGN_OR_RETURN(const auto text, GetString(*token, "content", what));
    if (!text) return MakeError(ErrorCode::kInvalidArgument, "{}: a token without \"content\"", what);
    ASSIGN_OR_RETURN(const auto is_special, GetBool(*token, "special", what));
    ASSIGN_OR_RETURN(const auto strips_left, GetBool(*token, "lstrip", what));
    ASSIGN_OR_RETURN(const auto strips_right, GetBool(*token, "rstrip", what));
    ASSIGN_OR_RETURN(const auto single_word, GetBool(*token, "single_word", what));
    if (single_word.value_or(false)) {
      return MakeError(ErrorCode::kUnsupported, "{}: \"single_word\" of token \"{}\" is not supported", what, *text);
    }
    const TokenType type = is_special.value_or(false) ? TokenType::kControl : TokenType::kUserDefined;
    const json::value& id = Member(*token, "id");
    RETURN_IF_ERROR(PlaceToken(id, *text, type, limit, vocabulary));
    if (strips_left.value_or(false)) vocabulary.strip_left.push_back(static_cast<TokenId>(id.get_int64()));
    if (strips_right.value_or(false)) vocabulary.strip_right.push_back(static_cast<TokenId>(id.get_int64()));
  }
  return {};
}

// "a b", or ["a", "b"] where tokens may contain spaces.
Status ReadMerges(const json::object& model, Vocabulary& vocabulary) {
  ASSIGN_OR_RETURN(const json::array* merges, GetArray(model, "merges", vocabulary.source + ": model"));
  vocabulary.merges.reserve(merges->size());
  for (const json::value& merge : *merges) {
    if (merge.is_string()) {
      const std::string_view text = merge.get_string();
      const size_t space = text.find(' ');
      if (space != std::string_view::npos) {
        vocabulary.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
        continue;
      }
    } else if (merge.is_array() && merge.get_array().size() == 2 && merge.get_array()[0].is_string() &&
               merge.get_array()[1].is_string()) {
      const auto& pair = merge.get_array();
      vocabulary.merges.emplace_back(std::string_view(pair[0].get_string()), std::string_view(pair[1].get_string()));
      continue;
    }
    return MakeError(ErrorCode::kInvalidArgument, "{}: merge {} must be \"a b\" or [\"a\", \"b\"]", vocabulary.source,
                     vocabulary.merges.size());
  }
  return {};
}

Status ReadModel(const json::object& model, const json::value& added, Vocabulary& vocabulary) {
  const std::string what = vocabulary.source + ": model";
  ASSIGN_OR_RETURN(const auto type, GetString(model, "type", what));
  // Files from before there were types are BPE when they have merges.
  if (type ? *type != "BPE" : !model.contains("merges")) {
    return MakeError(ErrorCode::kUnsupported, "{}: type \"{}\" is not supported; supported is BPE", what,
                     type.value_or("(none)"));
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    ASSIGN_OR_RETURN(const auto text, GetString(model, key, what));
    if (text && !text->empty()) return MakeError(ErrorCode::kUnsupported, "{}: \"{}\" is not supported", what, key);
  }
  ASSIGN_OR_RETURN(const auto dropout, GetNumber(model, "dropout", what));
  if (dropout.value_or(0) != 0) return MakeError(ErrorCode::kUnsupported, "{}: \"dropout\" is not supported", what);
  ASSIGN_OR_RETURN(const auto byte_fallback, GetBool(model, "byte_fallback", what));
  ASSIGN_OR_RETURN(const auto fuse_unknown, GetBool(model, "fuse_unk", what));
  ASSIGN_OR_RETURN(const auto ignore_merges, GetBool(model, "ignore_merges", what));
  vocabulary.byte_fallback = byte_fallback.value_or(false);
  vocabulary.fuse_unknown = fuse_unknown.value_or(false);
  vocabulary.ignore_merges = ignore_merges.value_or(false);
  RETURN_IF_ERROR(ReadTokens(model, added, vocabulary));
  RETURN_IF_ERROR(ReadMerges(model, vocabulary));
  ASSIGN_OR_RETURN(const auto unknown, GetString(model, "unk_token", what));
  if (unknown) {
    vocabulary.unknown = FindToken(vocabulary, *unknown);
    if (vocabulary.unknown == kNoToken) {
      return MakeError(ErrorCode::kCorrupt, "{}: \"unk_token\" \"{}\" is not in the vocabulary", what, *unknown);
    }
    vocabulary.types[static_cast<size_t>(vocabulary.unknown)] = TokenType::kUnknown;
  }
  return {};
}

// A token of tokenizer_config.json: its text, or an object with "content". Leaves `id` alone when there is none.
Status ReadConfigToken(const json::object& config, std::string_view key, Vocabulary& vocabulary, TokenId& id) {
  const std::string what = vocabulary.source + ": tokenizer_config.json";
  const json::value& member = Member(config, key);
  const bool is_object = member.is_object();
  ASSIGN_OR_RETURN(const auto text,
                   is_object ? GetString(member.get_object(), "content", what) : GetString(config, key, what));
  if (!text) return {};
  id = FindToken(vocabulary, *text);
  if (id != kNoToken) return {};
  return MakeError(ErrorCode::kCorrupt, "{}: \"{}\" \"{}\" is not in the vocabulary of tokenizer.json", what, key,
                   *text);
}

// A template, or several with names, of which "default" is the one for conversations.
Status ReadChatTemplate(const json::object& config, Vocabulary& vocabulary) {
  const std::string what = vocabulary.source + ": tokenizer_config.json: chat_template";
  const json::value& member = Member(config, "chat_template");
  if (member.is_string()) vocabulary.chat_template = member.get_string();
  if (!member.is_array()) return {};
  for (const json::value& value : member.get_array()) {
    ASSIGN_OR_RETURN(const json::object* named, AsObject(value, what));
    ASSIGN_OR_RETURN(const auto name, GetString(*named, "name", what));
    ASSIGN_OR_RETURN(const auto text, GetString(*named, "template", what));
    if (name == "default") vocabulary.chat_template = text.value_or("");
  }
  return {};
}

Status ReadConfig(const json::object& config, Vocabulary& vocabulary) {
  const std::string what = vocabulary.source + ": tokenizer_config.json";
  RETURN_IF_ERROR(ReadConfigToken(config, "bos_token", vocabulary, vocabulary.bos));
  RETURN_IF_ERROR(ReadConfigToken(config, "eos_token", vocabulary, vocabulary.eos));
  RETURN_IF_ERROR(ReadConfigToken(config, "pad_token", vocabulary, vocabulary.padding));
  ASSIGN_OR_RETURN(const auto add_bos, GetBool(config, "add_bos_token", what));
  ASSIGN_OR_RETURN(const auto add_eos, GetBool(config, "add_eos_token", what));
  vocabulary.add_bos = add_bos.value_or(vocabulary.add_bos);
  vocabulary.add_eos = add_eos.value_or(vocabulary.add_eos);
  return ReadChatTemplate(config, vocabulary);
}

}  // namespace

Result<Vocabulary> ParseTokenizerJson(std::string_view tokenizer_json, std::string_view tokenizer_config,
                                      std::string_view source) {
  Vocabulary vocabulary;
  vocabulary.source = source;
  ASSIGN_OR_RETURN(const json::value document, ParseJson(tokenizer_json, fmt::format("{}: tokenizer.json", source)));
  ASSIGN_OR_RETURN(const json::object* root, AsObject(document, fmt::format("{}: tokenizer.json", source)));
  ASSIGN_OR_RETURN(const json::object* model, GetObject(*root, "model", source));
  RETURN_IF_ERROR(ReadModel(*model, Member(*root, "added_tokens"), vocabulary));
  RETURN_IF_ERROR(ReadNormalizer(Member(*root, "normalizer"), vocabulary));
  RETURN_IF_ERROR(ReadPreTokenizer(Member(*root, "pre_tokenizer"), vocabulary));
  RETURN_IF_ERROR(ReadPostProcessor(Member(*root, "post_processor"), vocabulary));
  RETURN_IF_ERROR(CheckDecoder(Member(*root, "decoder"), vocabulary));
  if (!tokenizer_config.empty()) {
    const std::string what = fmt::format("{}: tokenizer_config.json", source);
    ASSIGN_OR_RETURN(const json::value config_document, ParseJson(tokenizer_config, what));
    ASSIGN_OR_RETURN(const json::object* config, AsObject(config_document, what));
    RETURN_IF_ERROR(ReadConfig(*config, vocabulary));
  }
  AddKnownEndOfGeneration(vocabulary);
  RETURN_IF_ERROR(CheckVocabulary(vocabulary));
  return vocabulary;
}

Result<Vocabulary> LoadTokenizerFolder(const std::filesystem::path& folder) {
  const auto read_if_there = [&](const char* name) -> Result<std::string> {
    auto text = platform::ReadTextFile(folder / name);
    if (!text && text.error().code == ErrorCode::kNotFound) return std::string();
    return text;
  };
  ASSIGN_OR_RETURN(const std::string tokenizer_json, platform::ReadTextFile(folder / "tokenizer.json"));
  ASSIGN_OR_RETURN(const std::string tokenizer_config, read_if_there("tokenizer_config.json"));
  ASSIGN_OR_RETURN(std::string chat_template, read_if_there("chat_template.jinja"));
  ASSIGN_OR_RETURN(Vocabulary vocabulary, ParseTokenizerJson(tokenizer_json, tokenizer_config, folder.string()));
  if (!chat_template.empty()) vocabulary.chat_template = std::move(chat_template);
  return vocabulary;
}

}  // namespace tenfold::tokenizer
