#include "tenfold/formats/gguf.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/test_data.h"
#include "tenfold/formats/damage_for_test.h"
#include "tenfold/formats/gguf_types.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;
using Type = GgufValueType;

constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ8_0 = 8;
constexpr uint32_t kQ3_K = 11;

// The pieces of a file, as bytes.
template <class T>
std::string Raw(T number) {
  return std::string(reinterpret_cast<const char*>(&number), sizeof(number));
}
std::string U32(uint32_t number) {
  return Raw(number);
}
std::string U64(uint64_t number) {
  return Raw(number);
}
std::string Text(std::string_view text) {
  return U64(text.size()) + std::string(text);
}
std::string Head(uint64_t num_tensors, uint64_t num_metadata, uint32_t version = 3) {
  return "GGUF" + U32(version) + U64(num_tensors) + U64(num_metadata);
}
std::string Entry(std::string_view key, Type type, const std::string& value) {
  return Text(key) + U32(static_cast<uint32_t>(type)) + value;
}
std::string Array(std::string_view key, Type element_type, uint64_t count, const std::string& values) {
  return Entry(key, Type::kArray, U32(static_cast<uint32_t>(element_type)) + U64(count) + values);
}
// `dimensions` fastest first, as the file has them.
std::string Tensor(std::string_view name, std::vector<uint64_t> dimensions, uint32_t type, uint64_t offset) {
  std::string out = Text(name) + U32(static_cast<uint32_t>(dimensions.size()));
  for (const uint64_t dimension : dimensions) out += U64(dimension);
  return out + U32(type) + U64(offset);
}
// A header, padded, and that many bytes of data.
std::string WithData(std::string header, size_t data_bytes) {
  header.resize((header.size() + 31) / 32 * 32 + data_bytes);
  return header;
}

Result<GgufFile> Parse(std::string_view file) {
  return GgufFile::Parse(std::as_bytes(std::span(file)), "test.gguf");
}

// One of every kind of metadata and two tensors, the last of which ends with the file.
std::string SmallFile() {
  return WithData(Head(2, 5) + Entry("name", Type::kString, Text("small")) + Entry("count", Type::kUint32, U32(7)) +
                      Entry("flag", Type::kBool, "\1") + Array("scores", Type::kFloat32, 2, Raw(0.5f) + Raw(-1.0f)) +
                      Array("tokens", Type::kString, 2, Text("<s>") + Text("")) + Tensor("a", {3, 2}, kF32, 0) +
                      Tensor("b", {32, 32}, kQ8_0, 32),
                  32 + 32 * 34);
}

TEST(GgufFile, ReadsTensors) {
  std::string bytes = SmallFile();
  const float last = 42;
  std::memcpy(bytes.data() + bytes.size() - 32 * 34 - 32 + 5 * 4, &last, 4);
  const GgufFile file = Parse(bytes).value();
  EXPECT_EQ(file.version(), 3);
  ASSERT_EQ(file.tensors().size(), 2);
  const tensor::TensorView a = file.Tensor("a").value();
  EXPECT_EQ(a.type, tensor::DataType::kF32);
  EXPECT_EQ(a.shape, (tensor::Shape{2, 3}));
  EXPECT_EQ(reinterpret_cast<const float*>(a.row(1))[2], 42);
  EXPECT_EQ(file.FindTensor("b")->bytes.size(), 32 * 34);
  EXPECT_EQ(file.FindTensor("c"), nullptr);
  EXPECT_EQ(file.Tensor("c").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(file.Tensor("c").error().message, HasSubstr("test.gguf: has no tensor \"c\""));
}

TEST(GgufFile, ReadsVersion2) {
  EXPECT_EQ(Parse(Head(0, 0, 2)).value().version(), 2);
}

TEST(GgufFile, RefusesATensorOnlyWhenItIsAskedFor) {
  const std::string bytes = WithData(Head(1, 0) + Tensor("k", {256}, kQ3_K, 0), 110);
  const GgufFile file = Parse(bytes).value();
  EXPECT_EQ(file.FindTensor("k")->type, std::nullopt);
  const auto tensor = file.Tensor("k");
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(tensor.error().message, HasSubstr("\"k\" is stored as Q3_K"));
  EXPECT_THAT(tensor.error().message, HasSubstr("Q8_0"));
}

TEST(GgufFile, RefusesIntegersAsWeights) {
  constexpr uint32_t kI32 = 26;
  const std::string bytes = WithData(Head(1, 0) + Tensor("k", {8}, kI32, 0), 32);
  const auto tensor = Parse(bytes).value().Tensor("k");
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.error().code, ErrorCode::kUnsupported);
}

