#include "tenfold/formats/safetensors.h"

#include <cstring>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/test_data.h"
#include "tenfold/formats/damage_for_test.h"
#include "tenfold/formats/gguf.h"

namespace tenfold::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string WithLength(uint64_t header_bytes, const std::string& rest) {
  return std::string(reinterpret_cast<const char*>(&header_bytes), sizeof(header_bytes)) + rest;
}

// A file with this header, padded with spaces as writers do, and that many bytes of data: 0, 1, 2...
std::string FileBytes(std::string header, size_t data_bytes) {
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string out = WithLength(header.size(), header);
  for (size_t i = 0; i < data_bytes; ++i) out += static_cast<char>(i);
  return out;
}

std::string SmallFile() {
  return FileBytes(R"({"__metadata__": {"format": "pt"},
      "w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
      "h": {"dtype": "F16", "shape": [1], "data_offsets": [24, 26]},
      "b": {"dtype": "BF16", "shape": [], "data_offsets": [26, 28]},
      "i": {"dtype": "I64", "shape": [1], "data_offsets": [28, 36]},
      "none": {"dtype": "F32", "shape": [0, 4], "data_offsets": [28, 28]},
      "f4": {"dtype": "F4", "shape": [3], "data_offsets": [36, 38]},
      "deep": {"dtype": "BF16", "shape": [1, 1, 1, 1, 1], "data_offsets": [38, 40]}})",
                   40);
}

Result<SafetensorsFile> Parse(std::string_view file) {
  return SafetensorsFile::Parse(std::as_bytes(std::span(file)), "test.safetensors");
}

TEST(SafetensorsFile, ReadsTensors) {
  const std::string bytes = SmallFile();
  const SafetensorsFile file = Parse(bytes).value();
  EXPECT_EQ(file.tensors().size(), 7);
  const tensor::TensorView w = file.Tensor("w").value();
  EXPECT_EQ(w.type, tensor::DataType::kF32);
  EXPECT_EQ(w.shape, (tensor::Shape{2, 3}));
  EXPECT_EQ(w.row(1)[0], std::byte{12});
  EXPECT_EQ(file.Tensor("h").value().type, tensor::DataType::kF16);
  EXPECT_EQ(file.Tensor("b").value().type, tensor::DataType::kBF16);
  EXPECT_EQ(file.Tensor("b").value().shape.num_elements(), 1);
  EXPECT_EQ(file.Tensor("b").value().data[0], std::byte{26});
  EXPECT_EQ(file.Tensor("none").value().size_bytes(), 0);
}

TEST(SafetensorsFile, RefusesATensorOnlyWhenItIsAskedFor) {
  const std::string bytes = SmallFile();
  const SafetensorsFile file = Parse(bytes).value();
  EXPECT_EQ(file.Tensor("i").error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(file.Tensor("i").error().message, HasSubstr("tensor \"i\" is stored as \"I64\""));
  EXPECT_THAT(file.Tensor("f4").error().message, HasSubstr("\"F4\""));
  EXPECT_EQ(file.Tensor("deep").error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(file.Tensor("deep").error().message, HasSubstr("5 dimensions"));
  EXPECT_EQ(file.Tensor("x").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(file.Tensor("x").error().message, HasSubstr("test.safetensors: has no tensor \"x\""));
  const std::string odd = FileBytes(R"({"w": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]}})", 6);
  EXPECT_THAT(Parse(odd).value().Tensor("w").error().message, HasSubstr("multiple of its element size"));
}

struct MalformedCase {
  std::string name;
  std::string file;
  std::vector<std::string> words;  // of the message
};

std::vector<MalformedCase> MalformedCases() {
  // One tensor "w" in 16 bytes of data.
  const auto tensor = [](const std::string& fields) { return FileBytes("{\"w\": " + fields + "}", 16); };
  return {
      {"Empty", "", {"header length", "ends at byte 0"}},
      {"HeaderLengthCut", "1234", {"header length", "8 bytes"}},
      {"HeaderOf2To60", WithLength(uint64_t{1} << 60, "{}"), {"1152921504606846976", "100000000"}},
      {"HeaderPastTheEnd", WithLength(1000, "{}"), {"header needs 1000 bytes"}},
      {"NotJson", FileBytes("{\"w\": ", 0), {"header", "not valid JSON"}},
      {"TooDeep", FileBytes("{\"w\": [[[[[[]]]]]]}", 0), {"header", "not valid JSON"}},
      {"NotAnObject", FileBytes("[1]", 0), {"header must be a JSON object"}},
      {"EntryNotAnObject", tensor("7"), {"tensor \"w\" must be an object"}},
      {"NoDtype", tensor(R"({"shape": [4], "data_offsets": [0, 16]})"), {"\"w\"", "\"dtype\""}},
      {"NoShape", tensor(R"({"dtype": "F32", "data_offsets": [0, 16]})"), {"\"w\"", "\"shape\""}},
      {"NegativeSize", tensor(R"({"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]})"), {"\"w\"", "\"shape\""}},
      {"HalfASize", tensor(R"({"dtype": "F32", "shape": [4.5], "data_offsets": [0, 16]})"), {"\"w\"", "\"shape\""}},
      {"NoOffsets", tensor(R"({"dtype": "F32", "shape": [4]})"), {"\"w\"", "\"data_offsets\""}},
      {"OneOffset", tensor(R"({"dtype": "F32", "shape": [4], "data_offsets": [0]})"), {"\"w\"", "\"data_offsets\""}},
      // Of a type whose size is not checked, so that nothing else stands in the way.
      {"EndBeforeBegin",
       tensor(R"({"dtype": "F4", "shape": [4], "data_offsets": [16, 0]})"),
       {"\"w\"", "a begin and an end"}},
      {"PastTheEnd",
       tensor(R"({"dtype": "F32", "shape": [4], "data_offsets": [4, 20]})"),
       {"\"w\"", "bytes 4 to 20", "only 16", "incomplete"}},
      {"OffsetAbove2To63",
       tensor(R"({"dtype": "F32", "shape": [4], "data_offsets": [0, 18446744073709551615]})"),
       {"\"w\"", "\"data_offsets\""}},
      {"SizeDoesNotFit",
       tensor(R"({"dtype": "F32", "shape": [3], "data_offsets": [0, 16]})"),
       {"\"w\"", "F32 [3]", "16 bytes"}},
      // 2^32 x 2^32 x 4 bytes would wrap to 0.
      {"SizeOverflows",
       tensor(R"({"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 0]})"),
       {"\"w\"", "does not fill"}},
      {"Overlap",
       FileBytes(R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
                     "b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})",
                 16),
       {"tensors \"b\" and \"a\" overlap"}},
  };
}

