#include "tenfold/tokenizer/bpe_encoder.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>

#include "tenfold/base/check.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer {
namespace {

using SymbolsByText = std::unordered_map<std::string_view, int32_t>;

// Scores give a token of n bytes n ways to fall apart, each of which is hashed: a hostile file with tokens of megabytes
// must not cost hours. The longest tokens of real vocabularies have about 250 bytes.
constexpr size_t kLongestJoinedBytes = 512;

uint64_t PairKey(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

// Whether text may turn into this token without its being written out as a special token.
bool IsText(TokenType type) {
  return type == TokenType::kNormal || type == TokenType::kUserDefined;
}

// Whether any text can turn into this token: texts are valid UTF-8, and their spaces are "▁" where so written.
bool IsReachable(const Vocabulary& vocabulary, size_t id) {
  const std::string& token = vocabulary.tokens[id];
  if (token.empty()) return false;
  if (vocabulary.kind == VocabularyKind::kByteLevel) return true;
  return IsValidUtf8(token) && !(vocabulary.spaces_are_underlined && token.find(' ') != std::string::npos);
}

}  // namespace

Result<BpeEncoder> BpeEncoder::Create(const Vocabulary& vocabulary, std::span<const std::string> texts) {
  BpeEncoder encoder;
  encoder.kind_ = vocabulary.kind;
  encoder.num_tokens_ = static_cast<int32_t>(texts.size());
  encoder.unknown_ = vocabulary.unknown;
  encoder.fallbacks_.fill(kNoToken);
  if (vocabulary.kind == VocabularyKind::kSentencePiece && vocabulary.byte_fallback) {
    for (size_t id = 0; id < texts.size(); ++id) {
      if (vocabulary.types[id] != TokenType::kByte) continue;
      encoder.fallbacks_[static_cast<uint8_t>(texts[id][0])] = static_cast<TokenId>(id);
    }
  }
  if (vocabulary.ignore_merges) {
    for (size_t id = 0; id < texts.size(); ++id) {
      if (IsText(vocabulary.types[id]) && IsReachable(vocabulary, id)) {
        encoder.whole_words_.emplace(texts[id], static_cast<TokenId>(id));
      }
    }
  }
  if (vocabulary.merges.empty() && vocabulary.kind == VocabularyKind::kSentencePiece) {
    encoder.joins_ = FlatMap<Join>(encoder.JoinsOfScores(vocabulary, texts));
  } else {
    ASSIGN_OR_RETURN(const Joins joins, encoder.JoinsOfMerges(vocabulary, texts));
    encoder.joins_ = FlatMap<Join>(joins);
  }
  return encoder;
}

Result<BpeEncoder::Joins> BpeEncoder::JoinsOfMerges(const Vocabulary& vocabulary, std::span<const std::string> texts) {
  SymbolsByText ids;
  std::vector<std::pair<uint64_t, int32_t>> characters;
  ids.reserve(texts.size());
  for (size_t id = 0; id < texts.size(); ++id) {
    ids.emplace(vocabulary.tokens[id], static_cast<int32_t>(id));
    if (!IsText(vocabulary.types[id]) || !IsReachable(vocabulary, id)) continue;
    if (kind_ == VocabularyKind::kByteLevel) {
      if (texts[id].size() == 1) characters.emplace_back(static_cast<uint8_t>(texts[id][0]), static_cast<int32_t>(id));
    } else if (const Utf8Part part = ReadUtf8(texts[id]); part.size_bytes == texts[id].size()) {
      characters.emplace_back(part.code_point, static_cast<int32_t>(id));
    }
  }
  characters_ = FlatMap<int32_t>(characters);

  Joins joins;
  joins.reserve(vocabulary.merges.size());
  std::string joined;
  for (size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
    const auto& [left, right] = vocabulary.merges[rank];
    joined.assign(left).append(right);
    const auto left_id = ids.find(left);
    const auto right_id = ids.find(right);
    const auto joined_id = ids.find(joined);
    for (const auto& [found, text] : {std::pair{left_id, &left}, {right_id, &right}, {joined_id, &joined}}) {
      if (found == ids.end()) {
        return MakeError(ErrorCode::kCorrupt, "{}: merge {} (\"{}\" \"{}\") needs \"{}\", which is not a token",
                         vocabulary.source, rank, left, right, *text);
      }
    }
    // Control tokens are found as such or not at all.
    if (!IsText(vocabulary.types[static_cast<size_t>(joined_id->second)])) continue;
    joins.emplace_back(PairKey(left_id->second, right_id->second),
                       Join{static_cast<uint32_t>(rank), joined_id->second});
    NoteJoined(texts[static_cast<size_t>(joined_id->second)]);
  }
  return joins;
}

BpeEncoder::Joins BpeEncoder::JoinsOfScores(const Vocabulary& vocabulary, std::span<const std::string> texts) {
  // User-defined tokens are found before merging begins; their scores mean nothing.
  std::vector<size_t> joinable;
  for (size_t id = 0; id < texts.size(); ++id) {
    if (vocabulary.types[id] == TokenType::kNormal && IsReachable(vocabulary, id)) joinable.push_back(id);
  }
  SymbolsByText symbols;
  symbols.reserve(joinable.size());
  for (const size_t id : joinable) symbols.emplace(texts[id], static_cast<int32_t>(id));

  // Every character of every token is a symbol, also where the vocabulary has no token for it alone.
  std::vector<std::pair<uint64_t, int32_t>> characters;
  for (const size_t id : joinable) {
    for (std::string_view rest = texts[id]; !rest.empty();) {
      const Utf8Part part = ReadUtf8(rest);
      const auto fresh = num_tokens_ + static_cast<int32_t>(characters.size());
      const auto [symbol, is_new] = symbols.emplace(rest.substr(0, part.size_bytes), fresh);
      characters.emplace_back(part.code_point, symbol->second);
      rest.remove_prefix(part.size_bytes);
    }
  }
  characters_ = FlatMap<int32_t>(characters);

  std::vector<float> scores;
  std::ranges::transform(joinable, std::back_inserter(scores), [&](size_t id) { return vocabulary.scores[id]; });
  std::ranges::sort(scores, std::greater<>());
  Joins joins;
  for (const size_t id : joinable) {
    const std::string_view text = texts[id];
    if (text.size() > kLongestJoinedBytes) continue;
    // Equal scores are equal ranks: then the leftmost pair goes first.
    const auto rank = std::ranges::lower_bound(scores, vocabulary.scores[id], std::greater<>()) - scores.begin();
    const int32_t joined_id = symbols.find(text)->second;
    for (size_t cut = ReadUtf8(text).size_bytes; cut < text.size(); cut += ReadUtf8(text.substr(cut)).size_bytes) {
      const auto left = symbols.find(text.substr(0, cut));
      if (left == symbols.end()) continue;
      const auto right = symbols.find(text.substr(cut));
      if (right == symbols.end()) continue;
      joins.emplace_back(PairKey(left->second, right->second), Join{static_cast<uint32_t>(rank), joined_id});
    }
    NoteJoined(text);
  }
  return joins;
}

void BpeEncoder::NoteJoined(std::string_view text) {
  for (size_t i = text.find(' ', 1); i != std::string_view::npos; i = text.find(' ', i + 1)) {
    if (text[i - 1] != ' ') spaces_begin_words_ = false;
  }
}

void BpeEncoder::Start(std::string_view word, Workspace& workspace) const {
  auto& symbols = workspace.symbols;
  symbols.clear();
  for (size_t begin = 0; begin < word.size();) {
    const Utf8Part part = kind_ == VocabularyKind::kByteLevel
                              ? Utf8Part{Utf8Part::Kind::kCharacter, 1, static_cast<uint8_t>(word[begin])}
                              : ReadUtf8(word.substr(begin));
    const int32_t* symbol = characters_.Find(part.code_point);
    const auto index = static_cast<int32_t>(symbols.size());
    symbols.push_back({symbol == nullptr ? kNoSymbol : *symbol, static_cast<uint32_t>(begin), index - 1, index + 1});
    begin += part.size_bytes;
  }
  symbols.back().next = -1;
}

// Puts the join of symbol `left` with the next one on the heap, if there is one.
void BpeEncoder::Consider(int32_t left, Workspace& workspace) const {
  const auto& symbols = workspace.symbols;
  const auto& left_symbol = symbols[static_cast<size_t>(left)];
  if (left_symbol.next < 0) return;
  const int32_t right_id = symbols[static_cast<size_t>(left_symbol.next)].id;
  if (left_symbol.id == kNoSymbol || right_id == kNoSymbol) return;
  const Join* join = joins_.Find(PairKey(left_symbol.id, right_id));
  if (join == nullptr) return;
  workspace.heap.push_back({join->rank, left, left_symbol.id, right_id, join->joined_id});
}

void BpeEncoder::Encode(std::string_view word, Workspace& workspace, std::vector<TokenId>& ids) const {
  if (word.empty()) return;
  CHECK_LT(word.size(), static_cast<size_t>(std::numeric_limits<int32_t>::max()));
  if (const auto whole = whole_words_.find(word); whole != whole_words_.end()) {
    ids.push_back(whole->second);
    return;
  }
  Start(word, workspace);
  auto& symbols = workspace.symbols;
  auto& heap = workspace.heap;
  const auto is_worse = [](const Workspace::Candidate& a, const Workspace::Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
  };
  heap.clear();
  for (int32_t i = 0; i < static_cast<int32_t>(symbols.size()); ++i) Consider(i, workspace);
  std::ranges::make_heap(heap, is_worse);
  const auto consider = [&](int32_t left) {
    const size_t size = heap.size();
    Consider(left, workspace);
    if (heap.size() > size) std::ranges::push_heap(heap, is_worse);
  };
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, is_worse);
    const Workspace::Candidate best = heap.back();
    heap.pop_back();
    auto& left = symbols[static_cast<size_t>(best.left)];
    if (left.id != best.left_id || left.next < 0) continue;
    auto& right = symbols[static_cast<size_t>(left.next)];
    if (right.id != best.right_id) continue;
    left.id = best.joined_id;
    left.next = right.next;
    if (right.next >= 0) symbols[static_cast<size_t>(right.next)].previous = best.left;
    right.id = kNoSymbol;  // candidates that begin here are void now
    if (left.previous >= 0) consider(left.previous);
    consider(best.left);
  }
  for (int32_t i = 0; i >= 0; i = symbols[static_cast<size_t>(i)].next) {
    const auto& symbol = symbols[static_cast<size_t>(i)];
    if (symbol.id != kNoSymbol && symbol.id < num_tokens_) {
      ids.push_back(symbol.id);
    } else {
      const size_t end = symbol.next < 0 ? word.size() : symbols[static_cast<size_t>(symbol.next)].begin;
      AppendFallback(word.substr(symbol.begin, end - symbol.begin), ids);
    }
  }
}

void BpeEncoder::AppendFallback(std::string_view text, std::vector<TokenId>& ids) const {
  const auto fallback = [&](char byte) { return fallbacks_[static_cast<uint8_t>(byte)]; };
  if (std::ranges::all_of(text, [&](char byte) { return fallback(byte) != kNoToken; })) {
    std::ranges::transform(text, std::back_inserter(ids), fallback);
  } else if (unknown_ != kNoToken) {
    ids.push_back(unknown_);
  }
}

}  // namespace tenfold::tokenizer
