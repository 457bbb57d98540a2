#include "tenfold/tensor/shape.h"

#include <algorithm>

#include <fmt/format.h>

#include "tenfold/base/check.h"

namespace tenfold::tensor {

Shape::Shape(std::initializer_list<int64_t> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}

Shape::Shape(std::span<const int64_t> sizes) : rank_(static_cast<int>(sizes.size())) {
  CHECK_LE(rank_, kMaxRank);
  std::copy(sizes.begin(), sizes.end(), sizes_.begin());
}

int64_t Shape::rows() const {
  int64_t product = 1;
  for (int i = 0; i + 1 < rank_; ++i) product *= sizes_[static_cast<size_t>(i)];
  return product;
}

std::string Shape::ToString() const {
  std::string text = "[";
  for (int i = 0; i < rank_; ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", (*this)[i]);
  return text + "]";
}

}  // namespace tenfold::tensor
