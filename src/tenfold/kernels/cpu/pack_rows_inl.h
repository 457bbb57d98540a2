// Packs activation rows for the matrix kernels (packed_rows.h), written once over a Simd class.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "tenfold/kernels/cpu/row_ops_inl.h"
#include "tenfold/kernels/packed_rows.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

template <class S>
struct PackRows {
  using F32 = typename S::F32;

  // Sixteen numbers from `begin` on; zero from `cols` on.
  static F32 LoadSixteen(const float* x, int64_t begin, int64_t cols) {
    const int64_t count = std::clamp<int64_t>(cols - begin, 0, 16);
    return count == 16 ? S::Load(x + begin) : S::LoadPart(x + begin, count);
  }

  // Writes the dwords at `numbers` as every R-th of the tile.
  template <int kCount>
  static void Scatter(const void* numbers, std::byte* to, int64_t tile_rows) {
    for (int i = 0; i < kCount; ++i) std::memcpy(to + i * tile_rows * 4, static_cast<const std::byte*>(numbers) + i * 4, 4);
  }

  static void PackBf16(const float* x, int64_t cols, int64_t row, const PackedRows& out) {
    const RowTile tile = out.tile_of_row(row);
    std::byte* to = out.tile_data(tile) + (row - tile.begin) * 4;
    for (int64_t k = 0; k < out.cols; k += 16, to += tile.count * 32) {
      tensor::Bf16 numbers[16];
      S::Store(numbers, LoadSixteen(x, k, cols));
      Scatter<8>(numbers, to, tile.count);
    }
  }

  // (4 + multiple) * 2^(field - 129): `field` is the exponent field of a float.
  struct Scale {
    int32_t field, multiple;
  };
  // The least scale that is not below the greatest magnitude over 127. NaN and infinity have a scale, too.
  static Scale ScaleFor(int32_t magnitude_bits) {
    const float least = std::bit_cast<float>(magnitude_bits) / 127.0f;
    const uint32_t bits = ((std::bit_cast<uint32_t>(least) & 0x7fffffffu) + 0x1fffffu) >> 21;
    return {static_cast<int32_t>(bits >> 2), static_cast<int32_t>(bits & 3)};
  }
  static float PowerOfTwo(int32_t field) { return std::bit_cast<float>(static_cast<uint32_t>(field) << 23); }

  template <int kSixteens>
  static void LoadSixteens(const float* x, int64_t begin, int64_t cols, F32 (&numbers)[kSixteens]) {
    for (int i = 0; i < kSixteens; ++i) numbers[i] = LoadSixteen(x, begin + i * 16, cols);
  }

  static int32_t GreatestMagnitudeBits(const float* x, int64_t cols) {
    constexpr int kSixteens = 8;
    int32_t greatest = 0;
    for (int64_t begin = 0; begin < cols; begin += kSixteens * 16) {
      F32 numbers[kSixteens];
      LoadSixteens(x, begin, cols, numbers);
      greatest = std::max(greatest, S::GreatestMagnitudeBits(numbers));
    }
    return greatest;
  }

  static void PackInt8(const float* x, int64_t cols, int64_t row, const PackedRows& out) {
    const int32_t greatest = GreatestMagnitudeBits(x, cols);
    const bool is_finite = std::isfinite(std::bit_cast<float>(greatest));
    // The factor must be a normal float, and so must its inverse.
    const int32_t base_field = std::max(ScaleFor(greatest).field, kExponentRange + 3) - kExponentRange;
    out.factors[row] = is_finite ? PowerOfTwo(base_field - 2) : std::numeric_limits<float>::quiet_NaN();

    const RowTile tile = out.tile_of_row(row);
    const int64_t in_tile = row - tile.begin;
    std::byte* to = out.tile_data(tile) + in_tile * 4;
    std::byte* extra = out.extra_data(tile) + in_tile * 4;
    const auto word = [&](std::byte* at, int64_t index) { return at + index * tile.count * 4; };
    for (int64_t begin = 0; begin < out.cols; begin += 2 * kQuantBlock) {
      alignas(64) int8_t integers[2 * kQuantBlock];
      Scale scales[2];
      for (int half = 0; half < 2; ++half) {
        F32 numbers[2];
        LoadSixteens(x, begin + half * kQuantBlock, cols, numbers);
        Scale& scale = scales[half];
        scale = ScaleFor(S::GreatestMagnitudeBits(numbers));
        if (!is_finite || scale.field < base_field) scale = {base_field, 0};
        constexpr float kInverses[] = {1.0f / 4, 1.0f / 5, 1.0f / 6, 1.0f / 7};
        const F32 inverse = S::Set(kInverses[scale.multiple] * PowerOfTwo(256 - scale.field));
        for (int i = 0; i < 2; ++i) S::StoreBytes(integers + half * kQuantBlock + i * 16, S::Mul(numbers[i], inverse));
      }
      int32_t sums[4];
      S::SumsOfSixteen(integers, sums);
      for (int half = 0; half < 2; ++half) {
        const int32_t first = sums[2 * half], sum = first + sums[2 * half + 1];
        const auto [field, multiple] = scales[half];
        const int32_t exponent = field - base_field;
        Scatter<8>(integers + half * kQuantBlock, to, tile.count);
        StoreWord(word(to, 8), -sum);
        StoreWord(word(to, 9), exponent << 23);
        StoreWord(word(to, 10), multiple);
        StoreWord(extra, static_cast<float>(-sum * (4 + multiple)) * PowerOfTwo(exponent + 127));
        StoreWord(word(extra, 1), -first);
        to += tile.count * kQuantBlockBytes;
        extra += tile.count * kQuantBlockExtraBytes;
      }
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
