#include "tenfold/kernels/packed_matrix.h"

#include <algorithm>
#include <atomic>

#include "tenfold/base/check.h"
#include "tenfold/kernels/tile_packing.h"

namespace tenfold::kernels {
Result<PackedMatrix> PackedMatrix::Pack(const tensor::TensorView& source, std::span<const int32_t> row_order,
                                        platform::ThreadPool& threads) {
  PackedMatrix packed;
  packed.type_ = source.type;
  packed.rows_ = source.shape.rows();
  packed.cols_ = source.shape.cols();
  CHECK(row_order.empty() || static_cast<int64_t>(row_order.size()) == packed.rows_);
  const TileStep step = TileStepOf(source.type);
  packed.padded_cols_ = RoundUp(packed.cols_, std::max(step.cols, int64_t{32}));
  packed.tile_bytes_ = static_cast<size_t>(CeilDivide(packed.cols_, step.cols)) * step.bytes;
  ASSIGN_OR_RETURN(packed.buffer_, platform::AlignedBuffer::Allocate(
                                       packed.tile_bytes_ * static_cast<size_t>(packed.num_tiles()), "packed weights"));
  std::atomic<bool> scales_are_finite = true;
  threads.Run(packed.num_tiles(), [&](int64_t t, int) {
    const std::byte* rows[kTileRows];
    const int64_t num_rows = std::min(kTileRows, packed.rows_ - t * kTileRows);
    for (int64_t r = 0; r < num_rows; ++r) {
      const int64_t row = t * kTileRows + r;
      rows[r] = source.row(row_order.empty() ? row : row_order[static_cast<size_t>(row)]);
    }
    std::byte* const tile = packed.buffer_.data() + static_cast<size_t>(t) * packed.tile_bytes_;
    if (!PackTile(source.type, {rows, static_cast<size_t>(num_rows)}, packed.cols_, tile)) scales_are_finite = false;
  });
  if (!scales_are_finite) {
    return MakeError(ErrorCode::kCorrupt, "a scale of its {} blocks is infinite or not a number", Name(source.type));
  }
  return packed;
}

}  // namespace tenfold::kernels
