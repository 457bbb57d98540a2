#include "tenfold/model/gguf_vocabulary_writer.h"

#include <string>
#include <string_view>
#include <vector>

#include "tenfold/tokenizer/known_pre_tokenizers.h"
#include "tenfold/tokenizer/merges_and_scores.h"

namespace tenfold::model {
namespace {

using tokenizer::kNoToken;
using tokenizer::SpacePrefix;
using tokenizer::TokenType;
using tokenizer::Vocabulary;
using tokenizer::VocabularyKind;

tl::unexpected<Error> Unsupported(const Vocabulary& vocabulary, std::string_view what) {
  return MakeError(ErrorCode::kUnsupported, "{}: GGUF has no name for this tokenizer: {}", vocabulary.source, what);
}

// "llama": joined by scores.
Status WriteSentencePiece(const Vocabulary& vocabulary, size_t num_tokens, formats::GgufHeaderBuilder& header) {
  if (!vocabulary.spaces_are_underlined || vocabulary.normalize_nfc || !vocabulary.splits.empty()) {
    return Unsupported(vocabulary, "it is SentencePiece's, but texts are cut or normalized before their tokens join");
  }
  const bool has_prefix = vocabulary.space_prefix != SpacePrefix::kNever;
  if (has_prefix && (vocabulary.prefix_only_when_missing || vocabulary.space_prefix == SpacePrefix::kFirstText)) {
    return Unsupported(vocabulary, "a space is put only before some texts (tokenizer.json's \"Metaspace\")");
  }
  std::vector<float> scores = vocabulary.scores;
  if (!vocabulary.merges.empty()) {
    ASSIGN_OR_RETURN(scores, tokenizer::ScoresFromMerges(vocabulary));
  }
  scores.resize(num_tokens, 0.0f);
  header.SetString("tokenizer.ggml.model", "llama");
  header.SetFloat32s("tokenizer.ggml.scores", scores);
  header.SetBool("tokenizer.ggml.add_space_prefix", has_prefix);
  return {};
}

// "gpt2": joined by merges.
Status WriteByteLevel(const Vocabulary& vocabulary, formats::GgufHeaderBuilder& header) {
  if (vocabulary.space_prefix != SpacePrefix::kNever) {
    return Unsupported(vocabulary, "it is byte-level, but puts a space before texts");
  }
  const auto name = tokenizer::PreTokenizerName({.splits = vocabulary.splits,
                                                 .ignore_merges = vocabulary.ignore_merges,
                                                 .normalize_nfc = vocabulary.normalize_nfc});
  if (!name) {
    std::string patterns;
    for (const tokenizer::SplitStep& step : vocabulary.splits) patterns += "\n  " + step.pattern;
    return Unsupported(vocabulary, "no known pre-tokenizer cuts texts by these patterns alone:" + patterns);
  }
  std::vector<std::string> merges;
  for (const auto& [left, right] : vocabulary.merges) merges.push_back(left + " " + right);
  header.SetString("tokenizer.ggml.model", "gpt2");
  header.SetString("tokenizer.ggml.pre", *name);
  header.SetStrings("tokenizer.ggml.merges", merges);
  return {};
}

}  // namespace

Status WriteGgufVocabulary(const Vocabulary& vocabulary, int64_t vocab_size, formats::GgufHeaderBuilder& header) {
  const auto num_tokens = static_cast<size_t>(vocab_size);
  if (vocabulary.tokens.size() > num_tokens) {
    return MakeError(ErrorCode::kCorrupt, "{}: {} tokens, but a table of embeddings of {} rows", vocabulary.source,
                     vocabulary.tokens.size(), vocab_size);
  }
  RETURN_IF_ERROR(vocabulary.kind == VocabularyKind::kSentencePiece ? WriteSentencePiece(vocabulary, num_tokens, header)
                                                                    : WriteByteLevel(vocabulary, header));
  std::vector<std::string> tokens = vocabulary.tokens;
  std::vector<int32_t> types;
  for (const TokenType type : vocabulary.types) types.push_back(static_cast<int32_t>(type));
  tokens.resize(num_tokens);
  types.resize(num_tokens, static_cast<int32_t>(TokenType::kUnused));
  for (size_t id = 0; id < num_tokens; ++id) {
    if (!tokens[id].empty()) continue;  // a hole, or beyond the vocabulary
    tokens[id] = fmt::format("[PAD{}]", id);
    types[id] = static_cast<int32_t>(TokenType::kUnused);
  }
  header.SetStrings("tokenizer.ggml.tokens", tokens);
  header.SetInt32s("tokenizer.ggml.token_type", types);

  const auto set_id = [&](const char* key, TokenId id) {
    if (id != kNoToken) header.SetUint32(key, static_cast<uint32_t>(id));
  };
  set_id("tokenizer.ggml.bos_token_id", vocabulary.bos);
  set_id("tokenizer.ggml.eos_token_id", vocabulary.eos);
  set_id("tokenizer.ggml.unknown_token_id", vocabulary.unknown);
  set_id("tokenizer.ggml.padding_token_id", vocabulary.padding);
  // A turn may end otherwise than a text; more than one other end has no place, but many are known by their texts.
  for (const TokenId id : vocabulary.end_of_generation) {
    if (id == vocabulary.eos) continue;
    set_id("tokenizer.ggml.eot_token_id", id);
    break;
  }
  header.SetBool("tokenizer.ggml.add_bos_token", vocabulary.add_bos);
  header.SetBool("tokenizer.ggml.add_eos_token", vocabulary.add_eos);
  if (!vocabulary.chat_template.empty()) header.SetString("tokenizer.chat_template", vocabulary.chat_template);
  return {};
}

}  // namespace tenfold::model
