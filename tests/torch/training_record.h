// TrainingRecord: tensors that a run leaves, written as one safetensors file when all is done.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tenfold/tensor/shape.h"

namespace tenfold {

class TrainingRecord {
 public:
  // Copies the numbers.
  void Add(std::string name, const tensor::Shape& shape, std::span<const float> values) {
    entries_.push_back({std::move(name), shape, {values.begin(), values.end()}});
  }
  // Stops with a message where that fails.
  void Write(const std::string& path) const;

 private:
  struct Entry {
    std::string name;
    tensor::Shape shape;
    std::vector<float> values;
  };
  std::vector<Entry> entries_;
};

}  // namespace tenfold
