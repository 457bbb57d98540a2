#include "tenfold/model/row_stream.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace tenfold::model {
namespace {

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
  ASSERT_TRUE(StreamRows(rows, {kRows, kCols}, tensor::DataType::kF32, threads, sink, progress));
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
  EXPECT_EQ(StreamRows(rows, {9000, 512}, tensor::DataType::kF32, threads, sink, progress).error().message, "full");
  EXPECT_EQ(num_calls, 1);
}

}  // namespace
}  // namespace tenfold::model
