// Scratch of exactly so many bytes on the heap, where a sanitizer sees who goes beyond.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace tenfold::kernels {

class HeapScratch {
 public:
  explicit HeapScratch(size_t size_bytes)
      : data_(static_cast<std::byte*>(::operator new (size_bytes, std::align_val_t{64}))) {}
  std::byte* data() const { return data_.get(); }

 private:
  struct Delete {
    void operator()(std::byte* data) const { ::operator delete (data, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte, Delete> data_;
};

}  // namespace tenfold::kernels
