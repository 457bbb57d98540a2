// Repository: what a model's repository holds at one commit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/hub/blob_hash.h"

namespace tenfold::hub {

struct RepositoryFile {
  std::string path;  // safe to join to a folder (relative_path.h)
  uint64_t size_bytes = 0;
  HashKind hash_kind = HashKind::kGitSha1;
  std::string hash;  // lower-case hexadecimal, of the kind's length: the blob's name in the cache
};

struct Repository {
  std::string commit;  // IsCommit
  std::vector<RepositoryFile> files;

  // nullptr when there is none of that path.
  const RepositoryFile* Find(std::string_view path) const {
    for (const RepositoryFile& file : files) {
      if (file.path == path) return &file;
    }
    return nullptr;
  }
};

}  // namespace tenfold::hub
