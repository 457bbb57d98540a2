#include "tenfold/formats/partial_folder.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace tenfold::formats {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> IoError(const fs::path& path, std::string_view what, const std::error_code& error) {
  return MakeError(ErrorCode::kIo, "{}: {}: {}", path.string(), what, error.message());
}

// That nothing else lies in `folder`, which may not exist.
Status RefuseOthers(const fs::path& folder, const std::function<bool(const std::string&)>& is_ours) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) return {};
  if (!fs::is_directory(status)) {
    return MakeError(ErrorCode::kInvalidArgument, "{}: is no folder, and is not replaced by one", folder.string());
  }
  auto entry = fs::directory_iterator(folder, error);
  if (error) return IoError(folder, "cannot be looked at", error);
  for (; entry != fs::directory_iterator(); entry.increment(error)) {
    if (error) return IoError(folder, "cannot be looked at", error);
    const std::string name = entry->path().filename().string();
    if (!entry->is_directory(error) && is_ours(name)) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     "{}: holds \"{}\", which is not replaced: move it elsewhere, or write to another folder",
                     folder.string(), name);
  }
  return {};
}

}  // namespace

Result<PartialFolder> PartialFolder::Create(const fs::path& path,
                                            const std::function<bool(const std::string& name)>& is_ours) {
  fs::path whole = path;
  if (!whole.has_filename()) whole = whole.parent_path();  // "folder/"
  RETURN_IF_ERROR(RefuseOthers(whole, is_ours));
  fs::path partial = whole;
  partial += ".partial";
  RETURN_IF_ERROR(RefuseOthers(partial, is_ours));
  std::error_code error;
  fs::remove_all(partial, error);
  if (error) return IoError(partial, "cannot be removed", error);
  fs::create_directory(partial, error);
  if (error) return IoError(partial, "cannot be made", error);
  PartialFolder folder;
  folder.path_ = std::move(whole);
  folder.partial_path_ = std::move(partial);
  return folder;
}

PartialFolder::PartialFolder(PartialFolder&& other) noexcept
    : path_(std::move(other.path_)), partial_path_(std::exchange(other.partial_path_, {})) {}

PartialFolder::~PartialFolder() {
  if (partial_path_.empty()) return;
  std::error_code ignored;  // nothing is lost but disk space, and there is nobody to tell
  fs::remove_all(partial_path_, ignored);
}

Status PartialFolder::Commit() {
  std::error_code error;
  if (renameat2(AT_FDCWD, partial_path_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) {
    // The older folder has the other name now; at no moment was there none.
    fs::remove_all(partial_path_, error);
    if (error) return IoError(partial_path_, "what was replaced cannot be removed", error);
    partial_path_.clear();
    return {};
  }
  const std::error_code failure(errno, std::generic_category());
  if (failure == std::errc::invalid_argument || failure == std::errc::function_not_supported) {  // NFS and others
    fs::remove_all(path_, error);
    if (error) return IoError(path_, "cannot be replaced", error);
  } else if (failure != std::errc::no_such_file_or_directory) {
    return IoError(path_, "cannot be replaced", failure);
  }
  const fs::path complete = std::exchange(partial_path_, {});  // which stays, whatever happens now
  fs::rename(complete, path_, error);
  if (error) return IoError(complete, "is complete, but cannot be renamed", error);
  return {};
}

}  // namespace tenfold::formats
