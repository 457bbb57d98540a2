// BlobHash: the hash by which the hub names a file's content, computed while the bytes come in (OpenSSL).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tenfold::hub {

enum class HashKind {
  kSha256,   // files kept in Git LFS: all large ones
  kGitSha1,  // files in the Git repository itself: SHA-1 over "blob SIZE\0" and the content
};

class BlobHash {
 public:
  // `size_bytes` is the whole content's, which kGitSha1 hashes first.
  BlobHash(HashKind kind, uint64_t size_bytes);

  void Update(std::span<const std::byte> bytes);
  // Lower-case hexadecimal. Once, as the last call.
  std::string Finish();

 private:
  struct Deleter {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Deleter> context_;
};

}  // namespace tenfold::hub
