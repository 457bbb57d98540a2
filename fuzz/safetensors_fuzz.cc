// Whatever the bytes, SafetensorsFile::Parse gives a file whose tensors lie inside them, or an error.
#include <cstdint>

#include "tenfold/base/check.h"
#include "tenfold/formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tenfold;
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto file = formats::SafetensorsFile::Parse(bytes, "fuzz");
  if (!file) {
    CHECK(!file.error().message.empty());
    return 0;
  }
  for (const formats::SafetensorsTensor& tensor : file->tensors()) {
    CHECK(tensor.bytes.data() >= bytes.data());
    CHECK(tensor.bytes.data() + tensor.bytes.size() <= bytes.data() + bytes.size());
    if (const auto view = file->Tensor(tensor.name)) {
      CHECK_EQ(view->size_bytes(), tensor.bytes.size());
    }
  }
  return 0;
}
