// Sixteen lanes in one register: AVX-512 with VNNI, and with BF16 on top.
//
// The contract of a Simd class, over which all CPU kernels are written once (matmul_inl.h, attention_inl.h,
// row_ops_inl.h): F32 and I32 are sixteen lanes; a lane never sees another one except in Reduce*, whose order is fixed.
//   LoadPart(p, n)   lanes from n on are zero and not read;   StorePart(p, v, n) writes n lanes.
//   Max(a, b), Min(a, b)  b where either is NaN.
//   KeepFirst(v, n, x)  lanes from n on become x.
//   MaxMagnitude(a, b)  the greater absolute value; infinity is greater than numbers, NaN than all.
//   ReduceMaxBits(a)  the bits of the greatest lane, none of which is negative, in the same order.
//   ReduceMaxEach(v, p)  p[i] = ReduceMax(v[i]).   Transpose(v)  lane j of v[i] becomes lane i of v[j].
//   StoreBytes(p, v, sums)  rounds to the nearest integers in [-128, 127]; sums[i] is that of v[i]'s. NaN becomes any.
//   Store(p, v) for p of float, F16 or Bf16 rounds to the nearest.
//   LoadInt8Pairs(p, even, odd)  lane i: p[2i] and p[2i + 1].
//   kMatmulRows x kMatmulTiles (matrix products) and kTileRows x kTileVectors (attention) accumulators are what the
//   registers hold beside a product's operands.
//   kRowsShareMultiples: a matrix kernel makes the four multiples of a weight scale for all its rows, rather than
//   multiply by each row's scale. The products are the same, but for those with a weight scale of zero, which the
//   exponent makes 2^(e - 127): so it is decided for an instruction set, not for a number of rows.
//   A Quad is four signed bytes, the same in every lane. DotAdd(sum, w, x)  lane i: sum + w[4i..4i+3] (unsigned) · x,
//   exact.
//   Where kDotsPerSum<kBits> is not 0, dots of weights of kBits bits may be added in a SmallSum: so many fit, with bytes
//   in [-127, 127]. ZeroDots() begins one, Widen(total, sum) adds it to integers.
//   Where kSignsBytes, weights of 8 bits are meant less 128.
//   Once(bytes)  the same, loaded once and kept in a register: not read again by each instruction that uses it.
//   Pairs hold 32 bfloat16 numbers, two in a lane. DotPairs(sum, a, b)  lane i: sum + a[2i] * b[2i] + a[2i+1] *
//   b[2i+1]. PackPairs(even, odd)  lane i holds even[i] and odd[i], rounded to the nearest bfloat16. FirstOfPairs(a)
//   keeps a[2i] and makes a[2i+1] zero.
// Only this header's user, a file compiled with the matching -m flags, may include it: see kernels/CMakeLists.txt.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

struct SimdAvx512 {
  static constexpr const char* kName = "avx512-vnni";
  // Two tiles x six rows: 12 float and 12 integer sums, two weights, an activation and a mask fit in 32 registers.
  static constexpr int kMatmulRows = 6, kMatmulTiles = 2;
  static constexpr bool kRowsShareMultiples = true;
  using F32 = __m512;
  using I32 = __m512i;
  using Bytes = __m512i;
  using Pairs = __m512i;
  static constexpr int kTileRows = 6, kTileVectors = 4;

  static __mmask16 FirstLanes(int64_t count) {
    return static_cast<__mmask16>(count >= 16 ? 0xffffu : (1u << static_cast<unsigned>(count)) - 1u);
  }

