#include "tenfold/tokenizer/tokenizer.h"

#include <algorithm>
#include <unordered_map>

#include "tenfold/tokenizer/byte_alphabet.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer {
namespace {

constexpr std::string_view kUnderline = "▁";  // U+2581, how SentencePiece writes a space
constexpr std::string_view kWhitespace = " \t\n\v\f\r";

std::string Replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string replaced;
  size_t done = 0;
  for (size_t at = text.find(from); at != std::string_view::npos; at = text.find(from, done)) {
    replaced += text.substr(done, at - done);
    replaced += to;
    done = at + from.size();
  }
  replaced += text.substr(done);
  return replaced;
}

// The bytes that token `id` stands for.
std::string TextOf(const Vocabulary& vocabulary, size_t id) {
  const std::string& token = vocabulary.tokens[id];
  const TokenType type = vocabulary.types[id];
  if (type == TokenType::kControl || type == TokenType::kUnknown) return token;
  if (vocabulary.kind == VocabularyKind::kByteLevel) {
    // User-defined tokens are written as they are; so are a few normal ones of padded vocabularies.
    return type == TokenType::kUserDefined ? token : BytesFromAlphabet(token).value_or(token);
  }
  if (type == TokenType::kByte) return std::string(1, static_cast<char>(ByteOfFallbackToken(token)));
  return vocabulary.spaces_are_underlined ? Replaced(token, kUnderline, " ") : token;
}

std::vector<SpecialTokenMatcher::Entry> SpecialEntries(const Vocabulary& vocabulary) {
  std::vector<SpecialTokenMatcher::Entry> entries;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    const bool is_user_defined = type == TokenType::kUserDefined;
    if (!is_user_defined && type != TokenType::kControl && type != TokenType::kUnknown) continue;
    if (vocabulary.tokens[id].empty()) continue;
    entries.push_back({vocabulary.tokens[id], static_cast<TokenId>(id), !is_user_defined});
  }
  return entries;
}

// Remembers the ids of the words of one text. Words repeat: nine of ten in English prose were seen in the kilobytes
// before.
class WordCache {
 public:
  explicit WordCache(const BpeEncoder& encoder) : encoder_(encoder) {}

  void Append(std::string_view word, std::vector<TokenId>& ids) {
    const auto [found, is_new] = ranges_.try_emplace(word);
    Range& range = found->second;
    if (is_new) {
      range.begin = seen_.size();
      encoder_.Encode(word, workspace_, seen_);
      range.end = seen_.size();
    }
    ids.insert(ids.end(), seen_.begin() + static_cast<ptrdiff_t>(range.begin),
               seen_.begin() + static_cast<ptrdiff_t>(range.end));
  }

 private:
  struct Range {
    size_t begin;
    size_t end;
  };
  const BpeEncoder& encoder_;
  BpeEncoder::Workspace workspace_;
  std::unordered_map<std::string_view, Range> ranges_;  // into seen_
  std::vector<TokenId> seen_;
};

}  // namespace

Result<Tokenizer> Tokenizer::Create(Vocabulary vocabulary) {
  RETURN_IF_ERROR(CheckVocabulary(vocabulary));
  std::vector<std::string> texts;
  texts.reserve(vocabulary.tokens.size());
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) texts.push_back(TextOf(vocabulary, id));
  ASSIGN_OR_RETURN(auto encoder, BpeEncoder::Create(vocabulary, texts));
  ASSIGN_OR_RETURN(auto pre_tokenizer, PreTokenizer::Create(vocabulary.splits, vocabulary.source));
  return Tokenizer(std::move(vocabulary), std::move(texts), std::move(encoder), std::move(pre_tokenizer));
}

Tokenizer::Tokenizer(Vocabulary vocabulary, std::vector<std::string> texts, BpeEncoder encoder,
                     PreTokenizer pre_tokenizer)
    : vocabulary_(std::move(vocabulary)),
      texts_(std::move(texts)),
      flags_(texts_.size()),
      encoder_(std::move(encoder)),
      pre_tokenizer_(std::move(pre_tokenizer)),
      special_tokens_(SpecialEntries(vocabulary_)) {
  for (size_t id = 0; id < texts_.size(); ++id) {
    const TokenType type = vocabulary_.types[id];
    if (type == TokenType::kControl || type == TokenType::kUnknown) flags_[id] |= kIsSpecial;
  }
  SetFlag(vocabulary_.end_of_generation, kEndsGeneration);
  if (vocabulary_.eos != kNoToken) SetFlag({&vocabulary_.eos, 1}, kEndsGeneration);
  SetFlag(vocabulary_.strip_left, kStripsLeft);
  SetFlag(vocabulary_.strip_right, kStripsRight);
  vocabulary_.tokens = {};
  vocabulary_.types = {};
  vocabulary_.scores = {};
  vocabulary_.merges = {};
  vocabulary_.splits = {};
}

void Tokenizer::SetFlag(std::span<const TokenId> ids, Flag flag) {
  for (const TokenId id : ids) flags_[static_cast<size_t>(id)] |= flag;
}

bool Tokenizer::HasFlag(TokenId id, Flag flag) const {
  return id >= 0 && static_cast<size_t>(id) < flags_.size() && (flags_[static_cast<size_t>(id)] & flag) != 0;
}

