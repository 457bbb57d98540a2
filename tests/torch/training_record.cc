#include "training_record.h"

#include "tenfold/base/check.h"
#include "tenfold/formats/safetensors_writer.h"

namespace tenfold {
namespace {

void CheckWritten(const Status& status) {
  CHECK_MSG(status.has_value(), "{}", status.error().message);
}

}  // namespace

void TrainingRecord::Write(const std::string& path) const {
  formats::SafetensorsHeaderBuilder header;
  for (const Entry& entry : entries_) header.AddTensor(entry.name, entry.shape, tensor::DataType::kF32);
  auto writer = formats::SafetensorsWriter::Create(path, header);
  CHECK_MSG(writer.has_value(), "{}", writer.error().message);
  for (const Entry& entry : entries_) CheckWritten(writer->WriteTensorData(std::as_bytes(std::span(entry.values))));
  CheckWritten(writer->Finish());
}

}  // namespace tenfold
