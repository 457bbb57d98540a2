// The micro-kernel of products with quantized weights, written once over a Simd class, and what it needs to know of
// each weight format. How the formats are packed: packed_matrix.h; the activations: packed_rows.h.
//
// kRows activation rows x kTiles weight tiles of 16 stay in registers while K is walked once. Per 32 K of one output:
// an exact integer dot, then one f32 fused multiply-add with the weights' scale times the activations'; blocks in
// order, one chain (law 2). On processors with two ports for multiplications that is 8 + 1 operations on them. The
// product of the scales is exact and needs none: the four multiples that an activation scale may ask for are made by
// additions, once for all rows of a pass or, where there are many passes, for all of them; its power of two is an
// integer addition to the exponent. Unpacking nibbles and converting use the other ports, too, and come free beside
// kRows >= 5.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tenfold/kernels/cpu/always_inline.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/kernels/packed_rows.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

// Spreads the fetching of the next weights evenly under the computation of the present ones.
struct Prefetch {
  const std::byte* at = nullptr;
  int lines_per_block = 0;

  TENFOLD_INLINE void Next() {
    for (int i = 0; i < lines_per_block; ++i, at += 64) __builtin_prefetch(at, 0, 2);
  }
};

// A weight format: kBlocksPerStep blocks of 32 K stand together in kStepBytes.
//   ForEachGroup<kPart>(steps, b, dot)   calls dot(group, weights[kTiles]) for the groups of 4 K in part kPart of block b
//   Scale<kPart>(step, b)                what the part's integer dot is multiplied by
//   Minimum(step, b)                     what the block's sum of activations is multiplied by (kHasMinimum)
// kUnpackFrom: with that many row tiles or more it pays to do once, into an UnpackedFormat, what is the same for all of
// them. kBitsComeFree: not the taking apart of bits, which the ports that the dots leave free do beside them.
// Integer weights are unsigned, 2^kOffsetShift too large unless that is negative. A block has 1 or 2 parts with scales
// of their own.
template <class S>
struct WeightFormats {
  using F32 = typename S::F32;
  using Bytes = typename S::Bytes;

  // Nibbles of a 32-block: byte [i][row][j] holds K 4 i + j in its low half and 16 more in its high half.
  template <int kTiles, class Dot>
  static TENFOLD_INLINE void BothHalves(const uint8_t* const (&blocks)[kTiles], Dot dot) {
    for (int i = 0; i < 4; ++i) {
      Bytes packed[kTiles], weights[kTiles];
      for (int t = 0; t < kTiles; ++t) packed[t] = S::Once(S::LoadBytes(blocks[t] + i * 64));
      for (int t = 0; t < kTiles; ++t) weights[t] = S::LowNibbles(packed[t]);
      dot(i, weights);
      for (int t = 0; t < kTiles; ++t) weights[t] = S::HighNibbles(packed[t]);
      dot(i + 4, weights);
    }
  }

  struct Q4_0 {
    static constexpr int kBlocksPerStep = 2, kParts = 1, kOffsetShift = 3, kWeightBits = 4;
    static constexpr int64_t kStepBytes = 576;
    static constexpr bool kHasMinimum = false, kBitsComeFree = true;
    static constexpr int64_t kUnpackFrom = 16;
    template <int kPart, int kTiles, class Dot>
    static TENFOLD_INLINE void ForEachGroup(const uint8_t* const (&steps)[kTiles], int b, Dot dot) {
      const uint8_t* blocks[kTiles];
      for (int t = 0; t < kTiles; ++t) blocks[t] = steps[t] + b * 256;
      BothHalves<kTiles>(blocks, dot);
    }
    template <int kPart>
    static F32 Scale(const uint8_t* step, int b) {
      return S::Load(reinterpret_cast<const tensor::F16*>(step + 512) + b * 16);
    }
  };

