// A small model around each op: for tests of autodiff and of what runs its graphs.
#pragma once

#include <functional>
#include <ostream>
#include <utility>

#include "tenfold/graph/builder.h"
#include "tenfold/graph/training_batch.h"

namespace tenfold::graph {

inline constexpr int64_t kVocab = 7, kWidth = 8;

// What is tested stands between an embedding and a head, so that gradients of its inputs reach the table's.
struct OpCase {
  const char* name;
  std::function<Value(GraphBuilder& g, Value x)> op;
};

inline void PrintTo(const OpCase& op, std::ostream* out) {
  *out << op.name;
}

inline Graph WithHead(const OpCase& op) {
  GraphBuilder g;
  const Value x = op.op(g, g.Embedding("table", kVocab, kWidth));
  return std::move(g).Finish(g.Linear(g.SelectRows(x), "head", kVocab));
}

inline TrainingBatch SmallBatch() {
  return {.tokens = {1, 2, 2, 0, 6, 5, 3, 1},
          .sequence_lengths = {3, 1, 4},
          .target_rows = {0, 1, 2, 4, 5, 7},  // two tokens are read only
          .targets = {2, 2, 0, 5, 3, 1},
          .gradient_scale = 1.0 / 6};
}

inline Value Attend(GraphBuilder& g, Value x, bool rotates) {
  const auto projected = [&](const char* name, int64_t cols) { return g.Linear(x, name, cols); };
  Value q = projected("q", 4 * 4), k = projected("k", 2 * 4);
  if (rotates) {
    const Value angles = g.RotaryAngles({0.5}, 0.9);  // half of a head rotates
    q = g.Rotary(q, angles, 4);
    k = g.Rotary(k, angles, 4);
  }
  return g.Attention(q, k, projected("v", 2 * 4), 0, {.num_heads = 4, .num_kv_heads = 2, .head_dim = 4, .scale = 0.7});
}

inline const OpCase kOps[] = {
    {"Nothing", [](GraphBuilder&, Value x) { return x; }},
    {"Linear", [](GraphBuilder& g, Value x) { return g.Linear(x, "w", 5); }},
    {"RmsNorm", [](GraphBuilder& g, Value x) { return g.RmsNorm(x, "w", 1e-3); }},
    {"LayerNorm", [](GraphBuilder& g, Value x) { return g.LayerNorm(x, "w", 1e-3); }},
    {"Positions", [](GraphBuilder& g, Value x) { return g.Add(x, g.PositionEmbedding("p", 4, kWidth)); }},
    {"Gelu", [](GraphBuilder& g, Value x) { return g.Gelu(g.Linear(x, "w", 6)); }},
    {"AddVector", [](GraphBuilder& g, Value x) { return g.Gelu(g.AddVector(x, "b")); }},
    {"Columns", [](GraphBuilder& g, Value x) { return g.SiluMultiply(g.Columns(x, 1, 4), g.Columns(x, 3, 4)); }},
    {"SiluMultiply", [](GraphBuilder& g, Value x) { return g.SiluMultiply(g.Linear(x, "a", 6), g.Linear(x, "b", 6)); }},
    {"Square", [](GraphBuilder& g, Value x) { return g.SiluMultiply(x, x); }},
    {"Add", [](GraphBuilder& g, Value x) { return g.Add(g.Add(x, x), g.Linear(x, "w", kWidth)); }},
    {"Attention", [](GraphBuilder& g, Value x) { return Attend(g, x, /*rotates=*/false); }},
    {"RotaryAttention", [](GraphBuilder& g, Value x) { return Attend(g, x, /*rotates=*/true); }},
    {"OneParameterTwice", [](GraphBuilder& g, Value x) { return g.Linear(g.Linear(x, "w", kWidth), "w", kWidth); }},
};

}  // namespace tenfold::graph
