#include "tenfold/graph/builder.h"

#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::graph {

const ValueShape& GraphBuilder::shape(Value value) const {
  CHECK(value.id >= 0 && static_cast<size_t>(value.id) < graph_.nodes.size());
  return graph_.nodes[static_cast<size_t>(value.id)].shape;
}

ParameterId GraphBuilder::AddParameter(const std::string& name, tensor::Shape shape, ParameterUse use) {
  graph_.parameters.push_back({name, shape, use});
  return static_cast<ParameterId>(graph_.parameters.size() - 1);
}

Value GraphBuilder::Append(Op op, ValueShape shape, std::vector<NodeId> inputs, ParameterId parameter,
                           Attributes attributes) {
  graph_.nodes.push_back({op, shape, std::move(inputs), parameter, attributes});
  return {static_cast<NodeId>(graph_.nodes.size() - 1)};
}

Value GraphBuilder::Embedding(const std::string& name, int64_t vocab_size, int64_t width) {
  return Append(Op::kEmbedding, {Rows::kTokens, width}, {},
                AddParameter(name, {vocab_size, width}, ParameterUse::kTable));
}

Value GraphBuilder::PositionEmbedding(const std::string& name, int64_t context_length, int64_t width) {
  return Append(Op::kPositionEmbedding, {Rows::kTokens, width}, {},
                AddParameter(name, {context_length, width}, ParameterUse::kTable));
}

Value GraphBuilder::LayerNorm(Value x, const std::string& name, double epsilon) {
  const ParameterId weight = AddParameter(name, {shape(x).cols}, ParameterUse::kVector);
  return Append(Op::kLayerNorm, shape(x), {x.id}, weight, {.epsilon = static_cast<float>(epsilon)});
}

Value GraphBuilder::RmsNorm(Value x, const std::string& name, double epsilon) {
  const ParameterId weight = AddParameter(name, {shape(x).cols}, ParameterUse::kVector);
  return Append(Op::kRmsNorm, shape(x), {x.id}, weight, {.epsilon = static_cast<float>(epsilon)});
}

Value GraphBuilder::Linear(Value x, const std::string& name, int64_t num_outputs) {
  const ParameterId weight = AddParameter(name, {num_outputs, shape(x).cols}, ParameterUse::kMatrix);
  return Append(Op::kLinear, {shape(x).rows, num_outputs}, {x.id}, weight);
}

Value GraphBuilder::RotaryAngles(std::vector<double> frequencies, double scale) {
  CHECK_MSG(graph_.rotary_frequencies.empty(), "a graph has one set of rotary angles");
  const auto cols = static_cast<int64_t>(2 * frequencies.size());
  graph_.rotary_frequencies = std::move(frequencies);
  graph_.rotary_scale = scale;
  return Append(Op::kRotaryAngles, {Rows::kTokens, cols}, {});
}

Value GraphBuilder::Rotary(Value x, Value angles, int64_t head_dim) {
  CHECK_EQ(shape(x).cols % head_dim, 0);
  CHECK_LE(shape(angles).cols, head_dim);
  return Append(Op::kRotary, shape(x), {x.id, angles.id}, kNone, {.head_dim = head_dim});
}

Value GraphBuilder::Attention(Value queries, Value keys, Value values, int64_t layer, const AttentionShape& heads) {
  CHECK_EQ(shape(queries).cols, heads.num_heads * heads.head_dim);
  CHECK_EQ(shape(keys).cols, heads.num_kv_heads * heads.head_dim);
  CHECK(shape(keys) == shape(values));
  CHECK_EQ(heads.num_heads % heads.num_kv_heads, 0);
  return Append(Op::kAttention, shape(queries), {queries.id, keys.id, values.id}, kNone,
                {.head_dim = heads.head_dim,
                 .layer = layer,
                 .num_heads = heads.num_heads,
                 .num_kv_heads = heads.num_kv_heads,
                 .scale = static_cast<float>(heads.scale)});
}

Value GraphBuilder::SiluMultiply(Value gate, Value up) {
  CHECK(shape(gate) == shape(up));
  return Append(Op::kSiluMultiply, shape(gate), {gate.id, up.id});
}

Value GraphBuilder::Gelu(Value x) {
  return Append(Op::kGelu, shape(x), {x.id});
}

Value GraphBuilder::AddVector(Value x, const std::string& name) {
  return Append(Op::kAddVector, shape(x), {x.id}, AddParameter(name, {shape(x).cols}, ParameterUse::kVector));
}

Value GraphBuilder::Add(Value a, Value b) {
  CHECK(shape(a) == shape(b));
  return Append(Op::kAdd, shape(a), {a.id, b.id});
}

Value GraphBuilder::Columns(Value x, int64_t first, int64_t count) {
  CHECK(first >= 0 && count > 0 && first + count <= shape(x).cols);
  return Append(Op::kColumns, {shape(x).rows, count}, {x.id}, kNone, {.first_col = first});
}

Value GraphBuilder::SelectRows(Value x) {
  CHECK(shape(x).rows == Rows::kTokens);
  return Append(Op::kSelectRows, {Rows::kLogitRows, shape(x).cols}, {x.id});
}

Graph GraphBuilder::Finish(Value output) && {
  CHECK(output.id >= 0 && static_cast<size_t>(output.id) < graph_.nodes.size());
  graph_.output = output.id;
  // What comes after the product, if anything does, works on its result row by row.
  NodeId product = output.id;
  const auto node = [this](NodeId id) -> const Node& { return graph_.nodes[static_cast<size_t>(id)]; };
  while (node(product).op != Op::kLinear && !node(product).inputs.empty()) product = node(product).inputs[0];
  const bool is_head = node(product).op == Op::kLinear && node(product).shape.rows == Rows::kLogitRows;
  if (is_head) graph_.states = node(product).inputs[0];
  return std::move(graph_);
}

}  // namespace tenfold::graph