  struct Q8_0 {
    static constexpr int kBlocksPerStep = 2, kParts = 1, kOffsetShift = 7, kWeightBits = 8;
    static constexpr int64_t kStepBytes = 1088;
    static constexpr bool kHasMinimum = false, kBitsComeFree = true;
    static constexpr int64_t kUnpackFrom = 16;
    template <int kPart, int kTiles, class Dot>
    static TENFOLD_INLINE void ForEachGroup(const uint8_t* const (&steps)[kTiles], int b, Dot dot) {
      for (int g = 0; g < 8; ++g) {
        Bytes weights[kTiles];
        for (int t = 0; t < kTiles; ++t) weights[t] = S::LoadBytes(steps[t] + b * 512 + g * 64);
        dot(g, weights);
      }
    }
    template <int kPart>
    static F32 Scale(const uint8_t* step, int b) {
      return S::Load(reinterpret_cast<const tensor::F16*>(step + 1024) + b * 16);
    }
  };

  // Scales and minima of the K-quants with minima: 8-bit multiples of two f16 per 256 K.
  template <int64_t kOffset>
  struct ScalesAndMinima {
    static constexpr int kBlocksPerStep = 8, kParts = 1, kOffsetShift = -1;
    static constexpr bool kHasMinimum = true;
    static constexpr int64_t kUnpackFrom = 3;
    template <int kPart>
    static F32 Scale(const uint8_t* step, int b) {
      return S::Mul(S::WidenUnsigned(step + kOffset + b * 16),
                    S::Load(reinterpret_cast<const tensor::F16*>(step + kOffset + 256)));
    }
    static F32 Minimum(const uint8_t* step, int b) {
      return S::Mul(S::WidenUnsigned(step + kOffset + 128 + b * 16),
                    S::Load(reinterpret_cast<const tensor::F16*>(step + kOffset + 288)));
    }
  };

  struct Q4_K : ScalesAndMinima<2048> {
    static constexpr int kWeightBits = 4;
    static constexpr bool kBitsComeFree = true;
    static constexpr int64_t kStepBytes = 2368;
    template <int kPart, int kTiles, class Dot>
    static TENFOLD_INLINE void ForEachGroup(const uint8_t* const (&steps)[kTiles], int b, Dot dot) {
      const uint8_t* blocks[kTiles];
      for (int t = 0; t < kTiles; ++t) blocks[t] = steps[t] + b * 256;
      BothHalves<kTiles>(blocks, dot);
    }
  };

  // Fifth bits: bit g of byte [row][j] belongs to K 4 g + j of the block.
  struct Q5_K : ScalesAndMinima<2560> {
    static constexpr int kWeightBits = 5;
    static constexpr bool kBitsComeFree = false;
    static constexpr int64_t kStepBytes = 2880;
    template <int kPart, int kTiles, class Dot>
    static TENFOLD_INLINE void ForEachGroup(const uint8_t* const (&steps)[kTiles], int b, Dot dot) {
      Bytes high[kTiles];
      for (int t = 0; t < kTiles; ++t) high[t] = S::LoadBytes(steps[t] + 2048 + b * 64);
      Pair<0, kTiles>(steps, b, high, dot);
      Pair<1, kTiles>(steps, b, high, dot);
      Pair<2, kTiles>(steps, b, high, dot);
      Pair<3, kTiles>(steps, b, high, dot);
    }
    template <int i, int kTiles, class Dot>
    static TENFOLD_INLINE void Pair(const uint8_t* const (&steps)[kTiles], int b, const Bytes (&high)[kTiles],
                                    Dot dot) {
      Bytes packed[kTiles], weights[kTiles];
      for (int t = 0; t < kTiles; ++t) packed[t] = S::LoadBytes(steps[t] + b * 256 + i * 64);
      for (int t = 0; t < kTiles; ++t)
        weights[t] = S::Or(S::LowNibbles(packed[t]), S::template ShiftedBits<4 - i>(high[t], 0x10));
      dot(i, weights);
      for (int t = 0; t < kTiles; ++t)
        weights[t] = S::Or(S::HighNibbles(packed[t]), S::template ShiftedBits<-i>(high[t], 0x10));
      dot(i + 4, weights);
    }
  };

