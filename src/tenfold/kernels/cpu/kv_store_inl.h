// Writing keys and values into a page of the cache, over a Simd class (simd_avx512.h).
//
// Conversion runs over whole vectors of a token; placing the numbers (kv_layout.h) is a store each, which is nothing
// beside the attention that reads them as often as there are tokens to come. Only the token's own numbers are written:
// its neighbour in a pair may belong to another sequence that shares the page.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tenfold/kernels/cpu/row_ops_inl.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {

template <class S>
struct KvStore {
  using F32 = typename S::F32;

  // Calls place(d, number) for every number of the row, rounded.
  template <class Number, class Place>
  static void Round(const float* row, int64_t head_dim, Place place) {
    RowOps<S>::ForEachVector(head_dim, [&](int64_t d, int64_t n) {
      Number rounded[16];
      S::Store(rounded, RowOps<S>::LoadSome(row + d, n));
      for (int64_t i = 0; i < n; ++i) place(d + i, rounded[i]);
    });
  }

  // As 8-bit integers with a scale, the greatest magnitude / 127 rounded to F16, for each block of numbers; rounds to
  // nearest, ties to even. A number that is not finite makes the scale NaN, so that it reaches the outputs.
  template <class Place, class PlaceScale>
  static void Quantize(const float* row, int64_t head_dim, Place place, PlaceScale place_scale) {
    for (int64_t begin = 0; begin < head_dim; begin += KvLayout::kScaleBlock) {
      const int64_t left = std::min(head_dim - begin, KvLayout::kScaleBlock);
      const F32 low = RowOps<S>::LoadSome(row + begin, std::min<int64_t>(left, 16));
      const F32 high = left > 16 ? RowOps<S>::LoadSome(row + begin + 16, left - 16) : S::Zero();
      const auto magnitude = [](F32 v) { return S::Max(v, S::Sub(S::Zero(), v)); };
      const float greatest = S::ReduceMax(S::Max(magnitude(low), magnitude(high)));
      const bool is_finite = std::isfinite(S::ReduceAdd(S::Add(magnitude(low), magnitude(high))));
      const tensor::F16 scale = tensor::ToF16(is_finite ? greatest / 127.0f : std::numeric_limits<float>::quiet_NaN());
      const float step = ToFloat(scale);
      const F32 inverse = S::Set(step > 0 ? 1.0f / step : 0.0f);
      // The rounded scale may be a little below greatest / 127.
      const auto quantized = [&](F32 v) {
        return S::Min(S::Set(127.0f), S::Max(S::Set(-127.0f), S::RoundToInt(S::Mul(v, inverse))));
      };
      float rounded[KvLayout::kScaleBlock];
      S::Store(rounded, quantized(low));
      S::Store(rounded + 16, quantized(high));
      place_scale(begin / KvLayout::kScaleBlock, scale);
      for (int64_t i = 0; i < left; ++i) place(begin + i, static_cast<int8_t>(is_finite ? rounded[i] : 0.0f));
    }
  }

  template <class Number>
  static void Run(const KvLayout& layout, const KvStorePiece& piece) {
    const int64_t per_lane = layout.numbers_per_lane(), width = layout.padded_head_dim();
    auto* const keys = reinterpret_cast<Number*>(piece.keys_in_page);
    auto* const values = reinterpret_cast<Number*>(piece.values_in_page);
    for (int64_t token = 0; token < piece.num_tokens; ++token) {
      const int64_t slot = piece.first_slot + token;
      const auto place_key = [&](int64_t d, Number number) {
        keys[(d / per_lane * layout.page_size + slot) * per_lane + d % per_lane] = number;
      };
      const auto place_value = [&](int64_t d, Number number) {
        values[slot / per_lane * per_lane * width + d * per_lane + slot % per_lane] = number;
      };
      const float* const key = piece.keys + token * piece.stride;
      const float* const value = piece.values + token * piece.stride;
      if constexpr (std::is_same_v<Number, int8_t>) {
        const auto placing_scales = [&](std::byte* numbers, size_t numbers_bytes) {
          auto* const scales = reinterpret_cast<tensor::F16*>(numbers + numbers_bytes) + slot;
          return [&layout, scales](int64_t block, tensor::F16 scale) { scales[block * layout.page_size] = scale; };
        };
        Quantize(key, layout.head_dim, place_key, placing_scales(piece.keys_in_page, layout.key_numbers_bytes()));
        Quantize(value, layout.head_dim, place_value,
                 placing_scales(piece.values_in_page, layout.value_numbers_bytes()));
      } else {
        Round<Number>(key, layout.head_dim, place_key);
        Round<Number>(value, layout.head_dim, place_value);
      }
      for (int64_t d = layout.head_dim; d < layout.key_rows() * per_lane; ++d) place_key(d, Number{});
    }
  }
};

template <class S>
void StoreKeysAndValues(const KvLayout& layout, const KvStorePiece& piece) {
  switch (layout.type) {
    case tensor::DataType::kF32:
      return KvStore<S>::template Run<float>(layout, piece);
    case tensor::DataType::kF16:
      return KvStore<S>::template Run<tensor::F16>(layout, piece);
    case tensor::DataType::kQ8_0:
      return KvStore<S>::template Run<int8_t>(layout, piece);
    default:
      return KvStore<S>::template Run<tensor::Bf16>(layout, piece);
  }
}

}  // namespace tenfold::kernels
