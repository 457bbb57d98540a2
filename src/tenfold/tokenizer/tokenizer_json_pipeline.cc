#include "tenfold/tokenizer/tokenizer_json_pipeline.h"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "tenfold/tokenizer/known_pre_tokenizers.h"

namespace tenfold::tokenizer {
namespace {

constexpr std::string_view kUnderline = "▁";

// A step with its type, and how errors call it: `FILE: normalizer "Prepend"`.
struct Step {
  const json::object& object;
  std::string type;
  std::string what;
};

// Calls `read` with `value`, or with each part of it when it is a Sequence whose parts are under `parts_key`.
Status ForEachStep(const json::value& value, std::string_view kind, std::string_view parts_key, std::string_view source,
                   const std::function<Status(const Step&)>& read) {
  if (value.is_null()) return {};
  const std::string what = fmt::format("{}: {}", source, kind);
  ASSIGN_OR_RETURN(const json::object* object, AsObject(value, what));
  ASSIGN_OR_RETURN(const auto named, GetString(*object, "type", what));
  const std::string type = named.value_or("");
  if (type.empty()) return MakeError(ErrorCode::kInvalidArgument, "{}: \"type\" is missing", what);
  if (type != "Sequence") return read(Step{*object, type, fmt::format("{} \"{}\"", what, type)});
  ASSIGN_OR_RETURN(const json::array* parts, GetArray(*object, parts_key, what));
  for (const json::value& part : *parts) RETURN_IF_ERROR(ForEachStep(part, kind, parts_key, source, read));
  return {};
}

tl::unexpected<Error> Unsupported(const Step& step, std::string_view why) {
  return MakeError(ErrorCode::kUnsupported, "{} {}", step.what, why);
}

// The pattern of a Replace or Split step: {"String": text} or {"Regex": expression}.
struct Pattern {
  std::string text;
  bool is_regex;
};

Result<Pattern> ReadPattern(const Step& step) {
  ASSIGN_OR_RETURN(const json::object* pattern, GetObject(step.object, "pattern", step.what));
  ASSIGN_OR_RETURN(auto text, GetString(*pattern, "String", step.what));
  if (text) return Pattern{std::move(*text), false};
  ASSIGN_OR_RETURN(auto regex, GetString(*pattern, "Regex", step.what));
  if (regex) return Pattern{std::move(*regex), true};
  return MakeError(ErrorCode::kInvalidArgument, "{}: \"pattern\" must be a \"String\" or a \"Regex\"", step.what);
}

Result<bool> Replaces(const Step& step, std::string_view from, std::string_view to) {
  ASSIGN_OR_RETURN(const Pattern pattern, ReadPattern(step));
  ASSIGN_OR_RETURN(const auto content, GetString(step.object, "content", step.what));
  return !pattern.is_regex && pattern.text == from && content == to;
}

Result<SplitBehavior> ReadBehavior(const Step& step) {
  ASSIGN_OR_RETURN(const auto name, GetString(step.object, "behavior", step.what));
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  return MakeError(ErrorCode::kInvalidArgument,
                   "{}: \"behavior\" must be Isolated, Removed, Contiguous, MergedWithPrevious or MergedWithNext",
                   step.what);
}

Status ReadSplit(const Step& step, Vocabulary& vocabulary) {
  ASSIGN_OR_RETURN(Pattern pattern, ReadPattern(step));
  ASSIGN_OR_RETURN(const SplitBehavior behavior, ReadBehavior(step));
  ASSIGN_OR_RETURN(const auto invert, GetBool(step.object, "invert", step.what));
  if (vocabulary.spaces_are_underlined) {
    // The pattern is meant for text in which spaces already are "▁"; here they still are spaces.
    if (pattern.is_regex) return Unsupported(step, "with a \"Regex\" on text with replaced spaces is not supported");
    if (pattern.text == " ") return {};
    if (pattern.text == kUnderline) pattern.text = " ";
  }
  if (pattern.text.empty()) return MakeError(ErrorCode::kInvalidArgument, "{}: the pattern is empty", step.what);
  // Oniguruma intersects classes there, PCRE2 takes the characters literally.
  if (pattern.is_regex && pattern.text.find("&&") != std::string::npos) {
    return Unsupported(step, "has a pattern with \"&&\", which is not supported");
  }
  vocabulary.splits.push_back({.pattern = pattern.is_regex ? pattern.text : LiteralPattern(pattern.text),
                               .behavior = behavior,
                               .invert = invert.value_or(false)});
  return {};
}

Status ReadByteLevel(const Step& step, Vocabulary& vocabulary) {
  if (vocabulary.spaces_are_underlined) return Unsupported(step, "after replaced spaces is not supported");
  vocabulary.kind = VocabularyKind::kByteLevel;
  ASSIGN_OR_RETURN(const auto add_prefix_space, GetBool(step.object, "add_prefix_space", step.what));
  if (add_prefix_space.value_or(true)) {
    if (!vocabulary.splits.empty()) return Unsupported(step, "with add_prefix_space after a split is not supported");
    vocabulary.space_prefix = SpacePrefix::kEveryText;
    vocabulary.prefix_only_when_missing = true;
  }
  ASSIGN_OR_RETURN(const auto use_regex, GetBool(step.object, "use_regex", step.what));
  if (use_regex.value_or(true)) vocabulary.splits.push_back({.pattern = std::string(Gpt2Pattern())});
  return {};
}

Status ReadMetaspace(const Step& step, Vocabulary& vocabulary) {
  ASSIGN_OR_RETURN(const auto replacement, GetString(step.object, "replacement", step.what));
  if (replacement != kUnderline) return Unsupported(step, "with a replacement other than \"▁\" is not supported");
  ASSIGN_OR_RETURN(const auto scheme, GetString(step.object, "prepend_scheme", step.what));
  ASSIGN_OR_RETURN(const auto add_prefix_space, GetBool(step.object, "add_prefix_space", step.what));
  ASSIGN_OR_RETURN(const auto split, GetBool(step.object, "split", step.what));
  vocabulary.spaces_are_underlined = true;
  vocabulary.prefix_only_when_missing = true;
  const std::string where = scheme.value_or(add_prefix_space.value_or(true) ? "always" : "never");
  if (where == "always") {
    vocabulary.space_prefix = SpacePrefix::kEveryText;
  } else if (where == "first") {
    vocabulary.space_prefix = SpacePrefix::kFirstText;
  } else if (where != "never") {
    return MakeError(ErrorCode::kInvalidArgument, "{}: \"prepend_scheme\" must be always, first or never", step.what);
  }
  if (split.value_or(true)) {
    vocabulary.splits.push_back({.pattern = LiteralPattern(" "), .behavior = SplitBehavior::kMergedWithNext});
  }
  return {};
}

Status ReadTemplate(const Step& step, Vocabulary& vocabulary) {
  ASSIGN_OR_RETURN(const json::array* single, GetArray(step.object, "single", step.what));
  bool after_text = false;
  for (const json::value& value : *single) {
    ASSIGN_OR_RETURN(const json::object* item, AsObject(value, step.what));
    if (item->contains("Sequence")) {
      if (after_text) return Unsupported(step, "with the text twice is not supported");
      after_text = true;
      continue;
    }
    ASSIGN_OR_RETURN(const json::object* token, GetObject(*item, "SpecialToken", step.what));
    ASSIGN_OR_RETURN(const auto text, GetString(*token, "id", step.what));
    const TokenId id = FindToken(vocabulary, text.value_or(""));
    if (id == kNoToken) {
      return MakeError(ErrorCode::kCorrupt, "{}: special token \"{}\" is not in the vocabulary", step.what,
                       text.value_or(""));
    }
    bool& adds = after_text ? vocabulary.add_eos : vocabulary.add_bos;
    if (adds) return Unsupported(step, "with more than one special token on a side is not supported");
    adds = true;
    (after_text ? vocabulary.eos : vocabulary.bos) = id;
  }
  return {};
}

}  // namespace

Status ReadNormalizer(const json::value& step, Vocabulary& vocabulary) {
  vocabulary.spaces_are_underlined = false;
  bool prepends = false;
  RETURN_IF_ERROR(ForEachStep(step, "normalizer", "normalizers", vocabulary.source, [&](const Step& part) -> Status {
    if (part.type == "NFC") {
      vocabulary.normalize_nfc = true;
      return {};
    }
    if (part.type == "Prepend") {
      ASSIGN_OR_RETURN(const auto prepend, GetString(part.object, "prepend", part.what));
      if (prepend != kUnderline) return Unsupported(part, "of other than \"▁\" is not supported");
      vocabulary.space_prefix = SpacePrefix::kEveryText;
      prepends = true;
      return {};
    }
    if (part.type == "Replace") {
      ASSIGN_OR_RETURN(const bool underlines, Replaces(part, " ", kUnderline));
      if (!underlines) return Unsupported(part, "of other than \" \" by \"▁\" is not supported");
      vocabulary.spaces_are_underlined = true;
      return {};
    }
    return Unsupported(part, "is not supported; supported are NFC, Prepend, Replace and Sequence");
  }));
  if (prepends && !vocabulary.spaces_are_underlined) {
    return MakeError(ErrorCode::kUnsupported, "{}: normalizer \"Prepend\" without \"Replace\" is not supported",
                     vocabulary.source);
  }
  return {};
}

Status ReadPreTokenizer(const json::value& step, Vocabulary& vocabulary) {
  return ForEachStep(step, "pre_tokenizer", "pretokenizers", vocabulary.source, [&](const Step& part) -> Status {
    if (vocabulary.kind == VocabularyKind::kByteLevel) return Unsupported(part, "after ByteLevel is not supported");
    if (part.type == "ByteLevel") return ReadByteLevel(part, vocabulary);
    if (part.type == "Split") return ReadSplit(part, vocabulary);
    if (part.type == "Metaspace") return ReadMetaspace(part, vocabulary);
    if (part.type == "Digits") {
      ASSIGN_OR_RETURN(const auto individual, GetBool(part.object, "individual_digits", part.what));
      vocabulary.splits.push_back({.pattern = individual.value_or(false) ? R"(\p{N})" : R"(\p{N}+)"});
      return {};
    }
    if (part.type == "Punctuation") {
      ASSIGN_OR_RETURN(const SplitBehavior behavior, ReadBehavior(part));
      vocabulary.splits.push_back({.pattern = R"([\p{P}!-/:-@\[-`{-~])", .behavior = behavior});
      return {};
    }
    return Unsupported(part,
                       "is not supported; supported are ByteLevel, Split, Digits, Punctuation, Metaspace and "
                       "Sequence");
  });
}

Status ReadPostProcessor(const json::value& step, Vocabulary& vocabulary) {
  return ForEachStep(step, "post_processor", "processors", vocabulary.source, [&](const Step& part) -> Status {
    if (part.type == "ByteLevel") return {};  // only moves offsets, which nobody here asks for
    if (part.type == "TemplateProcessing") return ReadTemplate(part, vocabulary);
    return Unsupported(part, "is not supported; supported are ByteLevel, TemplateProcessing and Sequence");
  });
}

Status CheckDecoder(const json::value& step, const Vocabulary& vocabulary) {
  return ForEachStep(step, "decoder", "decoders", vocabulary.source, [&](const Step& part) -> Status {
    static constexpr std::string_view kImplied[] = {"ByteLevel", "Metaspace", "ByteFallback", "Fuse", "Strip"};
    if (std::ranges::find(kImplied, part.type) != std::end(kImplied)) return {};
    if (part.type == "Replace") {
      ASSIGN_OR_RETURN(const bool is_usual, Replaces(part, kUnderline, " "));
      return is_usual ? Status{} : Unsupported(part, "of other than \"▁\" by \" \" is not supported");
    }
    return Unsupported(part,
                       "is not supported; supported are ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip "
                       "and Sequence");
  });
}

TokenId FindToken(const Vocabulary& vocabulary, std::string_view text) {
  const auto found = text.empty() ? vocabulary.tokens.end() : std::ranges::find(vocabulary.tokens, text);
  return found == vocabulary.tokens.end() ? kNoToken : static_cast<TokenId>(found - vocabulary.tokens.begin());
}

const json::value& Member(const json::object& object, std::string_view key) {
  static const json::value null;
  const json::value* member = object.if_contains(key);
  return member == nullptr ? null : *member;
}

Result<const json::array*> GetArray(const json::object& object, std::string_view key, std::string_view what) {
  const json::value& member = Member(object, key);
  if (member.is_array()) return &member.get_array();
  return MakeError(ErrorCode::kInvalidArgument, "{}: \"{}\" must be an array, not {}", what, key, JsonKindName(member));
}

Result<const json::object*> AsObject(const json::value& value, std::string_view what) {
  if (value.is_object()) return &value.get_object();
  return MakeError(ErrorCode::kInvalidArgument, "{}: must be an object, not {}", what, JsonKindName(value));
}

Result<const json::object*> GetObject(const json::object& object, std::string_view key, std::string_view what) {
  return AsObject(Member(object, key), fmt::format("{}: \"{}\"", what, key));
}

}  // namespace tenfold::tokenizer