  // Bits five and six: bits 2 g and 2 g + 1 of byte [part][row][j] belong to K 16 part + 4 g + j of the block.
  struct Q6_K {
    static constexpr int kBlocksPerStep = 8, kParts = 2, kOffsetShift = 5, kWeightBits = 6;
    static constexpr int64_t kStepBytes = 3392;
    static constexpr bool kHasMinimum = false, kBitsComeFree = false;
    static constexpr int64_t kUnpackFrom = 3;
    template <int kPart, int kTiles, class Dot>
    static TENFOLD_INLINE void ForEachGroup(const uint8_t* const (&steps)[kTiles], int b, Dot dot) {
      Bytes high[kTiles];
      for (int t = 0; t < kTiles; ++t) high[t] = S::LoadBytes(steps[t] + 2048 + b * 128 + kPart * 64);
      Group<kPart, 0, kTiles>(steps, b, high, dot);
      Group<kPart, 1, kTiles>(steps, b, high, dot);
      Group<kPart, 2, kTiles>(steps, b, high, dot);
      Group<kPart, 3, kTiles>(steps, b, high, dot);
    }
    template <int kPart, int g, int kTiles, class Dot>
    static TENFOLD_INLINE void Group(const uint8_t* const (&steps)[kTiles], int b, const Bytes (&high)[kTiles],
                                     Dot dot) {
      Bytes weights[kTiles];
      for (int t = 0; t < kTiles; ++t) {
        const Bytes packed = S::LoadBytes(steps[t] + b * 256 + g * 64);
        weights[t] = S::Or(kPart == 0 ? S::LowNibbles(packed) : S::HighNibbles(packed),
                           S::template ShiftedBits<4 - 2 * g>(high[t], 0x30));
      }
      dot(4 * kPart + g, weights);
    }
    template <int kPart>
    static F32 Scale(const uint8_t* step, int b) {
      return S::Mul(S::WidenSigned(step + 3072 + b * 32 + kPart * 16),
                    S::Load(reinterpret_cast<const tensor::F16*>(step + 3328)));
    }
  };
};

// Exact: the scales of no weight format have more than 17 significant bits.
template <class S>
TENFOLD_INLINE inline void FourToSevenTimes(typename S::F32 scale, typename S::F32 (&multiples)[4]) {
  const auto two = S::Add(scale, scale), four = S::Add(two, two), five = S::Add(four, scale);
  multiples[0] = four;
  multiples[1] = five;
  multiples[2] = S::Add(four, two);
  multiples[3] = S::Add(five, two);
}

// A tile of `Packed` with all that is the same for every row done: per block of 32 K the integers, taken apart unless
// their bits come free; then, as floats, the four multiples of the scale or the parts' scales; then the minima. Holds
// the same numbers, so products are the same to the last bit.
template <class S, class Packed>
struct UnpackedFormat {
  using Bytes = typename S::Bytes;
  static constexpr int kBlocksPerStep = 1, kParts = Packed::kParts, kOffsetShift = Packed::kOffsetShift;
  static constexpr int kWeightBits = Packed::kWeightBits;
  static constexpr bool kHasMinimum = Packed::kHasMinimum, kBitsComeFree = Packed::kBitsComeFree;
  static constexpr bool kHasMultiples = kParts == 1 && S::kRowsShareMultiples;
  // Of a block: as Packed keeps them, in front of its scales, or a byte each.
  static constexpr int64_t kWeightBytes =
      kBitsComeFree ? Packed::kStepBytes / Packed::kBlocksPerStep / 256 * 256 : int64_t{512};
  static constexpr int64_t kMinimumOffset = kWeightBytes + 64 * (kHasMultiples ? 4 : kParts);
  static constexpr int64_t kStepBytes = kMinimumOffset + (kHasMinimum ? 64 : 0);
  static_assert(kStepBytes <= kUnpackedBlockBytes);

