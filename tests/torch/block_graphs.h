// Single operations as models, so that the whole way through a training graph can be checked for each: a table's row i
// is the input of token i, and the table's gradient is that of the input.
#pragma once

#include <cmath>
#include <string>

#include "tenfold/base/check.h"
#include "tenfold/base/json.h"
#include "tenfold/graph/builder.h"
#include "tenfold/model/model_config.h"

namespace tenfold {

// {"block": "attention" | "rotary" | "gelu" | "cross_entropy", "num_tokens", "num_heads", "num_kv_heads", "head_dim",
// "vocab_size"}. Parameters: "x", or "q", "k" and "v"; "head" behind the operation; cross_entropy sees x itself
// through it.
inline graph::Graph BuildBlock(const json::object& job) {
  const auto number = [&](const char* key) { return job.at(key).to_number<int64_t>(); };
  const int64_t num_tokens = number("num_tokens"), num_heads = number("num_heads"), head_dim = number("head_dim");
  const int64_t width = num_heads * head_dim;
  graph::GraphBuilder g;
  graph::Value result{};
  const std::string block(job.at("block").as_string());
  if (block == "attention") {
    const int64_t num_kv_heads = number("num_kv_heads"), kv_width = num_kv_heads * head_dim;
    const graph::Value q = g.Embedding("q", num_tokens, width), k = g.Embedding("k", num_tokens, kv_width);
    result = g.Attention(q, k, g.Embedding("v", num_tokens, kv_width), 0,
                         {num_heads, num_kv_heads, head_dim, 1 / std::sqrt(static_cast<double>(head_dim))});
  } else {
    result = g.Embedding("x", num_tokens, width);
    if (block == "rotary") {
      model::RotaryConfig rotary;
      rotary.dimensions = head_dim;
      result = g.Rotary(result, g.RotaryAngles(model::RotaryFrequencies(rotary)), head_dim);
    } else if (block == "gelu") {
      result = g.Gelu(result);
    } else {
      CHECK_MSG(block == "cross_entropy", "no block {}", block);
    }
  }
  return std::move(g).Finish(g.Linear(g.SelectRows(result), "head", number("vocab_size")));
}

}  // namespace tenfold
