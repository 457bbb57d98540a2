#include "tenfold/model/architectures/llama.h"

#include <cmath>

#include <fmt/format.h>

#include "tenfold/graph/builder.h"

namespace tenfold::model {

using graph::GraphBuilder;
using graph::Value;

graph::Graph BuildLlama(const ModelConfig& config) {
  const GraphBuilder::AttentionShape heads = {config.num_heads, config.num_kv_heads, config.head_dim,
                                              1 / std::sqrt(static_cast<double>(config.head_dim))};
  GraphBuilder g;
  const Value angles = g.RotaryAngles(RotaryFrequencies(config.rotary));
  Value x = g.Embedding("token_embd.weight", config.vocab_size, config.hidden_size);

  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const auto weight = [&](const char* name) { return fmt::format("blk.{}.{}.weight", layer, name); };

    Value h = g.RmsNorm(x, weight("attn_norm"), config.norm_epsilon);
    const Value q = g.Linear(h, weight("attn_q"), config.num_heads * config.head_dim);
    const Value k = g.Linear(h, weight("attn_k"), config.num_kv_heads * config.head_dim);
    const Value v = g.Linear(h, weight("attn_v"), config.num_kv_heads * config.head_dim);
    Value attention =
        g.Attention(g.Rotary(q, angles, config.head_dim), g.Rotary(k, angles, config.head_dim), v, layer, heads);
    if (layer + 1 == config.num_layers) {  // nobody reads the other rows any more
      attention = g.SelectRows(attention);
      x = g.SelectRows(x);
    }
    x = g.Add(x, g.Linear(attention, weight("attn_output"), config.hidden_size));

    h = g.RmsNorm(x, weight("ffn_norm"), config.norm_epsilon);
    const Value gate = g.Linear(h, weight("ffn_gate"), config.ffn_size);
    const Value up = g.Linear(h, weight("ffn_up"), config.ffn_size);
    x = g.Add(x, g.Linear(g.SiluMultiply(gate, up), weight("ffn_down"), config.hidden_size));
  }

  x = g.RmsNorm(x, "output_norm.weight", config.norm_epsilon);
  const Value logits = g.Linear(x, config.tied_head ? "token_embd.weight" : "output.weight", config.vocab_size);
  return std::move(g).Finish(logits);
}

}  // namespace tenfold::model
