#include "tenfold/platform/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tenfold::platform {

Result<std::filesystem::path> MakeMemoryFile(const std::string& name, std::span<const std::byte> bytes) {
  const int fd = memfd_create(name.c_str(), MFD_CLOEXEC);
  if (fd < 0) return MakeError(ErrorCode::kIo, "{}: no file in memory: {}", name, std::strerror(errno));
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int reason = errno;
      close(fd);
      return MakeError(ErrorCode::kResourceExhausted, "{}: a file in memory of {} more bytes cannot be written: {}",
                       name, bytes.size(), std::strerror(reason));
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return std::filesystem::path("/proc/self/fd") / std::to_string(fd);
}

}  // namespace tenfold::platform
