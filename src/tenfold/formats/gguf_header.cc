#include "tenfold/formats/gguf_header.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "tenfold/base/rounding.h"
#include "tenfold/formats/byte_cursor.h"
#include "tenfold/formats/gguf_types.h"
#include "tenfold/formats/gguf_value.h"
#include "tenfold/formats/quoted.h"

namespace tenfold::formats {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint64_t kDefaultAlignment = 32;
// The least a header entry can take: a key of no bytes with a value of one; a tensor without a name in one dimension.
constexpr size_t kSmallestMetadata = 8 + 4 + 1;
constexpr size_t kSmallestTensor = 8 + 4 + 8 + 4 + 8;

class HeaderParser {
 public:
  HeaderParser(std::span<const std::byte> bytes, std::string_view source)
      : bytes_(bytes), source_(source), cursor_(bytes, source) {}

  Result<GgufHeader> Parse() {
    RETURN_IF_ERROR(ReadVersion());
    ASSIGN_OR_RETURN(const uint64_t num_tensors, cursor_.ReadCount(kSmallestTensor, {"tensor count"}));
    ASSIGN_OR_RETURN(const uint64_t num_metadata, cursor_.ReadCount(kSmallestMetadata, {"metadata count"}));
    for (uint64_t i = 0; i < num_metadata; ++i) RETURN_IF_ERROR(ReadMetadata());
    RETURN_IF_ERROR(RefuseSplitFile());
    ASSIGN_OR_RETURN(const uint64_t alignment, Alignment());
    for (uint64_t i = 0; i < num_tensors; ++i) RETURN_IF_ERROR(ReadTensor());
    RETURN_IF_ERROR(PlaceTensors(alignment));
    RETURN_IF_ERROR(RefuseOverlaps());
    return std::move(header_);
  }

 private:
  Status ReadVersion() {
    ASSIGN_OR_RETURN(const uint32_t magic, cursor_.Read<uint32_t>({"magic"}));
    if (magic != kMagic) {
      const std::string_view start(reinterpret_cast<const char*>(bytes_.data()), sizeof(magic));
      return MakeError(ErrorCode::kCorrupt, "{}: not a GGUF file: it begins with {} instead of \"GGUF\"", source_,
                       Quoted(start));
    }
    ASSIGN_OR_RETURN(header_.version, cursor_.Read<uint32_t>({"version"}));
    if (header_.version == 2 || header_.version == 3) return {};
    if (header_.version != 0 && (header_.version & 0xffff) == 0) {
      return MakeError(ErrorCode::kUnsupported,
                       "{}: a big-endian GGUF file, which this program does not read; convert the model again for a "
                       "little-endian machine",
                       source_);
    }
    return MakeError(ErrorCode::kUnsupported,
                     "{}: GGUF version {} is not supported (2 and 3 are); convert the model again with a current "
                     "converter",
                     source_, header_.version);
  }

  Status ReadMetadata() {
    ASSIGN_OR_RETURN(const std::string_view key, cursor_.ReadString({"metadata key"}));
    const size_t start = cursor_.offset();
    ASSIGN_OR_RETURN(GgufValue value, ReadGgufValue(cursor_, key, source_));
    if (!header_.metadata_index.emplace(key, header_.metadata.size()).second) {
      return MakeError(ErrorCode::kCorrupt, "{}: metadata {} appears twice", source_, Quoted(key));
    }
    header_.metadata.emplace_back(key, std::move(value));
    header_.encoded_values.push_back(cursor_.Since(start));
    return {};
  }

  // The integer under `key`, or `otherwise` when there is none.
  Result<int64_t> MetadataInt(std::string_view key, int64_t otherwise) const {
    const auto found = header_.metadata_index.find(key);
    if (found == header_.metadata_index.end()) return otherwise;
    const auto* scalar = std::get_if<GgufScalar>(&header_.metadata[found->second].second);
    const auto* value = scalar == nullptr ? nullptr : std::get_if<int64_t>(scalar);
    if (value == nullptr) {
      return MakeError(ErrorCode::kCorrupt, "{}: metadata {} must be a whole number", source_, Quoted(key));
    }
    return *value;
  }

  Status RefuseSplitFile() const {
    ASSIGN_OR_RETURN(const int64_t count, MetadataInt("split.count", 1));
    if (count > 1) {
      return MakeError(ErrorCode::kUnsupported,
                       "{}: one of {} parts of a split model; merge them first (gguf-split --merge FIRST_PART OUTPUT)",
                       source_, count);
    }
    return {};
  }

  Result<uint64_t> Alignment() const {
    ASSIGN_OR_RETURN(const int64_t value, MetadataInt("general.alignment", kDefaultAlignment));
    const auto alignment = static_cast<uint64_t>(value);
    // The format asks for a multiple of 8, which also keeps every element on its natural boundary.
    if (value < 8 || !std::has_single_bit(alignment) || alignment > std::numeric_limits<uint32_t>::max()) {
      return MakeError(ErrorCode::kCorrupt,
                       "{}: metadata \"general.alignment\" is {}; it must be a power of two from 8 to 2^31", source_,
                       value);
    }
    return alignment;
  }

