// TensorView: typed bytes with a shape. Never owns; rows are contiguous, quantized rows are whole blocks.
#pragma once

#include <cstddef>

#include "tenfold/tensor/data_type.h"
#include "tenfold/tensor/shape.h"

namespace tenfold::tensor {

struct TensorView {
  DataType type = DataType::kF32;
  Shape shape;
  const std::byte* data = nullptr;

  size_t row_bytes() const { return RowBytes(type, shape.cols()); }
  size_t size_bytes() const { return row_bytes() * static_cast<size_t>(shape.rows()); }
  const std::byte* row(int64_t index) const { return data + static_cast<size_t>(index) * row_bytes(); }
};

}  // namespace tenfold::tensor
