#include "tenfold/server/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace tenfold::server {
namespace {

std::string Reason(int error) {
  return std::generic_category().message(error);
}

// 0 when somebody listens there, ECONNREFUSED when nobody does, else why that is not known.
int TryToConnect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  // Does not wait: a server whose queue is full says EAGAIN, and is alive.
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return errno;
  const int error = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
  ::close(probe);
  return error == EAGAIN ? 0 : error;
}

}  // namespace

Status SocketFile::MakeFree(const std::string& path) {
  constexpr size_t kLongest = sizeof(sockaddr_un{}.sun_path) - 1;
  if (path.size() > kLongest) {
    return MakeError(ErrorCode::kInvalidArgument, "{}: a socket's path has at most {} bytes, and this one has {}", path,
                     kLongest, path.size());
  }
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};  // binding it tells what may be wrong with the folder
    return MakeError(ErrorCode::kIo, "{}: {}", path, Reason(errno));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return MakeError(ErrorCode::kInvalidArgument, "{}: there is a file that is not a socket; it stays as it is", path);
  }
  const int error = TryToConnect(path);
  if (error == 0) return MakeError(ErrorCode::kIo, "{}: another server listens there", path);
  if (error != ECONNREFUSED) return MakeError(ErrorCode::kIo, "{}: {}", path, Reason(error));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return MakeError(ErrorCode::kIo, "{}: a socket that nobody listens on cannot be removed: {}", path, Reason(errno));
  }
  return {};
}

void SocketFile::Own(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return;
  path_ = path;
  device_ = found.st_dev;
  inode_ = found.st_ino;
}

void SocketFile::Remove() {
  const std::string path = std::exchange(path_, {});
  struct stat found {};
  if (path.empty() || ::lstat(path.c_str(), &found) != 0) return;
  if (found.st_dev == device_ && found.st_ino == inode_) ::unlink(path.c_str());
}

}  // namespace tenfold::server
