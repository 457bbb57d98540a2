#include "tenfold/model/tensor_rows.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/tensor/quantized_blocks.h"

namespace tenfold::model {

RowReader InOrder(RowReader rows, std::vector<int32_t> order) {
  if (order.empty()) return rows;
  return [rows = std::move(rows), order = std::move(order)](int64_t row, std::span<float> out) {
    rows(order[static_cast<size_t>(row)], out);
  };
}

RowReader ReadRows(const CheckpointTensor& tensor) {
  if (tensor.is_transposed) {
    const auto bytes = std::make_shared<const std::vector<std::byte>>(Transpose(tensor.view));
    const tensor::TensorView view = {tensor.view.type, tensor.shape(), bytes->data()};
    return [bytes, view](int64_t row, std::span<float> out) { DequantizeRow(view.type, view.row(row), out); };
  }
  const tensor::TensorView view = tensor.view;
  return InOrder([view](int64_t row, std::span<float> out) { DequantizeRow(view.type, view.row(row), out); },
                 tensor.row_order);
}

std::vector<std::byte> Transpose(const tensor::TensorView& matrix) {
  CHECK_EQ(tensor::Traits(matrix.type).block_elements, 1);
  const size_t size = tensor::Traits(matrix.type).block_bytes;
  const auto rows = static_cast<size_t>(matrix.shape.rows()), cols = static_cast<size_t>(matrix.shape.cols());
  std::vector<std::byte> out(matrix.size_bytes());
  constexpr size_t kTile = 32;  // the lines that a tile reads and writes fit in the nearest cache
  for (size_t row = 0; row < rows; row += kTile) {
    for (size_t col = 0; col < cols; col += kTile) {
      for (size_t r = row; r < std::min(rows, row + kTile); ++r) {
        for (size_t c = col; c < std::min(cols, col + kTile); ++c) {
          std::memcpy(out.data() + (c * rows + r) * size, matrix.data + (r * cols + c) * size, size);
        }
      }
    }
  }
  return out;
}

}  // namespace tenfold::model