  static F32 Zero() { return _mm512_setzero_ps(); }
  static F32 Set(float value) { return _mm512_set1_ps(value); }
  static F32 Load(const float* from) { return _mm512_loadu_ps(from); }
  static F32 Load(const tensor::F16* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static F32 Load(const tensor::Bf16* from) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  static F32 LoadPart(const float* from, int64_t count) { return _mm512_maskz_loadu_ps(FirstLanes(count), from); }
  static void Store(float* to, F32 v) { _mm512_storeu_ps(to, v); }
  static void Store(tensor::F16* to, F32 v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  static void Store(tensor::Bf16* to, F32 v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(_mm512_srli_epi32(RoundToBf16(v), 16)));
  }
  static void StorePart(float* to, F32 v, int64_t count) { _mm512_mask_storeu_ps(to, FirstLanes(count), v); }
  static F32 Add(F32 a, F32 b) { return _mm512_add_ps(a, b); }
  static F32 Sub(F32 a, F32 b) { return _mm512_sub_ps(a, b); }
  static F32 Mul(F32 a, F32 b) { return _mm512_mul_ps(a, b); }
  static F32 Div(F32 a, F32 b) { return _mm512_div_ps(a, b); }
  static F32 Max(F32 a, F32 b) { return _mm512_max_ps(a, b); }
  static F32 Min(F32 a, F32 b) { return _mm512_min_ps(a, b); }
  static F32 MulAdd(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a, b, c); }
  static F32 Abs(F32 a) { return _mm512_abs_ps(a); }
  static F32 RoundToInt(F32 a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static F32 ScaleByPowerOfTwo(F32 a, F32 exponent) { return _mm512_scalef_ps(a, exponent); }
  static F32 KeepFirst(F32 a, int64_t count, float otherwise) {
    return _mm512_mask_blend_ps(FirstLanes(count), _mm512_set1_ps(otherwise), a);
  }
  static float ReduceAdd(F32 a) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  static float ReduceMax(F32 a) { return _mm512_reduce_max_ps(a); }
  static F32 MaxMagnitude(F32 a, F32 b) { return FromBits(_mm512_max_epi32(BitsOf(Abs(a)), BitsOf(Abs(b)))); }
  static int32_t ReduceMaxBits(F32 a) { return _mm512_reduce_max_epi32(BitsOf(a)); }
  static void ReduceMaxEach(const F32 (&v)[16], float* to) {
    // Four vectors become one that has four numbers of each in every quarter; then quarters are brought together.
    const auto fours = [&](int i) {
      const F32 a = Max(_mm512_unpacklo_ps(v[i], v[i + 1]), _mm512_unpackhi_ps(v[i], v[i + 1]));
      const F32 b = Max(_mm512_unpacklo_ps(v[i + 2], v[i + 3]), _mm512_unpackhi_ps(v[i + 2], v[i + 3]));
      const __m512d c = _mm512_castps_pd(a), d = _mm512_castps_pd(b);
      return Max(_mm512_castpd_ps(_mm512_unpacklo_pd(c, d)), _mm512_castpd_ps(_mm512_unpackhi_pd(c, d)));
    };
    const auto quarters = [](F32 a, F32 b) {
      return Max(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    };
    Store(to, quarters(quarters(fours(0), fours(4)), quarters(fours(8), fours(12))));
  }

  static void Transpose(F32 (&v)[16]) {
    // Pairs of lanes, then fours, change places within quarters; then quarters do.
    F32 twos[16];
    for (int i = 0; i < 16; i += 2) {
      twos[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
      twos[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
    }
    const auto join = [](F32 a, F32 b, bool high) {
      const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
      return _mm512_castpd_ps(high ? _mm512_unpackhi_pd(x, y) : _mm512_unpacklo_pd(x, y));
    };
    F32 fours[16];  // fours[4 g + j]: lane j + 4 q of the vectors 4 g ... 4 g + 3, in quarter q
    for (int g = 0; g < 16; g += 4) {
      for (int j = 0; j < 4; ++j) fours[g + j] = join(twos[g + j / 2], twos[g + 2 + j / 2], j % 2 != 0);
    }
    for (int j = 0; j < 4; ++j) {
      const F32 a = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0x88);  // quarters 0 and 2 of each
      const F32 b = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0x88);
      const F32 c = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0xdd);  // quarters 1 and 3
      const F32 d = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0xdd);
      v[j] = _mm512_shuffle_f32x4(a, b, 0x88);
      v[4 + j] = _mm512_shuffle_f32x4(c, d, 0x88);
      v[8 + j] = _mm512_shuffle_f32x4(a, b, 0xdd);
      v[12 + j] = _mm512_shuffle_f32x4(c, d, 0xdd);
    }
  }

