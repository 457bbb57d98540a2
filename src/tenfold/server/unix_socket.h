// SocketFile: the file by which a Unix socket is found.
#pragma once

#include <cstdint>
#include <string>

#include "tenfold/base/result.h"

namespace tenfold::server {

class SocketFile {
 public:
  SocketFile() = default;
  ~SocketFile() { Remove(); }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

  // Makes `path` free for a server to bind: removes a socket there that nobody answers. Errors: kInvalidArgument for a
  // path that is too long and for a file of another kind, kIo for a socket that a server listens on.
  static Status MakeFree(const std::string& path);

  // From now on the file at `path`, just bound, is ours.
  void Own(const std::string& path);
  // Removes it, unless another server has put its own there since.
  void Remove();

 private:
  std::string path_;  // empty: none
  uint64_t device_ = 0;
  uint64_t inode_ = 0;
};

}  // namespace tenfold::server
