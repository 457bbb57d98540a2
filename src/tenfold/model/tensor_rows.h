// A checkpoint's tensor as the model has it, row by row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tenfold/model/checkpoint.h"
#include "tenfold/tensor/tensor_view.h"

namespace tenfold::model {

// Writes row `row` of a tensor, in the model's order of rows, as f32. Any thread.
using RowReader = std::function<void(int64_t row, std::span<float> out)>;

// Rows of `tensor`, whose checkpoint outlives the result. A transposed tensor is kept in memory meanwhile.
RowReader ReadRows(const CheckpointTensor& tensor);

// Row `row` of the result is row `order[row]` of `rows`; with an empty order, `rows` itself.
RowReader InOrder(RowReader rows, std::vector<int32_t> order);

// The transpose of a matrix of F32, F16 or BF16, row-major.
std::vector<std::byte> Transpose(const tensor::TensorView& matrix);

}  // namespace tenfold::model
