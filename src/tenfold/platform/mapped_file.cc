#include "tenfold/platform/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

namespace tenfold::platform {

Result<MappedFile> MappedFile::Open(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a FIFO is refused, not waited for
  if (fd < 0) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
    return MakeError(code, "{}: cannot be opened: {}", path.string(), std::strerror(errno));
  }
  struct stat facts {};
  if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    close(fd);
    return MakeError(ErrorCode::kInvalidArgument, "{}: not a regular file", path.string());
  }
  MappedFile file;
  file.path_ = path;
  file.size_bytes_ = static_cast<size_t>(facts.st_size);
  if (file.size_bytes_ > 0) {
    void* memory = mmap(nullptr, file.size_bytes_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED) {
      file.size_bytes_ = 0;
      const int reason = errno;
      close(fd);
      return MakeError(ErrorCode::kIo, "{}: cannot be mapped into memory: {}", path.string(), std::strerror(reason));
    }
    file.data_ = static_cast<const std::byte*>(memory);
  }
  close(fd);
  return file;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_bytes_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

void MappedFile::DropResidentPages(std::span<const std::byte> part) const {
  const std::less_equal<> not_after;  // of any two pointers
  if (part.empty() || !not_after(data_, part.data()) || !not_after(&part.back(), data_ + size_bytes_ - 1)) return;
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t begin = static_cast<size_t>(part.data() - data_) / page * page;
  const size_t end = static_cast<size_t>(part.data() - data_) + part.size();
  madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

Result<std::string> ReadTextFile(const std::filesystem::path& path, size_t limit_bytes) {
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  if (file.bytes().size() > limit_bytes) {
    return MakeError(ErrorCode::kResourceExhausted, "{}: {} bytes, more than the {} this program reads", path.string(),
                     file.bytes().size(), limit_bytes);
  }
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
}

}  // namespace tenfold::platform