TEST(GgufFile, WidensNumbersOfEveryWidth) {
  const std::string bytes =
      Head(0, 13) + Entry("u8", Type::kUint8, Raw(uint8_t{255})) + Entry("i8", Type::kInt8, Raw(int8_t{-1})) +
      Entry("u16", Type::kUint16, Raw(uint16_t{65535})) + Entry("i16", Type::kInt16, Raw(int16_t{-2})) +
      Entry("u32", Type::kUint32, Raw(uint32_t{4294967295})) + Entry("i32", Type::kInt32, Raw(int32_t{-3})) +
      Entry("u64", Type::kUint64, U64(1)) + Entry("u64max", Type::kUint64, U64(~uint64_t{0})) +
      Entry("i64", Type::kInt64, Raw(std::numeric_limits<int64_t>::min())) + Entry("f32", Type::kFloat32, Raw(0.25f)) +
      Entry("f64", Type::kFloat64, Raw(0.1)) + Array("u8s", Type::kUint8, 2, "\x01\xff") +
      Array("i16s", Type::kInt16, 2, Raw(int16_t{-2}) + Raw(int16_t{3}));
  const GgufFile file = Parse(bytes).value();
  EXPECT_THAT(file.GetInt("u8").value(), Optional(255));
  EXPECT_THAT(file.GetInt("i8").value(), Optional(-1));
  EXPECT_THAT(file.GetInt("u16").value(), Optional(65535));
  EXPECT_THAT(file.GetInt("i16").value(), Optional(-2));
  EXPECT_THAT(file.GetInt("u32").value(), Optional(4294967295));
  EXPECT_THAT(file.GetInt("i32").value(), Optional(-3));
  EXPECT_THAT(file.GetInt("u64").value(), Optional(1));
  EXPECT_THAT(file.GetInt("i64").value(), Optional(std::numeric_limits<int64_t>::min()));
  EXPECT_THAT(file.GetInt("u64max").error().message, HasSubstr("not a whole number above 2^63"));
  EXPECT_THAT(file.GetNumber("u64max").value(), Optional(0x1p64));
  EXPECT_THAT(file.GetNumber("u8").value(), Optional(255.0));
  EXPECT_THAT(file.GetNumber("f32").value(), Optional(0.25));
  EXPECT_THAT(file.GetNumber("f64").value(), Optional(0.1));
  EXPECT_THAT(file.GetInts("u8s").value(), ElementsAre(1, 255));
  EXPECT_THAT(file.GetInts("i16s").value(), ElementsAre(-2, 3));
  EXPECT_THAT(file.GetNumbers("i16s").value(), ElementsAre(-2.0, 3.0));
}

TEST(GgufFile, ReadsTextsAndFlags) {
  const std::string bytes = SmallFile();
  const GgufFile file = Parse(bytes).value();
  EXPECT_THAT(file.GetString("name").value(), Optional(std::string_view("small")));
  EXPECT_THAT(file.GetBool("flag").value(), Optional(true));
  EXPECT_THAT(file.GetNumbers("scores").value(), ElementsAre(0.5, -1.0));
  EXPECT_THAT(file.GetStrings("tokens").value(), ElementsAre("<s>", ""));
  EXPECT_EQ(file.metadata()[3].first, "scores");
  EXPECT_EQ(file.EncodedValue("count").size(), 8);
  EXPECT_THAT(file.EncodedValue("none"), IsEmpty());
}

