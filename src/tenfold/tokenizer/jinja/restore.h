// Restore: a variable that has another value for the length of a block.
#pragma once

#include <utility>

namespace tenfold::tokenizer::jinja {

// Puts a variable back to what it was when the block is left, however it is left.
template <class T>
class Restore {
 public:
  explicit Restore(T& variable) : variable_(variable), before_(variable) {}
  Restore(T& variable, T during) : Restore(variable) { variable_ = std::move(during); }
  ~Restore() { variable_ = before_; }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  T& variable_;
  const T before_;
};

}  // namespace tenfold::tokenizer::jinja
