#include "tenfold/formats/partial_file.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include "tenfold/base/check.h"

namespace tenfold::formats {

Result<PartialFile> PartialFile::Create(const std::filesystem::path& path) {
  PartialFile partial;
  partial.path_ = path;
  partial.partial_path_ = path;
  partial.partial_path_ += ".partial";
  partial.file_.reset(std::fopen(partial.partial_path_.c_str(), "wbe"));
  if (partial.file_ == nullptr) {
    return MakeError(ErrorCode::kIo, "{}: cannot be written: {}", partial.partial_path_.string(), std::strerror(errno));
  }
  return partial;
}

PartialFile::~PartialFile() {
  if (file_ == nullptr) return;
  file_.reset();
  std::error_code ignored;  // nothing is lost but disk space, and there is nobody to tell
  std::filesystem::remove(partial_path_, ignored);
}

Status PartialFile::Append(std::span<const std::byte> bytes) {
  CHECK(file_ != nullptr);
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) {
    return MakeError(ErrorCode::kIo, "{}: cannot be written: {}", partial_path_.string(), std::strerror(errno));
  }
  size_bytes_ += bytes.size();
  return {};
}

Status PartialFile::ReplaceBeginning(std::span<const std::byte> bytes) {
  CHECK(file_ != nullptr);
  CHECK_LE(bytes.size(), size_bytes_);
  if (std::fseek(file_.get(), 0, SEEK_SET) != 0 ||
      std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size() ||
      std::fseek(file_.get(), 0, SEEK_END) != 0) {
    return MakeError(ErrorCode::kIo, "{}: cannot be written: {}", partial_path_.string(), std::strerror(errno));
  }
  return {};
}

Status PartialFile::Commit() {
  CHECK(file_ != nullptr);
  // The last of the data may only now meet a full disk.
  if (std::fflush(file_.get()) != 0) {
    return MakeError(ErrorCode::kIo, "{}: cannot be written: {}", partial_path_.string(), std::strerror(errno));
  }
  std::error_code error;
  std::filesystem::rename(partial_path_, path_, error);
  if (error) {
    return MakeError(ErrorCode::kIo, "{}: cannot be renamed to {}: {}", partial_path_.string(), path_.string(),
                     error.message());
  }
  file_.reset();
  return {};
}

}  // namespace tenfold::formats
