// Sixteen lanes in two registers: AVX2 with FMA and F16C, without VNNI. Contract: simd_avx512.h.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "tenfold/kernels/cpu/always_inline.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

struct SimdAvx2 {
  static constexpr const char* kName = "avx2";
  // Two registers for each of six rows, two weights, an activation and a mask fill 16 registers.
  static constexpr int kMatmulRows = 6, kMatmulTiles = 1;
  static constexpr bool kRowsShareMultiples = false;
  struct F32 {
    __m256 low, high;
  };
  struct I32 {
    __m256i low, high;
  };
  using Bytes = I32;
  static constexpr int kTileRows = 3, kTileVectors = 2;

  // All ones in the first `count` of eight lanes.
  static __m256i FirstLanes(int64_t count) {
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), index);
  }

  static F32 Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static F32 Set(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }
  static F32 Load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static F32 Load(const tensor::F16* from) {
    const auto half = [](const tensor::F16* p) {
      return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    };
    return {half(from), half(from + 8)};
  }
  static F32 Load(const tensor::Bf16* from) {
    const auto half = [](const tensor::Bf16* p) {
      const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
      return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
    };
    return {half(from), half(from + 8)};
  }
  static F32 LoadPart(const float* from, int64_t count) {
    return {_mm256_maskload_ps(from, FirstLanes(count)), _mm256_maskload_ps(from + 8, FirstLanes(count - 8))};
  }
  static void Store(float* to, F32 v) {
    _mm256_storeu_ps(to, v.low);
    _mm256_storeu_ps(to + 8, v.high);
  }
  static void Store(tensor::F16* to, F32 v) {
    const auto half = [](tensor::F16* p, __m256 eight) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(eight, _MM_FROUND_TO_NEAREST_INT));
    };
    half(to, v.low);
    half(to + 8, v.high);
  }
  static void Store(tensor::Bf16* to, F32 v) {
    const __m256i low = _mm256_srli_epi32(RoundToBf16(v.low), 16), high = _mm256_srli_epi32(RoundToBf16(v.high), 16);
    // The packing works within 128-bit halves; the permutation puts their quarters in order.
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), packed);
  }
  static void StorePart(float* to, F32 v, int64_t count) {
    _mm256_maskstore_ps(to, FirstLanes(count), v.low);
    _mm256_maskstore_ps(to + 8, FirstLanes(count - 8), v.high);
  }
  static F32 Add(F32 a, F32 b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static F32 Sub(F32 a, F32 b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
  static F32 Mul(F32 a, F32 b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  static F32 Div(F32 a, F32 b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
  static F32 Max(F32 a, F32 b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
  static F32 Min(F32 a, F32 b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
  static F32 MulAdd(F32 a, F32 b, F32 c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static F32 Abs(F32 a) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
  }
  static F32 RoundToInt(F32 a) {
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return {_mm256_round_ps(a.low, kNearest), _mm256_round_ps(a.high, kNearest)};
  }
  // For exponents of normal results only: multiplies by a float built from the exponent bits.
  static F32 ScaleByPowerOfTwo(F32 a, F32 exponent) {
    const auto half = [](__m256 value, __m256 power) {
      const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(power), _mm256_set1_epi32(127));
      return _mm256_mul_ps(value, _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23)));
    };
    return {half(a.low, exponent.low), half(a.high, exponent.high)};
  }
  static F32 KeepFirst(F32 a, int64_t count, float otherwise) {
    const __m256 filler = _mm256_set1_ps(otherwise);
    return {_mm256_blendv_ps(filler, a.low, _mm256_castsi256_ps(FirstLanes(count))),
            _mm256_blendv_ps(filler, a.high, _mm256_castsi256_ps(FirstLanes(count - 8)))};
  }
  static float ReduceAdd(F32 a) {
    const __m256 eight = _mm256_add_ps(a.low, a.high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  static float ReduceMax(F32 a) {
    const __m256 eight = _mm256_max_ps(a.low, a.high);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  static F32 MaxMagnitude(F32 a, F32 b) {
    const I32 x = BitsOf(Abs(a)), y = BitsOf(Abs(b));
    return FromBits({_mm256_max_epi32(x.low, y.low), _mm256_max_epi32(x.high, y.high)});
  }
  static int32_t ReduceMaxBits(F32 a) {
    const I32 bits = BitsOf(a);
    const __m256i eight = _mm256_max_epi32(bits.low, bits.high);
    const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    const __m128i two = _mm_max_epi32(four, _mm_unpackhi_epi64(four, four));
    return std::max(_mm_extract_epi32(two, 0), _mm_extract_epi32(two, 1));
  }
  static void Transpose(F32 (&v)[16]) {
    // Blocks of eight by eight are transposed, and the two off the diagonal change places.
    const auto transpose = [](__m256(&a)[8]) {
      __m256 twos[8], fours[8];
      for (int i = 0; i < 8; i += 2) {
        twos[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        twos[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
      }
      for (int i = 0; i < 8; i += 4) {
        fours[i] = _mm256_shuffle_ps(twos[i], twos[i + 2], 0x44);
        fours[i + 1] = _mm256_shuffle_ps(twos[i], twos[i + 2], 0xee);
        fours[i + 2] = _mm256_shuffle_ps(twos[i + 1], twos[i + 3], 0x44);
        fours[i + 3] = _mm256_shuffle_ps(twos[i + 1], twos[i + 3], 0xee);
      }
      for (int i = 0; i < 4; ++i) {
        a[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
        a[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
      }
    };
    __m256 top_left[8], top_right[8], bottom_left[8], bottom_right[8];
    for (int i = 0; i < 8; ++i) {
      top_left[i] = v[i].low;
      top_right[i] = v[i].high;
      bottom_left[i] = v[i + 8].low;
      bottom_right[i] = v[i + 8].high;
    }
    transpose(top_left);
    transpose(top_right);
    transpose(bottom_left);
    transpose(bottom_right);
    for (int i = 0; i < 8; ++i) {
      v[i] = {top_left[i], bottom_left[i]};
      v[i + 8] = {top_right[i], bottom_right[i]};
    }
  }
  static void ReduceMaxEach(const F32 (&v)[16], float* to) {
    for (const F32& a : v) *to++ = ReduceMax(a);
  }

  static I32 SetInt(int32_t value) { return {_mm256_set1_epi32(value), _mm256_set1_epi32(value)}; }
  static void StoreBytes(int8_t* to, F32 v) {
    const __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(v.low), _mm256_cvtps_epi32(v.high));
    const __m256i ordered = _mm256_permute4x64_epi64(words, 0b11011000);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     _mm_packs_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1)));
  }
  static void StoreBytes(int8_t* to, const F32 (&v)[4], int32_t* sums) {
    for (int i = 0; i < 4; ++i) StoreBytes(to + i * 16, v[i]);
    for (int i = 0; i < 4; ++i) {
      const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(to) + i);
      const __m256i eight = _mm256_madd_epi16(_mm256_cvtepi8_epi16(sixteen), _mm256_set1_epi16(1));
      const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
      const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
      sums[i] = _mm_extract_epi32(two, 0) + _mm_extract_epi32(two, 1);
    }
  }
  static F32 ToFloats(I32 a) { return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)}; }
  static Bytes LoadBytes(const uint8_t* from) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32))};
  }
  static Bytes Once(Bytes a) { return a; }
  static void StoreBytes(uint8_t* to, Bytes a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a.low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 32), a.high);
  }
  static Bytes LowNibbles(Bytes a) {
    const __m256i mask = _mm256_set1_epi8(0xf);
    return {_mm256_and_si256(a.low, mask), _mm256_and_si256(a.high, mask)};
  }
  static Bytes HighNibbles(Bytes a) {
    const __m256i mask = _mm256_set1_epi8(0xf);
    return {_mm256_and_si256(_mm256_srli_epi16(a.low, 4), mask), _mm256_and_si256(_mm256_srli_epi16(a.high, 4), mask)};
  }
  static I32 LoadInts(const void* from) { return LoadBytes(static_cast<const uint8_t*>(from)); }
  static I32 AddInt(I32 a, I32 b) { return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)}; }
  static I32 SubInt(I32 a, I32 b) { return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)}; }
  template <unsigned kBits>
  static I32 ShiftLeft(I32 a) {
    return {_mm256_slli_epi32(a.low, kBits), _mm256_slli_epi32(a.high, kBits)};
  }
  static I32 BitsOf(F32 a) { return {_mm256_castps_si256(a.low), _mm256_castps_si256(a.high)}; }
  static F32 FromBits(I32 a) { return {_mm256_castsi256_ps(a.low), _mm256_castsi256_ps(a.high)}; }
  static F32 WidenUnsigned(const uint8_t* from) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return ToFloats({_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))});
  }
  static F32 WidenSigned(const uint8_t* from) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return ToFloats({_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))});
  }
  template <int kShift>
  static Bytes ShiftedBits(Bytes a, uint8_t mask) {
    const auto half = [&](__m256i v) {
      const __m256i shifted =
          kShift >= 0 ? _mm256_slli_epi16(v, std::max(kShift, 0)) : _mm256_srli_epi16(v, std::max(-kShift, 0));
      return _mm256_and_si256(shifted, _mm256_set1_epi8(static_cast<char>(mask)));
    };
    return {half(a.low), half(a.high)};
  }
  static Bytes Or(Bytes a, Bytes b) { return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)}; }

  using Quad = __m256i;
  static Quad SetQuad(const int8_t* four) {
    int32_t quad;
    std::memcpy(&quad, four, sizeof(quad));
    return _mm256_set1_epi32(quad);
  }
  // Sums of pairs of products in 16 bits, as VPMADDUBSW makes them: each is at most 2 * 127 * weight. They are widened
  // as late as they fit: eight of 4 bits, four of 5, two of 6.
  struct SmallSum {
    __m256i low, high;
  };
  template <int kBits>
  static constexpr int kDotsPerSum = kBits == 8 ? 0 : 8 >> (kBits - 4);
  static SmallSum ZeroDots() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static SmallSum DotAdd(SmallSum sum, Bytes weights, Quad x) {
    // g++ 12 would do many products before their additions, and run out of registers.
    const auto half = [x](__m256i total, __m256i w) TENFOLD_INLINE {
      __m256i pairs;
      asm("vpmaddubsw %[x], %[w], %[pairs]\n\tvpaddw %[pairs], %[total], %[total]"
          : [total] "+x"(total), [pairs] "=&x"(pairs)
          : [w] "x"(w), [x] "x"(x));
      return total;
    };
    return {half(sum.low, weights.low), half(sum.high, weights.high)};
  }
  static I32 Widen(I32 total, SmallSum sum) {
    const __m256i ones = _mm256_set1_epi16(1);
    return {_mm256_add_epi32(total.low, _mm256_madd_epi16(sum.low, ones)),
            _mm256_add_epi32(total.high, _mm256_madd_epi16(sum.high, ones))};
  }
  // Weights of 8 bits, unsigned, would not fit: their magnitudes less 128 do, with their signs given to the others.
  static constexpr bool kSignsBytes = true;
  static I32 DotAdd(I32 sum, Bytes weights, Quad x) {
    const auto half = [&](__m256i total, __m256i w) {
      const __m256i less = _mm256_xor_si256(w, _mm256_set1_epi8(-128));
      const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(less), _mm256_sign_epi8(x, less));
      return _mm256_add_epi32(total, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    };
    return {half(sum.low, weights.low), half(sum.high, weights.high)};
  }

  using Pairs = I32;
  static void LoadInt8Pairs(const int8_t* from, F32& even, F32& odd) {
    const auto half = [](const int8_t* p, __m256& first, __m256& second) {
      const __m256i pairs = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
      first = _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(pairs, 16), 16));
      second = _mm256_cvtepi32_ps(_mm256_srai_epi32(pairs, 16));
    };
    half(from, even.low, odd.low);
    half(from + 16, even.high, odd.high);
  }
  static Pairs LoadPairs(const tensor::Bf16* from) { return LoadBytes(reinterpret_cast<const uint8_t*>(from)); }
  static Pairs SetPair(const tensor::Bf16* two) {
    int32_t pair;
    std::memcpy(&pair, two, sizeof(pair));
    return SetInt(pair);
  }
  static void StorePairs(tensor::Bf16* to, Pairs v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v.low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 16), v.high);
  }
  static Pairs FirstOfPairs(Pairs a) {
    const __m256i mask = _mm256_set1_epi32(0xffff);
    return {_mm256_and_si256(a.low, mask), _mm256_and_si256(a.high, mask)};
  }
  static Pairs PackPairs(F32 even, F32 odd) {
    const auto half = [](__m256 a, __m256 b) {
      return _mm256_blend_epi16(_mm256_srli_epi32(RoundToBf16(a), 16), RoundToBf16(b), 0xaa);
    };
    return {half(even.low, odd.low), half(even.high, odd.high)};
  }
  static F32 DotPairs(F32 sum, Pairs a, Pairs b) {
    const auto first = [](__m256i v) { return _mm256_castsi256_ps(_mm256_slli_epi32(v, 16)); };
    const auto second = [](__m256i v) { return _mm256_castsi256_ps(_mm256_and_si256(v, _mm256_set1_epi32(-65536))); };
    const auto half = [&](__m256 total, __m256i x, __m256i y) {
      return _mm256_fmadd_ps(second(x), second(y), _mm256_fmadd_ps(first(x), first(y), total));
    };
    return {half(sum.low, a.low, b.low), half(sum.high, a.high, b.high)};
  }

 private:
  // As SimdAvx512's.
  static __m256i RoundToBf16(__m256 v) {
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i is_odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(is_odd, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    return _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
  }
};

}  // namespace tenfold::kernels
