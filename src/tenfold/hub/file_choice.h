// Which files of a repository make up the model that is asked for. A function of the names alone.
//
// With a selector: the GGUF file of exactly that path, or the one whose name has the selector as a whole token, in any
// case ("Q4_K" is no token of "model-Q4_K_M.gguf"). Without one: safetensors with what belongs to them, if the
// repository has them; else its only GGUF file, or the one in Q4_K_M, or in Q8_0. Projectors for images (mmproj) and
// importance matrices are no models; models in several GGUF files are not loaded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"

namespace tenfold::hub {

constexpr std::string_view kSafetensorsIndex = "model.safetensors.index.json";

struct FileChoice {
  bool is_gguf = false;
  std::vector<std::string> files;  // in the order to fetch: small ones first. GGUF: one
  bool has_shards = false;         // kSafetensorsIndex is among them, and its shards are still to be added
};

// `paths` are the repository's, `where` names it in errors. Errors: kNotFound and kInvalidArgument list what could be
// chosen; kUnsupported for models in several GGUF files, and for safetensors without what must stand beside them.
Result<FileChoice> ChooseFiles(const std::vector<std::string>& paths, std::string_view selector,
                               std::string_view where);

}  // namespace tenfold::hub
