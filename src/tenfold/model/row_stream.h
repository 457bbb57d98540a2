// Encodes the rows of tensors on all threads, a few MiB at a time, in order: how tensors larger than memory are written.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "tenfold/base/progress.h"
#include "tenfold/base/result.h"
#include "tenfold/model/tensor_rows.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tensor/data_type.h"
#include "tenfold/tensor/shape.h"

namespace tenfold::model {

// Takes the next bytes of a file.
using ByteSink = std::function<Status(std::span<const std::byte>)>;

// Hands `sink` all rows of a tensor of this shape in `type`, each as tensor::QuantizeRow writes it. The bytes do not
// depend on the number of threads. Progress counts the bytes. Errors: the sink's.
Status StreamRows(const RowReader& rows, const tensor::Shape& shape, tensor::DataType type,
                  platform::ThreadPool& threads, const ByteSink& sink, ProgressBar& progress);

}  // namespace tenfold::model
