#include "tenfold/platform/aligned_buffer.h"

#include <sys/mman.h>

#include <utility>

#include "tenfold/platform/memory_info.h"

namespace tenfold::platform {

Result<AlignedBuffer> AlignedBuffer::Allocate(size_t size_bytes, std::string_view what) {
  AlignedBuffer buffer;
  if (size_bytes == 0) return buffer;
  const size_t available_bytes = AvailableMemoryBytes();
  if (size_bytes > available_bytes) {
    return MakeError(ErrorCode::kResourceExhausted, "no memory for {}: {} MiB are needed, {} MiB are free", what,
                     size_bytes >> 20, available_bytes >> 20);
  }
  void* memory = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return MakeError(ErrorCode::kResourceExhausted, "no memory for {}: {:.1f} MiB were refused by the system", what,
                     static_cast<double>(size_bytes) / (1024.0 * 1024.0));
  }
  madvise(memory, size_bytes, MADV_HUGEPAGE);  // advice only: without huge pages everything works, a little slower
  buffer.data_ = static_cast<std::byte*>(memory);
  buffer.size_bytes_ = size_bytes;
  return buffer;
}

AlignedBuffer::~AlignedBuffer() {
  if (data_ != nullptr) munmap(data_, size_bytes_);
}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

}  // namespace tenfold::platform
