// vLLM's `truncate_prompt_tokens`: of a prompt that is too long, the last tokens are kept.
#pragma once

#include <cstdint>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/server/api_error.h"

namespace tenfold::server {

// Keeps the last `num_kept` tokens of each prompt; with -1 as many as leave room for `num_output_tokens` in a context of
// `max_model_len`. Errors: a 400 for any other number below 1, and for one above the context.
ApiStatus TruncatePrompts(int64_t num_kept, int64_t num_output_tokens, int64_t max_model_len,
                          std::vector<std::vector<TokenId>>& prompts);

}  // namespace tenfold::server
