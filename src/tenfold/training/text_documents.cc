#include "tenfold/training/text_documents.h"

#include <algorithm>

#include "tenfold/tokenizer/text_cut.h"

namespace tenfold::training {
namespace {

constexpr std::string_view kWhitespace = " \t\n\v\f\r";

}  // namespace

std::optional<TextDocuments::Chunk> TextDocuments::Next() {
  const bool begins = document_.empty();
  if (begins && !FindDocument()) return std::nullopt;
  const size_t size = tokenizer::FirstChunkBytes(document_, limit_bytes_);
  const std::string_view text = document_.substr(0, size);
  document_.remove_prefix(size);
  return Chunk{text, begins, document_.empty()};
}

// The next document that is more than white space.
bool TextDocuments::FindDocument() {
  while (!rest_.empty()) {
    const size_t found = separator_.empty() ? std::string_view::npos : rest_.find(separator_);
    found_separator_ |= found != std::string_view::npos;
    document_ = rest_.substr(0, found);
    rest_.remove_prefix(std::min(found, rest_.size()));
    if (found != std::string_view::npos) rest_.remove_prefix(separator_.size());
    if (document_.find_first_not_of(kWhitespace) != std::string_view::npos) return true;
    document_ = {};
  }
  return false;
}

}  // namespace tenfold::training
