// Packs activation rows for the matrix kernels (packed_rows.h), written once over a Simd class.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "tenfold/base/check.h"
#include "tenfold/kernels/cpu/row_ops_inl.h"
#include "tenfold/kernels/packed_rows.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

template <class S>
struct PackRows {
  using F32 = typename S::F32;

  // Half of a 32-block; zero from `cols` on.
  static F32 LoadHalf(const float* x, int64_t begin, int64_t cols) {
    const int64_t count = std::clamp<int64_t>(cols - begin, 0, 16);
    return count == 16 ? S::Load(x + begin) : S::LoadPart(x + begin, count);
  }

  // The least e with |value| <= 127 * 2^e; -127 for zero.
  static int32_t ExponentFor(float greatest) {
    const auto bits = std::bit_cast<uint32_t>(greatest / 127.0f);
    return static_cast<int32_t>((bits + 0x7fffffu) >> 23) - 127;
  }
  static float PowerOfTwo(int32_t exponent) {
    return std::bit_cast<float>(static_cast<uint32_t>(exponent + 127) << 23);
  }

  // Writes the 8 dwords at `numbers` as every R-th of the tile.
  static void Scatter(const void* numbers, std::byte* to, int64_t tile_rows) {
    for (int i = 0; i < 8; ++i) std::memcpy(to + i * tile_rows * 4, static_cast<const std::byte*>(numbers) + i * 4, 4);
  }

  static void PackBf16(const float* x, int64_t cols, int64_t row, const PackedRows& out) {
    const RowTile tile = out.tile_of_row(row);
    std::byte* to = out.tile_data(tile) + (row - tile.begin) * 4;
    for (int64_t k = 0; k < out.cols; k += 16, to += tile.count * 32) {
      tensor::Bf16 numbers[16];
      S::Store(numbers, LoadHalf(x, k, cols));
      Scatter(numbers, to, tile.count);
    }
  }

  // The row's greatest block exponent, and whether all its numbers are finite. `exponents` receives each block's.
  struct RowRange {
    int32_t greatest_exponent;
    bool is_finite;
  };
  static RowRange FindExponents(const float* x, int64_t cols, int64_t num_blocks, int8_t* exponents) {
    F32 zeros = S::Zero();  // becomes NaN where x is NaN or infinite
    int32_t greatest_exponent = -127;
    for (int64_t b = 0; b < num_blocks; ++b) {
      const F32 low = LoadHalf(x, b * kQuantBlock, cols), high = LoadHalf(x, b * kQuantBlock + 16, cols);
      zeros = S::MulAdd(low, S::Zero(), S::MulAdd(high, S::Zero(), zeros));
      const F32 magnitude = S::Max(S::Abs(low), S::Abs(high));
      const int32_t exponent = ExponentFor(S::ReduceMax(magnitude));
      exponents[b] = static_cast<int8_t>(std::min(exponent, 127));
      greatest_exponent = std::max<int32_t>(greatest_exponent, exponents[b]);
    }
    return {greatest_exponent, S::ReduceAdd(zeros) == 0};
  }

  static void PackInt8(const float* x, int64_t cols, int64_t row, const PackedRows& out) {
    constexpr int64_t kMostBlocks = 8192;  // 262,144 features
    int8_t exponents[kMostBlocks];
    const int64_t num_blocks = out.num_blocks();
    CHECK_LE(num_blocks, kMostBlocks);
    const RowRange range = FindExponents(x, cols, num_blocks, exponents);
    // The factor must be a normal float, and so must its inverse.
    const int32_t base = std::max(range.greatest_exponent, kExponentRange - 126) - kExponentRange;
    out.factors[row] = range.is_finite ? PowerOfTwo(base) : std::numeric_limits<float>::quiet_NaN();

    const RowTile tile = out.tile_of_row(row);
    const int64_t in_tile = row - tile.begin;
    std::byte* to = out.tile_data(tile) + in_tile * 4;
    std::byte* extra = out.extra_data(tile) + in_tile * 4;
    for (int64_t b = 0; b < num_blocks; ++b) {
      const int32_t exponent = std::clamp(exponents[b] - base, 0, kExponentRange);
      const F32 inverse = S::Set(PowerOfTwo(-(exponent + base)));
      const F32 low = S::RoundToInt(S::Mul(LoadHalf(x, b * kQuantBlock, cols), inverse));
      const F32 high = S::RoundToInt(S::Mul(LoadHalf(x, b * kQuantBlock + 16, cols), inverse));
      int8_t numbers[kQuantBlock];
      S::StoreBytes(numbers, low);
      S::StoreBytes(numbers + 16, high);
      Scatter(numbers, to, tile.count);
      // Sums of integers below 2^24 are exact in floats.
      const float first_sum = range.is_finite ? S::ReduceAdd(low) : 0.0f;
      const float sum = range.is_finite ? first_sum + S::ReduceAdd(high) : 0.0f;
      StoreWord(to + tile.count * 32, static_cast<int32_t>(-sum));
      StoreWord(to + tile.count * 36, exponent << 23);
      StoreWord(extra, -sum * PowerOfTwo(exponent));
      StoreWord(extra + tile.count * 4, static_cast<int32_t>(-first_sum));
      to += tile.count * (kQuantBlock + 8);
      extra += tile.count * 8;
    }
  }

  template <class Word>
  static void StoreWord(std::byte* to, Word word) {
    std::memcpy(to, &word, sizeof(word));
  }

  static void PackRow(const float* x, int64_t cols, int64_t row, const PackedRows& out) {
    if (out.format == RowFormat::kBf16) return PackBf16(x, cols, row, out);
    return PackInt8(x, cols, row, out);
  }
};

}  // namespace tenfold::kernels
