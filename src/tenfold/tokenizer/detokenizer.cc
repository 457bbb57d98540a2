#include "tenfold/tokenizer/detokenizer.h"

#include <utility>

#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer {

StreamingDetokenizer::StreamingDetokenizer(const Tokenizer& tokenizer, const DecodeOptions& options)
    : tokenizer_(&tokenizer), options_(options), takes_space_(tokenizer.TakesLeadingSpace(options)) {}

std::string StreamingDetokenizer::Append(TokenId id) {
  std::string_view text = tokenizer_->VisibleText(id, options_);
  if (text.empty()) return {};
  if (std::exchange(takes_space_, false) && text[0] == ' ') text.remove_prefix(1);
  pending_ += text;
  const size_t num_certain = pending_.size() - IncompleteTailBytes(pending_);
  std::string certain = RepairUtf8(std::string_view(pending_).substr(0, num_certain));
  pending_.erase(0, num_certain);
  return certain;
}

std::string StreamingDetokenizer::Flush() {
  return RepairUtf8(std::exchange(pending_, {}));
}

}  // namespace tenfold::tokenizer
