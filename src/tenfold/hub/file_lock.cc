#include "tenfold/hub/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "tenfold/base/logging.h"
#include "tenfold/hub/cache_error.h"

namespace tenfold::hub {
namespace {

// Whether the locked file is still the one with this name: others may remove a lock's file when they are done with it.
bool IsStillThere(int fd) {
  struct stat facts {};
  return fstat(fd, &facts) == 0 && facts.st_nlink > 0;
}

int Flock(int fd, int operation) {
  int result;
  do {
    result = flock(fd, operation);
  } while (result != 0 && errno == EINTR);
  return result;
}

}  // namespace

Result<FileLock> FileLock::Acquire(const std::filesystem::path& path, std::string_view what) {
  bool was_said = false;
  while (true) {
    FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (file.get() < 0) return CacheError(path, "cannot be opened", errno);
    if (Flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return CacheError(path, "cannot be locked", errno);
      if (!was_said) LogInfo("another process is downloading {}; waiting for it", what);
      was_said = true;
      if (Flock(file.get(), LOCK_EX) != 0) return CacheError(path, "cannot be locked", errno);
    }
    if (IsStillThere(file.get())) return FileLock(std::move(file));
  }
}

}  // namespace tenfold::hub
