#include "tenfold/server/prompt_truncation.h"

#include <algorithm>

namespace tenfold::server {

ApiStatus TruncatePrompts(int64_t num_kept, int64_t num_output_tokens, int64_t max_model_len,
                          std::vector<std::vector<TokenId>>& prompts) {
  if (num_kept != -1 && (num_kept < 1 || num_kept > max_model_len)) {
    return BadField("truncate_prompt_tokens",
                    "is {}, but must be between 1 and the context's {}, or -1 for as many as there is room for",
                    num_kept, max_model_len);
  }
  if (num_kept == -1) num_kept = std::max<int64_t>(max_model_len - num_output_tokens, 1);
  for (std::vector<TokenId>& prompt : prompts) {
    const auto size = static_cast<int64_t>(prompt.size());
    if (size > num_kept) prompt.erase(prompt.begin(), prompt.begin() + (size - num_kept));
  }
  return {};
}

}  // namespace tenfold::server
