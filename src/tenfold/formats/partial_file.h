// PartialFile: a file being written under the name "path.partial", which becomes `path` only when it is complete.
//
// A crash or an error never leaves half a file where a whole one is expected. Move-only; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "tenfold/base/result.h"

namespace tenfold::formats {

class PartialFile {
 public:
  // Errors, here and below: kIo, naming the path.
  static Result<PartialFile> Create(const std::filesystem::path& path);
  PartialFile(PartialFile&&) = default;
  PartialFile& operator=(PartialFile&&) = delete;
  // Removes the partial file unless Commit succeeded.
  ~PartialFile();

  Status Append(std::span<const std::byte> bytes);
  // Replaces the first bytes of what was appended, for a header that is known only at the end.
  Status ReplaceBeginning(std::span<const std::byte> bytes);
  // Gives the file its name, replacing an older file.
  Status Commit();
  // The same, for what must outlast the loss of power: name and bytes are on the disk when it returns.
  Status CommitDurably();

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  PartialFile() = default;
  Status Flush();

  std::filesystem::path path_;
  std::filesystem::path partial_path_;
  uint64_t size_bytes_ = 0;
  std::unique_ptr<std::FILE, Closer> file_;  // null: committed or moved from
};

// Writes a small file in one piece; it is on the disk when this returns. Errors: kIo, naming the path.
Status WriteWhole(const std::filesystem::path& path, std::string_view text);

}  // namespace tenfold::formats
