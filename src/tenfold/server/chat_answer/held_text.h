// HeldText: an answer's text on its way out. Its end is kept back while it may be the beginning of a marker, or white
// space in front of one.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "tenfold/base/trimmed.h"

namespace tenfold::server {

class HeldText {
 public:
  void Add(std::string_view text) { text_ += text; }
  std::string_view text() const { return text_; }
  bool empty() const { return text_.empty(); }
  void Drop(size_t size) { text_.erase(0, size); }
  void DropSpaces() { Drop(std::min(text_.find_first_not_of(kWhiteSpace), text_.size())); }
  std::string TakeAll() { return std::exchange(text_, {}); }

  // Whether the text begins with `marker`, white space in front of it aside. kYes takes both away.
  enum class Match { kNo, kYes, kNotYetKnown };
  Match TakeMarker(std::string_view marker) {
    const size_t begin = std::min(text_.find_first_not_of(kWhiteSpace), text_.size());
    const std::string_view rest = text().substr(begin);
    if (rest.size() < marker.size()) return marker.starts_with(rest) ? Match::kNotYetKnown : Match::kNo;
    if (!rest.starts_with(marker)) return Match::kNo;
    Drop(begin + marker.size());
    return Match::kYes;
  }

  // Where a marker stands with the white space in front of it, or may yet stand: what is before that is certain.
  struct Place {
    size_t begin;
    size_t size;
    bool is_whole;
  };
  Place Find(std::string_view marker) const {
    const size_t found = text_.find(marker);
    const bool is_whole = found != std::string::npos;
    const size_t end = is_whole ? found : text_.size() - PartialMarkerSize(marker);
    const size_t begin = text().substr(0, end).find_last_not_of(kWhiteSpace) + 1;  // npos + 1 = 0
    return {begin, is_whole ? found + marker.size() - begin : text_.size() - begin, is_whole};
  }

 private:
  // Bytes at the end that are the beginning of `marker`.
  size_t PartialMarkerSize(std::string_view marker) const {
    for (size_t size = std::min(text_.size(), marker.size() - 1); size > 0; --size) {
      if (marker.starts_with(text().substr(text_.size() - size))) return size;
    }
    return 0;
  }

  std::string text_;
};

}  // namespace tenfold::server