  template <int kPart, int kTiles, class Dot>
  static TENFOLD_INLINE void ForEachGroup(const uint8_t* const (&steps)[kTiles], int, Dot dot) {
    if constexpr (kBitsComeFree) {
      Packed::template ForEachGroup<kPart, kTiles>(steps, 0, dot);
    } else {
      constexpr int kGroups = 8 / kParts;
      for (int g = kPart * kGroups; g < (kPart + 1) * kGroups; ++g) {
        Bytes weights[kTiles];
        for (int t = 0; t < kTiles; ++t) weights[t] = S::LoadBytes(steps[t] + g * 64);
        dot(g, weights);
      }
    }
  }
  template <int kPart>
  static typename S::F32 Scale(const uint8_t* step, int) {
    return S::Load(Floats(step, kWeightBytes) + kPart * 16);
  }
  // 4 + index times the scale.
  static typename S::F32 Multiple(const uint8_t* step, int32_t index) requires(kHasMultiples) {
    return S::Load(Floats(step, kWeightBytes) + index * 16);
  }
  static typename S::F32 Minimum(const uint8_t* step, int) { return S::Load(Floats(step, kMinimumOffset)); }

  static void Unpack(const std::byte* tile, int64_t num_blocks, std::byte* to) {
    const auto* step = reinterpret_cast<const uint8_t*>(tile);
    auto* out = reinterpret_cast<uint8_t*>(to);
    for (int64_t done = 0; done < num_blocks; done += Packed::kBlocksPerStep, step += Packed::kStepBytes) {
      for (int b = 0; b < Packed::kBlocksPerStep; ++b, out += kStepBytes) {
        UnpackPart<0>(step, b, out);
        if constexpr (kParts == 2) UnpackPart<1>(step, b, out);
        if constexpr (kHasMinimum) S::Store(Floats(out, kMinimumOffset), Packed::Minimum(step, b));
      }
    }
    // g++ 12 takes this function for Q5_K to be free of side effects, and drops calls to it.
    asm volatile("" ::: "memory");
  }

 private:
  static const float* Floats(const uint8_t* step, int64_t offset) {
    return reinterpret_cast<const float*>(step + offset);
  }
  static float* Floats(uint8_t* step, int64_t offset) { return reinterpret_cast<float*>(step + offset); }

  template <int kPart>
  static void UnpackPart(const uint8_t* step, int b, uint8_t* out) {
    if constexpr (kBitsComeFree) {
      std::memcpy(out, step + b * kWeightBytes, kWeightBytes);
    } else {
      const uint8_t* const steps[1] = {step};
      Packed::template ForEachGroup<kPart, 1>(
          steps, b, [&](int group, const Bytes(&weights)[1]) { S::StoreBytes(out + group * 64, weights[0]); });
    }
    const auto scale = Packed::template Scale<kPart>(step, b);
    if constexpr (kHasMultiples) {
      typename S::F32 multiples[4];
      FourToSevenTimes<S>(scale, multiples);
      for (int i = 0; i < 4; ++i) S::Store(Floats(out, kWeightBytes) + i * 16, multiples[i]);
    } else {
      S::Store(Floats(out, kWeightBytes) + kPart * 16, scale);
    }
  }
};

template <class S, class Format, int kRows, int kTiles>
struct QuantizedKernel {
  using F32 = typename S::F32;
  using I32 = typename S::I32;
  using Bytes = typename S::Bytes;

  // What packed_rows.h holds for one row and one block.
  struct Activations {
    const std::byte* x;
    const std::byte* extra;

    Activations row(int r) const { return {x + r * kQuantBlockBytes, extra + r * kQuantBlockExtraBytes}; }
    const int8_t* quad(int group) const { return reinterpret_cast<const int8_t*>(x) + group * 4; }
    int32_t negative_sum() const { return Word(x, 8); }
    int32_t exponent() const { return Word(x, 9); }
    int32_t multiple() const { return Word(x, 10); }
    float negative_float_sum() const { return std::bit_cast<float>(Word(extra, 0)); }
    int32_t negative_first_sum() const { return Word(extra, 1); }
    float scale() const { return std::bit_cast<float>(Word(extra, 2)); }

