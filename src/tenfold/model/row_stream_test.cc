#include "tenfold/model/row_stream.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tenfold::model {
namespace {

using tensor::DataType;

// More than is encoded at once, and a last piece that is shorter than the others.
TEST(StreamRows, HandsOverAllRowsInOrder) {
  constexpr int64_t kRows = 5003, kCols = 512;
  platform::ThreadPool threads(3);
  ProgressBar progress("Test", 1);
  std::vector<float> written;
  int num_pieces = 0;
  const auto sink = [&](std::span<const std::byte> bytes) -> Status {
    const size_t begin = written.size();
    written.resize(begin + bytes.size() / sizeof(float));
    std::memcpy(written.data() + begin, bytes.data(), bytes.size());
    ++num_pieces;
    return {};
  };
  const RowReader rows = [](int64_t row, std::span<float> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(row) + static_cast<float>(i) / kCols;
  };
  ASSERT_TRUE(StreamRows({"t", {kRows, kCols}, DataType::kF32}, rows, threads, sink, progress));
  EXPECT_GT(num_pieces, 1);
  ASSERT_EQ(written.size(), static_cast<size_t>(kRows * kCols));
  for (size_t i = 0; i < written.size(); ++i) {
    ASSERT_EQ(written[i], static_cast<float>(i / kCols) + static_cast<float>(i % kCols) / kCols);
  }
}

TEST(StreamRows, StopsWhereTheSinkDoes) {
  platform::ThreadPool threads(1);
  ProgressBar progress("Test", 1);
  int num_calls = 0;
  const auto sink = [&](std::span<const std::byte>) -> Status {
    ++num_calls;
    return MakeError(ErrorCode::kIo, "full");
  };
  const RowReader rows = [](int64_t, std::span<float> out) { std::ranges::fill(out, 0.0f); };
  EXPECT_EQ(StreamRows({"t", {9000, 512}, DataType::kF32}, rows, threads, sink, progress).error().message, "full");
  EXPECT_EQ(num_calls, 1);
}

TEST(StreamRows, RefusesNumbersThatTheTypeHasNot) {
  platform::ThreadPool threads(2);
  ProgressBar progress("Test", 1);
  const auto sink = [](std::span<const std::byte>) -> Status { return {}; };
  const auto stream = [&](DataType type, float number) {
    const RowReader rows = [&](int64_t row, std::span<float> out) {
      std::ranges::fill(out, 1.0f);
      if (row == 7) out[40] = number;
    };
    return StreamRows({"blk.0.ffn_up.weight", {9, 256}, type}, rows, threads, sink, progress);
  };
  for (const DataType type : {DataType::kQ8_0, DataType::kQ4_0, DataType::kQ4_K, DataType::kQ6_K}) {
    for (const float number : {NAN, INFINITY, -INFINITY, 1e6f}) {
      EXPECT_EQ(stream(type, number).error().message, "tensor blk.0.ffn_up.weight: row 7 holds what is no number in " +
                                                          std::string(Name(type)) +
                                                          ": infinite, not a number, or too large");
    }
    EXPECT_TRUE(stream(type, 65504.0f));
  }
  for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kBF16}) {
    for (const float number : {NAN, INFINITY, -INFINITY}) EXPECT_FALSE(stream(type, number)) << Name(type);
  }
  EXPECT_FALSE(stream(DataType::kF16, 1e6f));
  EXPECT_TRUE(stream(DataType::kBF16, -0x1.FEp127f));
  EXPECT_FALSE(stream(DataType::kBF16, 0x1.FFp127f)) << "would become infinite";
  EXPECT_TRUE(stream(DataType::kF32, 0x1.FFFFFEp127f));
}

}  // namespace
}  // namespace tenfold::model
