// Encodes the rows of tensors on all threads, a few MiB at a time, in order: how tensors larger than memory are
// written.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "tenfold/base/progress.h"
#include "tenfold/base/result.h"
#include "tenfold/model/tensor_rows.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tensor/data_type.h"
#include "tenfold/tensor/shape.h"

namespace tenfold::model {

// Takes the next bytes of a file.
using ByteSink = std::function<Status(std::span<const std::byte>)>;

// A tensor to encode; `name` is for errors.
struct StreamedTensor {
  std::string_view name;
  tensor::Shape shape;
  tensor::DataType type;
};

// Hands `sink` all rows of the tensor, each as tensor::QuantizeRow writes it. The bytes do not depend on the number of
// threads. Progress counts the bytes. Errors: kCorrupt, naming the tensor and the row, for infinity, NaN and what
// becomes one of them in the type: what a training that diverged leaves behind must not look like a model; and the
// sink's.
Status StreamRows(const StreamedTensor& tensor, const RowReader& rows, platform::ThreadPool& threads,
                  const ByteSink& sink, ProgressBar& progress);

}  // namespace tenfold::model
