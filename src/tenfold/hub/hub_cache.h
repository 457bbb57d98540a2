// HubCache: the folder in which huggingface_hub keeps one model, and its layout, which Python tools share:
//
//   CACHE/.locks/models--org--repo/HASH.lock
//   CACHE/models--org--repo/blobs/HASH                     content, complete and checked
//                           blobs/HASH.incomplete          what has come so far
//                           refs/REVISION                  the commit that the branch or tag was last seen at
//                           snapshots/COMMIT/PATH          a link into blobs/
//
// A blob appears under its name only when it is whole, and a link only when its blob is there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tenfold/base/result.h"

namespace tenfold::hub {

class HubCache {
 public:
  // `folder` is CACHE; nothing is made yet.
  HubCache(std::filesystem::path folder, std::string_view repository);

  // Makes the folders that downloads need. Errors: kIo, kResourceExhausted, as below.
  Status Prepare() const;

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path Blob(const std::string& hash) const { return model_ / "blobs" / hash; }
  std::filesystem::path IncompleteBlob(const std::string& hash) const;
  std::filesystem::path Lock(const std::string& hash) const;
  std::filesystem::path Snapshot(const std::string& commit) const { return model_ / "snapshots" / commit; }

  // nullopt where the revision was never seen, or what stands there is no commit.
  std::optional<std::string> ReadRef(const std::string& revision) const;
  Status WriteRef(const std::string& revision, const std::string& commit) const;

  // Gives the blob its name in the snapshot. `path` is a safe one.
  Status Link(const std::string& commit, const std::string& path, const std::string& hash) const;

  // Paths of files in the snapshot whose content is there, sorted; empty when there is no such snapshot.
  std::vector<std::string> SnapshotFiles(const std::string& commit) const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path model_;  // CACHE/models--org--repo
};

}  // namespace tenfold::hub
