#include "tenfold/hub/partial_blob.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "tenfold/formats/quoted.h"
#include "tenfold/hub/cache_error.h"

namespace tenfold::hub {

PartialBlob::PartialBlob(std::filesystem::path path, const RepositoryFile& file, FileDescriptor descriptor)
    : path_(std::move(path)), file_(file), descriptor_(std::move(descriptor)), hash_(file.hash_kind, file.size_bytes) {}

Result<PartialBlob> PartialBlob::Open(std::filesystem::path path, const RepositoryFile& file) {
  FileDescriptor descriptor(open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (descriptor.get() < 0) return CacheError(path, "cannot be opened", errno);
  struct stat facts {};
  if (fstat(descriptor.get(), &facts) != 0) return CacheError(path, "cannot be opened", errno);
  PartialBlob partial(std::move(path), file, std::move(descriptor));
  if (static_cast<uint64_t>(facts.st_size) > file.size_bytes) {
    RETURN_IF_ERROR(partial.Restart());
  } else {
    RETURN_IF_ERROR(partial.HashExisting());
  }
  return partial;
}

Status PartialBlob::HashExisting() {
  std::vector<std::byte> chunk(size_t{1} << 20);
  while (true) {
    const ssize_t count = read(descriptor_.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return CacheError(path_, "cannot be read", errno);
    if (count == 0) return {};
    hash_.Update(std::span(chunk).first(static_cast<size_t>(count)));
    size_bytes_ += static_cast<uint64_t>(count);
  }
}

Status PartialBlob::Append(std::span<const std::byte> bytes) {
  if (bytes.size() > file_.size_bytes - size_bytes_) {
    return MakeError(ErrorCode::kCorrupt, "more than the {} bytes came that it has", file_.size_bytes);
  }
  while (!bytes.empty()) {
    const ssize_t count = write(descriptor_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return CacheError(path_, "cannot be written", errno);
    const auto written = bytes.first(static_cast<size_t>(count));
    hash_.Update(written);
    size_bytes_ += written.size();
    bytes = bytes.subspan(written.size());
  }
  return {};
}

Status PartialBlob::Restart() {
  if (ftruncate(descriptor_.get(), 0) != 0) return CacheError(path_, "cannot be written", errno);
  hash_ = NewHash();
  size_bytes_ = 0;
  return {};
}

void PartialBlob::Discard() {
  std::error_code ignored;  // what cannot be removed is found to be wrong again
  std::filesystem::remove(path_, ignored);
}

Status PartialBlob::Complete(const std::filesystem::path& blob) {
  const std::string hash = std::exchange(hash_, NewHash()).Finish();
  if (size_bytes_ != file_.size_bytes || hash != file_.hash) {
    Discard();
    if (size_bytes_ != file_.size_bytes) {
      return MakeError(ErrorCode::kCorrupt, "{} bytes came instead of the {} that {} has; they were removed",
                       size_bytes_, file_.size_bytes, formats::Quoted(file_.path));
    }
    return MakeError(ErrorCode::kCorrupt, "what came as {} is damaged and was removed: its {} is {} instead of {}",
                     formats::Quoted(file_.path), file_.hash_kind == HashKind::kSha256 ? "SHA-256" : "Git SHA-1", hash,
                     file_.hash);
  }
  // A name must not outlive its content when the machine loses power.
  if (fsync(descriptor_.get()) != 0) return CacheError(path_, "cannot be written", errno);
  std::error_code error;
  std::filesystem::rename(path_, blob, error);
  if (error) return CacheError(blob, "cannot be written", error.value());
  return {};
}

}  // namespace tenfold::hub