TEST(GgufFile, TellsAbsentFromWrongKind) {
  const std::string bytes = SmallFile();
  const GgufFile file = Parse(bytes).value();
  EXPECT_EQ(file.GetInt("none").value(), std::nullopt);
  EXPECT_EQ(file.GetNumber("none").value(), std::nullopt);
  EXPECT_EQ(file.GetBool("none").value(), std::nullopt);
  EXPECT_EQ(file.GetString("none").value(), std::nullopt);
  EXPECT_THAT(file.GetInts("none").value(), IsEmpty());
  EXPECT_THAT(file.GetNumbers("none").value(), IsEmpty());
  EXPECT_THAT(file.GetStrings("none").value(), IsEmpty());
  EXPECT_EQ(file.GetInt("name").error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(file.GetInt("name").error().message, HasSubstr("\"name\" must be a whole number, not a string"));
  EXPECT_THAT(file.GetNumber("flag").error().message, HasSubstr("must be a number, not a boolean"));
  EXPECT_THAT(file.GetBool("count").error().message, HasSubstr("must be a boolean, not a whole number"));
  EXPECT_THAT(file.GetString("tokens").error().message, HasSubstr("must be a string, not an array of strings"));
  EXPECT_THAT(file.GetStrings("name").error().message, HasSubstr("must be an array of strings, not a string"));
  EXPECT_THAT(file.GetInts("scores").error().message, HasSubstr("not an array of floating-point numbers"));
  EXPECT_THAT(file.GetNumbers("tokens").error().message, HasSubstr("must be an array of numbers"));
}

struct MalformedCase {
  std::string name;
  std::string file;
  std::vector<std::string> words;  // of the message
  ErrorCode code = ErrorCode::kCorrupt;
};

std::vector<MalformedCase> MalformedCases() {
  const auto tensor = [](std::vector<uint64_t> dimensions, uint32_t type, uint64_t offset = 0) {
    return WithData(Head(1, 0) + Tensor("w", std::move(dimensions), type, offset), 64);
  };
  constexpr uint64_t kTooMany = uint64_t{1} << 60;
  return {
      {"Empty", "", {"magic", "ends at byte 0"}},
      {"AnotherFormat", "PK\3\4 and so on", {"not a GGUF file", "PK\\x03\\x04"}},
      {"Version1", Head(0, 0, 1), {"version 1", "convert"}, ErrorCode::kUnsupported},
      {"Version4", Head(0, 0, 4), {"version 4", "2 and 3"}, ErrorCode::kUnsupported},
      {"BigEndian", Head(0, 0, 0x03000000), {"big-endian"}, ErrorCode::kUnsupported},
      {"TooManyTensors", Head(kTooMany, 0), {"tensor count", "1152921504606846976"}},
      {"TooManyMetadata", Head(0, kTooMany), {"metadata count", "1152921504606846976"}},
      {"KeyPastTheEnd", Head(0, 1) + U64(1000) + std::string(20, 'k'), {"metadata key", "1000 bytes"}},
      {"TextPastTheEnd",
       Head(0, 1) + Entry("k", Type::kString, U64(~uint64_t{0})),
       {"metadata \"k\"", "18446744073709551615"}},
      {"ValueMissing", Head(0, 1) + Entry("long.enough", Type::kUint64, "1234"), {"\"long.enough\"", "8 bytes"}},
      {"UnknownValueType", Head(0, 1) + Entry("k", Type{13}, U64(0)), {"\"k\"", "unknown value type 13"}},
      {"BooleanOf2", Head(0, 1) + Entry("k", Type::kBool, "\2"), {"\"k\"", "byte 2", "0 or 1"}},
      {"BooleanOf2InArray", Head(0, 1) + Array("k", Type::kBool, 2, "\1\2"), {"\"k\"", "byte 2"}},
      {"ArrayOfArrays",
       Head(0, 1) + Array("k", Type::kArray, 1, U64(0)),
       {"\"k\"", "array of arrays"},
       ErrorCode::kUnsupported},
      {"ArrayOfUnknownType", Head(0, 1) + Array("k", Type{77}, 1, U64(0)), {"\"k\"", "unknown value type 77"}},
      {"ArrayPastTheEnd", Head(0, 1) + Array("k", Type::kUint32, kTooMany, ""), {"\"k\"", "1152921504606846976 x 4"}},
      {"TextsPastTheEnd",
       Head(0, 1) + Array("k", Type::kString, kTooMany, U64(0)),
       {"\"k\"", "1152921504606846976 strings"}},
      {"BooleansPastTheEnd", Head(0, 1) + Array("k", Type::kBool, kTooMany, ""), {"\"k\"", "1152921504606846976"}},
      {"ArrayElementTooGreat",
       Head(0, 1) + Array("k", Type::kUint64, 2, U64(1) + U64(~uint64_t{0})),
       {"\"k\"[1]", "18446744073709551615"},
       ErrorCode::kUnsupported},
      {"KeyTwice",
       Head(0, 2) + Entry("k", Type::kBool, "\1") + Entry("k", Type::kBool, "\1"),
       {"metadata \"k\" appears twice"}},
      {"AlignmentOf0", Head(0, 1) + Entry("general.alignment", Type::kUint32, U32(0)), {"general.alignment", "is 0"}},
      {"AlignmentOf24", Head(0, 1) + Entry("general.alignment", Type::kUint32, U32(24)), {"is 24", "power of two"}},
      {"AlignmentOf4", Head(0, 1) + Entry("general.alignment", Type::kUint32, U32(4)), {"is 4", "from 8"}},
      {"AlignmentOf2To62",
       Head(0, 1) + Entry("general.alignment", Type::kUint64, U64(uint64_t{1} << 62)),
       {"general.alignment", "4611686018427387904"}},
      {"AlignmentIsText",
       Head(0, 1) + Entry("general.alignment", Type::kString, Text("32")),
       {"general.alignment", "whole number"}},
      {"OneOfThreeParts",
       Head(0, 1) + Entry("split.count", Type::kUint16, Raw(uint16_t{3})),
       {"one of 3 parts", "--merge"},
       ErrorCode::kUnsupported},
      {"NoDimensions", tensor({}, kF32), {"\"w\" has 0 dimensions"}},
      {"FiveDimensions", tensor({1, 1, 1, 1, 1}, kF32), {"\"w\" has 5 dimensions"}},
      {"DimensionOf0", tensor({4, 0}, kF32), {"\"w\"", "dimension of 0"}},
      {"DimensionAbove2To63", tensor({uint64_t{1} << 63}, kF32), {"\"w\"", "dimension of 9223372036854775808"}},
      {"ElementsOverflow",
       tensor({uint64_t{1} << 40, uint64_t{1} << 40}, kF32),
       {"\"w\"", "dimension of 1099511627776"}},
      {"BytesOverflow", tensor({uint64_t{1} << 62}, kF32), {"\"w\"", "larger than the whole file"}},
      {"UnknownType", tensor({4}, 99), {"\"w\"", "unknown type number 99"}, ErrorCode::kUnsupported},
      {"WithdrawnType", tensor({32}, 4), {"\"w\"", "unknown type number 4"}, ErrorCode::kUnsupported},
      {"RowOfPartBlocks", tensor({33}, kQ8_0), {"\"w\"", "33", "Q8_0", "32"}},
      {"NotAligned", tensor({4}, kF32, 8), {"\"w\"", "offset 8", "alignment 32"}},
      {"PastTheEnd", tensor({16}, kF32, 32), {"\"w\"", "64 bytes", "offset 32", "incomplete"}},
      {"OffsetOverflows", tensor({16}, kF32, ~uint64_t{31}), {"\"w\"", "offset 18446744073709551584"}},
      {"NameTwice",
       WithData(Head(2, 0) + Tensor("w", {4}, kF32, 0) + Tensor("w", {4}, kF32, 32), 64),
       {"tensor \"w\" appears twice"}},
      {"Overlap",
       WithData(Head(3, 0) + Tensor("c", {4}, kF32, 64) + Tensor("b", {4}, kF32, 32) + Tensor("a", {9}, kF32, 0), 128),
       {"tensors \"a\" and \"b\" overlap"}},
      {"SamePlace",
       WithData(Head(2, 0) + Tensor("a", {4}, kF32, 0) + Tensor("b", {4}, kF32, 0), 64),
       {"tensors \"", "overlap"}},
  };
}

class MalformedGgufTest : public testing::TestWithParam<MalformedCase> {};

TEST_P(MalformedGgufTest, SaysWhatIsWrong) {
  const auto file = Parse(GetParam().file);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, GetParam().code);
  EXPECT_THAT(file.error().message, HasSubstr("test.gguf: "));
  for (const std::string& word : GetParam().words) EXPECT_THAT(file.error().message, HasSubstr(word));
}

