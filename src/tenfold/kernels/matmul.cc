#include "tenfold/kernels/matmul.h"

#include <algorithm>

#include "tenfold/base/check.h"
#include "tenfold/base/rounding.h"

namespace tenfold::kernels {
namespace {

// Tiles per piece of work. Many rows make a pair of tiles work enough; with few rows the pieces are larger, so that
// each thread reads long streams, but there are still several per thread to even out a core that the system took away.
int64_t TilesPerPiece(int64_t num_tiles, int64_t rows, int num_threads) {
  constexpr int64_t kManyRows = 32;
  constexpr int64_t kPiecesPerThread = 4;
  if (rows >= kManyRows) return 2;
  const int64_t even_share = num_tiles / (kPiecesPerThread * num_threads) / 2 * 2;
  return std::max<int64_t>(even_share, 2);
}

}  // namespace

void PackAllRows(const KernelTable& kernels, platform::ThreadPool& threads, const float* x, int64_t cols,
                 const PackedRows& rows) {
  if (rows.format == RowFormat::kF32) return;
  // A tile of rows is one thread's: its rows' numbers share cache lines.
  threads.Run(rows.num_tiles(), [&](int64_t index, int) {
    const RowTile tile = rows.tile(index);
    for (int64_t row = tile.begin; row < tile.begin + tile.count; ++row) {
      kernels.pack_row(x + row * cols, cols, row, rows);
    }
  });
}

void MultiplyPacked(const KernelTable& kernels, platform::ThreadPool& threads, std::span<const Product> products,
                    const PackedRows& rows, std::byte* scratch) {
  if (rows.rows == 0) return;  // a step of prompts' chunks may want no logits
  constexpr size_t kMostProducts = 8;
  CHECK_LE(products.size(), kMostProducts);
  int64_t per_piece[kMostProducts], first_piece[kMostProducts + 1] = {0};
  for (size_t p = 0; p < products.size(); ++p) {
    const PackedMatrix& weights = *products[p].weights;
    CHECK(RowFormatFor(weights.type()) == rows.format);
    per_piece[p] = TilesPerPiece(weights.num_tiles(), rows.rows, threads.num_threads());
    first_piece[p + 1] = first_piece[p] + CeilDivide(weights.num_tiles(), per_piece[p]);
  }
  size_t thread_scratch_bytes = 0;
  for (const Product& product : products) {
    thread_scratch_bytes = std::max(thread_scratch_bytes, MatmulThreadScratchBytes(*product.weights));
  }
  threads.Run(first_piece[products.size()], [&](int64_t piece, int thread) {
    size_t p = 0;
    while (piece >= first_piece[p + 1]) ++p;
    const PackedMatrix& weights = *products[p].weights;
    const int64_t begin = (piece - first_piece[p]) * per_piece[p];
    kernels.matmul({.weights = &weights,
                    .x = &rows,
                    .tile_begin = begin,
                    .tile_end = std::min(weights.num_tiles(), begin + per_piece[p]),
                    // Threads take pieces in turn.
                    .next_tile = begin + per_piece[p] * threads.num_threads(),
                    .y = products[p].y,
                    .scratch = scratch + static_cast<size_t>(thread) * thread_scratch_bytes});
  });
}

size_t MultiplyScratchBytes(const PackedMatrix& weights, int num_threads) {
  return MatmulThreadScratchBytes(weights) * static_cast<size_t>(num_threads);
}

size_t MatmulScratchBytes(const PackedMatrix& weights, int64_t rows, int num_threads) {
  return RoundUp(PackedRowsBytes(RowFormatFor(weights.type()), rows, weights.cols()), 64) +
         MultiplyScratchBytes(weights, num_threads);
}

void Matmul(const KernelTable& kernels, platform::ThreadPool& threads, const PackedMatrix& weights, const float* x,
            int64_t rows, float* y, std::byte* scratch) {
  const RowFormat format = RowFormatFor(weights.type());
  const PackedRows packed = PlanPackedRows(format, rows, weights.cols(), kernels.max_tile_rows, x, scratch);
  PackAllRows(kernels, threads, x, weights.cols(), packed);
  const Product product{&weights, y};
  MultiplyPacked(kernels, threads, {&product, 1}, packed,
                 scratch + RoundUp(PackedRowsBytes(format, rows, weights.cols()), 64));
}

}  // namespace tenfold::kernels
