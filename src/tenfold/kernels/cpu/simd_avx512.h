// Sixteen lanes in one register: AVX-512 with VNNI.
//
// The contract of a Simd class, over which all CPU kernels are written once (matmul_inl.h, attention_inl.h,
// row_ops_inl.h): F32 and I32 are sixteen lanes; a lane never sees another one except in Reduce*, whose order is fixed.
//   LoadPart(p, n)   lanes from n on are zero and not read;   StorePart(p, v, n) writes n lanes.
//   Max(a, b), Min(a, b)  b where either is NaN.
//   KeepFirst(v, n, x)  lanes from n on become x.
//   DotAdd(sum, w, x)   lane i: sum + w[4i..4i+3] (unsigned) · x[0..3] (signed), exact.
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
};

}  // namespace tenfold::kernels
