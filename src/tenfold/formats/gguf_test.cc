#include "tenfold/formats/gguf.h"

#include <gtest/gtest.h>

#include "tenfold/base/test_data.h"
namespace tenfold::formats {
TEST(GgufFile, OpensSharedModels) {
  REQUIRE_SHARED("models/stories260K.gguf");
  for (const char* folder : {"models", "models/arch", "models/quant", "vocabs"}) {
    for (const auto& entry : std::filesystem::directory_iterator(SharedData(folder))) {
      if (entry.path().extension() != ".gguf") continue;
      const auto file = GgufFile::Open(entry.path());
      EXPECT_TRUE(file.has_value()) << file.error().message;
    }
  }
}
}  // namespace tenfold::formats
