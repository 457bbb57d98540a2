#include "tenfold/tokenizer/tokenizer_json_writer.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/tokenizer/known_pre_tokenizers.h"
#include "tenfold/tokenizer/merges_and_scores.h"

namespace tenfold::tokenizer {
namespace {

using Merges = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kUnderline = "▁";

const std::string& TextOf(const Vocabulary& vocabulary, TokenId id) {
  return vocabulary.tokens[static_cast<size_t>(id)];
}

tl::unexpected<Error> Unsupported(const Vocabulary& vocabulary, std::string_view what) {
  return MakeError(ErrorCode::kUnsupported, "{}: the tokenizer cannot be written as tokenizer.json: {}",
                   vocabulary.source, what);
}

json::object Replace(std::string_view from, std::string_view to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

// `steps` under the name that this kind of step calls its parts by; null without any, itself alone.
json::value Sequence(json::array steps, std::string_view parts_key) {
  if (steps.empty()) return nullptr;
  if (steps.size() == 1) return std::move(steps[0]);
  return json::object{{"type", "Sequence"}, {parts_key, std::move(steps)}};
}

json::array AddedTokens(const Vocabulary& vocabulary) {
  json::array added;
  const auto contains = [](const std::vector<TokenId>& ids, TokenId id) {
    return std::ranges::find(ids, id) != ids.end();
  };
  for (size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const TokenType type = vocabulary.types[i];
    const bool is_special = type == TokenType::kControl || type == TokenType::kUnknown;
    if (vocabulary.tokens[i].empty() || (!is_special && type != TokenType::kUserDefined)) continue;
    const auto id = static_cast<TokenId>(i);
    added.push_back(json::object{{"id", id},
                                 {"content", vocabulary.tokens[i]},
                                 {"single_word", false},
                                 {"lstrip", contains(vocabulary.strip_left, id)},
                                 {"rstrip", contains(vocabulary.strip_right, id)},
                                 {"normalized", false},
                                 {"special", is_special}});
  }
  return added;
}

json::object Model(const Vocabulary& vocabulary, const Merges& merges) {
  json::object tokens;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    // A hole has no text; of equal texts the lowest id counts.
    if (!vocabulary.tokens[id].empty()) tokens.emplace(vocabulary.tokens[id], id);
  }
  // As "a b", which every version reads, unless a token has a space.
  const bool are_plain = std::ranges::none_of(merges, [](const auto& merge) {
    return merge.first.find(' ') != std::string::npos || merge.second.find(' ') != std::string::npos;
  });
  json::array pairs;
  for (const auto& [left, right] : merges) {
    if (are_plain) {
      pairs.push_back(json::value(left + " " + right));
    } else {
      pairs.push_back(json::array{left, right});
    }
  }
  const bool is_sentence_piece = vocabulary.kind == VocabularyKind::kSentencePiece;
  json::value unknown = nullptr;
  if (vocabulary.unknown != kNoToken) unknown = TextOf(vocabulary, vocabulary.unknown);
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", std::move(unknown)},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", vocabulary.fuse_unknown},
          {"byte_fallback", is_sentence_piece && vocabulary.byte_fallback},
          {"ignore_merges", vocabulary.ignore_merges},
          {"vocab", std::move(tokens)},
          {"merges", std::move(pairs)}};
}

const char* BehaviorName(SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::kIsolated:
      return "Isolated";
    case SplitBehavior::kRemoved:
      return "Removed";
    case SplitBehavior::kContiguous:
      return "Contiguous";
    case SplitBehavior::kMergedWithPrevious:
      return "MergedWithPrevious";
    case SplitBehavior::kMergedWithNext:
      return "MergedWithNext";
  }
  return "";
}

json::object Split(const SplitStep& step) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", step.pattern}}},
          {"behavior", BehaviorName(step.behavior)},
          {"invert", step.invert}};
}

Result<json::value> ByteLevelPreTokenizer(const Vocabulary& vocabulary) {
  const bool is_gpt2 =
      vocabulary.splits.size() == 1 && vocabulary.splits[0] == SplitStep{.pattern = std::string(Gpt2Pattern())};
  const bool has_prefix = vocabulary.space_prefix != SpacePrefix::kNever;
  if (has_prefix && (vocabulary.space_prefix == SpacePrefix::kFirstText || !vocabulary.prefix_only_when_missing ||
                     (!is_gpt2 && !vocabulary.splits.empty()))) {
    return Unsupported(vocabulary, "a space is put before texts in a way that byte-level tokenizers there do not have");
  }
  json::array steps;
  for (const SplitStep& step : vocabulary.splits) {
    if (!is_gpt2) steps.push_back(Split(step));
  }
  steps.push_back(
      {{"type", "ByteLevel"}, {"add_prefix_space", has_prefix}, {"trim_offsets", false}, {"use_regex", is_gpt2}});
  return Sequence(std::move(steps), "pretokenizers");
}

// What stands around a SentencePiece model.
struct Steps {
  json::value normalizer;
  json::value pre_tokenizer;
  json::value decoder;
};

