// WeightMix: which type each matrix of a quantized model has: one type for all, or more bits where errors cost most.
//
// The mixes are those that GGUF files in circulation use under the same names. In Q4_K_M and Q5_K_M the output matrix
// is in Q6_K, and so are the value projections and ffn_down of about half of the layers: the first and last eighth, and
// every third one between.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "tenfold/tensor/data_type.h"
#include "tenfold/tensor/shape.h"

namespace tenfold::model {

struct WeightMix {
  std::string_view name;  // "Q4_K_M"
  tensor::DataType type;  // of most matrices
  uint32_t file_type;     // GGUF's general.file_type
  bool has_upgrades;      // some matrices are in Q6_K
};

// All known mixes: first the types for themselves, which every matrix then has.
std::span<const WeightMix> WeightMixes();

// The mix of this name, in any case; nullptr when there is none.
const WeightMix* FindWeightMix(std::string_view name);

// The matrices that a mix tells apart. A table of embeddings that serves as the output matrix too is an output matrix.
enum class MatrixRole : uint8_t { kOther, kOutput, kValue, kFfnDown };

struct MatrixPlace {
  MatrixRole role = MatrixRole::kOther;
  int64_t layer = 0;  // of `num_layers`; unused without layers
  int64_t num_layers = 0;
};

tensor::DataType TypeOf(const WeightMix& mix, const MatrixPlace& place);

// Whether the tensor of this GGUF name is one of the matrices that a mix gives a type to. All others stay in F32:
// vectors, learned positions, and the small matrices that choose experts.
bool IsInMixes(std::string_view name, const tensor::Shape& shape);

// Where the matrix of this name stands. `tied_head`: the model has no output.weight.
MatrixPlace PlaceOf(std::string_view name, int64_t num_layers, bool tied_head);

// `wanted` if rows of `cols` are whole blocks of it; else Q8_0, else F16.
tensor::DataType TypeForRowsOf(int64_t cols, tensor::DataType wanted);

}  // namespace tenfold::model
