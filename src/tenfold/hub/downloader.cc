#include "tenfold/hub/downloader.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>

#include "tenfold/base/byte_count.h"
#include "tenfold/base/logging.h"
#include "tenfold/base/progress.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/hub/file_lock.h"
#include "tenfold/hub/hub_api.h"
#include "tenfold/hub/reply_failure.h"
#include "tenfold/hub/retry.h"

namespace tenfold::hub {
namespace {

namespace fs = std::filesystem;

// An attempt that brought so much was not in vain: the count of failures in a row begins anew. A line that breaks now
// and then loads any file in the end; one that brings next to nothing is given up.
constexpr uint64_t kWorthwhileBytes = 1 << 20;

uint64_t SizeOnDisk(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

// Two lines in the log for each file, where no one watches a progress bar.
class DownloadLog {
 public:
  DownloadLog(std::string name, uint64_t num_there, uint64_t size_bytes)
      : is_wanted_(isatty(STDERR_FILENO) != 1), name_(std::move(name)), num_there_(num_there), size_bytes_(size_bytes) {
    if (!is_wanted_) return;
    if (num_there_ > 0) {
      LogInfo("downloading {}: {}, {} of it are here already", name_, FormatSize(size_bytes_), FormatSize(num_there_));
    } else {
      LogInfo("downloading {}: {}", name_, FormatSize(size_bytes_));
    }
  }

  void Finish() const {
    if (!is_wanted_) return;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    LogInfo("downloaded {}: {} in {:.1f} s", name_, FormatSize(size_bytes_ - num_there_), seconds);
  }

 private:
  const bool is_wanted_;
  const std::string name_;
  const uint64_t num_there_;
  const uint64_t size_bytes_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

std::string Downloader::NameOf(const RepositoryFile& file) const {
  return fmt::format("{}: {}", model_.name(), formats::Quoted(file.path));
}

// A blob was checked when it got its name; a size that is off all the same means that someone else wrote it.
bool Downloader::IsThere(const RepositoryFile& file) const {
  std::error_code error;
  const fs::path blob = cache_.Blob(file.hash);
  return fs::is_regular_file(blob, error) && SizeOnDisk(blob) == file.size_bytes;
}

Status Downloader::CheckDiskSpace(std::span<const RepositoryFile* const> files) const {
  uint64_t needed = 0;
  for (const RepositoryFile* file : files) {
    if (IsThere(*file)) continue;
    const uint64_t there = SizeOnDisk(cache_.IncompleteBlob(file->hash));
    const uint64_t missing = file->size_bytes - std::min(there, file->size_bytes);
    if (__builtin_add_overflow(needed, missing, &needed)) needed = UINT64_MAX;
  }
  std::error_code error;
  const fs::space_info space = fs::space(cache_.folder(), error);
  if (error || needed <= space.available) return {};  // what cannot be asked is found out
  return MakeError(ErrorCode::kResourceExhausted,
                   "{}: {} are still to be downloaded, and the disk of {} has room for {}: make room, or set "
                   "HF_HUB_CACHE to a folder on a larger disk",
                   model_.name(), FormatSize(needed), cache_.folder().string(), FormatSize(space.available));
}

Status Downloader::Fetch(const std::string& commit, std::span<const RepositoryFile* const> files) {
  RETURN_IF_ERROR(cache_.Prepare());
  RETURN_IF_ERROR(CheckDiskSpace(files));
  for (const RepositoryFile* file : files) {
    if (!IsThere(*file)) RETURN_IF_ERROR(FetchBlob(commit, *file));
    RETURN_IF_ERROR(cache_.Link(commit, file->path, file->hash));
  }
  return {};
}

Status Downloader::FetchBlob(const std::string& commit, const RepositoryFile& file) {
  ASSIGN_OR_RETURN(const FileLock lock, FileLock::Acquire(cache_.Lock(file.hash), NameOf(file)));
  if (IsThere(file)) return {};  // whoever had the lock loaded it
  while (true) {
    ASSIGN_OR_RETURN(PartialBlob partial, PartialBlob::Open(cache_.IncompleteBlob(file.hash), file));
    const uint64_t num_there = partial.size_bytes();
    const DownloadLog log(NameOf(file), num_there, file.size_bytes);
    RETURN_IF_ERROR(Receive(commit, file, partial));
    const Status completed = partial.Complete(cache_.Blob(file.hash));
    if (completed) {
      log.Finish();
      return {};
    }
    // What was there may have been the damaged part; once everything is new, the fault lies with the server.
    if (completed.error().code != ErrorCode::kCorrupt) return completed;
    if (num_there == 0) return MakeError(ErrorCode::kCorrupt, "{}: {}", model_.name(), completed.error().message);
    LogWarning("{}: {}; loading it anew", model_.name(), completed.error().message);
  }
}

Status Downloader::Receive(const std::string& commit, const RepositoryFile& file, PartialBlob& partial) {
  const std::string url = FileUrl(client_.endpoint(), model_.repository, commit, file.path);
  int num_failed = 0;
  while (partial.size_bytes() < file.size_bytes) {
    const uint64_t before = partial.size_bytes();
    const Attempt<int> status = ReceiveOnce(url, file, partial);
    const bool was_worthwhile = partial.size_bytes() >= before + kWorthwhileBytes;
    if (was_worthwhile) num_failed = 0;
    if (status && *status == 206 && partial.size_bytes() > before) {  // it may send less than it is asked for
      if (was_worthwhile || partial.size_bytes() == file.size_bytes || ++num_failed < kMaxFileAttempts) continue;
      return MakeError(ErrorCode::kIo, "{}: {} sends next to nothing at a time; run this again to go on from there",
                       model_.name(), NameOf(file));
    }
    if (status) break;  // all it has; too little is found out by its size
    ++num_failed;
    if (WaitToRetry(status.error(), num_failed, kMaxFileAttempts)) continue;
    const Error& error = status.error().error;
    if (error.code == ErrorCode::kCorrupt) {
      partial.Discard();
      return MakeError(error.code, "{}; it was removed", error.message);
    }
    if (!status.error().is_transient) return tl::unexpected(error);
    return MakeError(error.code, "{}; run this again to go on from there", error.message);
  }
  return {};
}

Attempt<int> Downloader::ReceiveOnce(const std::string& url, const RepositoryFile& file, PartialBlob& partial) {
  std::optional<ProgressBar> progress;
  const auto begin = [&](const HttpReply& reply) -> Status {
    const bool goes_on = reply.status == 206 && reply.range_begin == partial.size_bytes();
    if (!goes_on && reply.status != 200) {
      return MakeError(ErrorCode::kIo, "{} sent another part than it was asked for", reply.url);
    }
    if (!goes_on) RETURN_IF_ERROR(partial.Restart());  // it does not send parts
    progress.emplace(file.path, file.size_bytes, ProgressUnit::kBytes, partial.size_bytes());
    return {};
  };
  const auto read = [&](std::span<const std::byte> bytes) -> Status {
    RETURN_IF_ERROR(partial.Append(bytes));
    progress->Advance(bytes.size());
    return {};
  };
  const auto reply = client_.Get(url, partial.size_bytes(), {.begin = begin, .read = read});
  if (!reply) return tl::unexpected(Prefixed(reply.error(), NameOf(file)));
  if (reply->status == 200 || reply->status == 206) return reply->status;
  if (reply->status == 416) {  // it has no such part
    RETURN_IF_ERROR(partial.Restart());
    return tl::unexpected(
        Failure(Error{ErrorCode::kIo, fmt::format("{}: {} cannot go on from there", NameOf(file), reply->url)},
                /*transient=*/true));
  }
  return tl::unexpected(FailureOfReply(
      *reply, {.model = model_, .file = file.path, .endpoint = client_.endpoint(), .has_token = client_.has_token()}));
}

}  // namespace tenfold::hub
