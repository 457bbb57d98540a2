#include "tenfold/kernels/gemm.h"

#include <algorithm>

#include "tenfold/base/rounding.h"
#include "tenfold/kernels/training_kernels.h"

namespace tenfold::kernels {
namespace {

// Enough pieces that a thread which ends first waits for little, as long as a piece has rows enough to be worth the
// packing of its columns.
int64_t RowsPerPiece(int64_t rows, int64_t num_col_blocks, int num_threads) {
  constexpr int64_t kPiecesPerThread = 8;
  constexpr int64_t kLeastRows = 48;
  const int64_t wanted_row_blocks = CeilDivide(kPiecesPerThread * num_threads, num_col_blocks);
  const int64_t num_row_blocks = std::max({CeilDivide(rows, kGemmRows), int64_t{1},  //
                                           std::min(wanted_row_blocks, rows / kLeastRows)});
  return std::min(kGemmRows, RoundUp(CeilDivide(rows, num_row_blocks), int64_t{6}));
}

}  // namespace

size_t GemmScratchBytes(int num_threads) {
  return static_cast<size_t>(num_threads) * static_cast<size_t>(kGemmScratchBytes);
}

void Gemm(const KernelTable& kernels, platform::ThreadPool& threads, Precision precision, const GemmPiece& product,
          std::byte* scratch) {
  if (product.rows == 0 || product.cols == 0) return;
  const auto run = kernels.training().gemm[static_cast<size_t>(precision)];
  const int64_t num_col_blocks = CeilDivide(product.cols, kGemmCols);
  const int64_t cols_per_piece = RoundUp(CeilDivide(product.cols, num_col_blocks), int64_t{16});
  const int64_t rows_per_piece = RowsPerPiece(product.rows, num_col_blocks, threads.num_threads());
  const int64_t num_row_blocks = CeilDivide(product.rows, rows_per_piece);
  threads.Run(num_row_blocks * num_col_blocks, [&](int64_t index, int thread) {
    const int64_t row = index / num_col_blocks * rows_per_piece, col = index % num_col_blocks * cols_per_piece;
    GemmPiece piece = product;
    piece.a = product.a.At(row, 0);
    piece.b = product.b.At(0, col);
    piece.rows = std::min(rows_per_piece, product.rows - row);
    piece.cols = std::min(cols_per_piece, product.cols - col);
    piece.c = product.c + row * product.c_stride + col;
    piece.scratch = scratch + thread * kGemmScratchBytes;
    if (piece.cols > 0) run(piece);
  });
}

}  // namespace tenfold::kernels