   private:
    static int32_t Word(const std::byte* from, int index) {
      int32_t word;
      std::memcpy(&word, from + index * 4, sizeof(word));
      return word;
    }
  };

  // Minus offset times the sum of the activations: starting there, unsigned weights give the dot of signed ones.
  template <int kPart>
  static TENFOLD_INLINE I32 Start(const Activations& x) {
    if constexpr (Format::kOffsetShift < 0 || (S::kSignsBytes && Format::kWeightBits == 8)) {
      return S::SetInt(0);
    } else if constexpr (Format::kParts == 1) {
      return S::template ShiftLeft<Format::kOffsetShift>(S::SetInt(x.negative_sum()));
    } else if constexpr (kPart == 0) {
      return S::template ShiftLeft<Format::kOffsetShift>(S::SetInt(x.negative_first_sum()));
    } else {
      return S::template ShiftLeft<Format::kOffsetShift>(
          S::SubInt(S::SetInt(x.negative_sum()), S::SetInt(x.negative_first_sum())));
    }
  }

  // The exact dots of one part.
  template <int kPart>
  static TENFOLD_INLINE void Dots(const uint8_t* const (&steps)[kTiles], int b, const Activations& x,
                                  I32 (&dots)[kRows][kTiles]) {
    for (int r = 0; r < kRows; ++r) {
      const I32 start = Start<kPart>(x.row(r));
      for (int t = 0; t < kTiles; ++t) dots[r][t] = start;
    }
    constexpr int kDotsPerSum = S::template kDotsPerSum<Format::kWeightBits>;
    const auto add_dots = [&](int group, const Bytes(&weights)[kTiles], auto& sums) TENFOLD_INLINE {
      for (int r = 0; r < kRows; ++r) {
        const auto quad = S::SetQuad(x.row(r).quad(group));
        for (int t = 0; t < kTiles; ++t) sums[r][t] = S::DotAdd(sums[r][t], weights[t], quad);
      }
    };
    if constexpr (kDotsPerSum == 0) {
      Format::template ForEachGroup<kPart, kTiles>(
          steps, b, [&](int group, const Bytes(&weights)[kTiles]) TENFOLD_INLINE { add_dots(group, weights, dots); });
    } else {
      typename S::SmallSum sums[kRows][kTiles];
      ClearSums(sums);
      int num_dots = 0;
      Format::template ForEachGroup<kPart, kTiles>(steps, b,
                                                   [&](int group, const Bytes(&weights)[kTiles]) TENFOLD_INLINE {
                                                     add_dots(group, weights, sums);
                                                     if (++num_dots % kDotsPerSum == 0) WidenSums(sums, dots);
                                                   });
    }
  }

  template <class SmallSum>
  static TENFOLD_INLINE void ClearSums(SmallSum (&sums)[kRows][kTiles]) {
    for (int r = 0; r < kRows; ++r) {
      for (int t = 0; t < kTiles; ++t) sums[r][t] = S::ZeroDots();
    }
  }
  template <class SmallSum>
  static TENFOLD_INLINE void WidenSums(SmallSum (&sums)[kRows][kTiles], I32 (&dots)[kRows][kTiles]) {
    for (int r = 0; r < kRows; ++r) {
      for (int t = 0; t < kTiles; ++t) dots[r][t] = S::Widen(dots[r][t], sums[r][t]);
    }
    ClearSums(sums);
  }