Result<Steps> SentencePieceSteps(const Vocabulary& vocabulary) {
  const bool has_prefix = vocabulary.space_prefix != SpacePrefix::kNever;
  const bool is_metaspace = has_prefix && vocabulary.prefix_only_when_missing;
  const SplitStep before_spaces = {.pattern = LiteralPattern(" "), .behavior = SplitBehavior::kMergedWithNext};
  const bool splits_at_spaces = vocabulary.splits == std::vector<SplitStep>{before_spaces};
  if (!vocabulary.splits.empty() && !(splits_at_spaces && is_metaspace)) {
    return Unsupported(vocabulary, "texts are cut by patterns before their spaces are replaced");
  }
  if (has_prefix && !vocabulary.spaces_are_underlined) {
    return Unsupported(vocabulary, "a space is put before texts whose spaces are not replaced");
  }
  if (has_prefix && !is_metaspace && vocabulary.space_prefix == SpacePrefix::kFirstText) {
    return Unsupported(vocabulary, "a space is put before the first text, even where it has one");
  }
  Steps steps;
  json::array normalizers;
  if (vocabulary.normalize_nfc) normalizers.push_back(json::object{{"type", "NFC"}});
  if (has_prefix && !is_metaspace) normalizers.push_back(json::object{{"type", "Prepend"}, {"prepend", kUnderline}});
  if (vocabulary.spaces_are_underlined && !is_metaspace) normalizers.push_back(Replace(" ", kUnderline));
  steps.normalizer = Sequence(std::move(normalizers), "normalizers");
  if (is_metaspace) {
    const bool is_first = vocabulary.space_prefix == SpacePrefix::kFirstText;
    steps.pre_tokenizer = json::object{{"type", "Metaspace"},
                                       {"replacement", kUnderline},
                                       {"prepend_scheme", is_first ? "first" : "always"},
                                       {"split", splits_at_spaces}};
  }
  json::array decoders;
  if (vocabulary.spaces_are_underlined) decoders.push_back(Replace(kUnderline, " "));
  if (vocabulary.byte_fallback) decoders.push_back(json::object{{"type", "ByteFallback"}});
  decoders.push_back(json::object{{"type", "Fuse"}});
  if (has_prefix) decoders.push_back(json::object{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  steps.decoder = Sequence(std::move(decoders), "decoders");
  return steps;
}

// The special tokens at the ends of a text, and of two texts one after the other.
json::value PostProcessor(const Vocabulary& vocabulary) {
  if (!vocabulary.add_bos && !vocabulary.add_eos) return nullptr;
  json::array single, pair;
  json::object specials;
  const auto add = [&](bool is_added, TokenId id) {
    if (!is_added) return;
    const std::string& text = TextOf(vocabulary, id);
    for (json::array* items : {&single, &pair}) {
      const int type = items == &pair && pair.size() > 1 ? 1 : 0;
      items->push_back(json::object{{"SpecialToken", {{"id", text}, {"type_id", type}}}});
    }
    specials[text] = {{"id", text}, {"ids", json::array{id}}, {"tokens", json::array{text}}};
  };
  const auto add_text = [](json::array& items, const char* name, int type) {
    items.push_back(json::object{{"Sequence", {{"id", name}, {"type_id", type}}}});
  };
  add(vocabulary.add_bos, vocabulary.bos);
  add_text(single, "A", 0);
  add_text(pair, "A", 0);
  add_text(pair, "B", 1);
  add(vocabulary.add_eos, vocabulary.eos);
  return json::object{{"type", "TemplateProcessing"},
                      {"single", std::move(single)},
                      {"pair", std::move(pair)},
                      {"special_tokens", std::move(specials)}};
}

}  // namespace

Result<json::object> TokenizerJson(const Vocabulary& vocabulary) {
  Steps steps;
  Merges merges = vocabulary.merges;
  if (vocabulary.kind == VocabularyKind::kByteLevel) {
    if (vocabulary.normalize_nfc) steps.normalizer = json::object{{"type", "NFC"}};
    ASSIGN_OR_RETURN(steps.pre_tokenizer, ByteLevelPreTokenizer(vocabulary));
    steps.decoder = json::object{{"type", "ByteLevel"}};
  } else {
    ASSIGN_OR_RETURN(steps, SentencePieceSteps(vocabulary));
    if (merges.empty()) {
      ASSIGN_OR_RETURN(merges, MergesFromScores(vocabulary));
    }
  }
  return json::object{{"version", "1.0"},
                      {"truncation", nullptr},
                      {"padding", nullptr},
                      {"added_tokens", AddedTokens(vocabulary)},
                      {"normalizer", std::move(steps.normalizer)},
                      {"pre_tokenizer", std::move(steps.pre_tokenizer)},
                      {"post_processor", PostProcessor(vocabulary)},
                      {"decoder", std::move(steps.decoder)},
                      {"model", Model(vocabulary, merges)}};
}

json::object TokenizerConfigJson(const Vocabulary& vocabulary) {
  json::object config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                         {"add_bos_token", vocabulary.add_bos},
                         {"add_eos_token", vocabulary.add_eos},
                         {"clean_up_tokenization_spaces", false}};
  const auto name = [&](const char* key, TokenId id) {
    if (id != kNoToken) config[key] = TextOf(vocabulary, id);
  };
  name("bos_token", vocabulary.bos);
  name("eos_token", vocabulary.eos);
  name("unk_token", vocabulary.unknown);
  name("pad_token", vocabulary.padding);
  if (!vocabulary.chat_template.empty()) config["chat_template"] = vocabulary.chat_template;
  return config;
}

}  // namespace tenfold::tokenizer