class MalformedSafetensorsTest : public testing::TestWithParam<MalformedCase> {};

TEST_P(MalformedSafetensorsTest, SaysWhatIsWrong) {
  const auto file = Parse(GetParam().file);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(file.error().message, HasSubstr("test.safetensors: "));
  for (const std::string& word : GetParam().words) EXPECT_THAT(file.error().message, HasSubstr(word));
}

INSTANTIATE_TEST_SUITE_P(Cases, MalformedSafetensorsTest, testing::ValuesIn(MalformedCases()),
                         [](const auto& info) { return info.param.name; });

// Far above what a JSON text of a thousand bytes needs, and far below what its numbers can promise.
constexpr size_t kLargestAllocation = 65536;

TEST(SafetensorsFile, RefusesEveryTruncation) {
  LargestAllocationSinceLastCall();
  ForEachTruncation(SmallFile(), [](std::span<const std::byte> bytes) {
    const auto file = SafetensorsFile::Parse(bytes, "cut.safetensors");
    ASSERT_FALSE(file) << bytes.size();
    ASSERT_THAT(file.error().message, HasSubstr("cut.safetensors: ")) << bytes.size();
  });
  EXPECT_LT(LargestAllocationSinceLastCall(), kLargestAllocation);
}

TEST(SafetensorsFile, SurvivesFlippedBits) {
  LargestAllocationSinceLastCall();
  int refused = 0;
  ForRandomBitFlips(SmallFile(), 5000, [&](std::span<const std::byte> bytes) {
    const auto file = SafetensorsFile::Parse(bytes, "flipped.safetensors");
    refused += !file;
    if (!file) return;
    for (const SafetensorsTensor& tensor : file->tensors()) {
      ASSERT_GE(tensor.bytes.data(), bytes.data());
      ASSERT_LE(tensor.bytes.data() + tensor.bytes.size(), bytes.data() + bytes.size());
      const auto view = file->Tensor(tensor.name);
      ASSERT_TRUE(!view || view->size_bytes() == tensor.bytes.size());
    }
  });
  EXPECT_GT(refused, 2500);
  EXPECT_LT(LargestAllocationSinceLastCall(), kLargestAllocation);
}

// A folder for one test, empty at its start and gone at its end.
class SafetensorsModelTest : public testing::Test {
 protected:
  SafetensorsModelTest()
      : folder_(testing::TempDir() + "tenfold_" + testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }
  ~SafetensorsModelTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& content) { std::ofstream(folder_ / name) << content; }
  void WriteShards() {
    Write("one.safetensors", FileBytes(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                                           "x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})",
                                       8));
    Write("two.safetensors", FileBytes(R"({"b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})", 8));
  }
  void WriteIndex(const std::string& content) { Write("model.safetensors.index.json", content); }

  // The error of opening the folder.
  Error OpenError() { return SafetensorsModel::Open(folder_).error(); }

  const std::filesystem::path folder_;
};

