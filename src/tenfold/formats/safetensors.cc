#include "tenfold/formats/safetensors.h"

#include <algorithm>
#include <array>
#include <optional>

#include "tenfold/base/json.h"
#include "tenfold/formats/byte_cursor.h"
#include "tenfold/formats/quoted.h"

namespace tenfold::formats {
namespace {

using tensor::DataType;

// The largest header that other readers accept; the greatest models of today need about a tenth of it.
constexpr uint64_t kLargestHeader = 100'000'000;

struct Dtype {
  std::string_view name;
  size_t size_bytes;
  std::optional<DataType> type;  // nullopt: a type this program cannot compute with
};

// Types that are missing here are not checked for their size, and are refused like the others.
constexpr std::array<Dtype, 16> kDtypes = {{
    {"F64", 8, std::nullopt},
    {"F32", 4, DataType::kF32},
    {"F16", 2, DataType::kF16},
    {"BF16", 2, DataType::kBF16},
    {"I64", 8, std::nullopt},
    {"U64", 8, std::nullopt},
    {"I32", 4, std::nullopt},
    {"U32", 4, std::nullopt},
    {"I16", 2, std::nullopt},
    {"U16", 2, std::nullopt},
    {"I8", 1, std::nullopt},
    {"U8", 1, std::nullopt},
    {"BOOL", 1, std::nullopt},
    {"F8_E4M3", 1, std::nullopt},
    {"F8_E5M2", 1, std::nullopt},
    {"F8_E8M0", 1, std::nullopt},
}};

const Dtype* FindDtype(std::string_view name) {
  const auto found = std::ranges::find(kDtypes, name, &Dtype::name);
  return found == kDtypes.end() ? nullptr : &*found;
}

// The numbers of a JSON array, all of them whole and at least 0. nullopt: anything else.
std::optional<std::vector<int64_t>> WholeNumbers(const json::value* value) {
  if (value == nullptr || !value->is_array()) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const json::value& element : value->get_array()) {
    if (!element.is_int64() || element.get_int64() < 0) return std::nullopt;
    numbers.push_back(element.get_int64());
  }
  return numbers;
}

// `what` names file and tensor in errors.
Result<SafetensorsTensor> ParseTensor(std::string_view name, const json::value& entry, std::span<const std::byte> data,
                                      std::string_view what) {
  if (!entry.is_object()) return MakeError(ErrorCode::kCorrupt, "{} must be an object", what);
  const json::object& fields = entry.get_object();
  const json::value* dtype = fields.if_contains("dtype");
  if (dtype == nullptr || !dtype->is_string()) {
    return MakeError(ErrorCode::kCorrupt, "{}: \"dtype\" must be a string", what);
  }
  auto sizes = WholeNumbers(fields.if_contains("shape"));
  if (!sizes) return MakeError(ErrorCode::kCorrupt, "{}: \"shape\" must be an array of sizes", what);
  const auto offsets = WholeNumbers(fields.if_contains("data_offsets"));
  if (!offsets || offsets->size() != 2 || (*offsets)[0] > (*offsets)[1]) {
    return MakeError(ErrorCode::kCorrupt, "{}: \"data_offsets\" must be a begin and an end", what);
  }
  const auto begin = static_cast<size_t>((*offsets)[0]);
  const auto end = static_cast<size_t>((*offsets)[1]);
  if (end > data.size()) {
    return MakeError(ErrorCode::kCorrupt,
                     "{} takes bytes {} to {} of the data, but the file has only {}; it may be an incomplete download",
                     what, begin, end, data.size());
  }
  SafetensorsTensor tensor{std::string(name), std::string(dtype->get_string()), *std::move(sizes),
                           data.subspan(begin, end - begin)};
  if (const Dtype* known = FindDtype(tensor.dtype)) {
    size_t needed = known->size_bytes;
    bool overflow = false;
    for (const int64_t size : tensor.sizes) overflow |= __builtin_mul_overflow(needed, size, &needed);
    if (overflow || needed != end - begin) {
      return MakeError(ErrorCode::kCorrupt, "{}: {} [{}] does not fill the {} bytes of its \"data_offsets\" exactly",
                       what, tensor.dtype, fmt::join(tensor.sizes, ", "), end - begin);
    }
  }
  return tensor;
}

Status RefuseOverlaps(const std::vector<SafetensorsTensor>& tensors, std::string_view source) {
  std::vector<const SafetensorsTensor*> in_order;
  for (const SafetensorsTensor& tensor : tensors) {
    if (!tensor.bytes.empty()) in_order.push_back(&tensor);
  }
  std::ranges::sort(in_order, {}, [](const SafetensorsTensor* tensor) { return tensor->bytes.data(); });
  for (size_t i = 1; i < in_order.size(); ++i) {
    const auto& before = in_order[i - 1]->bytes;
    if (before.data() + before.size() > in_order[i]->bytes.data()) {
      return MakeError(ErrorCode::kCorrupt, "{}: tensors {} and {} overlap", source, Quoted(in_order[i - 1]->name),
                       Quoted(in_order[i]->name));
    }
  }
  return {};
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::Open(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(platform::MappedFile mapped, platform::MappedFile::Open(path));
  ASSIGN_OR_RETURN(SafetensorsFile file, Parse(mapped.bytes(), path.string()));
  file.file_ = std::move(mapped);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::Parse(std::span<const std::byte> bytes, std::string name) {
  ByteCursor cursor(bytes, name);
  ASSIGN_OR_RETURN(const auto header_bytes, cursor.Read<uint64_t>({"header length"}));
  if (header_bytes > kLargestHeader) {
    return MakeError(ErrorCode::kCorrupt, "{}: not a safetensors file: a header of {} bytes, where {} are possible",
                     name, header_bytes, kLargestHeader);
  }
  ASSIGN_OR_RETURN(const auto text, cursor.ReadArray(header_bytes, 1, {"header"}));
  constexpr size_t kDeepest = 4;  // header, tensor, shape, and one to spare
  auto header = ParseJson({reinterpret_cast<const char*>(text.data()), text.size()}, name + ": header", kDeepest);
  if (!header) return MakeError(ErrorCode::kCorrupt, "{}", header.error().message);
  if (!header->is_object()) return MakeError(ErrorCode::kCorrupt, "{}: header must be a JSON object", name);

  SafetensorsFile file;
  const std::span<const std::byte> data = bytes.subspan(cursor.offset());
  for (const auto& [key, entry] : header->get_object()) {
    if (key == "__metadata__") continue;
    const std::string what = fmt::format("{}: tensor {}", name, Quoted(key));
    ASSIGN_OR_RETURN(file.tensors_.emplace_back(), ParseTensor(key, entry, data, what));
  }
  RETURN_IF_ERROR(RefuseOverlaps(file.tensors_, name));
  for (size_t i = 0; i < file.tensors_.size(); ++i) file.index_.emplace(file.tensors_[i].name, i);
  file.name_ = std::move(name);
  return file;
}

const SafetensorsTensor* SafetensorsFile::FindTensor(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

Result<tensor::TensorView> SafetensorsFile::Tensor(std::string_view name) const {
  const SafetensorsTensor* tensor = FindTensor(name);
  if (tensor == nullptr) return MakeError(ErrorCode::kNotFound, "{}: has no tensor {}", name_, Quoted(name));
  const Dtype* dtype = FindDtype(tensor->dtype);
  if (dtype == nullptr || !dtype->type) {
    return MakeError(ErrorCode::kUnsupported,
                     "{}: tensor {} is stored as {}, which this program cannot compute with; use a model in F32, F16 "
                     "or BF16",
                     name_, Quoted(name), Quoted(tensor->dtype));
  }
  if (tensor->sizes.size() > tensor::Shape::kMaxRank) {
    return MakeError(ErrorCode::kUnsupported, "{}: tensor {} has {} dimensions; up to {} are supported", name_,
                     Quoted(name), tensor->sizes.size(), tensor::Shape::kMaxRank);
  }
  if (reinterpret_cast<uintptr_t>(tensor->bytes.data()) % dtype->size_bytes != 0) {
    return MakeError(ErrorCode::kUnsupported,
                     "{}: tensor {} does not lie at a multiple of its element size; save the model again with a "
                     "current version of safetensors",
                     name_, Quoted(name));
  }
  return tensor::TensorView{*dtype->type, tensor::Shape(std::span(tensor->sizes)), tensor->bytes.data()};
}

}  // namespace tenfold::formats
