#include "tenfold/kernels/gemm.h"

#include <algorithm>

#include "tenfold/base/rounding.h"
#include "tenfold/kernels/training_kernels.h"

namespace tenfold::kernels {
namespace {

// How a product is cut into pieces.
struct Cut {
  int64_t rows = 0, cols = 0;  // of a piece, but for the last ones
  int64_t num_row_blocks = 0, num_col_blocks = 0;
};

// The cut that takes least time by this account: a multiplication is 1, packing a number about as much as 20; the last
// thread works on CeilDivide(pieces, threads) pieces, and part of another one while it waits for a thread that the
// system held up.
Cut CutIntoPieces(int64_t rows, int64_t cols, int num_threads) {
  constexpr double kPacking = 20, kWaiting = 0.3;
  constexpr int64_t kMostBlocks = 64;
  Cut best;
  double least = 0;
  for (int64_t col_blocks = CeilDivide(cols, kGemmCols);; ++col_blocks) {
    const int64_t piece_cols = RoundUp(CeilDivide(cols, col_blocks), int64_t{16});
    for (int64_t row_blocks = CeilDivide(rows, kGemmRows);; ++row_blocks) {
      const int64_t piece_rows = std::min(kGemmRows, RoundUp(CeilDivide(rows, row_blocks), int64_t{6}));
      const Cut cut{piece_rows, piece_cols, CeilDivide(rows, piece_rows), CeilDivide(cols, piece_cols)};
      const int64_t turns = CeilDivide(cut.num_row_blocks * cut.num_col_blocks, num_threads);
      const auto area = static_cast<double>(piece_rows * piece_cols);
      const double piece = area + kPacking * static_cast<double>(piece_rows + piece_cols);
      const double time = (static_cast<double>(turns) + kWaiting) * piece;
      if (best.rows == 0 || time < least) {
        best = cut;
        least = time;
      }
      if (piece_rows <= 48 || row_blocks - CeilDivide(rows, kGemmRows) >= kMostBlocks) break;
    }
    if (piece_cols <= 48 || col_blocks - CeilDivide(cols, kGemmCols) >= kMostBlocks) break;
  }
  return best;
}

}  // namespace

size_t GemmScratchBytes(int num_threads) {
  return static_cast<size_t>(num_threads) * static_cast<size_t>(kGemmScratchBytes);
}

void Gemm(const KernelTable& kernels, platform::ThreadPool& threads, Precision precision, const GemmPiece& product,
          std::byte* scratch) {
  if (product.rows == 0 || product.cols == 0) return;
  const auto run = kernels.training().gemm[static_cast<size_t>(precision)];
  const Cut cut = CutIntoPieces(product.rows, product.cols, threads.num_threads());
  threads.Run(cut.num_row_blocks * cut.num_col_blocks, [&](int64_t index, int thread) {
    const int64_t row = index / cut.num_col_blocks * cut.rows, col = index % cut.num_col_blocks * cut.cols;
    GemmPiece piece = product;
    piece.a = product.a.At(row, 0);
    piece.b = product.b.At(0, col);
    piece.rows = std::min(cut.rows, product.rows - row);
    piece.cols = std::min(cut.cols, product.cols - col);
    piece.c = product.c + row * product.c_stride + col;
    piece.scratch = scratch + thread * kGemmScratchBytes;
    run(piece);
  });
}

}  // namespace tenfold::kernels
