// A request body of /v1/embeddings, validated into a plain struct. Like all bodies: honoured or refused by name.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "tenfold/server/api_error.h"
#include "tenfold/server/work_request.h"

namespace tenfold::server {

// What a model's embeddings may be asked to be: Matryoshka models are made so that the first dimensions alone say most.
struct EmbeddingSizes {
  int64_t size = 0;                      // of the model's states; 0: unknown
  bool is_matryoshka = false;            // may be shortened: to any size, or
  std::vector<int64_t> dimensions = {};  // where not empty, to one of these
};

struct EmbeddingRequest : WorkRequest {
  std::vector<PromptInput> inputs = {};  // at least one
  bool add_special_tokens = true;        // to texts
  bool is_base64 = false;                // the answer: f32 in base64, not numbers
  std::optional<int64_t> dimensions = {};
};

ApiResult<EmbeddingRequest> ParseEmbeddingRequest(std::string_view body, const EmbeddingSizes& sizes);

}  // namespace tenfold::server
