#include "tenfold/tokenizer/jinja/lexer.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "tenfold/tokenizer/jinja/characters.h"

namespace tenfold::tokenizer::jinja {
namespace {

constexpr std::string_view kWordCharacters = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
// Longer ones first.
constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "[",
                                           "]",  "(",  ")",  "{",  "}",  "<",  ">", "=", ".", ":", "|", ",", ";"};

bool IsDecimal(char c) {
  return c >= '0' && c <= '9';
}

bool IsWordCharacter(char c) {
  return kWordCharacters.find(c) != std::string_view::npos || static_cast<unsigned char>(c) >= 0x80;
}

std::string WithPlainLineEnds(std::string_view source) {
  std::string result;
  result.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      result += source[i];
    } else {
      result += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
  }
  if (result.ends_with('\n')) result.pop_back();
  return result;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : owned_(WithPlainLineEnds(source)), source_(owned_) {}

  Result<std::vector<Token>> Run() {
    while (at_ < source_.size()) RETURN_IF_ERROR(TextAndTag());
    Add(Token::Kind::kEnd, "", at_);
    return std::move(tokens_);
  }

 private:
  // The text up to the next tag, and the tag.
  Status TextAndTag() {
    const size_t begin = NextTag();
    const bool is_print = begin < source_.size() && source_[begin + 1] == '{';
    const size_t text_begin = at_;
    if (begin == source_.size()) {
      AddText(text_begin, begin);
      at_ = begin;
      return {};
    }
    const char sign = SignAt(begin + 2);
    AddText(text_begin, EndOfText(text_begin, begin, sign, is_print));
    at_ = begin + (sign == 0 ? 2 : 3);
    if (source_[begin + 1] == '#') return Comment(begin);
    if (!is_print && IsRaw()) return Raw(begin);
    Add(is_print ? Token::Kind::kPrintBegin : Token::Kind::kTagBegin, is_print ? "{{" : "{%", begin);
    return Inside(is_print, begin);
  }

  size_t NextTag() const {
    for (size_t at = source_.find('{', at_); at != std::string_view::npos; at = source_.find('{', at + 1)) {
      if (at + 1 < source_.size() && std::string_view("{%#").find(source_[at + 1]) != std::string_view::npos) return at;
    }
    return source_.size();
  }

  // "-", "+", or 0 for none.
  char SignAt(size_t at) const {
    return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
  }

  // Where the text before a tag ends, once the white space that the tag takes is gone.
  size_t EndOfText(size_t begin, size_t tag, char sign, bool is_print) const {
    size_t end = tag;
    const auto last_is_space = [&] {
      return end > begin && IsSpace(source_.substr(begin, end - begin).substr(LastOf(begin, end)));
    };
    if (sign == '-') {
      while (last_is_space()) end = begin + LastOf(begin, end);
      return end;
    }
    if (sign == '+' || is_print) return tag;
    while (last_is_space() && source_[end - 1] != '\n') end = begin + LastOf(begin, end);
    const bool begins_line = end == 0 || source_[end - 1] == '\n';
    return begins_line ? end : tag;
  }
  size_t LastOf(size_t begin, size_t end) const { return LastCharacterBegin(source_.substr(begin, end - begin)); }

