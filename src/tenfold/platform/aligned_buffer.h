// AlignedBuffer: owns zeroed, page-aligned memory, on huge pages where the system allows, or as a part of a disk.
// Move-only.
//
// Memory comes from mmap, so it costs nothing until touched and can be faulted in by several threads at once.
#pragma once

#include <cstddef>
#include <filesystem>

#include "tenfold/base/result.h"

namespace tenfold::platform {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Errors: kResourceExhausted, naming `what` ("KV pages"), the size, and how much is free: the system would promise
  // more than it has.
  static Result<AlignedBuffer> Allocate(size_t size_bytes, std::string_view what);
  // The same, in a file without a name in `directory`: the system writes it out and reads it back as it sees fit, and
  // nothing of it is left behind, however the process ends. Its room on the disk is taken at once. Errors:
  // kResourceExhausted when there is not enough, kIo otherwise; both name the directory.
  static Result<AlignedBuffer> AllocateInFile(size_t size_bytes, std::string_view what,
                                              const std::filesystem::path& directory);
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
