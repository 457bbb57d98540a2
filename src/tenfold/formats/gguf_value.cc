#include "tenfold/formats/gguf_value.h"

#include <concepts>
#include <type_traits>
#include <utility>

#include "tenfold/formats/gguf_types.h"

namespace tenfold::formats {
namespace {

// Calls `read` with a std::type_identity of the C++ type that stores numbers of `type`. nullopt: not a number type.
template <class Read>
std::optional<Result<GgufValue>> WithNumberType(GgufValueType type, Read read) {
  switch (type) {
    case GgufValueType::kUint8:
      return read(std::type_identity<uint8_t>());
    case GgufValueType::kInt8:
      return read(std::type_identity<int8_t>());
    case GgufValueType::kUint16:
      return read(std::type_identity<uint16_t>());
    case GgufValueType::kInt16:
      return read(std::type_identity<int16_t>());
    case GgufValueType::kUint32:
      return read(std::type_identity<uint32_t>());
    case GgufValueType::kInt32:
      return read(std::type_identity<int32_t>());
    case GgufValueType::kUint64:
      return read(std::type_identity<uint64_t>());
    case GgufValueType::kInt64:
      return read(std::type_identity<int64_t>());
    case GgufValueType::kFloat32:
      return read(std::type_identity<float>());
    case GgufValueType::kFloat64:
      return read(std::type_identity<double>());
    default:
      return std::nullopt;
  }
}

class ValueReader {
 public:
  ValueReader(ByteCursor& cursor, std::string_view key, std::string_view source)
      : cursor_(cursor), field_{"metadata", key}, source_(source) {}

  Result<GgufValue> Read() {
    ASSIGN_OR_RETURN(const uint32_t type, cursor_.Read<uint32_t>(field_));
    auto number =
        WithNumberType(GgufValueType{type}, [this]<class T>(std::type_identity<T>) { return ReadNumber<T>(); });
    if (number) return *std::move(number);
    switch (GgufValueType{type}) {
      case GgufValueType::kBool: {
        ASSIGN_OR_RETURN(const uint8_t byte, cursor_.Read<uint8_t>(field_));
        ASSIGN_OR_RETURN(const bool value, ToBool(byte));
        return GgufScalar(value);
      }
      case GgufValueType::kString: {
        ASSIGN_OR_RETURN(const std::string_view text, cursor_.ReadString(field_));
        return GgufScalar(text);
      }
      case GgufValueType::kArray:
        return ReadArray();
      default:
        return UnknownType(type);
    }
  }

 private:
  Result<GgufValue> ReadArray() {
    ASSIGN_OR_RETURN(const uint32_t type, cursor_.Read<uint32_t>(field_));
    ASSIGN_OR_RETURN(const uint64_t count, cursor_.Read<uint64_t>(field_));
    auto numbers =
        WithNumberType(GgufValueType{type}, [&]<class T>(std::type_identity<T>) { return ReadNumbers<T>(count); });
    if (numbers) return *std::move(numbers);
    switch (GgufValueType{type}) {
      case GgufValueType::kBool:
        return ReadBools(count);
      case GgufValueType::kString:
        return ReadStrings(count);
      case GgufValueType::kArray:
        return MakeError(ErrorCode::kUnsupported, "{}: {} is an array of arrays, which this program does not read",
                         source_, field_.ToString());
      default:
        return UnknownType(type);
    }
  }

  template <class T>
  Result<GgufValue> ReadNumber() {
    ASSIGN_OR_RETURN(const T value, cursor_.Read<T>(field_));
    if constexpr (std::floating_point<T>) {
      return GgufScalar(static_cast<double>(value));
    } else if (std::in_range<int64_t>(value)) {
      return GgufScalar(static_cast<int64_t>(value));
    } else {
      return GgufScalar(static_cast<uint64_t>(value));
    }
  }

  template <class T>
  Result<GgufValue> ReadNumbers(uint64_t count) {
    using Wide = std::conditional_t<std::floating_point<T>, double, int64_t>;
    ASSIGN_OR_RETURN(const auto bytes, cursor_.ReadArray(count, sizeof(T), field_));
    std::vector<Wide> values(count);
    for (size_t i = 0; i < count; ++i) {
      T value;
      std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
      if constexpr (std::integral<T>) {
        if (!std::in_range<int64_t>(value)) {
          return MakeError(ErrorCode::kUnsupported, "{}: {}[{}] is {}, above the greatest signed 64-bit number",
                           source_, field_.ToString(), i, value);
        }
      }
      values[i] = static_cast<Wide>(value);
    }
    return GgufArray(std::move(values));
  }

  Result<GgufValue> ReadBools(uint64_t count) {
    ASSIGN_OR_RETURN(const auto bytes, cursor_.ReadArray(count, 1, field_));
    std::vector<bool> values(count);
    for (size_t i = 0; i < count; ++i) {
      ASSIGN_OR_RETURN(const bool value, ToBool(static_cast<uint8_t>(bytes[i])));
      values[i] = value;
    }
    return GgufArray(std::move(values));
  }

  Result<GgufValue> ReadStrings(uint64_t count) {
    // Each string takes at least its length of 8 bytes; a count beyond that would only serve to exhaust memory.
    if (count > cursor_.remaining() / 8) {
      return MakeError(ErrorCode::kCorrupt, "{}: {} promises {} strings, more than the {} bytes that follow can hold",
                       source_, field_.ToString(), count, cursor_.remaining());
    }
    std::vector<std::string_view> values(count);
    for (std::string_view& value : values) {
      ASSIGN_OR_RETURN(value, cursor_.ReadString(field_));
    }
    return GgufArray(std::move(values));
  }

  Result<bool> ToBool(uint8_t byte) const {
    if (byte > 1) {
      return MakeError(ErrorCode::kCorrupt, "{}: {} holds the byte {} where a boolean must be 0 or 1", source_,
                       field_.ToString(), byte);
    }
    return byte == 1;
  }

  tl::unexpected<Error> UnknownType(uint32_t type) const {
    return MakeError(ErrorCode::kCorrupt, "{}: {} has the unknown value type {} (0 to 12 exist)", source_,
                     field_.ToString(), type);
  }

  ByteCursor& cursor_;
  const Field field_;
  const std::string_view source_;
};

}  // namespace

Result<GgufValue> ReadGgufValue(ByteCursor& cursor, std::string_view key, std::string_view source) {
  return ValueReader(cursor, key, source).Read();
}

}  // namespace tenfold::formats
