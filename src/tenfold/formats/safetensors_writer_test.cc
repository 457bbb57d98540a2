#include "tenfold/formats/safetensors_writer.h"

#include <unistd.h>

#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include "tenfold/formats/safetensors.h"

namespace tenfold::formats {
namespace {

using tensor::DataType;

class SafetensorsWriterTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }

  const std::filesystem::path folder_ = [] {
    auto folder = std::filesystem::temp_directory_path() / fmt::format("tenfold_safetensors_{}", getpid());
    std::filesystem::create_directories(folder);
    return folder;
  }();
  const std::filesystem::path path_ = folder_ / "model.safetensors";
};

TEST_F(SafetensorsWriterTest, WhatIsWrittenIsReadAgain) {
  constexpr std::array<float, 6> kFloats = {1, -2, 3.5f, 0, 1e-30f, 6};
  constexpr std::array<uint16_t, 3> kHalves = {0x3f80, 0x8000, 0x7f80};
  SafetensorsHeaderBuilder header;
  header.AddTensor("a \"name\"", {2, 3}, DataType::kF32);
  header.AddTensor("b", {3}, DataType::kBF16);
  {
    auto writer = SafetensorsWriter::Create(path_, header).value();
    const auto bytes = std::as_bytes(std::span(kFloats));
    ASSERT_TRUE(writer.WriteTensorData(bytes.first(10)));  // in any pieces
    ASSERT_TRUE(writer.WriteTensorData(bytes.subspan(10)));
    ASSERT_TRUE(writer.WriteTensorData(std::as_bytes(std::span(kHalves))));
    ASSERT_FALSE(std::filesystem::exists(path_));
    ASSERT_TRUE(writer.Finish());
  }
  const auto file = SafetensorsFile::Open(path_).value();
  ASSERT_EQ(file.tensors().size(), 2u);
  const tensor::TensorView a = file.Tensor("a \"name\"").value(), b = file.Tensor("b").value();
  EXPECT_EQ(a.shape, (tensor::Shape{2, 3}));
  EXPECT_EQ(b.type, DataType::kBF16);
  EXPECT_EQ(std::memcmp(a.data, kFloats.data(), sizeof(kFloats)), 0);
  EXPECT_EQ(std::memcmp(b.data, kHalves.data(), sizeof(kHalves)), 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data) % 8, 0u);
}

TEST_F(SafetensorsWriterTest, LeavesNothingBehindUnfinished) {
  SafetensorsHeaderBuilder header;
  header.AddTensor("a", {2}, DataType::kF32);
  ASSERT_TRUE(SafetensorsWriter::Create(path_, header));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST(SafetensorsHeaderBuilderDeathTest, StopsOnWhatReadersWouldRefuse) {
  SafetensorsHeaderBuilder header;
  header.AddTensor("a", {3}, DataType::kF16);
  EXPECT_DEATH(header.AddTensor("b", {3}, DataType::kF32), "CHECK");
  EXPECT_DEATH(header.AddTensor("a", {3}, DataType::kF16), "twice");
  EXPECT_DEATH(header.AddTensor("c", {32}, DataType::kQ8_0), "CHECK");
}

}  // namespace
}  // namespace tenfold::formats
