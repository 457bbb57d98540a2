#include "tenfold/tokenizer/piece_counts.h"

#include <vector>

#include "tenfold/base/progress.h"
#include "tenfold/tokenizer/text_cut.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer {
namespace {

// A view of each piece of a chunk is held at once: 4 bytes for each byte of prose.
constexpr size_t kChunkBytes = size_t{1} << 20;

std::vector<SpecialTokenMatcher::Entry> Entries(std::span<const std::string> special_tokens) {
  std::vector<SpecialTokenMatcher::Entry> entries;
  for (const std::string& text : special_tokens) {
    entries.push_back({.text = text, .id = static_cast<TokenId>(entries.size()), .needs_parsing = false});
  }
  return entries;
}

}  // namespace

PieceCounter::PieceCounter(PreTokenizer pre_tokenizer, bool normalize_nfc, std::span<const std::string> special_tokens)
    : pre_tokenizer_(std::move(pre_tokenizer)),
      normalize_nfc_(normalize_nfc),
      special_tokens_(Entries(special_tokens)) {}

void PieceCounter::Count(std::string_view text) {
  ProgressBar progress("counting words", text.size(), ProgressUnit::kBytes);
  size_t done = 0;
  const auto count_to = [&](size_t end) {
    while (done < end) {
      const size_t size = FirstChunkBytes(text.substr(done, end - done), kChunkBytes);
      CountPart(text.substr(done, size));
      progress.Advance(size);
      done += size;
    }
  };
  for (const auto& match : special_tokens_.Find(text, true)) {
    count_to(match.begin);
    done = match.begin + match.size_bytes;
  }
  count_to(text.size());
}

void PieceCounter::CountPart(std::string_view part) {
  std::string repaired = RepairUtf8(part);
  if (normalize_nfc_) repaired = NormalizeNfc(repaired);
  for (const std::string_view piece : pre_tokenizer_.Split(repaired)) {
    const auto found = counts_.find(piece);
    if (found != counts_.end()) {
      ++found->second;
    } else {
      counts_.emplace(piece, 1);
    }
  }
}

}  // namespace tenfold::tokenizer
