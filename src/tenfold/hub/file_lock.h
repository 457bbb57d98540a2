// FileLock: keeps two processes from writing the same blob. It is the lock of huggingface_hub (flock on the file), so
// that Python tools keep out, too. Released when its owner goes, and by the system when the process dies.
#pragma once

#include <filesystem>
#include <string_view>

#include "tenfold/base/result.h"
#include "tenfold/hub/file_descriptor.h"

namespace tenfold::hub {

class FileLock {
 public:
  // Waits for whoever has it, and says so in the log: "another process has `what`". The file's folder exists.
  // Errors: kIo, naming the file.
  static Result<FileLock> Acquire(const std::filesystem::path& path, std::string_view what);

 private:
  explicit FileLock(FileDescriptor file) : file_(std::move(file)) {}

  FileDescriptor file_;
};

}  // namespace tenfold::hub
