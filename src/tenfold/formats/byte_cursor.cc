#include "tenfold/formats/byte_cursor.h"

#include "tenfold/formats/quoted.h"

namespace tenfold::formats {

std::string Field::ToString() const {
  return name.data() == nullptr ? std::string(kind) : fmt::format("{} {}", kind, Quoted(name));
}

Result<std::span<const std::byte>> ByteCursor::ReadArray(uint64_t count, size_t element_bytes, Field field) {
  if (count > remaining() / element_bytes) {
    const std::string needed = count == 1           ? fmt::format("{}", element_bytes)
                               : element_bytes == 1 ? fmt::format("{}", count)
                                                    : fmt::format("{} x {}", count, element_bytes);
    return MakeError(ErrorCode::kCorrupt,
                     "{}: {} needs {} bytes at byte {}, but the file ends at byte {}; it may be an incomplete download",
                     source_, field.ToString(), needed, offset_, bytes_.size());
  }
  const auto found = bytes_.subspan(offset_, count * element_bytes);
  offset_ += found.size();
  return found;
}

Result<std::string_view> ByteCursor::ReadString(Field field) {
  ASSIGN_OR_RETURN(const uint64_t length, Read<uint64_t>(field));
  ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, ReadArray(length, 1, field));
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<uint64_t> ByteCursor::ReadCount(size_t smallest_bytes, Field field) {
  ASSIGN_OR_RETURN(const uint64_t count, Read<uint64_t>(field));
  if (count > remaining() / smallest_bytes) {
    return MakeError(ErrorCode::kCorrupt,
                     "{}: {} is {}, more than the {} bytes that follow can hold; the file is damaged or incomplete",
                     source_, field.ToString(), count, remaining());
  }
  return count;
}

}  // namespace tenfold::formats
