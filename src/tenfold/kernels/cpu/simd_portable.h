// Sixteen lanes in plain C++, for any processor. The shape of every Simd class: see simd_avx512.h for the contract.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <utility>

#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

struct SimdPortable {
  static constexpr const char* kName = "portable";
  static constexpr int kMatmulRows = 4, kMatmulTiles = 1;
  static constexpr bool kRowsShareMultiples = true;
  static constexpr int kTileRows = 2, kTileVectors = 1;
  struct F32 {
    float lane[16];
  };
  struct I32 {
    int32_t lane[16];
  };
  struct Bytes {
    uint8_t byte[64];
  };

  template <class Function>
  static F32 Map(Function function) {
    F32 result;
    for (int i = 0; i < 16; ++i) result.lane[i] = function(i);
    return result;
  }

  static F32 Zero() { return F32{}; }
  static F32 Set(float value) {
    return Map([&](int) { return value; });
  }
  static F32 Load(const float* from) {
    F32 result;
    std::memcpy(result.lane, from, sizeof(result.lane));
    return result;
  }
  static F32 Load(const tensor::F16* from) {
    return Map([&](int i) { return ToFloat(from[i]); });
  }
  static F32 Load(const tensor::Bf16* from) {
    return Map([&](int i) { return ToFloat(from[i]); });
  }
  static F32 LoadPart(const float* from, int64_t count) {
    F32 result{};
    std::memcpy(result.lane, from, static_cast<size_t>(count) * sizeof(float));
    return result;
  }
  static void Store(float* to, F32 v) { std::memcpy(to, v.lane, sizeof(v.lane)); }
  static void Store(tensor::F16* to, const F32& v) {
    for (int i = 0; i < 16; ++i) to[i] = tensor::ToF16(v.lane[i]);
  }
  static void Store(tensor::Bf16* to, const F32& v) {
    for (int i = 0; i < 16; ++i) to[i] = tensor::ToBf16(v.lane[i]);
  }
  static void StorePart(float* to, F32 v, int64_t count) {
    std::memcpy(to, v.lane, static_cast<size_t>(count) * sizeof(float));
  }
  static F32 Add(F32 a, F32 b) {
    return Map([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  static F32 Sub(F32 a, F32 b) {
    return Map([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  static F32 Mul(F32 a, F32 b) {
    return Map([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  static F32 Div(F32 a, F32 b) {
    return Map([&](int i) { return a.lane[i] / b.lane[i]; });
  }
  static F32 Max(F32 a, F32 b) {
    return Map([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static F32 Min(F32 a, F32 b) {
    return Map([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  // Two roundings: a fused one in software would be ten times slower.
  static F32 MulAdd(F32 a, F32 b, F32 c) {
    return Map([&](int i) { return a.lane[i] * b.lane[i] + c.lane[i]; });
  }
  static F32 Abs(F32 a) {
    return Map([&](int i) { return std::abs(a.lane[i]); });
  }
  static F32 RoundToInt(F32 a) {
    return Map([&](int i) { return std::nearbyint(a.lane[i]); });
  }
  static F32 ScaleByPowerOfTwo(F32 a, F32 exponent) {
    return Map([&](int i) {
      return std::isnan(a.lane[i]) ? a.lane[i] : std::ldexp(a.lane[i], static_cast<int>(exponent.lane[i]));
    });
  }
  static F32 KeepFirst(F32 a, int64_t count, float otherwise) {
    return Map([&](int i) { return i < count ? a.lane[i] : otherwise; });
  }
  // Folds halves: lane i with lane i + 8, then 4, 2, 1. The same tree in every Simd class.
  static float ReduceAdd(F32 a) {
    for (int width = 8; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) a.lane[i] += a.lane[i + width];
    }
    return a.lane[0];
  }
  static float ReduceMax(F32 a) {
    float greatest = a.lane[0];
    for (int i = 1; i < 16; ++i) greatest = a.lane[i] > greatest ? a.lane[i] : greatest;
    return greatest;
  }
  static F32 MaxMagnitude(const F32& a, const F32& b) {
    const I32 x = BitsOf(Abs(a)), y = BitsOf(Abs(b));
    return FromBits(MapInts([&](int i) { return std::max(x.lane[i], y.lane[i]); }));
  }
  static int32_t ReduceMaxBits(const F32& a) { return std::ranges::max(BitsOf(a).lane); }
  static void Transpose(F32 (&v)[16]) {
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; j < i; ++j) std::swap(v[i].lane[j], v[j].lane[i]);
    }
  }
  static void ReduceMaxEach(const F32 (&v)[16], float* to) {
    for (const F32& a : v) *to++ = ReduceMax(a);
  }

  static I32 SetInt(int32_t value) {
    I32 result;
    for (int32_t& lane : result.lane) lane = value;
    return result;
  }
  static void StoreBytes(int8_t* to, const F32& v) {
    for (int i = 0; i < 16; ++i) {
      const float rounded = std::nearbyint(v.lane[i]);
      to[i] = static_cast<int8_t>(rounded >= -128 ? std::min(rounded, 127.0f) : -128.0f);
    }
  }
  static void StoreBytes(int8_t* to, const F32 (&v)[4], int32_t* sums) {
    for (int i = 0; i < 4; ++i) StoreBytes(to + i * 16, v[i]);
    for (int i = 0; i < 4; ++i) sums[i] = std::accumulate(to + 16 * i, to + 16 * (i + 1), 0);
  }
  static F32 ToFloats(I32 a) {
    return Map([&](int i) { return static_cast<float>(a.lane[i]); });
  }
  static Bytes LoadBytes(const uint8_t* from) {
    Bytes result;
    std::memcpy(result.byte, from, sizeof(result.byte));
    return result;
  }
  static const Bytes& Once(const Bytes& a) { return a; }
  static void StoreBytes(uint8_t* to, const Bytes& a) { std::memcpy(to, a.byte, sizeof(a.byte)); }
  static Bytes LowNibbles(Bytes a) {
    for (uint8_t& byte : a.byte) byte &= 0xf;
    return a;
  }
  static Bytes HighNibbles(Bytes a) {
    for (uint8_t& byte : a.byte) byte >>= 4;
    return a;
  }
  template <class Function>
  static I32 MapInts(Function function) {
    I32 result;
    for (int i = 0; i < 16; ++i) result.lane[i] = function(i);
    return result;
  }
  static I32 LoadInts(const void* from) {
    I32 result;
    std::memcpy(result.lane, from, sizeof(result.lane));
    return result;
  }
  static I32 AddInt(const I32& a, const I32& b) {
    return MapInts([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  static I32 SubInt(const I32& a, const I32& b) {
    return MapInts([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  template <unsigned kBits>
  static I32 ShiftLeft(const I32& a) {
    return MapInts([&](int i) { return a.lane[i] * (1 << kBits); });
  }
  static I32 BitsOf(const F32& a) {
    I32 result;
    std::memcpy(result.lane, a.lane, sizeof(result.lane));
    return result;
  }
  static F32 FromBits(const I32& a) {
    F32 result;
    std::memcpy(result.lane, a.lane, sizeof(result.lane));
    return result;
  }
  static F32 WidenUnsigned(const uint8_t* from) {
    return Map([&](int i) { return static_cast<float>(from[i]); });
  }
  static F32 WidenSigned(const uint8_t* from) {
    return Map([&](int i) { return static_cast<float>(static_cast<int8_t>(from[i])); });
  }
  template <int kShift>
  static Bytes ShiftedBits(Bytes a, uint8_t mask) {
    for (uint8_t& byte : a.byte) {
      const int shifted = kShift >= 0 ? byte << std::max(kShift, 0) : byte >> std::max(-kShift, 0);
      byte = static_cast<uint8_t>(shifted & mask);
    }
    return a;
  }
  static Bytes Or(Bytes a, const Bytes& b) {
    for (int i = 0; i < 64; ++i) a.byte[i] = static_cast<uint8_t>(a.byte[i] | b.byte[i]);
    return a;
  }
  struct Quad {
    int8_t byte[4];
  };
  static Quad SetQuad(const int8_t* four) { return {{four[0], four[1], four[2], four[3]}}; }
  template <int kBits>
  static constexpr int kDotsPerSum = 0;
  static constexpr bool kSignsBytes = false;
  static I32 DotAdd(I32 sum, const Bytes& weights, const Quad& x) {
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; j < 4; ++j) sum.lane[i] += int32_t{weights.byte[4 * i + j]} * x.byte[j];
    }
    return sum;
  }

  struct Pairs {
    tensor::Bf16 number[32];
  };
  static void LoadInt8Pairs(const int8_t* from, F32& even, F32& odd) {
    even = Map([&](int i) { return static_cast<float>(from[2 * i]); });
    odd = Map([&](int i) { return static_cast<float>(from[2 * i + 1]); });
  }
  static Pairs LoadPairs(const tensor::Bf16* from) {
    Pairs result;
    std::memcpy(result.number, from, sizeof(result.number));
    return result;
  }
  static Pairs SetPair(const tensor::Bf16* two) {
    Pairs result;
    for (int i = 0; i < 32; ++i) result.number[i] = two[i % 2];
    return result;
  }
  static void StorePairs(tensor::Bf16* to, const Pairs& v) { std::memcpy(to, v.number, sizeof(v.number)); }
  static Pairs FirstOfPairs(Pairs a) {
    for (int i = 1; i < 32; i += 2) a.number[i] = {0};
    return a;
  }
  static Pairs PackPairs(const F32& even, const F32& odd) {
    Pairs result;
    for (int i = 0; i < 16; ++i) {
      result.number[2 * i] = tensor::ToBf16(even.lane[i]);
      result.number[2 * i + 1] = tensor::ToBf16(odd.lane[i]);
    }
    return result;
  }
  static F32 DotPairs(const F32& sum, const Pairs& a, const Pairs& b) {
    return Map([&](int i) {
      const float first = sum.lane[i] + ToFloat(a.number[2 * i]) * ToFloat(b.number[2 * i]);
      return first + ToFloat(a.number[2 * i + 1]) * ToFloat(b.number[2 * i + 1]);
    });
  }
};

}  // namespace tenfold::kernels