  void SkipSpace() {
    while (at_ < source_.size() && IsSpace(source_.substr(at_, FirstCharacterBytes(source_.substr(at_))))) {
      at_ += FirstCharacterBytes(source_.substr(at_));
    }
  }
  bool Skip(std::string_view text) {
    if (!source_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  // Behind a tag that ended with `sign` before its bracket.
  void AfterTag(char sign, bool is_print) {
    if (sign == '-') {
      SkipSpace();
    } else if (sign != '+' && !is_print) {
      Skip("\n");
    }
  }

  Status Comment(size_t begin) {
    const size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos) return Fail(begin, "this comment has no end; write #}}");
    const char sign = end > at_ ? SignAt(end - 1) : '\0';
    at_ = end + 2;
    AfterTag(sign, false);
    return {};
  }

  // Whether "name %}" stands at `at`; then it and the bracket are skipped, and `sign` is the bracket's.
  bool SkipTag(std::string_view name, char& sign) {
    const size_t begin = at_;
    SkipSpace();
    if (Skip(name)) {
      SkipSpace();
      sign = SignAt(at_);
      if (sign != 0) ++at_;
      if (Skip("%}")) return true;
    }
    at_ = begin;
    return false;
  }
  bool IsRaw() {
    char sign = 0;
    const size_t begin = at_;
    if (!SkipTag("raw", sign)) return false;
    if (sign == '+') at_ = begin;
    if (sign == '-') SkipSpace();
    return sign != '+';
  }

  Status Raw(size_t begin) {
    const size_t text_begin = at_;
    for (size_t tag = source_.find("{%", at_); tag != std::string_view::npos; tag = source_.find("{%", tag + 1)) {
      const char begin_sign = SignAt(tag + 2);
      at_ = tag + (begin_sign == 0 ? 2 : 3);
      char end_sign = 0;
      if (!SkipTag("endraw", end_sign)) continue;
      AddText(text_begin, EndOfText(text_begin, tag, begin_sign, false));
      AfterTag(end_sign, false);
      return {};
    }
    return Fail(begin, "this raw block has no end; write {{% endraw %}}");
  }

  // The tokens up to the tag's end. Brackets are counted: "}}" may also close two mappings.
  Status Inside(bool is_print, size_t begin) {
    std::string open;
    const std::string_view bracket = is_print ? "}}" : "%}";
    for (;;) {
      SkipSpace();
      if (at_ >= source_.size()) return Fail(begin, "this tag has no end; write {}", bracket);
      if (open.empty()) {
        const char sign = SignAt(at_);
        const bool has_sign = sign == '-' || (sign == '+' && !is_print);
        if (source_.substr(at_ + (has_sign ? 1 : 0)).starts_with(bracket)) {
          const size_t end = at_;
          at_ += (has_sign ? 1 : 0) + bracket.size();
          Add(is_print ? Token::Kind::kPrintEnd : Token::Kind::kTagEnd, std::string(bracket), end);
          AfterTag(has_sign ? sign : '\0', is_print);
          return {};
        }
      }
      const char c = source_[at_];
      if (c == '"' || c == '\'') {
        RETURN_IF_ERROR(String());
      } else if (IsDecimal(c)) {
        RETURN_IF_ERROR(Number());
      } else if (IsWordCharacter(c)) {
        size_t end = at_;
        while (end < source_.size() && IsWordCharacter(source_[end])) ++end;
        AddUpTo(Token::Kind::kName, end);
      } else {
        RETURN_IF_ERROR(Operator(open));
      }
    }
  }

  Status Operator(std::string& open) {
    const auto found =
        std::ranges::find_if(kOperators, [&](std::string_view op) { return source_.substr(at_).starts_with(op); });
    if (found == std::end(kOperators)) {
      return Fail(at_, "the character '{}' means nothing here",
                  source_.substr(at_, FirstCharacterBytes(source_.substr(at_))));
    }
    constexpr std::string_view kOpening = "([{";
    constexpr std::string_view kClosing = ")]}";
    const char c = (*found)[0];
    if (kOpening.find(c) != std::string_view::npos) open += c;
    if (const size_t kind = kClosing.find(c); kind != std::string_view::npos) {
      if (open.empty() || open.back() != kOpening[kind]) return Fail(at_, "'{}' closes nothing that is open", c);
      open.pop_back();
    }
    AddUpTo(Token::Kind::kOperator, at_ + found->size());
    return {};
  }

  Status Number() {
    size_t end = at_;
    const auto skip_digits = [&] {
      while (end < source_.size() && (IsDecimal(source_[end]) || source_[end] == '_')) ++end;
    };
    const auto is_digit_at = [&](size_t at) { return at < source_.size() && IsDecimal(source_[at]); };
    if (source_[at_] == '0' && at_ + 1 < source_.size()) {
      switch (source_[at_ + 1] | 0x20) {
        case 'x':
          return Integer(at_ + 2, 16);
        case 'o':
          return Integer(at_ + 2, 8);
        case 'b':
          return Integer(at_ + 2, 2);
      }
    }
    skip_digits();
    bool is_float = false;
    const bool follows_dot = at_ > 0 && source_[at_ - 1] == '.';  // the 1 and the 2 in x.1.2
    if (!follows_dot && end < source_.size() && source_[end] == '.' && is_digit_at(end + 1)) {
      is_float = true;
      ++end;
      skip_digits();
    }
    if (!follows_dot && end < source_.size() && (source_[end] | 0x20) == 'e') {
      const size_t digits = end + (SignAt(end + 1) != 0 ? 2 : 1);
      if (is_digit_at(digits)) {
        is_float = true;
        end = digits;
        skip_digits();
      }
    }
    if (!is_float) return Integer(at_, 10);
    std::string digits(source_.substr(at_, end - at_));
    std::erase(digits, '_');
    double number = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (parsed.ec != std::errc()) return Fail(at_, "the number {} is out of range", digits);
    AddUpTo(Token::Kind::kFloat, end);
    tokens_.back().number = number;
    return {};
  }

  Status Integer(size_t begin, int base) {
    size_t end = begin;
    while (end < source_.size() && (std::isxdigit(static_cast<unsigned char>(source_[end])) || source_[end] == '_') &&
           (base == 16 || IsDecimal(source_[end]) || source_[end] == '_')) {
      ++end;
    }
    std::string digits(source_.substr(begin, end - begin));
    std::erase(digits, '_');
    int64_t integer = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), integer, base);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
      return Fail(at_, "{} is not a number of 64 bits", source_.substr(at_, end - at_));
    }
    AddUpTo(Token::Kind::kInteger, end);
    tokens_.back().integer = integer;
    return {};
  }

  Status String() {
    const size_t begin = at_;
    const char quote = source_[at_++];
    std::string text;
    while (at_ < source_.size() && source_[at_] != quote) {
      if (source_[at_] == '\\' && at_ + 1 < source_.size()) {
        RETURN_IF_ERROR(Escape(text));
      } else {
        text += source_[at_++];
      }
    }
    if (at_ >= source_.size()) return Fail(begin, "this string has no end; write {}", quote);
    ++at_;
    Add(Token::Kind::kString, std::move(text), begin);
    return {};
  }

  // Python's escapes; a backslash before anything else stays.
  Status Escape(std::string& text) {
    const size_t begin = at_++;
    const char c = source_[at_++];
    constexpr std::string_view kLetters = "\\'\"abfnrtv";
    constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
    if (const size_t letter = kLetters.find(c); letter != std::string_view::npos) {
      text += kMeanings[letter];
      return {};
    }
    if (c == '\n') return {};
    if (c == 'x') return CodePoint(begin, 2, 16, text);
    if (c == 'u') return CodePoint(begin, 4, 16, text);
    if (c == 'U') return CodePoint(begin, 8, 16, text);
    if (c == 'N') return Fail(begin, "characters cannot be named with \\N here; write \\u and their number");
    if (c >= '0' && c <= '7') {
      size_t num_digits = 1;
      while (num_digits < 3 && at_ - 1 + num_digits < source_.size() && source_[at_ - 1 + num_digits] >= '0' &&
             source_[at_ - 1 + num_digits] <= '7') {
        ++num_digits;
      }
      --at_;
      return CodePoint(begin, num_digits, 8, text);
    }
    text += '\\';
    text += c;
    return {};
  }

  Status CodePoint(size_t begin, size_t num_digits, int base, std::string& text) {
    const std::string_view digits = source_.substr(at_, num_digits);
    uint32_t code = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), code, base);
    if (digits.size() < num_digits || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
      return Fail(begin, "this escape needs {} digits", num_digits);
    }
    at_ += num_digits;
    text += EncodeCharacter(code);
    return {};
  }

  void Add(Token::Kind kind, std::string text, size_t begin) {
    tokens_.push_back({.kind = kind, .text = std::move(text), .place = PlaceOf(begin)});
  }
  void AddUpTo(Token::Kind kind, size_t end) {
    Add(kind, std::string(source_.substr(at_, end - at_)), at_);
    at_ = end;
  }
  void AddText(size_t begin, size_t end) {
    if (begin < end) Add(Token::Kind::kText, std::string(source_.substr(begin, end - begin)), begin);
  }

  // Tokens are asked for in order, so that counting lines is linear; an error may ask once for an earlier place.
  Place PlaceOf(size_t at) {
    if (at < counted_) {
      counted_ = line_begin_ = 0;
      line_ = 1;
    }
    for (; counted_ < at; ++counted_) {
      if (source_[counted_] == '\n') {
        ++line_;
        line_begin_ = counted_ + 1;
      }
    }
    return {line_, static_cast<int>(at - line_begin_) + 1};
  }

  template <class... Args>
  tl::unexpected<Error> Fail(size_t at, fmt::format_string<Args...> format, Args&&... args) {
    const Place place = PlaceOf(at);
    return MakeError(ErrorCode::kInvalidArgument, "chat template, line {}, column {}: {}", place.line, place.column,
                     fmt::format(format, std::forward<Args>(args)...));
  }

  const std::string owned_;
  const std::string_view source_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
  // What PlaceOf has counted.
  size_t counted_ = 0;
  size_t line_begin_ = 0;
  int line_ = 1;
};

}  // namespace

Result<std::vector<Token>> Tokenize(std::string_view source) {
  return Lexer(source).Run();
}

std::string DescribeToken(const Token& token) {
  switch (token.kind) {
    case Token::Kind::kEnd:
      return "the end of the template";
    case Token::Kind::kText:
      return "text";
    case Token::Kind::kString:
      return "a string";
    default:
      return fmt::format("'{}'", token.text);
  }
}

}  // namespace tenfold::tokenizer::jinja
