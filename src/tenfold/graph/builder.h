// GraphBuilder: the language in which model architectures are written (model/architectures/).
//
// Each method appends one node, infers its shape and checks its operands; a mismatch is a bug in the architecture's
// code and stops in CHECK. A model file whose numbers make no sense is refused before, when its configuration is read.
#pragma once

#include <string>
#include <vector>

#include "tenfold/graph/graph.h"

namespace tenfold::graph {

// A node's result, to pass on to other operations.
struct Value {
  NodeId id = kNone;
};

class GraphBuilder {
 public:
  // Rows of the table `name` [vocab_size, width] for the batch's tokens: [T, width].
  Value Embedding(const std::string& name, int64_t vocab_size, int64_t width);

  // Rows of the table `name` [context_length, width] for the batch's positions: [T, width].
  Value PositionEmbedding(const std::string& name, int64_t context_length, int64_t width);

  // (x - mean(x)) / sqrt(variance(x) + epsilon) * weight, with weight `name` [cols of x].
  Value LayerNorm(Value x, const std::string& name, double epsilon);

  // x / sqrt(mean(x^2) + epsilon) * weight, with weight `name` [cols of x].
  Value RmsNorm(Value x, const std::string& name, double epsilon);

  // x · weight^T with weight `name` [num_outputs, cols of x]: [rows of x, num_outputs].
  Value Linear(Value x, const std::string& name, int64_t num_outputs);

  // Cosines and sines for rotary position embedding: [T, 2 * frequencies]. Once per graph.
  Value RotaryAngles(std::vector<double> frequencies, double scale = 1);

  // Rotates the first 2 * frequencies features of each head of x, paired (i, i + half), by the angles.
  Value Rotary(Value x, Value angles, int64_t head_dim);

  struct AttentionShape {
    int64_t num_heads, num_kv_heads, head_dim;
    double scale;
  };
  // Causal attention over everything the sequence has computed so far, these tokens included. queries
  // [T, num_heads * head_dim], keys and values [T, num_kv_heads * head_dim]; each layer is used once.
  Value Attention(Value queries, Value keys, Value values, int64_t layer, const AttentionShape& shape);

  Value SiluMultiply(Value gate, Value up);
  // GELU in its tanh form, as GPT-2 has it.
  Value Gelu(Value x);
  Value Add(Value a, Value b);
  // Adds the vector `name` [cols of x] to every row.
  Value AddVector(Value x, const std::string& name);

  // `count` columns of x from `first` on: [rows of x, count].
  Value Columns(Value x, int64_t first, int64_t count);

  // The rows whose logits are wanted: [R, cols of x].
  Value SelectRows(Value x);

  // Ends building; `output` is what execution returns.
  Graph Finish(Value output) &&;

 private:
  const ValueShape& shape(Value value) const;
  ParameterId AddParameter(const std::string& name, tensor::Shape shape, ParameterUse use);
  Value Append(Op op, ValueShape shape, std::vector<NodeId> inputs, ParameterId parameter = kNone,
               Attributes attributes = {});

  Graph graph_;
};

}  // namespace tenfold::graph
