// Sixteen lanes in one register: AVX-512 with VNNI, and with BF16 on top.
//
// The contract of a Simd class, over which all CPU kernels are written once (matmul_inl.h, attention_inl.h,
// row_ops_inl.h): F32 and I32 are sixteen lanes; a lane never sees another one except in Reduce*, whose order is fixed.
//   LoadPart(p, n)   lanes from n on are zero and not read;   StorePart(p, v, n) writes n lanes.
//   Max(a, b), Min(a, b)  b where either is NaN.
//   KeepFirst(v, n, x)  lanes from n on become x.
//   Store(p, v) for p of float, F16 or Bf16 rounds to the nearest.
//   LoadInt8Pairs(p, even, odd)  lane i: p[2i] and p[2i + 1].
//   kTileRows x kTileVectors accumulators are what the registers hold beside a product's operands.
//   DotAdd(sum, w, x)   lane i: sum + w[4i..4i+3] (unsigned) · x[0..3] (signed), exact.
//   Pairs hold 32 bfloat16 numbers, two in a lane. DotPairs(sum, a, b)  lane i: sum + a[2i] * b[2i] + a[2i+1] *
//   b[2i+1]. PackPairs(even, odd)  lane i holds even[i] and odd[i], rounded to the nearest bfloat16. FirstOfPairs(a)
//   keeps a[2i] and makes a[2i+1] zero.
// Only this header's user, a file compiled with the matching -m flags, may include it: see kernels/CMakeLists.txt.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

struct SimdAvx512 {
  static constexpr const char* kName = "avx512-vnni";
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

  static I32 SetInt(int32_t value) { return _mm512_set1_epi32(value); }
  static F32 ToFloats(I32 a) { return _mm512_cvtepi32_ps(a); }
  static Bytes LoadBytes(const uint8_t* from) { return _mm512_loadu_si512(from); }
  static Bytes LowNibbles(Bytes a) { return _mm512_and_si512(a, _mm512_set1_epi8(0xf)); }
  static Bytes HighNibbles(Bytes a) { return _mm512_and_si512(_mm512_srli_epi16(a, 4), _mm512_set1_epi8(0xf)); }
  static I32 DotAdd(I32 sum, Bytes weights, const int8_t* four_activations) {
    int32_t four;
    std::memcpy(&four, four_activations, sizeof(four));
    return _mm512_dpbusd_epi32(sum, weights, _mm512_set1_epi32(four));
  }

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
