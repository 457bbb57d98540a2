#include "tenfold/model/row_stream.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::model {

namespace {

// The largest number that does not become infinite. Blocks are scaled by an F16 number.
float LargestOf(tensor::DataType type) {
  if (type == tensor::DataType::kF32) return std::numeric_limits<float>::max();
  if (type == tensor::DataType::kBF16) return 0x1.FEp127f;
  return 65504;
}

// NaN is not less than anything.
bool Fits(tensor::DataType type, std::span<const float> row) {
  const float largest = LargestOf(type);
  bool fits = true;
  for (const float value : row) fits &= std::abs(value) <= largest;
  return fits;
}

}  // namespace

Status StreamRows(const StreamedTensor& tensor, const RowReader& rows, platform::ThreadPool& threads,
                  const ByteSink& sink, ProgressBar& progress) {
  const auto& [name, shape, type] = tensor;
  constexpr size_t kPieceBytes = size_t{8} << 20;  // many rows for each thread, little memory
  const int64_t cols = shape.cols();
  const size_t row_bytes = tensor::RowBytes(type, cols);
  const auto rows_at_once = static_cast<int64_t>(std::max<size_t>(kPieceBytes / row_bytes, 1));
  std::vector<std::vector<float>> values(static_cast<size_t>(threads.num_threads()),
                                         std::vector<float>(static_cast<size_t>(cols)));
  std::vector<std::byte> encoded;
  std::vector<uint8_t> fits;  // of each row in the piece
  for (int64_t begin = 0; begin < shape.rows(); begin += rows_at_once) {
    const int64_t count = std::min(rows_at_once, shape.rows() - begin);
    encoded.resize(static_cast<size_t>(count) * row_bytes);
    fits.assign(static_cast<size_t>(count), 0);
    threads.Run(count, [&, type = type](int64_t index, int thread) {
      std::vector<float>& row = values[static_cast<size_t>(thread)];
      rows(begin + index, row);
      if (!Fits(type, row)) return;
      tensor::QuantizeRow(type, row, encoded.data() + static_cast<size_t>(index) * row_bytes);
      fits[static_cast<size_t>(index)] = 1;
    });
    if (const auto bad = std::ranges::find(fits, 0); bad != fits.end()) {
      return MakeError(ErrorCode::kCorrupt,
                       "tensor {}: row {} holds what is no number in {}: infinite, not a number, or too large", name,
                       begin + (bad - fits.begin()), Name(type));
    }
    RETURN_IF_ERROR(sink(encoded));
    progress.Advance(encoded.size());
  }
  return {};
}

}  // namespace tenfold::model
