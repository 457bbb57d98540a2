// AlignedBuffer: owns zeroed, page-aligned memory, on huge pages where the system allows. Move-only.
//
// Memory comes from mmap, so it costs nothing until touched and can be faulted in by several threads at once.
#pragma once

#include <cstddef>
#include <span>

#include "tenfold/base/result.h"

namespace tenfold::platform {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Errors: kResourceExhausted, naming `what` ("KV pages"), the size, and how much is free: the system would promise
  // more than it has.
  static Result<AlignedBuffer> Allocate(size_t size_bytes, std::string_view what);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size_bytes() const { return size_bytes_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
};

}  // namespace tenfold::platform
