#include "tenfold/tokenizer/merges_and_scores.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>

#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer {
namespace {

using Pair = std::pair<TokenId, TokenId>;

// The tokens that text turns into by joining, by their texts.
class Joinable {
 public:
  explicit Joinable(const Vocabulary& vocabulary) : vocabulary_(&vocabulary) {
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      if (vocabulary.types[id] != TokenType::kNormal || vocabulary.tokens[id].empty()) continue;
      // What no text can turn into: texts are valid UTF-8 whose spaces are written "▁".
      if (!IsValidUtf8(vocabulary.tokens[id])) continue;
      if (vocabulary.spaces_are_underlined && vocabulary.tokens[id].find(' ') != std::string::npos) continue;
      if (ids_.emplace(vocabulary.tokens[id], static_cast<TokenId>(id)).second) {
        in_order_.push_back(static_cast<TokenId>(id));
      }
    }
  }

  const std::vector<TokenId>& ids() const { return in_order_; }

  // Every way to cut the token into two tokens. Errors: kUnsupported, for a character that is no token.
  Result<std::vector<Pair>> Cuts(TokenId id) const {
    const std::string_view text = vocabulary_->tokens[static_cast<size_t>(id)];
    std::vector<Pair> cuts;
    constexpr size_t kLongestBytes = 512;  // longer ones are never joined by scores (bpe_encoder.cc)
    if (text.size() > kLongestBytes) return cuts;
    for (size_t cut = ReadUtf8(text).size_bytes; cut < text.size(); cut += ReadUtf8(text.substr(cut)).size_bytes) {
      ASSIGN_OR_RETURN(const TokenId left, Find(text.substr(0, cut), text));
      ASSIGN_OR_RETURN(const TokenId right, Find(text.substr(cut), text));
      if (left != kNoToken && right != kNoToken) cuts.emplace_back(left, right);
    }
    return cuts;
  }

 private:
  Result<TokenId> Find(std::string_view part, std::string_view whole) const {
    const auto found = ids_.find(part);
    if (found != ids_.end()) return found->second;
    if (ReadUtf8(part).size_bytes < part.size()) return kNoToken;
    return MakeError(ErrorCode::kUnsupported,
                     "{}: token \"{}\" is joined from \"{}\" too, which is no token: merges and scores cannot say the "
                     "same of it",
                     vocabulary_->source, whole, part);
  }

  const Vocabulary* vocabulary_;
  std::unordered_map<std::string_view, TokenId> ids_;
  std::vector<TokenId> in_order_;
};

// Whether the text is one character over and over.
bool IsRun(std::string_view text) {
  const std::string_view first = text.substr(0, ReadUtf8(text).size_bytes);
  for (; text.starts_with(first); text.remove_prefix(first.size())) {
    if (text.size() == first.size()) return true;
  }
  return false;
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> MergesFromScores(const Vocabulary& vocabulary) {
  const Joinable joinable(vocabulary);
  std::vector<TokenId> by_score = joinable.ids();
  const auto score = [&](TokenId id) { return vocabulary.scores[static_cast<size_t>(id)]; };
  const auto text = [&](TokenId id) -> const std::string& { return vocabulary.tokens[static_cast<size_t>(id)]; };
  // Runs of one character may have equal scores (Llama's spaces have): the leftmost pair going first makes the first
  // run as long as it can be before the next begins, and so does joining to the longest run first.
  std::ranges::stable_sort(by_score, [&](TokenId a, TokenId b) {
    return score(a) != score(b) ? score(a) > score(b) : text(a).size() > text(b).size();
  });
  std::vector<std::pair<std::string, std::string>> merges;
  TokenId last_joined = kNoToken;
  for (const TokenId id : by_score) {
    ASSIGN_OR_RETURN(std::vector<Pair> cuts, joinable.Cuts(id));
    if (cuts.empty()) continue;
    const bool is_tie = last_joined != kNoToken && score(last_joined) == score(id);
    if (is_tie && !(IsRun(text(last_joined)) && IsRun(text(id)))) {
      return MakeError(ErrorCode::kUnsupported,
                       "{}: tokens \"{}\" and \"{}\" have the same score {}, which merges cannot say",
                       vocabulary.source, text(last_joined), text(id), score(id));
    }
    last_joined = id;
    std::ranges::sort(cuts);
    for (const auto& [left, right] : cuts) merges.emplace_back(text(left), text(right));
  }
  return merges;
}

Result<std::vector<float>> ScoresFromMerges(const Vocabulary& vocabulary) {
  const Joinable joinable(vocabulary);
  std::vector<float> scores(vocabulary.tokens.size(), 0.0f);
  std::unordered_map<std::string, size_t> first_rank;
  std::set<std::pair<std::string_view, std::string_view>> known;
  std::string last;
  for (size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
    const auto& [left, right] = vocabulary.merges[rank];
    known.emplace(left, right);
    std::string joined = left + right;
    if (!first_rank.emplace(joined, rank).second && joined != last) {
      return MakeError(ErrorCode::kUnsupported,
                       "{}: merges of other tokens stand between those that make \"{}\", which scores cannot say",
                       vocabulary.source, joined);
    }
    last = std::move(joined);
  }
  for (const TokenId id : joinable.ids()) {
    ASSIGN_OR_RETURN(const std::vector<Pair> cuts, joinable.Cuts(id));
    const std::string& token = vocabulary.tokens[static_cast<size_t>(id)];
    for (const auto& [left, right] : cuts) {
      const std::string &a = vocabulary.tokens[static_cast<size_t>(left)],
                        &b = vocabulary.tokens[static_cast<size_t>(right)];
      if (known.contains({a, b})) continue;
      return MakeError(ErrorCode::kUnsupported, "{}: no merge makes \"{}\" of \"{}\" and \"{}\", which scores would",
                       vocabulary.source, token, a, b);
    }
    const auto rank = first_rank.find(token);
    if (rank != first_rank.end()) scores[static_cast<size_t>(id)] = -static_cast<float>(rank->second);
  }
  return scores;
}

}  // namespace tenfold::tokenizer
