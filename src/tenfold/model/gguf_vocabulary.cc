#include "tenfold/model/gguf_vocabulary.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/tokenizer/known_pre_tokenizers.h"

namespace tenfold::model {
namespace {

using formats::GgufFile;
using tokenizer::kNoToken;
using tokenizer::TokenType;
using tokenizer::Vocabulary;
using tokenizer::VocabularyKind;

// Leaves `id` alone when the key is absent. Old converters wrote "none" as the largest 32-bit number.
Status ReadId(const GgufFile& file, std::string_view key, TokenId& id) {
  ASSIGN_OR_RETURN(const auto value, file.GetInt(key));
  if (!value) return {};
  constexpr int64_t kNone = 0xFFFFFFFF;
  if (*value < 0 || *value > kNone) {
    return MakeError(ErrorCode::kCorrupt, "{}: \"{}\" is {}, which is no token id", file.name(), key, *value);
  }
  id = *value == kNone ? kNoToken : static_cast<TokenId>(std::min<int64_t>(*value, INT32_MAX));
  return {};
}

Status ReadTokens(const GgufFile& file, Vocabulary& vocabulary) {
  ASSIGN_OR_RETURN(const auto tokens, file.GetStrings("tokenizer.ggml.tokens"));
  vocabulary.tokens.assign(tokens.begin(), tokens.end());
  ASSIGN_OR_RETURN(const auto scores, file.GetNumbers("tokenizer.ggml.scores"));
  vocabulary.scores.assign(scores.size(), 0.0f);
  std::ranges::transform(scores, vocabulary.scores.begin(), [](double score) { return static_cast<float>(score); });

  ASSIGN_OR_RETURN(const auto types, file.GetInts("tokenizer.ggml.token_type"));
  if (types.empty()) vocabulary.types.assign(tokens.size(), TokenType::kNormal);
  for (const int64_t type : types) {
    if (type < 0 || type > static_cast<int64_t>(TokenType::kByte)) {
      return MakeError(ErrorCode::kCorrupt, "{}: \"tokenizer.ggml.token_type\" holds {}; types are 1 to 6", file.name(),
                       type);
    }
    vocabulary.types.push_back(type == 0 ? TokenType::kNormal : static_cast<TokenType>(type));  // 0: undefined
  }
  return {};
}

Status ReadMerges(const GgufFile& file, Vocabulary& vocabulary) {
  ASSIGN_OR_RETURN(const auto merges, file.GetStrings("tokenizer.ggml.merges"));
  vocabulary.merges.reserve(merges.size());
  for (const std::string_view merge : merges) {
    const size_t space = merge.find(' ', 1);  // the first part is not empty
    if (space == std::string_view::npos) {
      return MakeError(ErrorCode::kCorrupt, "{}: \"tokenizer.ggml.merges\" holds \"{}\", which is not two tokens",
                       file.name(), merge);
    }
    vocabulary.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  return {};
}

// What the kind of tokenizer says where the file says nothing.
Status ApplyKind(const GgufFile& file, std::string_view model, Vocabulary& vocabulary) {
  if (model == "llama") {
    vocabulary.kind = VocabularyKind::kSentencePiece;
    vocabulary.space_prefix = tokenizer::SpacePrefix::kEveryText;
    vocabulary.merges.clear();  // scores decide
    vocabulary.add_bos = true;
    vocabulary.unknown = 0;
    vocabulary.bos = 1;
    vocabulary.eos = 2;
    return {};
  }
  vocabulary.scores.clear();  // merges decide
  if (model == "gemma4") {
    vocabulary.kind = VocabularyKind::kSentencePiece;
    vocabulary.splits = {{.pattern = "[^\\n]+|[\\n]+"}};
    vocabulary.add_bos = true;
    return {};
  }
  if (model != "gpt2") {
    return MakeError(ErrorCode::kUnsupported,
                     "{}: \"tokenizer.ggml.model\" is \"{}\", which is not supported; supported are llama, gpt2 and "
                     "gemma4",
                     file.name(), model);
  }
  vocabulary.kind = VocabularyKind::kByteLevel;
  ASSIGN_OR_RETURN(const auto name, file.GetString("tokenizer.ggml.pre"));
  auto known = tokenizer::FindPreTokenizer(name.value_or("default"));
  if (!known) {
    return MakeError(known.error().code, "{}: \"tokenizer.ggml.pre\": {}", file.name(), known.error().message);
  }
  vocabulary.splits = std::move(known->splits);
  vocabulary.ignore_merges = known->ignore_merges;
  vocabulary.normalize_nfc = known->normalize_nfc;
  vocabulary.add_bos = known->add_bos;
  return {};
}

Status ReadIds(const GgufFile& file, Vocabulary& vocabulary) {
  RETURN_IF_ERROR(ReadId(file, "tokenizer.ggml.bos_token_id", vocabulary.bos));
  RETURN_IF_ERROR(ReadId(file, "tokenizer.ggml.eos_token_id", vocabulary.eos));
  RETURN_IF_ERROR(ReadId(file, "tokenizer.ggml.unknown_token_id", vocabulary.unknown));
  RETURN_IF_ERROR(ReadId(file, "tokenizer.ggml.padding_token_id", vocabulary.padding));
  for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    TokenId id = kNoToken;
    RETURN_IF_ERROR(ReadId(file, key, id));
    if (id != kNoToken) vocabulary.end_of_generation.push_back(id);
  }
  return {};
}

// GGUF does not say which special tokens strip whitespace. Phi-3's tokenizer.json does, for all but three.
void ApplyPhi3Stripping(Vocabulary& vocabulary) {
  static constexpr std::array<std::string_view, 3> kKeepWhitespace = {"<unk>", "<s>", "<|endoftext|>"};
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string& token = vocabulary.tokens[id];
    const bool is_special = vocabulary.types[id] == TokenType::kControl || token == "</s>";
    if (is_special && std::ranges::find(kKeepWhitespace, token) == kKeepWhitespace.end()) {
      vocabulary.strip_right.push_back(static_cast<TokenId>(id));
    }
  }
}

}  // namespace

