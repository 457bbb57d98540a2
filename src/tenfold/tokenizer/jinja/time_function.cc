#include "tenfold/tokenizer/jinja/time_function.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "tenfold/tokenizer/jinja/object.h"

namespace tenfold::tokenizer::jinja {
namespace {

class TimeFunction : public Object {
 public:
  explicit TimeFunction(const std::tm& now) : now_(now) {}
  std::string_view TypeName() const override { return "a function"; }
  bool IsCallable() const override { return true; }

  Result<Value> Call(Workspace& workspace, const Arguments& arguments) override {
    if (arguments.positional.size() != 1 || arguments.positional[0].text() == nullptr || !arguments.named.empty()) {
      return MakeError(ErrorCode::kInvalidArgument, "strftime_now takes a format, such as '%Y-%m-%d'");
    }
    const Text& format = *arguments.positional[0].text();
    Text text;
    for (size_t at = 0; at < format.size_bytes();) {
      const size_t percent = std::min(format.view().find('%', at), format.size_bytes());
      text.AppendSlice(format, at, percent);
      RETURN_IF_ERROR(workspace.CheckRoom(text.cost_bytes()));
      if (percent == format.size_bytes()) break;
      at = percent + (format.view().substr(percent).starts_with("%-") ? 3 : 2);
      ASSIGN_OR_RETURN(const std::string part, Write(format.view().substr(percent, at - percent)));
      text.Append(part, false);
    }
    return workspace.NewText(std::move(text));
  }

 private:
  // `letter` is "%d" or "%-d".
  Result<std::string> Write(std::string_view letter) const {
    constexpr std::string_view kLetters = "aAbBcdDeFHIjmMnpSTuUwWxXyY%";
    const bool is_plain = letter.starts_with("%-");
    if (letter.size() < (is_plain ? 3u : 2u) || kLetters.find(letter.back()) == std::string_view::npos) {
      return MakeError(ErrorCode::kUnsupported, "strftime_now does not know '{}'", letter);
    }
    const char format[] = {'%', letter.back(), '\0'};
    char buffer[64];
    const std::string_view written(buffer, std::strftime(buffer, sizeof(buffer), format, &now_));
    if (!is_plain) return std::string(written);
    return std::string(written.substr(std::min(written.find_first_not_of("0 "), written.size() - 1)));
  }

  const std::tm now_;
};

}  // namespace

Result<Value> NewTimeFunction(Workspace& workspace, const std::tm& now) {
  ASSIGN_OR_RETURN(TimeFunction * function, workspace.NewObject<TimeFunction>(now));
  return Value(function);
}

}  // namespace tenfold::tokenizer::jinja
