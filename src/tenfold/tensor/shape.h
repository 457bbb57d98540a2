// Shape: the sizes of a tensor's dimensions, slowest first (row-major). At most four.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace tenfold::tensor {

class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes);
  explicit Shape(std::span<const int64_t> sizes);

  int rank() const { return rank_; }
  int64_t operator[](int dimension) const { return sizes_[static_cast<size_t>(dimension)]; }
  // The fastest dimension: elements of one row.
  int64_t cols() const { return rank_ == 0 ? 1 : sizes_[static_cast<size_t>(rank_ - 1)]; }
  // All slower dimensions multiplied.
  int64_t rows() const;
  int64_t num_elements() const { return rows() * cols(); }

  friend bool operator==(const Shape&, const Shape&) = default;
  // "[32000, 2048]"
  std::string ToString() const;

 private:
  int rank_ = 0;
  std::array<int64_t, kMaxRank> sizes_{};
};

}  // namespace tenfold::tensor