  // Leaves `bytes` empty: where the data begins is known only after the last tensor.
  Status ReadTensor() {
    GgufTensor tensor;
    ASSIGN_OR_RETURN(tensor.name, cursor_.ReadString({"tensor name"}));
    const Field field{"tensor", tensor.name};
    ASSIGN_OR_RETURN(const uint32_t rank, cursor_.Read<uint32_t>(field));
    if (rank < 1 || rank > tensor::Shape::kMaxRank) {
      return MakeError(ErrorCode::kCorrupt, "{}: tensor {} has {} dimensions; 1 to {} are possible", source_,
                       Quoted(tensor.name), rank, tensor::Shape::kMaxRank);
    }
    std::array<int64_t, tensor::Shape::kMaxRank> sizes;
    int64_t num_elements = 1;
    for (size_t i = rank; i-- > 0;) {
      ASSIGN_OR_RETURN(const uint64_t size, cursor_.Read<uint64_t>(field));
      if (size < 1 || !std::in_range<int64_t>(size) ||
          __builtin_mul_overflow(num_elements, static_cast<int64_t>(size), &num_elements)) {
        return MakeError(ErrorCode::kCorrupt, "{}: tensor {} has a dimension of {}, which makes no tensor", source_,
                         Quoted(tensor.name), size);
      }
      sizes[i] = static_cast<int64_t>(size);
    }
    tensor.shape = tensor::Shape(std::span(sizes.data(), rank));
    ASSIGN_OR_RETURN(tensor.type_id, cursor_.Read<uint32_t>(field));
    ASSIGN_OR_RETURN(const uint64_t offset, cursor_.Read<uint64_t>(field));
    ASSIGN_OR_RETURN(const size_t size_bytes, SizeBytes(tensor));
    tensor.type = FindGgufTensorType(tensor.type_id)->type;
    if (!header_.tensor_index.emplace(tensor.name, header_.tensors.size()).second) {
      return MakeError(ErrorCode::kCorrupt, "{}: tensor {} appears twice", source_, Quoted(tensor.name));
    }
    header_.tensors.push_back(tensor);
    places_.push_back({offset, size_bytes});
    return {};
  }

  Result<size_t> SizeBytes(const GgufTensor& tensor) const {
    const GgufTensorType* type = FindGgufTensorType(tensor.type_id);
    if (type == nullptr) {
      return MakeError(ErrorCode::kUnsupported, "{}: tensor {} has the unknown type number {}", source_,
                       Quoted(tensor.name), tensor.type_id);
    }
    if (tensor.shape.cols() % type->block_elements != 0) {
      return MakeError(ErrorCode::kCorrupt, "{}: tensor {} has rows of {} elements, not a multiple of {}'s block of {}",
                       source_, Quoted(tensor.name), tensor.shape.cols(), type->name, type->block_elements);
    }
    const auto num_blocks = static_cast<size_t>(tensor.shape.num_elements() / type->block_elements);
    size_t size_bytes;
    if (__builtin_mul_overflow(num_blocks, type->block_bytes, &size_bytes) || size_bytes > bytes_.size()) {
      return MakeError(ErrorCode::kCorrupt,
                       "{}: tensor {} ({} {}) is larger than the whole file of {} bytes; it may be an incomplete "
                       "download",
                       source_, Quoted(tensor.name), type->name, tensor.shape.ToString(), bytes_.size());
    }
    return size_bytes;
  }

  // Turns offsets into bytes of the file.
  Status PlaceTensors(uint64_t alignment) {
    const uint64_t data_start = RoundUp<uint64_t>(cursor_.offset(), alignment);
    const uint64_t data_bytes = bytes_.size() - std::min<uint64_t>(data_start, bytes_.size());
    for (size_t i = 0; i < header_.tensors.size(); ++i) {
      GgufTensor& tensor = header_.tensors[i];
      const auto [offset, size_bytes] = places_[i];
      if (offset % alignment != 0) {
        return MakeError(ErrorCode::kCorrupt, "{}: tensor {} lies at offset {}, not a multiple of the alignment {}",
                         source_, Quoted(tensor.name), offset, alignment);
      }
      if (size_bytes > data_bytes || offset > data_bytes - size_bytes) {
        return MakeError(ErrorCode::kCorrupt,
                         "{}: tensor {} takes {} bytes from offset {} of the data, but the file has only {} bytes of "
                         "data; it may be an incomplete download",
                         source_, Quoted(tensor.name), size_bytes, offset, data_bytes);
      }
      tensor.bytes = bytes_.subspan(data_start + offset, size_bytes);
    }
    return {};
  }

  Status RefuseOverlaps() const {
    std::vector<const GgufTensor*> in_order;
    for (const GgufTensor& tensor : header_.tensors) in_order.push_back(&tensor);
    std::ranges::sort(in_order, {}, [](const GgufTensor* tensor) { return tensor->bytes.data(); });
    for (size_t i = 1; i < in_order.size(); ++i) {
      const auto& before = in_order[i - 1]->bytes;
      if (before.data() + before.size() > in_order[i]->bytes.data()) {
        return MakeError(ErrorCode::kCorrupt, "{}: tensors {} and {} overlap", source_, Quoted(in_order[i - 1]->name),
                         Quoted(in_order[i]->name));
      }
    }
    return {};
  }

  struct Place {
    uint64_t offset;  // from the start of the data
    size_t size_bytes;
  };

  const std::span<const std::byte> bytes_;
  const std::string_view source_;
  ByteCursor cursor_;
  GgufHeader header_;
  std::vector<Place> places_;  // of header_.tensors
};

}  // namespace

Result<GgufHeader> ParseGgufHeader(std::span<const std::byte> bytes, std::string_view source) {
  return HeaderParser(bytes, source).Parse();
}

}  // namespace tenfold::formats
