// MappedFile: a file mapped read-only into memory. Move-only; the bytes stay valid as long as the object lives.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "tenfold/base/result.h"

namespace tenfold::platform {

class MappedFile {
 public:
  MappedFile() = default;
  // Errors: kNotFound for a missing path, kInvalidArgument for a folder, kIo otherwise; each names the path.
  static Result<MappedFile> Open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_bytes_}; }
  const std::filesystem::path& path() const { return path_; }

  // Lets the pages that hold this part of the file leave resident memory; they are read again when they are needed.
  // Nothing happens to a part that is not the file's.
  void DropResidentPages(std::span<const std::byte> part) const;

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
};

// Reads a small text file whole. Errors as MappedFile::Open, and kResourceExhausted above `limit_bytes`.
Result<std::string> ReadTextFile(const std::filesystem::path& path, size_t limit_bytes = size_t{256} << 20);

}  // namespace tenfold::platform
