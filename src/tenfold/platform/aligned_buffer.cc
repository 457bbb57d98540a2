#include "tenfold/platform/aligned_buffer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "tenfold/platform/memory_info.h"

namespace tenfold::platform {
namespace {

// A file that no path leads to. -1 with errno set when there is none.
int OpenUnnamedFile(const std::filesystem::path& directory) {
  const int fd = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
  // A file system without such files: the name is gone before anything is written.
  std::string path = (directory / "tenfold-XXXXXX").string();
  const int named = mkostemp(path.data(), O_CLOEXEC);
  if (named >= 0) unlink(path.c_str());
  return named;
}

}  // namespace

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

Result<AlignedBuffer> AlignedBuffer::AllocateInFile(size_t size_bytes, std::string_view what,
                                                    const std::filesystem::path& directory) {
  AlignedBuffer buffer;
  if (size_bytes == 0) return buffer;
  const int fd = OpenUnnamedFile(directory);
  if (fd < 0) {
    return MakeError(ErrorCode::kIo, "{}: no file for {} can be made there: {}", directory.string(), what,
                     std::strerror(errno));
  }
  void* memory = MAP_FAILED;
  int reason = posix_fallocate(fd, 0, static_cast<off_t>(size_bytes));
  if (reason == 0) {
    memory = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    reason = errno;
  }
  close(fd);
  if (memory == MAP_FAILED) {
    const ErrorCode code = reason == ENOSPC || reason == EFBIG ? ErrorCode::kResourceExhausted : ErrorCode::kIo;
    return MakeError(code, "{}: {} MiB for {} cannot be had there: {}", directory.string(), size_bytes >> 20, what,
                     std::strerror(reason));
  }
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
