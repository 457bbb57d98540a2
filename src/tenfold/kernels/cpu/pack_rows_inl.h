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

  static void PackBf16(const float* x, int64_t cols, int64_t row, const PackedRows& out) {
    const RowTile tile = out.tile_of_row(row);
    auto* to = reinterpret_cast<tensor::Bf16*>(out.tile_data(tile)) + (row - tile.begin) * kQuantBlock;
    for (int64_t k = 0; k < out.cols; k += kQuantBlock, to += tile.count * kQuantBlock) {
      S::Store(to, LoadSixteen(x, k, cols));
      S::Store(to + 16, LoadSixteen(x, k + 16, cols));
    }
  }

  static float PowerOfTwo(int32_t field) { return std::bit_cast<float>(static_cast<uint32_t>(field) << 23); }

  // The bits of the least (4 + i) * 2^n, i below 4, that is not below `greatest` / 127: bits 23 and up, the exponent
  // field, are n + 129, and the next two are i.
  static int32_t ScaleBits(float greatest) {
    return static_cast<int32_t>((std::bit_cast<uint32_t>(greatest / 127.0f) + 0x1fffffu) & 0x7fe00000u);
  }

  static int32_t GreatestMagnitudeBits(const float* x, int64_t cols) {
    F32 greatest = S::Zero();
    int64_t k = 0;
    for (; k + 64 <= cols; k += 64) {
      const F32 low = S::MaxMagnitude(S::Load(x + k), S::Load(x + k + 16));
      const F32 high = S::MaxMagnitude(S::Load(x + k + 32), S::Load(x + k + 48));
      greatest = S::MaxMagnitude(greatest, S::MaxMagnitude(low, high));
    }
    for (; k < cols; k += 16) greatest = S::MaxMagnitude(greatest, LoadSixteen(x, k, cols));
    return S::ReduceMaxBits(greatest);
  }

  // Sixteen blocks of a row on their way.
  static constexpr int64_t kGroup = 16 * kQuantBlock;
  struct Group {
    alignas(64) int8_t integers[kGroup];
    alignas(64) int32_t sixteen_sums[2 * 16];
    // One for each block.
    alignas(64) float to_integer[16];
    alignas(64) int32_t exponents[16], multiples[16], negative_sums[16], negative_first_sums[16];
    alignas(64) float scales[16], negative_float_sums[16];
  };

  // Rounds kGroup numbers, with no scale below `least_bits`.
  static void RoundGroup(const float* x, int32_t least_bits, Group& group) {
    F32 magnitudes[16];
    for (int i = 0; i < 16; ++i) {
      magnitudes[i] = S::MaxMagnitude(S::Load(x + i * kQuantBlock), S::Load(x + i * kQuantBlock + 16));
    }
    alignas(64) float greatest[16];
    S::ReduceMaxEach(magnitudes, greatest);
    for (int i = 0; i < 16; ++i) {
      const int32_t bits = std::max(ScaleBits(greatest[i]), least_bits);
      group.to_integer[i] = 1.0f / std::bit_cast<float>(bits);
      group.multiples[i] = bits >> 21 & 3;
      group.exponents[i] = (bits - least_bits) & 0x7f800000;
    }
    for (int i = 0; i < 16; i += 2) {
      F32 numbers[4];
      for (int j = 0; j < 4; ++j) {
        numbers[j] = S::Mul(S::Load(x + i * kQuantBlock + j * 16), S::Set(group.to_integer[i + j / 2]));
      }
      S::StoreBytes(group.integers + i * kQuantBlock, numbers, group.sixteen_sums + i * 2);
    }
    for (int i = 0; i < 16; ++i) {
      const int32_t first = group.sixteen_sums[2 * i], sum = first + group.sixteen_sums[2 * i + 1];
      group.negative_sums[i] = -sum;
      group.negative_first_sums[i] = -first;
      group.scales[i] =
          static_cast<float>(4 + group.multiples[i]) * std::bit_cast<float>(group.exponents[i] + (127 << 23));
      group.negative_float_sums[i] = static_cast<float>(-sum) * group.scales[i];
    }
  }

  static void PackInt8(const float* x, int64_t cols, int64_t row, const PackedRows& out) {
    const int32_t greatest = GreatestMagnitudeBits(x, cols);
    const bool is_finite = std::isfinite(std::bit_cast<float>(greatest));
    // The factor must be a normal float, and so must its inverse.
    const int32_t row_field = is_finite ? ScaleBits(std::bit_cast<float>(greatest)) >> 23 : 127;
    const int32_t least_field = std::max(row_field, kExponentRange + 3) - kExponentRange;
    out.factors[row] = is_finite ? PowerOfTwo(least_field - 2) : std::numeric_limits<float>::quiet_NaN();

    const RowTile tile = out.tile_of_row(row);
    std::byte* to = out.tile_data(tile) + (row - tile.begin) * kQuantBlockBytes;
    std::byte* extra = out.extra_data(tile) + (row - tile.begin) * kQuantBlockExtraBytes;
    Group group;
    for (int64_t begin = 0; begin < out.cols; begin += kGroup) {
      alignas(64) float padded[kGroup];
      const float* numbers = x + begin;
      if (begin + kGroup > cols) {
        std::fill(std::copy(numbers, x + cols, padded), std::end(padded), 0.0f);
        numbers = padded;
      }
      RoundGroup(numbers, least_field << 23, group);
      const int64_t num_blocks = std::min(kGroup, out.cols - begin) / kQuantBlock;
      for (int64_t i = 0; i < num_blocks; ++i) {
        std::memcpy(to, group.integers + i * kQuantBlock, kQuantBlock);
        const int32_t words[] = {group.negative_sums[i], group.exponents[i], group.multiples[i]};
        std::memcpy(to + kQuantBlock, words, sizeof(words));
        std::memcpy(extra, &group.negative_float_sums[i], 4);
        std::memcpy(extra + 4, &group.negative_first_sums[i], 4);
        std::memcpy(extra + 8, &group.scales[i], 4);
        to += tile.count * kQuantBlockBytes;
        extra += tile.count * kQuantBlockExtraBytes;
      }
    }
  }

  static void PackRow(const float* x, int64_t cols, int64_t row, const PackedRows& out) {
    if (out.format == RowFormat::kBf16) return PackBf16(x, cols, row, out);
    return PackInt8(x, cols, row, out);
  }
};

}  // namespace tenfold::kernels
