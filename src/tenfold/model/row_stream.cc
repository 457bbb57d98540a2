#include "tenfold/model/row_stream.h"

#include <algorithm>
#include <vector>

#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::model {

Status StreamRows(const RowReader& rows, const tensor::Shape& shape, tensor::DataType type,
                  platform::ThreadPool& threads, const ByteSink& sink, ProgressBar& progress) {
  constexpr size_t kPieceBytes = size_t{8} << 20;  // many rows for each thread, little memory
  const int64_t cols = shape.cols();
  const size_t row_bytes = tensor::RowBytes(type, cols);
  const auto rows_at_once = static_cast<int64_t>(std::max<size_t>(kPieceBytes / row_bytes, 1));
  std::vector<std::vector<float>> values(static_cast<size_t>(threads.num_threads()),
                                         std::vector<float>(static_cast<size_t>(cols)));
  std::vector<std::byte> encoded;
  for (int64_t begin = 0; begin < shape.rows(); begin += rows_at_once) {
    const int64_t count = std::min(rows_at_once, shape.rows() - begin);
    encoded.resize(static_cast<size_t>(count) * row_bytes);
    threads.Run(count, [&](int64_t index, int thread) {
      std::vector<float>& row = values[static_cast<size_t>(thread)];
      rows(begin + index, row);
      tensor::QuantizeRow(type, row, encoded.data() + static_cast<size_t>(index) * row_bytes);
    });
    RETURN_IF_ERROR(sink(encoded));
    progress.Advance(encoded.size());
  }
  return {};
}

}  // namespace tenfold::model
