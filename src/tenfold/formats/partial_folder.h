// PartialFolder: a folder being written under the name "path.partial", which becomes `path` only when it is complete.
//
// As PartialFile, for several files that belong together. Move-only; one thread at a time. Whenever the process is
// killed, the next one goes on: a whole folder has the name, or, for a moment where the file system cannot exchange two
// names, none.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "tenfold/base/result.h"

namespace tenfold::formats {

class PartialFolder {
 public:
  // `is_ours` says of a file's name that it may be removed: where `path` exists and it is replaced by Commit, or where
  // something is left of an earlier attempt, all that lies there must be such. Errors: kInvalidArgument, naming what
  // else lies there; kIo, here and below.
  static Result<PartialFolder> Create(const std::filesystem::path& path,
                                      const std::function<bool(const std::string& name)>& is_ours);
  PartialFolder(PartialFolder&&) noexcept;
  PartialFolder& operator=(PartialFolder&&) = delete;
  // Removes the partial folder unless Commit succeeded.
  ~PartialFolder();

  // Where to write the files.
  const std::filesystem::path& path() const { return partial_path_; }
  // Gives the folder its name, replacing an older one.
  Status Commit();

 private:
  PartialFolder() = default;

  std::filesystem::path path_;
  std::filesystem::path partial_path_;  // empty: committed or moved from
};

}  // namespace tenfold::formats