TEST_F(SafetensorsModelTest, OpensASingleFile) {
  Write("model.safetensors", SmallFile());
  const SafetensorsModel model = SafetensorsModel::Open(folder_).value();
  EXPECT_THAT(model.tensor_names(), ElementsAre("b", "deep", "f4", "h", "i", "none", "w"));
  EXPECT_EQ(model.Tensor("w").value().shape, (tensor::Shape{2, 3}));
}

TEST_F(SafetensorsModelTest, OpensShards) {
  WriteShards();
  WriteIndex(R"({"metadata": {"total_size": 12}, "weight_map": {"b": "two.safetensors", "a": "one.safetensors"}})");
  const SafetensorsModel model = SafetensorsModel::Open(folder_).value();
  EXPECT_THAT(model.tensor_names(), ElementsAre("a", "b"));
  EXPECT_EQ(model.files().size(), 2);
  EXPECT_EQ(model.Tensor("a").value().shape, tensor::Shape({1}));
  EXPECT_EQ(model.Tensor("b").value().shape, tensor::Shape({2}));
  EXPECT_EQ(model.Tensor("x").error().code, ErrorCode::kNotFound);  // in a shard, but not in the index
  EXPECT_THAT(model.Tensor("x").error().message, HasSubstr(folder_.string() + ": has no tensor \"x\""));
}

TEST_F(SafetensorsModelTest, SaysWhatAFolderMustHold) {
  EXPECT_EQ(OpenError().code, ErrorCode::kNotFound);
  EXPECT_THAT(OpenError().message, HasSubstr(folder_.string()));
  EXPECT_THAT(OpenError().message, HasSubstr("model.safetensors.index.json"));
}

TEST_F(SafetensorsModelTest, RefusesABadIndex) {
  WriteShards();
  WriteIndex("{");
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
  EXPECT_THAT(OpenError().message, HasSubstr("index.json: not valid JSON"));
  WriteIndex("{}");
  EXPECT_THAT(OpenError().message, HasSubstr("\"weight_map\""));
  WriteIndex(R"({"weight_map": {"b": "one.safetensors"}})");
  EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt);
  EXPECT_THAT(OpenError().message, HasSubstr("tensor \"b\" is not in its shard \"one.safetensors\""));
}

TEST_F(SafetensorsModelTest, NamesAMissingShardAndItsIndex) {
  WriteIndex(R"({"weight_map": {"a": "three.safetensors"}})");
  EXPECT_EQ(OpenError().code, ErrorCode::kNotFound);
  EXPECT_THAT(OpenError().message, HasSubstr("three.safetensors: cannot be opened"));
  EXPECT_THAT(OpenError().message, HasSubstr("index.json"));
}

TEST_F(SafetensorsModelTest, RefusesPathsOutOfTheFolder) {
  // The file exists, so that only the check of its name stands in the way.
  std::filesystem::create_directory(folder_ / "sub");
  Write("sub/one.safetensors", FileBytes(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})", 4));
  const std::string absolute = (folder_ / "sub/one.safetensors").string();
  for (const std::string& shard :
       {absolute, std::string("sub/one.safetensors"), std::string("sub/../sub/one.safetensors"), std::string(".."),
        std::string("."), std::string("")}) {
    WriteIndex(R"({"weight_map": {"a": ")" + shard + R"("}})");
    EXPECT_EQ(OpenError().code, ErrorCode::kCorrupt) << shard;
    EXPECT_THAT(OpenError().message, HasSubstr("tensor \"a\" must be the name of a file in the same folder")) << shard;
  }
  WriteIndex(R"({"weight_map": {"a": 7}})");
  EXPECT_THAT(OpenError().message, HasSubstr("must be the name of a file"));
}

TEST(SafetensorsModel, HoldsTheSameEmbeddingAsTheGguf) {
  REQUIRE_SHARED("models/stories260K-hf");
  REQUIRE_SHARED("models/stories260K.gguf");
  const SafetensorsModel model = SafetensorsModel::Open(SharedData("models/stories260K-hf")).value();
  const GgufFile gguf = GgufFile::Open(SharedData("models/stories260K.gguf")).value();
  const tensor::TensorView ours = model.Tensor("model.embed_tokens.weight").value();
  const tensor::TensorView theirs = gguf.Tensor("token_embd.weight").value();
  ASSERT_EQ(ours.shape, theirs.shape);
  ASSERT_EQ(ours.type, theirs.type);
  EXPECT_EQ(std::memcmp(ours.data, theirs.data, ours.size_bytes()), 0);
}

}  // namespace
}  // namespace tenfold::formats
