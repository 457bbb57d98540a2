// A random Llama of some 40 thousand weights (K-quants: a million), written as a GGUF file: lets every test of the
// engine and above run where no real model is at hand.
#pragma once

#include <filesystem>

#include "tenfold/tensor/data_type.h"

namespace tenfold::model {

// 2 layers, 32 wide (256 for K-quants), 4 heads of 8 (64) on 2 key-value heads, context 512; SentencePiece vocabulary
// of bytes, letters and a few words. Matrices are of `type`. Writes under the test's temporary folder and returns the
// path.
std::filesystem::path WriteTinyModel(tensor::DataType type);

// The same with the architecture gpt2, with biases, in rows of 32.
std::filesystem::path WriteTinyGpt2(tensor::DataType type);

}  // namespace tenfold::model
