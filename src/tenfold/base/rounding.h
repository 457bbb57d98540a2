// Division and rounding of counts upwards: how many whole pieces hold them.
#pragma once

#include <type_traits>

namespace tenfold {

// Pieces of `size` that `count` needs; count >= 0, size > 0.
template <class Integer>
constexpr Integer CeilDivide(Integer count, std::type_identity_t<Integer> size) {
  return (count + size - 1) / size;
}

// The least multiple of `step` that is not below `value`.
template <class Integer>
constexpr Integer RoundUp(Integer value, std::type_identity_t<Integer> step) {
  return CeilDivide(value, step) * step;
}

}  // namespace tenfold
