#include "tenfold/formats/partial_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "tenfold/base/check.h"

namespace tenfold::formats {
namespace {

Status Sync(int descriptor, const std::filesystem::path& path) {
  if (fsync(descriptor) == 0) return {};
  return MakeError(ErrorCode::kIo, "{}: cannot be written: {}", path.string(), std::strerror(errno));
}

}  // namespace

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

Status PartialFile::Flush() {
  CHECK(file_ != nullptr);
  if (std::fflush(file_.get()) != 0) {
    return MakeError(ErrorCode::kIo, "{}: cannot be written: {}", partial_path_.string(), std::strerror(errno));
  }
  return {};
}

Status PartialFile::Commit() {
  RETURN_IF_ERROR(Flush());  // the last of the data may only now meet a full disk
  std::error_code error;
  std::filesystem::rename(partial_path_, path_, error);
  if (error) {
    return MakeError(ErrorCode::kIo, "{}: cannot be renamed to {}: {}", partial_path_.string(), path_.string(),
                     error.message());
  }
  file_.reset();
  return {};
}

Status PartialFile::CommitDurably() {
  RETURN_IF_ERROR(Flush());
  RETURN_IF_ERROR(Sync(fileno(file_.get()), partial_path_));
  RETURN_IF_ERROR(Commit());
  // The new name is in the folder, which is a file of its own.
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    return MakeError(ErrorCode::kIo, "{}: cannot be opened: {}", folder.string(), std::strerror(errno));
  }
  const Status synced = Sync(descriptor, folder);
  close(descriptor);
  return synced;
}

Status WriteWhole(const std::filesystem::path& path, std::string_view text) {
  ASSIGN_OR_RETURN(PartialFile file, PartialFile::Create(path));
  RETURN_IF_ERROR(file.Append(std::as_bytes(std::span(text))));
  return file.CommitDurably();
}

}  // namespace tenfold::formats
