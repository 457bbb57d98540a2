#include "tenfold/tokenizer/jinja/text.h"

#include <algorithm>
#include <utility>

namespace tenfold::tokenizer::jinja {

Text::Text(std::string bytes, bool is_input) : bytes_(std::move(bytes)) {
  if (is_input) MarkAll();
}

std::vector<Text::Range>::const_iterator Text::FirstEndingAfter(size_t at) const {
  return std::ranges::upper_bound(input_, at, {}, &Range::end);
}

bool Text::IsInput(size_t at) const {
  const auto range = FirstEndingAfter(at);
  return range != input_.end() && range->begin <= at;
}

void Text::AddRange(Range range) {
  if (range.begin == range.end) return;
  if (!input_.empty() && input_.back().end == range.begin) {
    input_.back().end = range.end;
  } else {
    input_.push_back(range);
  }
}

void Text::Append(std::string_view bytes, bool is_input) {
  const size_t begin = bytes_.size();
  bytes_ += bytes;
  if (is_input) AddRange({begin, bytes_.size()});
}

void Text::AppendSlice(const Text& other, size_t begin, size_t end) {
  const size_t at = bytes_.size();
  bytes_.append(other.bytes_, begin, end - begin);
  for (auto range = other.FirstEndingAfter(begin); range != other.input_.end() && range->begin < end; ++range) {
    AddRange({at + std::max(range->begin, begin) - begin, at + std::min(range->end, end) - begin});
  }
}

Text Text::Slice(size_t begin, size_t end) const {
  Text slice;
  slice.AppendSlice(*this, begin, end);
  return slice;
}

void Text::MarkAll() {
  input_.clear();
  AddRange({0, bytes_.size()});
}

std::vector<PromptSegment> Text::Segments() const {
  std::vector<PromptSegment> segments;
  const auto add = [&](size_t begin, size_t end, bool parse_special) {
    if (begin < end) segments.push_back({bytes_.substr(begin, end - begin), parse_special});
  };
  size_t at = 0;
  for (const Range& range : input_) {
    add(at, range.begin, true);
    add(range.begin, range.end, false);
    at = range.end;
  }
  add(at, bytes_.size(), true);
  return segments;
}

}  // namespace tenfold::tokenizer::jinja
