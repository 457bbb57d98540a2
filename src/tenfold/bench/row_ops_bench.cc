// The operations over single rows, at the size of a step: their data come from the cache, where the operation before
// left them, so that is what they are judged by.
#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tenfold/bench/kernel_bench.h"
#include "tenfold/bench/numbers.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/packed_rows.h"
#include "tenfold/platform/aligned_buffer.h"

namespace tenfold::bench {
namespace {

constexpr int64_t kRows = 256;  // a step's tokens
constexpr int64_t kHidden = 2048;
constexpr int64_t kFfn = 5632;
constexpr int64_t kHeadDim = 64;

// One operation on a row of `cols` numbers.
struct RowOperation {
  std::string name;
  int64_t cols;
  double bytes_per_number;  // read and written
  std::function<void(int64_t row)> run;
  std::function<double(int64_t row, int64_t col)> got;
  std::function<double(int64_t row, int64_t col)> expected;
  double tolerance;
};

Status BenchOne(KernelBenchContext& context, const RowOperation& operation) {
  const std::string label = fmt::format("{} {} rows {}", operation.name, operation.cols, kRows);
  const auto run = [&] {
    constexpr int64_t kRowsPerPiece = 8;
    context.threads.Run(kRows / kRowsPerPiece, [&](int64_t piece, int) {
      for (int64_t row = piece * kRowsPerPiece; row < (piece + 1) * kRowsPerPiece; ++row) operation.run(row);
    });
  };
  run();
  for (const int64_t row : {int64_t{0}, kRows - 1}) {
    for (const int64_t col : {int64_t{0}, operation.cols / 2, operation.cols - 1}) {
      const double got = operation.got(row, col), expected = operation.expected(row, col);
      if (!(std::abs(got - expected) <= operation.tolerance)) {
        return MakeError(ErrorCode::kCorrupt, "{}: element {} of row {} is {}, but the definition gives {} +- {}",
                         label, col, row, got, expected, operation.tolerance);
      }
    }
  }
  const Work work{.bytes = static_cast<double>(kRows * operation.cols) * operation.bytes_per_number,
                  .memory = Memory::kCache};
  context.report.AddKernel(label, {{"name", operation.name}, {"cols", operation.cols}, {"rows", kRows}},
                           Measure(context.meter, work, {.num_samples = context.options.repeat}, run));
  return {};
}

}  // namespace

Result<int> BenchRowOperations(KernelBenchContext& context) {
  const kernels::KernelTable& table = context.kernels;
  const std::vector<float> x = RandomFloats(kRows * kFfn, 6), other = RandomFloats(kRows * kFfn, 7);
  std::vector<float> y(x.size());
  const auto at = [](const std::vector<float>& from, int64_t cols, int64_t row, int64_t col) {
    return static_cast<double>(from[static_cast<size_t>(row * cols + col)]);
  };
  const auto y_at = [&](int64_t cols) { return [&, cols](int64_t row, int64_t col) { return at(y, cols, row, col); }; };

  constexpr double kEpsilon = 1e-5;
  const auto normed = [&](int64_t row, int64_t col) {
    double squares = 0;
    for (int64_t k = 0; k < kHidden; ++k) squares += at(x, kHidden, row, k) * at(x, kHidden, row, k);
    return at(x, kHidden, row, col) / std::sqrt(squares / kHidden + kEpsilon) * at(other, kHidden, 0, col);
  };
  const auto silu = [&](int64_t row, int64_t col) {
    const double gate = at(x, kFfn, row, col);
    return gate / (1 + std::exp(-gate)) * at(other, kFfn, row, col);
  };
  // Any numbers serve as angles; the same for all heads of a row.
  const auto rotated = [&](int64_t row, int64_t col) {
    const int64_t half = kHeadDim / 2, head = col / kHeadDim * kHeadDim, i = col % half;
    const double cosine = at(other, kHeadDim, row, i), sine = at(other, kHeadDim, row, half + i);
    const double first = at(x, kHidden, row, head + i), second = at(x, kHidden, row, head + half + i);
    return col % kHeadDim < half ? first * cosine - second * sine : first * sine + second * cosine;
  };
  const size_t packed_bytes = kernels::PackedRowsBytes(kernels::RowFormat::kInt8, kRows, kHidden);
  ASSIGN_OR_RETURN(auto packed_memory, platform::AlignedBuffer::Allocate(packed_bytes, "packed rows"));
  const kernels::PackedRows packed = kernels::PlanPackedRows(kernels::RowFormat::kInt8, kRows, kHidden,
                                                             table.max_tile_rows, nullptr, packed_memory.data());
  // The value of a packed number, read back as packed_rows.h describes it.
  const auto unpacked = [&](int64_t row, int64_t col) {
    const kernels::RowTile tile = packed.tile_of_row(row);
    const int64_t block = col / kernels::kQuantBlock, in_block = col % kernels::kQuantBlock;
    const std::byte* const data =
        packed.tile_data(tile) + (block * tile.count + row - tile.begin) * kernels::kQuantBlockBytes;
    int32_t exponent, multiple;
    std::memcpy(&exponent, data + kernels::kQuantBlock + 4, sizeof(exponent));
    std::memcpy(&multiple, data + kernels::kQuantBlock + 8, sizeof(multiple));
    const double scale = std::ldexp(static_cast<double>(packed.factors[row]) * (4 + multiple), exponent >> 23);
    return static_cast<int8_t>(data[in_block]) * scale;
  };

  const RowOperation operations[] = {
      {"rms_norm", kHidden, 8,
       [&](int64_t row) {
         table.rms_norm(x.data() + row * kHidden, other.data(), static_cast<float>(kEpsilon), kHidden,
                        y.data() + row * kHidden);
       },
       y_at(kHidden), normed, 1e-5},
      {"add", kHidden, 12,
       [&](int64_t row) {
         table.add(x.data() + row * kHidden, other.data() + row * kHidden, kHidden, y.data() + row * kHidden);
       },
       y_at(kHidden), [&](int64_t row, int64_t col) { return at(x, kHidden, row, col) + at(other, kHidden, row, col); },
       1e-6},
      {"silu_multiply", kFfn, 12,
       [&](int64_t row) {
         table.silu_multiply(x.data() + row * kFfn, other.data() + row * kFfn, kFfn, y.data() + row * kFfn);
       },
       y_at(kFfn), silu, 1e-6},
      {"rotary", kHidden, 8,
       [&](int64_t row) {
         for (int64_t head = 0; head < kHidden; head += kHeadDim) {
           table.rotate_head(x.data() + row * kHidden + head, other.data() + row * kHeadDim, kHeadDim / 2,
                             y.data() + row * kHidden + head);
         }
       },
       y_at(kHidden), rotated, 1e-6},
      // A number is off by half a step; values are within [-1, 1], so a step is at most 1.25/127.
      {"pack_int8", kHidden, 5, [&](int64_t row) { table.pack_row(x.data() + row * kHidden, kHidden, row, packed); },
       unpacked, [&](int64_t row, int64_t col) { return at(x, kHidden, row, col); }, 0.625 / 127 + 1e-6},
  };
  int num_measured = 0;
  for (const RowOperation& operation : operations) {
    if (!context.wants(operation.name)) continue;
    RETURN_IF_ERROR(BenchOne(context, operation));
    ++num_measured;
  }
  return num_measured;
}

}  // namespace tenfold::bench