  static TENFOLD_INLINE void OnePart(const uint8_t* const (&steps)[kTiles], int b, const Activations& x,
                                     F32 (&sums)[kRows][kTiles]) {
    I32 dots[kRows][kTiles];
    Dots<0>(steps, b, x, dots);
    const auto add = [&](auto multiple) TENFOLD_INLINE {
      for (int r = 0; r < kRows; ++r) {
        const I32 exponent = S::SetInt(x.row(r).exponent());
        for (int t = 0; t < kTiles; ++t) {
          const F32 scale = S::FromBits(S::AddInt(exponent, S::BitsOf(multiple(t, x.row(r).multiple()))));
          sums[r][t] = S::MulAdd(S::ToFloats(dots[r][t]), scale, sums[r][t]);
        }
      }
    };
    if constexpr (requires { Format::Multiple(steps[0], 0); }) {
      add([&](int t, int32_t index) TENFOLD_INLINE { return Format::Multiple(steps[t], index); });
    } else if constexpr (S::kRowsShareMultiples) {
      F32 multiples[kTiles][4];
      for (int t = 0; t < kTiles; ++t) FourToSevenTimes<S>(Format::template Scale<0>(steps[t], b), multiples[t]);
      add([&](int t, int32_t index) TENFOLD_INLINE { return multiples[t][index]; });
    } else {
      for (int t = 0; t < kTiles; ++t) {
        const F32 scale = Format::template Scale<0>(steps[t], b);
        for (int r = 0; r < kRows; ++r) {
          const F32 scaled = S::Mul(scale, S::Set(x.row(r).scale()));
          sums[r][t] = S::MulAdd(S::ToFloats(dots[r][t]), scaled, sums[r][t]);
        }
      }
    }
  }

  // Each part has few dots: here multiplying by the activations' scale costs less than its multiples would.
  static TENFOLD_INLINE void TwoParts(const uint8_t* const (&steps)[kTiles], int b, const Activations& x,
                                      F32 (&sums)[kRows][kTiles]) {
    I32 dots[kRows][kTiles];
    F32 parts[kRows][kTiles];
    Dots<0>(steps, b, x, dots);
    for (int t = 0; t < kTiles; ++t) {
      const F32 scale = Format::template Scale<0>(steps[t], b);
      for (int r = 0; r < kRows; ++r) parts[r][t] = S::Mul(S::ToFloats(dots[r][t]), scale);
    }
    Dots<1>(steps, b, x, dots);
    for (int t = 0; t < kTiles; ++t) {
      const F32 scale = Format::template Scale<1>(steps[t], b);
      for (int r = 0; r < kRows; ++r) parts[r][t] = S::MulAdd(S::ToFloats(dots[r][t]), scale, parts[r][t]);
    }
    for (int r = 0; r < kRows; ++r) {
      const F32 scale = S::Set(x.row(r).scale());
      for (int t = 0; t < kTiles; ++t) sums[r][t] = S::MulAdd(parts[r][t], scale, sums[r][t]);
    }
  }

  static void Run(const std::byte* const* tiles, int64_t num_blocks, const std::byte* x, const std::byte* extra,
                  Prefetch& prefetch, F32 (&sums)[kRows][kTiles]) {
    const uint8_t* steps[kTiles];
    for (int t = 0; t < kTiles; ++t) steps[t] = reinterpret_cast<const uint8_t*>(tiles[t]);
    for (int r = 0; r < kRows; ++r) {
      for (int t = 0; t < kTiles; ++t) sums[r][t] = S::Zero();
    }
    for (int64_t done = 0; done < num_blocks; done += Format::kBlocksPerStep) {
      for (int b = 0; b < Format::kBlocksPerStep; ++b) {
        prefetch.Next();
        const Activations block{x, extra};
        if constexpr (Format::kParts == 1) OnePart(steps, b, block, sums);
        if constexpr (Format::kParts == 2) TwoParts(steps, b, block, sums);
        if constexpr (Format::kHasMinimum) {
          for (int t = 0; t < kTiles; ++t) {
            const F32 minimum = Format::Minimum(steps[t], b);
            for (int r = 0; r < kRows; ++r) {
              sums[r][t] = S::MulAdd(minimum, S::Set(block.row(r).negative_float_sum()), sums[r][t]);
            }
          }
        }
        x += kRows * kQuantBlockBytes;
        extra += kRows * kQuantBlockExtraBytes;
      }
      for (int t = 0; t < kTiles; ++t) steps[t] += Format::kStepBytes;
    }
  }
};

}  // namespace tenfold::kernels
