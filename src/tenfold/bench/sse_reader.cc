#include "tenfold/bench/sse_reader.h"

#include <utility>

namespace tenfold::bench {

std::vector<std::string> SseReader::Feed(std::string_view bytes) {
  std::vector<std::string> events;
  for (const char c : bytes) {
    const bool ends_earlier_line = std::exchange(skip_line_feed_, false) && c == '\n';
    if (ends_earlier_line) continue;
    if (c != '\n' && c != '\r') {
      line_ += c;
      continue;
    }
    skip_line_feed_ = c == '\r';
    TakeLine(line_, events);
    line_.clear();
  }
  return events;
}

void SseReader::TakeLine(std::string_view line, std::vector<std::string>& events) {
  if (line.empty()) {
    if (std::exchange(has_data_, false)) events.push_back(std::exchange(data_, {}));
    return;
  }
  constexpr std::string_view kData = "data:";
  if (!line.starts_with(kData)) return;
  line.remove_prefix(kData.size());
  if (line.starts_with(' ')) line.remove_prefix(1);
  if (has_data_) data_ += '\n';
  data_ += line;
  has_data_ = true;
}

}  // namespace tenfold::bench
