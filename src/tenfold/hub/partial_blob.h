// PartialBlob: a blob while it comes in, in HASH.incomplete, hashed as it is written.
//
// What an earlier run left is taken up again. Bytes go to the system at once, so that a program that is stopped at any
// moment leaves a beginning of the content. The caller holds the blob's lock. Move-only; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "tenfold/base/result.h"
#include "tenfold/hub/blob_hash.h"
#include "tenfold/hub/file_descriptor.h"
#include "tenfold/hub/repository.h"

namespace tenfold::hub {

class PartialBlob {
 public:
  // Reads and hashes what is there; more than the whole content is thrown away. Errors, here and below: kIo, and
  // kResourceExhausted for a full disk, naming the path.
  static Result<PartialBlob> Open(std::filesystem::path path, const RepositoryFile& file);

  uint64_t size_bytes() const { return size_bytes_; }

  // kCorrupt when this would be more than the whole content.
  Status Append(std::span<const std::byte> bytes);
  // Forgets everything.
  Status Restart();
  // Removes the file; nothing may be called afterwards.
  void Discard();
  // Gives the blob its name if size and hash are those of the file. Otherwise removes it: kCorrupt, saying what differs.
  Status Complete(const std::filesystem::path& blob);

 private:
  PartialBlob(std::filesystem::path path, const RepositoryFile& file, FileDescriptor descriptor);
  Status HashExisting();
  BlobHash NewHash() const { return {file_.hash_kind, file_.size_bytes}; }

  std::filesystem::path path_;
  RepositoryFile file_;
  FileDescriptor descriptor_;
  BlobHash hash_;
  uint64_t size_bytes_ = 0;
};

}  // namespace tenfold::hub
