#include "tenfold/cli/embedded_model.h"

#include <cstddef>
#include <span>

#include "tenfold/base/check.h"
#include "tenfold/platform/memory_file.h"

#ifdef TENFOLD_EMBEDDED_MODEL
// On a page, as a mapped file is: tensors keep their alignment.
asm(R"(
  .pushsection .rodata
  .balign 4096
  .global tenfold_embedded_model_begin
tenfold_embedded_model_begin:
  .incbin ")" TENFOLD_EMBEDDED_MODEL R"("
  .global tenfold_embedded_model_end
tenfold_embedded_model_end:
  .popsection
)");
extern "C" const std::byte tenfold_embedded_model_begin[];
extern "C" const std::byte tenfold_embedded_model_end[];
#endif

namespace tenfold::cli {
namespace {

std::span<const std::byte> EmbeddedModel() {
#ifdef TENFOLD_EMBEDDED_MODEL
  return {tenfold_embedded_model_begin, tenfold_embedded_model_end};
#else
  return {};
#endif
}

}  // namespace

bool HasEmbeddedModel() {
  return !EmbeddedModel().empty();
}

Result<std::filesystem::path> EmbeddedModelFile() {
  CHECK(HasEmbeddedModel());
  return platform::MakeMemoryFile(kEmbeddedModelName, EmbeddedModel());
}

}  // namespace tenfold::cli
