#define PCRE2_CODE_UNIT_WIDTH 8
#include "tenfold/tokenizer/pre_tokenizer.h"

#include <array>
#include <cctype>
#include <string>

#include <pcre2.h>

#include "tenfold/base/check.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer {
namespace {

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
using Code = std::unique_ptr<pcre2_code, CodeDeleter>;
using MatchData = std::unique_ptr<pcre2_match_data, MatchDataDeleter>;

// A match of the pattern, or the text between two matches.
struct Stretch {
  std::string_view text;
  bool is_match;
};

// Calls `sink` with the stretches that `text` consists of, in order, none of them empty.
template <class Sink>
void ForEachStretch(const pcre2_code* code, pcre2_match_data* data, std::string_view text, Sink sink) {
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  size_t done = 0;
  for (size_t search = 0; search < text.size();) {
    int count = pcre2_match(code, subject, text.size(), search, PCRE2_NO_UTF_CHECK, data, nullptr);
    if (count == PCRE2_ERROR_JIT_STACKLIMIT) {  // the interpreter keeps its stack on the heap
      count = pcre2_match(code, subject, text.size(), search, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, nullptr);
    }
    if (count < 0) break;  // no match, or over the match limit
    const size_t* bounds = pcre2_get_ovector_pointer(data);
    const size_t begin = bounds[0];
    const size_t end = bounds[1];
    if (begin < done || end < begin) break;  // only \K in a lookaround does this
    if (begin > done) sink(Stretch{text.substr(done, begin - done), false});
    if (end > begin) sink(Stretch{text.substr(begin, end - begin), true});
    done = end;
    // An empty match cuts the text where it stands; the search goes on behind the next character.
    search = end > begin || end == text.size() ? end : end + ReadUtf8(text.substr(end)).size_bytes;
  }
  if (done < text.size()) sink(Stretch{text.substr(done), false});
}

std::string_view Joined(std::string_view first, std::string_view second) {
  return {first.data(), first.size() + second.size()};
}

}  // namespace

std::string LiteralPattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (static_cast<uint8_t>(c) < 0x80 && std::isalnum(static_cast<unsigned char>(c)) == 0) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

class PreTokenizer::CompiledStep {
 public:
  CompiledStep(Code code, const SplitStep& step) : code_(std::move(code)), step_(step) {}

  // Appends the pieces of each of `texts` to `pieces`.
  void Split(std::span<const std::string_view> texts, std::vector<std::string_view>& pieces) const {
    const MatchData data(pcre2_match_data_create(1, nullptr));  // the bounds of the whole match are enough
    CHECK(data != nullptr);
    for (const std::string_view text : texts) SplitOne(text, data.get(), pieces);
  }

 private:
  void SplitOne(std::string_view text, pcre2_match_data* data, std::vector<std::string_view>& pieces) const {
    bool follows_match = false;
    bool follows_other = false;
    ForEachStretch(code_.get(), data, text, [&](Stretch stretch) {
      const bool is_match = stretch.is_match != step_.invert;
      bool joins_last = false;
      switch (step_.behavior) {
        case SplitBehavior::kIsolated:
          break;
        case SplitBehavior::kRemoved:
          if (is_match) return;
          break;
        case SplitBehavior::kContiguous:
          joins_last = is_match ? follows_match : follows_other;
          break;
        case SplitBehavior::kMergedWithPrevious:
          joins_last = is_match && follows_other;
          break;
        case SplitBehavior::kMergedWithNext:
          joins_last = !is_match && follows_match;
          break;
      }
      if (joins_last) {
        pieces.back() = Joined(pieces.back(), stretch.text);
      } else {
        pieces.push_back(stretch.text);
      }
      follows_match = is_match;
      follows_other = !is_match;
    });
  }

  Code code_;
  SplitStep step_;
};

PreTokenizer::PreTokenizer() = default;
PreTokenizer::~PreTokenizer() = default;
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;

Result<PreTokenizer> PreTokenizer::Create(std::span<const SplitStep> steps, std::string_view source) {
  PreTokenizer pre_tokenizer;
  for (const SplitStep& step : steps) {
    int error = 0;
    size_t offset = 0;
    Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(step.pattern.data()), step.pattern.size(),
                            PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &offset,
                            nullptr));
    if (code == nullptr) {
      std::array<PCRE2_UCHAR, 256> reason{};
      pcre2_get_error_message(error, reason.data(), reason.size());
      return MakeError(ErrorCode::kUnsupported,
                       "{}: the pre-tokenizer's pattern \"{}\" does not compile: {} at byte {}", source, step.pattern,
                       reinterpret_cast<const char*>(reason.data()), offset);
    }
    // Where no just-in-time compiler exists for the processor, the interpreter gives the same answers.
    pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
    pre_tokenizer.steps_.emplace_back(std::move(code), step);
  }
  return pre_tokenizer;
}

std::vector<std::string_view> PreTokenizer::Split(std::string_view text) const {
  std::vector<std::string_view> pieces = {text};
  for (const CompiledStep& step : steps_) {
    std::vector<std::string_view> finer;
    step.Split(pieces, finer);
    pieces = std::move(finer);
  }
  return pieces;
}

}  // namespace tenfold::tokenizer
