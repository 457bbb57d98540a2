// Text: a string that knows which of its bytes came from the input of a rendering.
//
// A chat template puts its own markers around what users wrote. The markers may become control tokens, the users' words
// never: so every string of the engine carries its origin, through concatenation, slicing, trimming and replacing,
// until the prompt is cut into segments. Bytes are either the template's or input; the borders between the two are kept
// as a sorted list of disjoint, non-adjacent ranges, of which there is mostly none or one.
//
// A value type. Appending costs what is appended; looking up a byte's origin costs the logarithm of the ranges.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::tokenizer::jinja {

class Text {
 public:
  Text() = default;
  explicit Text(std::string bytes, bool is_input = false);

  const std::string& bytes() const { return bytes_; }
  std::string_view view() const { return bytes_; }
  size_t size_bytes() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  // What its bytes and their origins take of a rendering's memory.
  size_t cost_bytes() const { return bytes_.size() + input_.size() * sizeof(Range); }

  bool HasInput() const { return !input_.empty(); }
  // Whether the byte at `at` came from input.
  bool IsInput(size_t at) const;

  void Append(std::string_view bytes, bool is_input);
  void Append(const Text& other) { AppendSlice(other, 0, other.size_bytes()); }
  // The bytes [begin, end) of another text.
  void AppendSlice(const Text& other, size_t begin, size_t end);
  Text Slice(size_t begin, size_t end) const;
  // Declares everything to be input.
  void MarkAll();

  // The prompt: template bytes in segments that may be parsed for special tokens, input in segments that may not.
  // Neighbours differ in kind, none is empty.
  std::vector<PromptSegment> Segments() const;

 private:
  struct Range {
    size_t begin;
    size_t end;
  };

  void AddRange(Range range);
  // The first range that ends behind `at`.
  std::vector<Range>::const_iterator FirstEndingAfter(size_t at) const;

  std::string bytes_;
  std::vector<Range> input_;
};

}  // namespace tenfold::tokenizer::jinja
