// How the blocks of each weight type become the tiles described in packed_matrix.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tenfold/tensor/data_type.h"

namespace tenfold::kernels {

// A tile is a row of steps: `bytes` of it hold `cols` features of its 16 rows.
struct TileStep {
  int64_t cols;
  size_t bytes;
};
TileStep TileStepOf(tensor::DataType type);

// Packs up to 16 rows as the file stores them into one zeroed tile. False when a scale is infinite or not a number.
[[nodiscard]] bool PackTile(tensor::DataType type, std::span<const std::byte* const> rows, int64_t cols,
                            std::byte* tile);

}  // namespace tenfold::kernels
