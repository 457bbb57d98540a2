// SseReader: server-sent events from bytes that arrive in any cuts. The part of the format that streaming APIs use: the
// data of each event; other fields and comments are passed over (WHATWG HTML, section 9.2.6).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tenfold::bench {

class SseReader {
 public:
  // Returns the data of the events that `bytes` completes; several data lines of one event are joined by "\n".
  std::vector<std::string> Feed(std::string_view bytes);

 private:
  void TakeLine(std::string_view line, std::vector<std::string>& events);

  std::string line_;             // without its end, which has not come yet
  bool skip_line_feed_ = false;  // the last line ended in "\r": a "\n" belongs to it
  std::string data_;
  bool has_data_ = false;
};

}  // namespace tenfold::bench
