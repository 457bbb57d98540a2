#include "tenfold/kernels/matmul.h"

#include <algorithm>

namespace tenfold::kernels {
namespace {

int64_t PaddedCols(const PackedMatrix& weights) {
  return (weights.cols() + kQuantStep - 1) / kQuantStep * kQuantStep;
}

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

size_t MatmulScratchBytes(const PackedMatrix& weights, int64_t rows) {
  if (!weights.is_quantized()) return 0;
  const int64_t cols = PaddedCols(weights);
  return static_cast<size_t>(rows * (cols + cols / kQuantBlock * 8));
}

void Matmul(const KernelTable& kernels, platform::ThreadPool& threads, const PackedMatrix& weights, const float* x,
            int64_t rows, float* y, std::byte* scratch) {
  MatmulInput input{.rows = rows, .floats = x, .stride = weights.cols()};
  if (weights.is_quantized()) {
    const int64_t cols = PaddedCols(weights);
    QuantizedRows& quantized = input.quantized;
    quantized.cols = cols;
    quantized.values = reinterpret_cast<int8_t*>(scratch);
    quantized.scales = reinterpret_cast<float*>(scratch + rows * cols);
    quantized.negative_sums = reinterpret_cast<int32_t*>(scratch + rows * cols + rows * (cols / kQuantBlock) * 4);
    constexpr int64_t kRowsPerPiece = 8;
    threads.Run((rows + kRowsPerPiece - 1) / kRowsPerPiece, [&](int64_t piece, int) {
      const int64_t end = std::min(rows, (piece + 1) * kRowsPerPiece);
      for (int64_t row = piece * kRowsPerPiece; row < end; ++row) {
        kernels.quantize_row(x + row * weights.cols(), weights.cols(), row, quantized);
      }
    });
  }
  const int64_t per_piece = TilesPerPiece(weights.num_tiles(), rows, threads.num_threads());
  threads.Run((weights.num_tiles() + per_piece - 1) / per_piece, [&](int64_t piece, int) {
    const int64_t end = std::min(weights.num_tiles(), (piece + 1) * per_piece);
    kernels.matmul_tiles(weights, piece * per_piece, end, input, y, weights.rows());
  });
}

}  // namespace tenfold::kernels