INSTANTIATE_TEST_SUITE_P(Cases, MalformedGgufTest, testing::ValuesIn(MalformedCases()),
                         [](const auto& info) { return info.param.name; });

// What a header of a thousand bytes may cost at most: its values widened and its indexes, and far from what its counts
// can promise.
constexpr size_t kLargestAllocation = 16384;

TEST(GgufFile, RefusesEveryTruncation) {
  LargestAllocationSinceLastCall();
  ForEachTruncation(SmallFile(), [](std::span<const std::byte> bytes) {
    const auto file = GgufFile::Parse(bytes, "cut.gguf");
    ASSERT_FALSE(file) << bytes.size();
    ASSERT_THAT(file.error().message, HasSubstr("cut.gguf: ")) << bytes.size();
  });
  EXPECT_LT(LargestAllocationSinceLastCall(), kLargestAllocation);
}

TEST(GgufFile, SurvivesFlippedBits) {
  LargestAllocationSinceLastCall();
  int refused = 0;
  // Only the header: flips in the data cannot be seen.
  std::string header = SmallFile();
  const std::string data = header.substr(header.size() - 32 - 32 * 34);
  header.resize(header.size() - data.size());
  ForRandomBitFlips(header, 5000, [&](std::span<const std::byte> bytes) {
    std::string whole(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    whole += data;
    const auto file = Parse(whole);
    refused += !file;
    if (!file) return;
    for (const GgufTensor& tensor : file->tensors()) {
      ASSERT_GE(reinterpret_cast<const char*>(tensor.bytes.data()), whole.data());
      ASSERT_LE(reinterpret_cast<const char*>(tensor.bytes.data() + tensor.bytes.size()), whole.data() + whole.size());
    }
  });
  EXPECT_GT(refused, 2500);  // most of a header is counts, lengths and types
  EXPECT_LT(LargestAllocationSinceLastCall(), kLargestAllocation);
}

TEST(GgufFile, NamesTheMissingPath) {
  EXPECT_EQ(GgufFile::Open("no/such.gguf").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(GgufFile::Open("no/such.gguf").error().message, HasSubstr("no/such.gguf"));
}

TEST(GgufFile, OpensSharedFiles) {
  for (const char* folder : {"models", "models/arch", "models/quant", "vocabs"}) {
    REQUIRE_SHARED(folder);
    for (const auto& entry : std::filesystem::directory_iterator(SharedData(folder))) {
      if (entry.path().extension() != ".gguf") continue;
      const auto file = GgufFile::Open(entry.path());
      ASSERT_TRUE(file.has_value()) << file.error().message;
      // Real files hold their tensors one after the other: a wrong block size would leave a hole or an overlap.
      for (size_t i = 1; i < file->tensors().size(); ++i) {
        const auto& before = file->tensors()[i - 1].bytes;
        const auto gap = file->tensors()[i].bytes.data() - (before.data() + before.size());
        EXPECT_LT(gap, 32) << entry.path() << " " << file->tensors()[i].name;
      }
    }
  }
}

TEST(GgufFile, ReadsStories260K) {
  REQUIRE_SHARED("models/stories260K.gguf");
  const GgufFile file = GgufFile::Open(SharedData("models/stories260K.gguf")).value();
  EXPECT_THAT(file.GetString("general.architecture").value(), Optional(std::string_view("llama")));
  EXPECT_THAT(file.GetInt("llama.embedding_length").value(), Optional(64));
  EXPECT_EQ(file.GetStrings("tokenizer.ggml.tokens").value().size(), 512);
  EXPECT_EQ(file.GetNumbers("tokenizer.ggml.scores").value().size(), 512);
  EXPECT_EQ(file.Tensor("token_embd.weight").value().shape, (tensor::Shape{512, 64}));
}

class SharedQuantTest : public testing::TestWithParam<const char*> {};

// The reference file holds the same tensor of each file as an independent program dequantized it.
TEST_P(SharedQuantTest, DequantizesAsTheReference) {
  REQUIRE_SHARED("models/quant/dequantized.gguf");
  std::string file_name = fmt::format("models/quant/llama-256-{}.gguf", GetParam());
  std::ranges::transform(file_name, file_name.begin(), [](unsigned char c) { return std::tolower(c); });
  const GgufFile file = GgufFile::Open(SharedData(file_name)).value();
  const GgufFile reference = GgufFile::Open(SharedData("models/quant/dequantized.gguf")).value();
  const tensor::TensorView view = file.Tensor("blk.0.ffn_down.weight").value();
  const tensor::TensorView expected = reference.Tensor(GetParam()).value();
  ASSERT_EQ(tensor::Name(view.type), GetParam());
  ASSERT_EQ(view.shape, expected.shape);
  std::vector<float> row(view.shape.cols());
  for (int64_t r = 0; r < view.shape.rows(); ++r) {
    tensor::DequantizeRow(view.type, view.row(r), row);
    ASSERT_EQ(std::memcmp(row.data(), expected.row(r), expected.row_bytes()), 0) << "row " << r;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, SharedQuantTest, testing::Values("F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K"),
                         [](const auto& info) { return std::string(info.param); });

TEST(GgufFile, RefusesQ3_KByName) {
  REQUIRE_SHARED("models/quant/llama-256-q3_k.gguf");
  const GgufFile file = GgufFile::Open(SharedData("models/quant/llama-256-q3_k.gguf")).value();
  EXPECT_THAT(file.Tensor("blk.0.ffn_down.weight").error().message, HasSubstr("Q3_K"));
}

}  // namespace
}  // namespace tenfold::formats
