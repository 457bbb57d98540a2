#include "tenfold/formats/gguf_writer.h"

#include <array>

#include "tenfold/base/check.h"
#include "tenfold/formats/gguf_types.h"
#include "tenfold/formats/quoted.h"

namespace tenfold::formats {
namespace {

constexpr uint32_t kVersion = 3;
// The default of the format, so that no "general.alignment" has to be written.
constexpr uint64_t kAlignment = 32;

constexpr uint64_t Padding(uint64_t size) {
  return (kAlignment - size % kAlignment) % kAlignment;
}

template <class T>
void Append(std::string& out, T number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

void AppendString(std::string& out, std::string_view text) {
  Append<uint64_t>(out, text.size());
  out.append(text);
}

void AppendType(std::string& out, GgufValueType type) {
  Append(out, static_cast<uint32_t>(type));
}

void AppendArrayHead(std::string& out, GgufValueType element_type, uint64_t count) {
  AppendType(out, GgufValueType::kArray);
  AppendType(out, element_type);
  Append(out, count);
}

}  // namespace

void GgufHeaderBuilder::AddKey(std::string_view key) {
  CHECK_MSG(key != "general.alignment", "the writer decides on the alignment");
  CHECK_MSG(keys_.emplace(key).second, "metadata {} is set twice", Quoted(key));
  AppendString(metadata_, key);
}

void GgufHeaderBuilder::SetUint32(std::string_view key, uint32_t value) {
  AddKey(key);
  AppendType(metadata_, GgufValueType::kUint32);
  Append(metadata_, value);
}

void GgufHeaderBuilder::SetInt32(std::string_view key, int32_t value) {
  AddKey(key);
  AppendType(metadata_, GgufValueType::kInt32);
  Append(metadata_, value);
}

void GgufHeaderBuilder::SetFloat32(std::string_view key, float value) {
  AddKey(key);
  AppendType(metadata_, GgufValueType::kFloat32);
  Append(metadata_, value);
}

void GgufHeaderBuilder::SetBool(std::string_view key, bool value) {
  AddKey(key);
  AppendType(metadata_, GgufValueType::kBool);
  Append<uint8_t>(metadata_, value ? 1 : 0);
}

void GgufHeaderBuilder::SetString(std::string_view key, std::string_view value) {
  AddKey(key);
  AppendType(metadata_, GgufValueType::kString);
  AppendString(metadata_, value);
}

void GgufHeaderBuilder::SetInt32s(std::string_view key, std::span<const int32_t> values) {
  AddKey(key);
  AppendArrayHead(metadata_, GgufValueType::kInt32, values.size());
  for (const int32_t value : values) Append(metadata_, value);
}

void GgufHeaderBuilder::SetFloat32s(std::string_view key, std::span<const float> values) {
  AddKey(key);
  AppendArrayHead(metadata_, GgufValueType::kFloat32, values.size());
  for (const float value : values) Append(metadata_, value);
}

void GgufHeaderBuilder::SetStrings(std::string_view key, std::span<const std::string> values) {
  AddKey(key);
  AppendArrayHead(metadata_, GgufValueType::kString, values.size());
  for (const std::string& value : values) AppendString(metadata_, value);
}

Status GgufHeaderBuilder::CopyValue(const GgufFile& file, std::string_view key) {
  const std::span<const std::byte> encoded = file.EncodedValue(key);
  if (encoded.empty()) return MakeError(ErrorCode::kNotFound, "{}: has no metadata {}", file.name(), Quoted(key));
  AddKey(key);
  metadata_.append(reinterpret_cast<const char*>(encoded.data()), encoded.size());
  return {};
}

void GgufHeaderBuilder::AddTensor(std::string_view name, const tensor::Shape& shape, tensor::DataType type) {
  CHECK_GE(shape.rank(), 1);
  CHECK_GE(shape.num_elements(), 1);
  CHECK_MSG(tensor_names_.emplace(name).second, "tensor {} is added twice", Quoted(name));
  AppendString(tensors_, name);
  Append(tensors_, static_cast<uint32_t>(shape.rank()));
  for (int i = shape.rank(); i-- > 0;) Append(tensors_, static_cast<uint64_t>(shape[i]));
  Append(tensors_, GgufTensorTypeOf(type).id);
  Append(tensors_, data_bytes_);
  const size_t size_bytes = tensor::TensorView{type, shape}.size_bytes();
  tensor_sizes_.push_back(size_bytes);
  data_bytes_ += size_bytes + Padding(size_bytes);
}

std::string GgufHeaderBuilder::Encode() const {
  std::string out = "GGUF";
  Append(out, kVersion);
  Append<uint64_t>(out, tensor_sizes_.size());
  Append<uint64_t>(out, keys_.size());
  out += metadata_;
  out += tensors_;
  out.append(Padding(out.size()), '\0');
  return out;
}

Result<GgufWriter> GgufWriter::Create(const std::filesystem::path& path, const GgufHeaderBuilder& header) {
  ASSIGN_OR_RETURN(PartialFile file, PartialFile::Create(path));
  const std::string encoded = header.Encode();
  RETURN_IF_ERROR(file.Append(std::as_bytes(std::span(encoded))));
  return GgufWriter(std::move(file), header.tensor_sizes());
}

Status GgufWriter::WriteTensorData(std::span<const std::byte> bytes) {
  CHECK_LT(tensor_, tensor_sizes_.size());
  CHECK_LE(bytes.size(), tensor_sizes_[tensor_] - written_);
  RETURN_IF_ERROR(file_.Append(bytes));
  written_ += bytes.size();
  if (written_ < tensor_sizes_[tensor_]) return {};
  constexpr std::array<std::byte, kAlignment> kZeros{};
  RETURN_IF_ERROR(file_.Append(std::span(kZeros).first(Padding(written_))));
  ++tensor_;
  written_ = 0;
  return {};
}

Status GgufWriter::Finish() {
  CHECK_EQ(tensor_, tensor_sizes_.size());
  return file_.Commit();
}

}  // namespace tenfold::formats
