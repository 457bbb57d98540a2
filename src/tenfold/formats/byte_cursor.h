// ByteCursor: reads a little-endian header front to back and never past its end.
//
// Each read names the field it is after, so that a file which ends early is reported with that field and its place.
// Counts are compared with the bytes that remain before anything is allocated for them.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "tenfold/base/result.h"

namespace tenfold::formats {

static_assert(std::endian::native == std::endian::little, "numbers are copied from files as they are");

// What is being read: {"metadata", "general.name"} is printed as: metadata "general.name".
struct Field {
  std::string_view kind;
  std::string_view name = {};

  std::string ToString() const;
};

class ByteCursor {
 public:
  // `bytes` and `source`, the path for errors, outlive the cursor.
  ByteCursor(std::span<const std::byte> bytes, std::string_view source) : bytes_(bytes), source_(source) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }
  // What has been read since `start`.
  std::span<const std::byte> Since(size_t start) const { return bytes_.subspan(start, offset_ - start); }

  template <class T>
  Result<T> Read(Field field) {
    ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, ReadArray(1, sizeof(T), field));
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

  // A 64-bit length and that many bytes.
  Result<std::string_view> ReadString(Field field);

  Result<std::span<const std::byte>> ReadArray(uint64_t count, size_t element_bytes, Field field);

  // A 64-bit count of things that take at least `smallest_bytes` each.
  Result<uint64_t> ReadCount(size_t smallest_bytes, Field field);

 private:
  std::span<const std::byte> bytes_;
  std::string_view source_;
  size_t offset_ = 0;
};

}  // namespace tenfold::formats
