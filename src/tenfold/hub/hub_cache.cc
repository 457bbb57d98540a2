#include "tenfold/hub/hub_cache.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "tenfold/hub/cache_error.h"
#include "tenfold/hub/model_reference.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::hub {
namespace {

namespace fs = std::filesystem;

std::string FolderName(std::string_view repository) {
  std::string name = "models--" + std::string(repository);
  if (const size_t slash = name.find('/'); slash != name.npos) name.replace(slash, 1, "--");
  return name;
}

Status MakeFolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return CacheError(folder, "this folder cannot be made", error.value());
  return {};
}

// Beside `path`, for what is renamed to it when it is whole; no other process takes the same.
fs::path TemporaryName(const fs::path& path) {
  return path.parent_path() / fmt::format(".{}.{}", path.filename().string(), getpid());
}

Status Rename(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return {};
  std::error_code ignored;  // the error that matters is the first
  fs::remove(from, ignored);
  return CacheError(to, "cannot be written", error.value());
}

}  // namespace

HubCache::HubCache(fs::path folder, std::string_view repository)
    : folder_(std::move(folder)), model_(folder_ / FolderName(repository)) {}

Status HubCache::Prepare() const {
  RETURN_IF_ERROR(MakeFolder(model_ / "blobs"));
  return MakeFolder(Lock("any").parent_path());
}

fs::path HubCache::IncompleteBlob(const std::string& hash) const {
  return model_ / "blobs" / (hash + ".incomplete");
}

fs::path HubCache::Lock(const std::string& hash) const {
  return folder_ / ".locks" / model_.filename() / (hash + ".lock");
}

std::optional<std::string> HubCache::ReadRef(const std::string& revision) const {
  auto text = platform::ReadTextFile(model_ / "refs" / revision, /*limit_bytes=*/1024);
  if (!text) return std::nullopt;
  while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) text->pop_back();
  return IsCommit(*text) ? std::optional(*std::move(text)) : std::nullopt;
}

Status HubCache::WriteRef(const std::string& revision, const std::string& commit) const {
  const fs::path path = model_ / "refs" / revision;
  RETURN_IF_ERROR(MakeFolder(path.parent_path()));
  const fs::path temporary = TemporaryName(path);
  std::ofstream file(temporary, std::ios::binary);
  file << commit;
  file.close();
  if (!file) return CacheError(temporary, "cannot be written", errno);
  return Rename(temporary, path);
}

Status HubCache::Link(const std::string& commit, const std::string& path, const std::string& hash) const {
  const fs::path link = Snapshot(commit) / path;
  RETURN_IF_ERROR(MakeFolder(link.parent_path()));
  fs::path target = fs::path("..") / "..";  // out of snapshots/COMMIT
  for (auto depth = std::ranges::count(path, '/'); depth > 0; --depth) target /= "..";
  target = target / "blobs" / hash;
  std::error_code error;
  if (fs::read_symlink(link, error) == target) return {};
  const fs::path temporary = TemporaryName(link);
  fs::remove(temporary, error);
  fs::create_symlink(target, temporary, error);
  if (error) return CacheError(link, "cannot be made as a link to its blob", error.value());
  return Rename(temporary, link);
}

std::vector<std::string> HubCache::SnapshotFiles(const std::string& commit) const {
  std::vector<std::string> files;
  const fs::path snapshot = Snapshot(commit);
  std::error_code error;  // what cannot be looked at is not there
  for (fs::recursive_directory_iterator entry(snapshot, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code unseen;
    if (fs::is_regular_file(entry->path(), unseen))
      files.push_back(entry->path().lexically_relative(snapshot).string());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace tenfold::hub
