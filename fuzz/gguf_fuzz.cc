// Whatever the bytes, GgufFile::Parse gives a file whose tensors lie inside them, or an error.
#include <cstdint>
#include <string>

#include "tenfold/base/check.h"
#include "tenfold/formats/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tenfold;
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto file = formats::GgufFile::Parse(bytes, "fuzz");
  if (!file) {
    CHECK(!file.error().message.empty());
    return 0;
  }
  for (const formats::GgufTensor& tensor : file->tensors()) {
    CHECK(tensor.bytes.data() >= bytes.data());
    CHECK(tensor.bytes.data() + tensor.bytes.size() <= bytes.data() + bytes.size());
    if (const auto view = file->Tensor(tensor.name)) {
      CHECK_EQ(view->size_bytes(), tensor.bytes.size());
    }
  }
  for (const auto& [key, value] : file->metadata()) {
    // Each getter either fits the value or says that it does not.
    (void)file->GetInt(key);
    (void)file->GetNumber(key);
    (void)file->GetBool(key);
    (void)file->GetString(key);
    (void)file->GetInts(key);
    (void)file->GetNumbers(key);
    (void)file->GetStrings(key);
  }
  return 0;
}
