#include "tenfold/formats/gguf_writer.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/base/test_data.h"

namespace tenfold::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

// A path in the tests' folder, free at the start and the end of a test.
class GgufWriterTest : public testing::Test {
 protected:
  GgufWriterTest()
      : path_(testing::TempDir() + "tenfold_" + testing::UnitTest::GetInstance()->current_test_info()->name() +
              ".gguf") {
    RemoveFiles();
  }
  ~GgufWriterTest() override { RemoveFiles(); }

  std::filesystem::path PartialPath() const { return path_.string() + ".partial"; }
  void RemoveFiles() {
    std::filesystem::remove(path_);
    std::filesystem::remove(PartialPath());
  }

  const std::filesystem::path path_;
};

TEST_F(GgufWriterTest, WritesWhatTheReaderReads) {
  GgufHeaderBuilder header;
  header.SetString("general.architecture", "llama");
  header.SetUint32("llama.block_count", 2);
  header.SetFloat32("llama.rope.freq_base", 10000.0f);
  header.SetBool("tokenizer.ggml.add_bos_token", true);
  header.SetInt32s("types", std::vector<int32_t>{1, -2});
  header.SetFloat32s("scores", std::vector<float>{0.5f});
  header.SetStrings("tokens", std::vector<std::string>{"<s>", "", "\xe2\x96\x81"});
  header.AddTensor("odd", {3, 5}, tensor::DataType::kF32);
  header.AddTensor("quantized", {2, 1, 64}, tensor::DataType::kQ8_0);

  std::vector<std::byte> odd(15 * 4);
  std::vector<std::byte> quantized(4 * 34);
  std::ranges::fill(odd, std::byte{1});
  std::ranges::fill(quantized, std::byte{2});
  GgufWriter writer = GgufWriter::Create(path_, header).value();
  ASSERT_TRUE(writer.WriteTensorData(odd));
  ASSERT_TRUE(writer.WriteTensorData(std::span(quantized).first(34)));  // in pieces
  ASSERT_TRUE(writer.WriteTensorData(std::span(quantized).subspan(34)));
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(writer.Finish());
  EXPECT_FALSE(std::filesystem::exists(PartialPath()));

  const GgufFile file = GgufFile::Open(path_).value();
  EXPECT_EQ(file.version(), 3);
  EXPECT_EQ(file.metadata().size(), 7);
  EXPECT_THAT(file.GetString("general.architecture").value(), Optional(std::string_view("llama")));
  EXPECT_THAT(file.GetInt("llama.block_count").value(), Optional(2));
  EXPECT_THAT(file.GetNumber("llama.rope.freq_base").value(), Optional(10000.0));
  EXPECT_THAT(file.GetBool("tokenizer.ggml.add_bos_token").value(), Optional(true));
  EXPECT_THAT(file.GetInts("types").value(), ElementsAre(1, -2));
  EXPECT_THAT(file.GetNumbers("scores").value(), ElementsAre(0.5));
  EXPECT_THAT(file.GetStrings("tokens").value(), ElementsAre("<s>", "", "\xe2\x96\x81"));
  EXPECT_EQ(file.Tensor("odd").value().shape, (tensor::Shape{3, 5}));
  EXPECT_TRUE(std::ranges::equal(file.FindTensor("odd")->bytes, odd));
  EXPECT_EQ(file.Tensor("quantized").value().shape, (tensor::Shape{2, 1, 64}));
  EXPECT_TRUE(std::ranges::equal(file.FindTensor("quantized")->bytes, quantized));
}

// Copying every value and tensor of a file that another program wrote gives that file back, byte for byte.
TEST_F(GgufWriterTest, CopiesASharedFileExactly) {
  REQUIRE_SHARED("models/arch/gemma3.gguf");
  const GgufFile original = GgufFile::Open(SharedData("models/arch/gemma3.gguf")).value();
  GgufHeaderBuilder header;
  for (const auto& [key, value] : original.metadata()) ASSERT_TRUE(header.CopyValue(original, key)) << key;
  for (const GgufTensor& tensor : original.tensors()) header.AddTensor(tensor.name, tensor.shape, tensor.type.value());
  GgufWriter writer = GgufWriter::Create(path_, header).value();
  for (const GgufTensor& tensor : original.tensors()) ASSERT_TRUE(writer.WriteTensorData(tensor.bytes));
  ASSERT_TRUE(writer.Finish());
  const GgufFile copy = GgufFile::Open(path_).value();
  EXPECT_TRUE(std::ranges::equal(copy.file().bytes(), original.file().bytes()));
}

TEST_F(GgufWriterTest, SaysWhichValueIsMissing) {
  const std::string empty = GgufHeaderBuilder().Encode();
  const GgufFile file = GgufFile::Parse(std::as_bytes(std::span(empty)), "empty.gguf").value();
  const Status status = GgufHeaderBuilder().CopyValue(file, "tokenizer.ggml.tokens");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(status.error().message, "empty.gguf: has no metadata \"tokenizer.ggml.tokens\"");
}

TEST_F(GgufWriterTest, LeavesNothingWhenAbandoned) {
  GgufHeaderBuilder header;
  header.AddTensor("w", {8}, tensor::DataType::kF32);
  {
    const GgufWriter writer = GgufWriter::Create(path_, header).value();
    EXPECT_TRUE(std::filesystem::exists(PartialPath()));
  }
  EXPECT_FALSE(std::filesystem::exists(PartialPath()));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(GgufWriterTest, KeepsTheOldFileUntilTheNewOneIsComplete) {
  std::ofstream(path_) << "old";
  {
    GgufWriter writer = GgufWriter::Create(path_, GgufHeaderBuilder()).value();
    EXPECT_EQ(std::filesystem::file_size(path_), 3);
    ASSERT_TRUE(writer.Finish());
  }
  EXPECT_TRUE(GgufFile::Open(path_).has_value());
}

TEST_F(GgufWriterTest, NamesThePathThatCannotBeWritten) {
  const auto writer = GgufWriter::Create("no/such/folder/model.gguf", GgufHeaderBuilder());
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::kIo);
  EXPECT_THAT(writer.error().message, HasSubstr("no/such/folder/model.gguf.partial: cannot be written: No such"));
}

// A device that is always full. Small writes reach it only when the file is completed.
TEST_F(GgufWriterTest, SeesAFullDisk) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "needs /dev/full";
  std::filesystem::create_symlink("/dev/full", PartialPath());
  GgufWriter writer = GgufWriter::Create(path_, GgufHeaderBuilder()).value();
  const Status status = writer.Finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_THAT(status.error().message, HasSubstr("No space left"));
}

TEST(GgufWriterDeathTest, StopsWhenDataIsMissingOrTooMuch) {
  GgufHeaderBuilder header;
  header.AddTensor("w", {8}, tensor::DataType::kF32);
  const std::filesystem::path path = testing::TempDir() + "tenfold_death.gguf";
  GgufWriter writer = GgufWriter::Create(path, header).value();
  const std::vector<std::byte> too_much(33);
  EXPECT_DEATH((void)writer.WriteTensorData(too_much), "");
  EXPECT_DEATH((void)writer.Finish(), "");
  EXPECT_DEATH(header.AddTensor("w", {8}, tensor::DataType::kF32), "added twice");
  EXPECT_DEATH((header.SetUint32("k", 1), header.SetBool("k", true)), "set twice");
}

}  // namespace
}  // namespace tenfold::formats
