#include "tenfold/tokenizer/vocabulary_hash.h"

#include <bit>
#include <string>
#include <string_view>

#include "tenfold/base/hash.h"

namespace tenfold::tokenizer {
namespace {

// Numbers as eight bytes each, texts and lists with their lengths before them, so that no two look alike.
class Fields {
 public:
  void Add(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>(number >> shift);
  }
  void Add(std::string_view text) {
    Add(uint64_t{text.size()});
    bytes_ += text;
  }
  uint64_t hash() const { return Hash64(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace

uint64_t HashVocabulary(const Vocabulary& vocabulary) {
  Fields fields;
  const bool is_byte_level = vocabulary.kind == VocabularyKind::kByteLevel;
  fields.Add(uint64_t{is_byte_level});
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    // No text becomes an unused token; files pad vocabularies with them.
    if (vocabulary.tokens[id].empty() || vocabulary.types[id] == TokenType::kUnused) continue;
    fields.Add(uint64_t{id});
    fields.Add(static_cast<uint64_t>(vocabulary.types[id]));
    fields.Add(std::string_view(vocabulary.tokens[id]));
  }
  fields.Add(~uint64_t{0});  // no id
  if (!is_byte_level) {
    fields.Add(vocabulary.scores.size());
    for (const float score : vocabulary.scores) fields.Add(uint64_t{std::bit_cast<uint32_t>(score)});
  }
  fields.Add(vocabulary.merges.size());
  for (const auto& [left, right] : vocabulary.merges) {
    fields.Add(std::string_view(left));
    fields.Add(std::string_view(right));
  }
  fields.Add(uint64_t{vocabulary.ignore_merges});
  fields.Add(uint64_t{vocabulary.normalize_nfc});
  fields.Add(vocabulary.splits.size());
  for (const SplitStep& split : vocabulary.splits) {
    fields.Add(std::string_view(split.pattern));
    fields.Add(static_cast<uint64_t>(split.behavior));
    fields.Add(uint64_t{split.invert});
  }
  fields.Add(static_cast<uint64_t>(vocabulary.space_prefix));
  fields.Add(uint64_t{vocabulary.space_prefix != SpacePrefix::kNever && vocabulary.prefix_only_when_missing});
  if (!is_byte_level) {  // means nothing there, and readers of files leave it at different values
    fields.Add(uint64_t{vocabulary.spaces_are_underlined});
    fields.Add(uint64_t{vocabulary.byte_fallback});
  }
  const bool has_unknown = vocabulary.unknown != kNoToken;
  fields.Add(uint64_t{has_unknown && vocabulary.fuse_unknown});
  fields.Add(static_cast<uint64_t>(vocabulary.unknown));
  for (const auto* ids : {&vocabulary.strip_left, &vocabulary.strip_right}) {
    fields.Add(ids->size());
    for (const TokenId id : *ids) fields.Add(static_cast<uint64_t>(id));
  }
  return fields.hash();
}

}  // namespace tenfold::tokenizer
