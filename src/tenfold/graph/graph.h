// Graph: a model's computation as a list of operations over symbolic sizes (law 1).
//
// Activations are matrices: T rows (one per token of a batch) or R rows (one per token whose logits are wanted) times a
// fixed number of features. T and R get their values when a batch is executed; everything else is known when the graph
// is built. Attention is the only operation that sees sequences (Orca's selective batching, OSDI 2022); all others see
// rows.
//
// Nodes stand in execution order: a node's inputs come before it. Immutable once built (builder.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tenfold/tensor/shape.h"

namespace tenfold::graph {

// How many rows an activation has.
// No [T] result depends on an [R] one, so a batch's output can be computed for other rows as often as wanted.
enum class Rows : uint8_t { kTokens, kLogitRows };

// f32 activations [rows, cols].
struct ValueShape {
  Rows rows = Rows::kTokens;
  int64_t cols = 0;

  friend bool operator==(const ValueShape&, const ValueShape&) = default;
};

enum class Op : uint8_t {
  kEmbedding,          // rows of a table, chosen by the batch's tokens
  kPositionEmbedding,  // rows of a table, chosen by the batch's positions
  kRmsNorm,            // x / rms(x) * weight, per row
  kLayerNorm,          // (x - mean(x)) / deviation(x) * weight, per row
  kLinear,             // x · weight^T
  kRotaryAngles,       // cosines and sines of the batch's positions
  kRotary,             // rotates the heads of x by the angles
  kAttention,          // causal attention of queries, keys, values, through the cache
  kSiluMultiply,       // silu(gate) * up
  kGelu,               // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  kAdd,
  kAddVector,   // a vector to every row
  kColumns,     // a range of columns
  kSelectRows,  // from T rows to the R rows whose logits are wanted

  // Of training graphs, which dropout.h and autodiff.h make. A gradient is that of the sum of the losses, times the
  // batch's scale.
  kDropout,  // some elements become zero, the others grow as much on average (dropout.h); its own gradient
  // -log softmax(logits)[target] + z_loss * log(sum(exp(logits)))^2, one column. The second term keeps logits from
  // drifting (PaLM, JMLR 2023, section 5).
  kCrossEntropy,
  kCrossEntropyGradient,  // of the logits
  // Attention without a cache, over the batch's own sequences. Behind the heads' outputs a column for each head: the
  // logarithm of the sum of its exponentials, which is all that the backward pass keeps of the scores
  // (FlashAttention-2, ICLR 2024, section 3.1).
  kTrainingAttention,
  kAttentionGradient,  // of queries, keys and values, one behind the other, from those, the results and their gradient
  kPlaceColumns,       // into a range of wider rows, the others zero: the gradient of kColumns
  kScatterRows,        // from R rows to T rows, the others zero: the gradient of kSelectRows
  kLinearInputGradient,       // dy · weight
  kLayerNormInputGradient,    // from x and dy
  kGeluGradient,              // from x and dy
  kRmsNormInputGradient,      // from x and dy
  kRotaryGradient,            // rotates back
  kSiluMultiplyGateGradient,  // from gate, up and dy
  kSiluMultiplyUpGradient,    // from gate and dy
  // These have no result: they add to the gradient of their parameter.
  kEmbeddingWeightGradient,  // dy into the rows that were chosen
  kPositionEmbeddingWeightGradient,
  kLayerNormWeightGradient,  // from x and dy
  kAddVectorWeightGradient,  // dy
  kRmsNormWeightGradient,    // from x and dy
  kLinearWeightGradient,     // dy^T · x, from x and dy
};

using NodeId = int32_t;
using ParameterId = int32_t;
inline constexpr int32_t kNone = -1;

// What a parameter is used for decides how it is kept in memory.
enum class ParameterUse : uint8_t {
  kTable,   // rows looked up one by one, in the file's own type
  kMatrix,  // packed for matrix products
  kVector,  // f32
};

struct Parameter {
  std::string name;  // GGUF's name: "blk.0.attn_q.weight"
  tensor::Shape shape;
  ParameterUse use = ParameterUse::kMatrix;
};

// Attributes; each op reads its own.
struct Attributes {
  float epsilon = 0;         // kRmsNorm, kLayerNorm
  int64_t head_dim = 0;      // kRotary, kAttention
  int64_t layer = 0;         // kAttention: which layer's part of the cache
  int64_t num_heads = 0;     // kAttention
  int64_t num_kv_heads = 0;  // kAttention
  int64_t first_col = 0;     // kColumns, kPlaceColumns
  float scale = 1;           // kAttention: of the scores
  float z_loss = 0;          // kCrossEntropy
  int64_t stream = 0;        // kDropout: which one of the graph
  double probability = 0;    // kDropout: of becoming zero
};

struct Node {
  Op op;
  ValueShape shape;
  std::vector<NodeId> inputs = {};
  ParameterId parameter = kNone;
  Attributes attributes = {};
};

struct Graph {
  std::vector<Node> nodes;
  std::vector<Parameter> parameters;
  // kRotaryAngles: angle i of position p is p * rotary_frequencies[i]; cosines and sines are multiplied by the scale.
  std::vector<double> rotary_frequencies;
  double rotary_scale = 1;
  NodeId output = kNone;
  // What the output's matrix product reads, a row for each of the output's: the model's last states. kNone without such
  // a product.
  NodeId states = kNone;

  // One line per node, for reading and for tests.
  std::string ToString() const;
};

const char* OpName(Op op);

}  // namespace tenfold::graph
