#include "tenfold/tokenizer/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_set>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/base/progress.h"
#include "tenfold/tokenizer/byte_alphabet.h"
#include "tenfold/tokenizer/known_pre_tokenizers.h"
#include "tenfold/tokenizer/pair_merger.h"
#include "tenfold/tokenizer/piece_counts.h"
#include "tenfold/tokenizer/pre_tokenizer.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer {
namespace {

// As large as vocabularies get, with room: a number beyond it is a slip.
constexpr int64_t kMostTokens = int64_t{1} << 24;

Status CheckSpecialTokens(std::span<const std::string> special_tokens) {
  std::unordered_set<std::string_view> seen;
  for (const std::string& text : special_tokens) {
    if (text.empty()) return MakeError(ErrorCode::kInvalidArgument, "a special token must not be empty");
    if (!IsValidUtf8(text)) {
      return MakeError(ErrorCode::kInvalidArgument, "the special token \"{}\" is not valid UTF-8", RepairUtf8(text));
    }
    if (!seen.insert(text).second) {
      return MakeError(ErrorCode::kInvalidArgument, "the special token \"{}\" is given twice", text);
    }
  }
  return {};
}

// Which bytes get a token.
std::array<bool, 256> ChooseAlphabet(const PieceCounter::Counts& pieces, BpeTrainerOptions::Alphabet alphabet) {
  std::array<bool, 256> chosen{};
  if (alphabet == BpeTrainerOptions::Alphabet::kAllBytes) chosen.fill(true);
  for (const auto& [piece, count] : pieces) {
    for (const char byte : piece) chosen[static_cast<uint8_t>(byte)] = true;
  }
  return chosen;
}

// The vocabulary as it grows.
class Trainer {
 public:
  Trainer(const PieceCounter::Counts& pieces, const BpeTrainerOptions& options) : pieces_(pieces), options_(options) {}

  Result<Vocabulary> Train() && {
    RETURN_IF_ERROR(AddAlphabet());
    const auto num_without_merges = static_cast<int64_t>(vocabulary_.tokens.size() + options_.special_tokens.size());
    if (options_.vocabulary_size != 0 && options_.vocabulary_size < num_without_merges) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "a vocabulary of {} tokens has no room for {} bytes and {} special tokens: ask for at least {}",
                       options_.vocabulary_size, vocabulary_.tokens.size(), options_.special_tokens.size(),
                       num_without_merges);
    }
    if (options_.vocabulary_size > num_without_merges) RETURN_IF_ERROR(AddMerges());
    AddSpecialTokens();
    return std::move(vocabulary_);
  }

 private:
  Status AddAlphabet() {
    const auto chosen = ChooseAlphabet(pieces_, options_.alphabet);
    for (size_t byte = 0; byte < chosen.size(); ++byte) {
      if (!chosen[byte]) continue;
      std::string token = BytesToAlphabet(std::string(1, static_cast<char>(byte)));
      if (std::ranges::find(options_.special_tokens, token) != options_.special_tokens.end()) {
        return MakeError(ErrorCode::kInvalidArgument,
                         "the special token \"{}\" is written as the token of a byte: give it a longer text", token);
      }
      symbol_of_byte_[byte] = AddToken(std::move(token));
    }
    if (vocabulary_.tokens.empty()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "the texts are empty, so that no byte occurs that could be a token");
    }
    return {};
  }

  Status AddMerges() {
    if (PairMerger::NumSlots(pieces_) >= std::numeric_limits<uint32_t>::max()) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "the texts have more than 4 GiB of distinct words: train on a part of them, or with a "
                       "pre-tokenizer that cuts them into shorter ones");
    }
    PairMerger merger(pieces_, symbol_of_byte_);
    const auto limit = static_cast<size_t>(options_.vocabulary_size) - options_.special_tokens.size();
    ProgressBar progress("merging", limit - vocabulary_.tokens.size());
    while (vocabulary_.tokens.size() < limit) {
      const auto best = merger.TakeBest();
      if (!best || best->count < options_.min_frequency) break;
      const std::string& left = vocabulary_.tokens[static_cast<size_t>(best->left)];
      const std::string& right = vocabulary_.tokens[static_cast<size_t>(best->right)];
      std::string joined = left + right;
      if (std::ranges::find(options_.special_tokens, joined) != options_.special_tokens.end()) continue;
      vocabulary_.merges.emplace_back(left, right);
      // Text that became one token did so by the same merges wherever it stands: no other pair makes this token again.
      merger.Merge(*best, AddToken(std::move(joined)));
      progress.Advance(1);
    }
    return {};
  }

  void AddSpecialTokens() {
    if (!options_.special_tokens.empty()) vocabulary_.bos = static_cast<TokenId>(vocabulary_.tokens.size());
    vocabulary_.eos = vocabulary_.bos;
    for (const std::string& text : options_.special_tokens) {
      vocabulary_.types[static_cast<size_t>(AddToken(text))] = TokenType::kControl;
    }
    AddKnownEndOfGeneration(vocabulary_);
  }

  TokenId AddToken(std::string text) {
    const auto id = static_cast<TokenId>(vocabulary_.tokens.size());
    vocabulary_.tokens.push_back(std::move(text));
    vocabulary_.types.push_back(TokenType::kNormal);
    return id;
  }

  const PieceCounter::Counts& pieces_;
  const BpeTrainerOptions& options_;
  Vocabulary vocabulary_;
  std::array<TokenId, 256> symbol_of_byte_{};
};

}  // namespace

Result<Vocabulary> TrainBpe(std::span<const std::string_view> texts, const BpeTrainerOptions& options) {
  RETURN_IF_ERROR(CheckSpecialTokens(options.special_tokens));
  if (options.vocabulary_size < 0 || options.vocabulary_size > kMostTokens) {
    return MakeError(ErrorCode::kInvalidArgument, "a vocabulary of {} tokens: the size must be 0 to {}",
                     options.vocabulary_size, kMostTokens);
  }
  if (options.min_frequency < 1) {
    return MakeError(ErrorCode::kInvalidArgument, "the least frequency of a pair is {}; it must be at least 1",
                     options.min_frequency);
  }
  ASSIGN_OR_RETURN(KnownPreTokenizer known, FindPreTokenizer(options.pre_tokenizer));
  ASSIGN_OR_RETURN(PreTokenizer pre_tokenizer, PreTokenizer::Create(known.splits, options.pre_tokenizer));
  PieceCounter counter(std::move(pre_tokenizer), known.normalize_nfc, options.special_tokens);
  for (const std::string_view text : texts) counter.Count(text);

  ASSIGN_OR_RETURN(Vocabulary vocabulary, Trainer(counter.counts(), options).Train());
  vocabulary.source = "trained vocabulary";
  vocabulary.kind = VocabularyKind::kByteLevel;
  vocabulary.splits = std::move(known.splits);
  vocabulary.normalize_nfc = known.normalize_nfc;
  vocabulary.ignore_merges = known.ignore_merges;
  const Status status = CheckVocabulary(vocabulary);
  CHECK_MSG(status.has_value(), "{}", status.error().message);
  return vocabulary;
}

}  // namespace tenfold::tokenizer