  static I32 SetInt(int32_t value) { return _mm512_set1_epi32(value); }
  // Rounds to nearest and saturates to [-128, 127]; NaN becomes any value.
  static void StoreBytes(int8_t* to, F32 v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v)));
  }
  static void StoreBytes(int8_t* to, const F32 (&v)[4], int32_t* sums) {
    const auto bytes = [&](int i) { return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v[i])); };
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(bytes(0)), bytes(1), 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(bytes(2)), bytes(3), 1);
    const __m512i all = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    _mm512_storeu_si512(to, all);
    const __m512i fours = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1), all);
    const __m512i eights = _mm512_add_epi32(fours, _mm512_shuffle_epi32(fours, _MM_PERM_CDAB));
    const __m512i totals = _mm512_add_epi32(eights, _mm512_shuffle_epi32(eights, _MM_PERM_BADC));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(sums),
                     _mm512_castsi512_si128(_mm512_maskz_compress_epi32(0x1111, totals)));
  }
  static F32 ToFloats(I32 a) { return _mm512_cvtepi32_ps(a); }
  static Bytes LoadBytes(const uint8_t* from) { return _mm512_loadu_si512(from); }
  static Bytes Once(Bytes a) {
    asm("" : "+v"(a));
    return a;
  }
  static void StoreBytes(uint8_t* to, Bytes a) { _mm512_storeu_si512(to, a); }
  static Bytes LowNibbles(Bytes a) { return _mm512_and_si512(a, _mm512_set1_epi8(0xf)); }
  static Bytes HighNibbles(Bytes a) { return _mm512_and_si512(_mm512_srli_epi16(a, 4), _mm512_set1_epi8(0xf)); }
  static I32 LoadInts(const void* from) { return _mm512_loadu_si512(from); }
  static I32 AddInt(I32 a, I32 b) { return _mm512_add_epi32(a, b); }
  static I32 SubInt(I32 a, I32 b) { return _mm512_sub_epi32(a, b); }
  template <unsigned kBits>
  static I32 ShiftLeft(I32 a) {
    return _mm512_slli_epi32(a, kBits);
  }
  static I32 BitsOf(F32 a) { return _mm512_castps_si512(a); }
  static F32 FromBits(I32 a) { return _mm512_castsi512_ps(a); }
  static F32 WidenUnsigned(const uint8_t* from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  }
  static F32 WidenSigned(const uint8_t* from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  }
  // Bits `mask` of every byte of a, shifted left (right if negative) by kShift: `mask` says which to keep afterwards.
  template <int kShift>
  static Bytes ShiftedBits(Bytes a, uint8_t mask) {
    const __m512i shifted = kShift >= 0 ? _mm512_slli_epi16(a, static_cast<unsigned>(std::max(kShift, 0)))
                                        : _mm512_srli_epi16(a, static_cast<unsigned>(std::max(-kShift, 0)));
    return _mm512_and_si512(shifted, _mm512_set1_epi8(static_cast<char>(mask)));
  }
  static Bytes Or(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
  using Quad = __m512i;
  static Quad SetQuad(const int8_t* four) {
    int32_t quad;
    std::memcpy(&quad, four, sizeof(quad));
    return _mm512_set1_epi32(quad);
  }
  template <int kBits>
  static constexpr int kDotsPerSum = 0;
  static constexpr bool kSignsBytes = false;
  static I32 DotAdd(I32 sum, Bytes weights, Quad x) { return _mm512_dpbusd_epi32(sum, weights, x); }

  static void LoadInt8Pairs(const int8_t* from, F32& even, F32& odd) {
    const __m512i pairs = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    even = _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(pairs, 16), 16));
    odd = _mm512_cvtepi32_ps(_mm512_srai_epi32(pairs, 16));
  }

  static Pairs LoadPairs(const tensor::Bf16* from) { return _mm512_loadu_si512(from); }
  static Pairs SetPair(const tensor::Bf16* two) {
    int32_t pair;
    std::memcpy(&pair, two, sizeof(pair));
    return _mm512_set1_epi32(pair);
  }
  static void StorePairs(tensor::Bf16* to, Pairs v) { _mm512_storeu_si512(to, v); }
  static Pairs FirstOfPairs(Pairs a) { return _mm512_and_si512(a, _mm512_set1_epi32(0xffff)); }
  static Pairs PackPairs(F32 even, F32 odd) {
    const __m512i low = _mm512_srli_epi32(RoundToBf16(even), 16);
    return _mm512_or_si512(low, _mm512_and_si512(RoundToBf16(odd), _mm512_set1_epi32(-65536)));
  }
  static F32 DotPairs(F32 sum, Pairs a, Pairs b) {
    const __m512i high = _mm512_set1_epi32(-65536);
    const auto first = [](Pairs v) { return _mm512_castsi512_ps(_mm512_slli_epi32(v, 16)); };
    const auto second = [&](Pairs v) { return _mm512_castsi512_ps(_mm512_and_si512(v, high)); };
    return MulAdd(second(a), second(b), MulAdd(first(a), first(b), sum));
  }

 private:
  // The nearest bfloat16 in the upper half of each lane, ties to even; the lower half is of no meaning. NaN stays NaN.
  static __m512i RoundToBf16(F32 v) {
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i is_odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(is_odd, _mm512_set1_epi32(0x7fff)));
    const __mmask16 is_nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    return _mm512_mask_or_epi32(rounded, is_nan, bits, _mm512_set1_epi32(0x400000));
  }
};

#ifdef __AVX512BF16__
struct SimdAvx512Bf16 : SimdAvx512 {
  static constexpr const char* kName = "avx512-bf16";

  using SimdAvx512::Store;
  static void Store(tensor::Bf16* to, F32 v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)));
  }

  static Pairs PackPairs(F32 even, F32 odd) {
    // Concatenates; the permutation interleaves the halves.
    const auto halves = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even));
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, halves);
  }
  static F32 DotPairs(F32 sum, Pairs a, Pairs b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
};
#endif

}  // namespace tenfold::kernels