Result<Vocabulary> ReadGgufVocabulary(const GgufFile& file) {
  ASSIGN_OR_RETURN(const auto model, file.GetString("tokenizer.ggml.model"));
  if (!model) {
    return MakeError(ErrorCode::kNotFound, "{}: no tokenizer: \"tokenizer.ggml.model\" is missing", file.name());
  }
  Vocabulary vocabulary;
  vocabulary.source = file.name();
  RETURN_IF_ERROR(ReadTokens(file, vocabulary));
  RETURN_IF_ERROR(ReadMerges(file, vocabulary));
  RETURN_IF_ERROR(ApplyKind(file, *model, vocabulary));
  RETURN_IF_ERROR(ReadIds(file, vocabulary));
  ASSIGN_OR_RETURN(const auto add_bos, file.GetBool("tokenizer.ggml.add_bos_token"));
  ASSIGN_OR_RETURN(const auto add_eos, file.GetBool("tokenizer.ggml.add_eos_token"));
  ASSIGN_OR_RETURN(const auto add_space_prefix, file.GetBool("tokenizer.ggml.add_space_prefix"));
  ASSIGN_OR_RETURN(const auto chat_template, file.GetString("tokenizer.chat_template"));
  ASSIGN_OR_RETURN(const auto architecture, file.GetString("general.architecture"));
  vocabulary.add_bos = add_bos.value_or(vocabulary.add_bos && vocabulary.bos != kNoToken);
  vocabulary.add_eos = add_eos.value_or(false);
  if (add_space_prefix == false) vocabulary.space_prefix = tokenizer::SpacePrefix::kNever;
  vocabulary.chat_template = chat_template.value_or("");
  RETURN_IF_ERROR(CheckVocabulary(vocabulary));
  if (architecture == "phi3" && *model == "llama") ApplyPhi3Stripping(vocabulary);
  AddKnownEndOfGeneration(vocabulary);
  return vocabulary;
}

}  // namespace tenfold::model
