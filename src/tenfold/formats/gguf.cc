#include "tenfold/formats/gguf.h"

#include "tenfold/formats/gguf_header.h"
#include "tenfold/formats/quoted.h"

namespace tenfold::formats {
namespace {

// What a value is, for error messages.
std::string_view KindName(const GgufValue& value) {
  constexpr std::string_view kScalars[] = {"a boolean", "a whole number", "a whole number above 2^63",
                                           "a floating-point number", "a string"};
  constexpr std::string_view kArrays[] = {"an array of booleans", "an array of whole numbers",
                                          "an array of floating-point numbers", "an array of strings"};
  static_assert(std::size(kScalars) == std::variant_size_v<GgufScalar>);
  static_assert(std::size(kArrays) == std::variant_size_v<GgufArray>);
  if (const auto* scalar = std::get_if<GgufScalar>(&value)) return kScalars[scalar->index()];
  return kArrays[std::get<GgufArray>(value).index()];
}

// The scalar or array of C++ type T that `value` holds, or nullptr.
template <class Kind, class T>
const T* GetIf(const GgufValue& value) {
  const Kind* kind = std::get_if<Kind>(&value);
  return kind == nullptr ? nullptr : std::get_if<T>(kind);
}

tl::unexpected<Error> WrongKind(std::string_view file, std::string_view key, std::string_view wanted,
                                const GgufValue& got) {
  return MakeError(ErrorCode::kCorrupt, "{}: metadata {} must be {}, not {}", file, Quoted(key), wanted, KindName(got));
}

}  // namespace

Result<GgufFile> GgufFile::Open(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(platform::MappedFile mapped, platform::MappedFile::Open(path));
  ASSIGN_OR_RETURN(GgufFile file, Parse(mapped.bytes(), path.string()));
  file.file_ = std::move(mapped);
  return file;
}

Result<GgufFile> GgufFile::Parse(std::span<const std::byte> bytes, std::string name) {
  GgufFile file;
  ASSIGN_OR_RETURN(file.header_, ParseGgufHeader(bytes, name));
  file.name_ = std::move(name);
  return file;
}

const GgufTensor* GgufFile::FindTensor(std::string_view name) const {
  const auto found = header_.tensor_index.find(name);
  return found == header_.tensor_index.end() ? nullptr : &header_.tensors[found->second];
}

Result<tensor::TensorView> GgufFile::Tensor(std::string_view name) const {
  const GgufTensor* tensor = FindTensor(name);
  if (tensor == nullptr) return MakeError(ErrorCode::kNotFound, "{}: has no tensor {}", name_, Quoted(name));
  if (!tensor->type) {
    return MakeError(ErrorCode::kUnsupported,
                     "{}: tensor {} is stored as {}, which this program cannot compute with; use a file in F32, F16, "
                     "BF16, Q8_0, Q6_K, Q5_K, Q4_K or Q4_0",
                     name_, Quoted(name), GgufTypeName(tensor->type_id));
  }
  return tensor::TensorView{*tensor->type, tensor->shape, tensor->bytes.data()};
}

const GgufValue* GgufFile::Find(std::string_view key) const {
  const auto found = header_.metadata_index.find(key);
  return found == header_.metadata_index.end() ? nullptr : &header_.metadata[found->second].second;
}

Result<std::optional<int64_t>> GgufFile::GetInt(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = GetIf<GgufScalar, int64_t>(*value)) return *number;
  return WrongKind(name_, key, "a whole number", *value);
}

Result<std::optional<double>> GgufFile::GetNumber(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = GetIf<GgufScalar, double>(*value)) return *number;
  if (const auto* number = GetIf<GgufScalar, int64_t>(*value)) return static_cast<double>(*number);
  if (const auto* number = GetIf<GgufScalar, uint64_t>(*value)) return static_cast<double>(*number);
  return WrongKind(name_, key, "a number", *value);
}

Result<std::optional<bool>> GgufFile::GetBool(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* flag = GetIf<GgufScalar, bool>(*value)) return *flag;
  return WrongKind(name_, key, "a boolean", *value);
}

Result<std::optional<std::string_view>> GgufFile::GetString(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* text = GetIf<GgufScalar, std::string_view>(*value)) return *text;
  return WrongKind(name_, key, "a string", *value);
}

Result<std::vector<std::string_view>> GgufFile::GetStrings(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::vector<std::string_view>();
  if (const auto* texts = GetIf<GgufArray, std::vector<std::string_view>>(*value)) return *texts;
  return WrongKind(name_, key, "an array of strings", *value);
}

Result<std::vector<int64_t>> GgufFile::GetInts(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::vector<int64_t>();
  if (const auto* numbers = GetIf<GgufArray, std::vector<int64_t>>(*value)) return *numbers;
  return WrongKind(name_, key, "an array of whole numbers", *value);
}

Result<std::vector<double>> GgufFile::GetNumbers(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::vector<double>();
  if (const auto* numbers = GetIf<GgufArray, std::vector<double>>(*value)) return *numbers;
  if (const auto* numbers = GetIf<GgufArray, std::vector<int64_t>>(*value)) {
    return std::vector<double>(numbers->begin(), numbers->end());
  }
  return WrongKind(name_, key, "an array of numbers", *value);
}

std::span<const std::byte> GgufFile::EncodedValue(std::string_view key) const {
  const auto found = header_.metadata_index.find(key);
  if (found == header_.metadata_index.end()) return {};
  return header_.encoded_values[found->second];
}

}  // namespace tenfold::formats