bool Tokenizer::IsSpecial(TokenId id) const {
  return HasFlag(id, kIsSpecial);
}

bool Tokenizer::IsEndOfGeneration(TokenId id) const {
  return HasFlag(id, kEndsGeneration);
}

std::vector<TokenId> Tokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  const PromptSegment segment{std::string(text), options.parse_special};
  return Encode({&segment, 1}, options.add_special);
}

std::vector<TokenId> Tokenizer::Encode(std::span<const PromptSegment> segments, bool add_special) const {
  std::string text;
  std::vector<SpecialTokenMatcher::Match> matches;
  for (size_t i = 0; i < segments.size();) {
    const bool parse = segments[i].parse_special;
    const size_t begin = text.size();
    for (; i < segments.size() && segments[i].parse_special == parse; ++i) text += RepairUtf8(segments[i].text);
    for (auto match : special_tokens_.Find(std::string_view(text).substr(begin), parse)) {
      match.begin += begin;
      matches.push_back(match);
    }
  }

  std::vector<TokenId> ids;
  if (add_special && vocabulary_.add_bos) ids.push_back(vocabulary_.bos);
  const std::string_view whole = text;
  size_t done = 0;
  for (const auto& match : matches) {
    if (match.begin < done) continue;  // swallowed as whitespace
    std::string_view before = whole.substr(done, match.begin - done);
    if (HasFlag(match.id, kStripsLeft)) before = before.substr(0, before.find_last_not_of(kWhitespace) + 1);
    EncodeText(before, done == 0, ids);
    ids.push_back(match.id);
    done = match.begin + match.size_bytes;
    if (HasFlag(match.id, kStripsRight)) done = std::min(whole.find_first_not_of(kWhitespace, done), whole.size());
  }
  EncodeText(whole.substr(done), done == 0, ids);
  if (add_special && vocabulary_.add_eos) ids.push_back(vocabulary_.eos);
  return ids;
}

void Tokenizer::EncodeText(std::string_view text, bool is_first, std::vector<TokenId>& ids) const {
  if (text.empty()) return;
  std::string changed;
  if (vocabulary_.normalize_nfc) text = changed = NormalizeNfc(text);
  const bool underlines = vocabulary_.kind == VocabularyKind::kSentencePiece && vocabulary_.spaces_are_underlined;
  if (underlines && text.find(kUnderline) != std::string_view::npos) text = changed = Replaced(text, kUnderline, " ");
  const bool wants_prefix = vocabulary_.space_prefix == SpacePrefix::kEveryText ||
                            (vocabulary_.space_prefix == SpacePrefix::kFirstText && is_first);
  if (wants_prefix && !(vocabulary_.prefix_only_when_missing && text[0] == ' ')) {
    text = changed = " " + std::string(text);
  }

  const auto begin = static_cast<ptrdiff_t>(ids.size());
  WordCache cache(encoder_);
  for (const std::string_view word : CutIntoWords(text)) cache.Append(word, ids);
  if (vocabulary_.fuse_unknown && vocabulary_.unknown != kNoToken) {
    const auto are_unknown = [&](TokenId a, TokenId b) { return a == vocabulary_.unknown && b == a; };
    ids.erase(std::unique(ids.begin() + begin, ids.end(), are_unknown), ids.end());
  }
}

std::vector<std::string_view> Tokenizer::CutIntoWords(std::string_view text) const {
  std::vector<std::string_view> pieces = pre_tokenizer_.Split(text);
  if (vocabulary_.kind == VocabularyKind::kByteLevel || !encoder_.spaces_begin_words()) return pieces;
  std::vector<std::string_view> words;
  for (const std::string_view piece : pieces) {
    size_t begin = 0;
    for (size_t i = piece.find(' ', 1); i != std::string_view::npos; i = piece.find(' ', i + 1)) {
      if (piece[i - 1] == ' ') continue;
      words.push_back(piece.substr(begin, i - begin));
      begin = i;
    }
    words.push_back(piece.substr(begin));
  }
  return words;
}

std::string_view Tokenizer::TokenText(TokenId id) const {
  return id >= 0 && static_cast<size_t>(id) < texts_.size() ? texts_[static_cast<size_t>(id)] : std::string_view();
}

std::string_view Tokenizer::VisibleText(TokenId id, const DecodeOptions& options) const {
  return options.skip_special && IsSpecial(id) ? std::string_view() : TokenText(id);
}

bool Tokenizer::TakesLeadingSpace(const DecodeOptions& options) const {
  // Byte-level models keep the space that they may have put there, as tokenizer.json's ByteLevel decoder does.
  return options.begins_text && vocabulary_.kind == VocabularyKind::kSentencePiece &&
         vocabulary_.space_prefix != SpacePrefix::kNever;
}

std::string Tokenizer::Decode(std::span<const TokenId> ids, const DecodeOptions& options) const {
  std::string bytes;
  for (const TokenId id : ids) bytes += VisibleText(id, options);
  if (TakesLeadingSpace(options) && bytes.starts_with(' ')) bytes.erase(0, 1);
  return RepairUtf8(bytes);
}

}  // namespace tenfold::tokenizer
