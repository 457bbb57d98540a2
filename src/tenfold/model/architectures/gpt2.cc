#include "tenfold/model/architectures/gpt2.h"

#include <cmath>
#include <string>

#include <fmt/format.h>

#include "tenfold/graph/builder.h"

namespace tenfold::model {

using graph::GraphBuilder;
using graph::Value;

graph::Graph BuildGpt2(const ModelConfig& config) {
  const int64_t width = config.num_heads * config.head_dim;
  const GraphBuilder::AttentionShape heads = {config.num_heads, config.num_heads, config.head_dim,
                                              1 / std::sqrt(static_cast<double>(config.head_dim))};
  GraphBuilder g;
  const auto biased = [&](Value x, const std::string& name) {
    return config.has_biases ? g.AddVector(x, name + ".bias") : x;
  };
  const auto norm = [&](Value x, const std::string& name) {
    return biased(g.LayerNorm(x, name + ".weight", config.norm_epsilon), name);
  };
  const auto linear = [&](Value x, const std::string& name, int64_t num_outputs) {
    return biased(g.Linear(x, name + ".weight", num_outputs), name);
  };
  Value x = g.Add(g.Embedding("token_embd.weight", config.vocab_size, config.hidden_size),
                  g.PositionEmbedding("position_embd.weight", config.context_length, config.hidden_size));

  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const auto name = [&](const char* part) { return fmt::format("blk.{}.{}", layer, part); };

    const Value qkv = linear(norm(x, name("attn_norm")), name("attn_qkv"), 3 * width);
    Value attention = g.Attention(g.Columns(qkv, 0, width), g.Columns(qkv, width, width),
                                  g.Columns(qkv, 2 * width, width), layer, heads);
    if (layer + 1 == config.num_layers) {  // nobody reads the other rows any more
      attention = g.SelectRows(attention);
      x = g.SelectRows(x);
    }
    x = g.Add(x, linear(attention, name("attn_output"), config.hidden_size));

    const Value up = g.Gelu(linear(norm(x, name("ffn_norm")), name("ffn_up"), config.ffn_size));
    x = g.Add(x, linear(up, name("ffn_down"), config.hidden_size));
  }

  x = norm(x, "output_norm");
  const Value logits = g.Linear(x, config.tied_head ? "token_embd.weight" : "output.weight", config.vocab_size);
  return std::move(g).Finish(logits);
}

}  // namespace tenfold::model
