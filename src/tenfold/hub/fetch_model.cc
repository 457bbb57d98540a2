#include "tenfold/hub/fetch_model.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tenfold/base/logging.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/formats/safetensors.h"
#include "tenfold/hub/downloader.h"
#include "tenfold/hub/file_choice.h"
#include "tenfold/hub/http_client.h"
#include "tenfold/hub/hub_api.h"
#include "tenfold/hub/hub_cache.h"

namespace tenfold::hub {
namespace {

namespace fs = std::filesystem;

// What is loaded: the GGUF file, or the folder.
fs::path PathOf(const FileChoice& choice, const fs::path& snapshot) {
  return choice.is_gguf ? snapshot / choice.files.front() : snapshot;
}

Result<fs::path> FindInCache(const ModelReference& model, const HubCache& cache) {
  const std::string where = fmt::format("{} in the cache {}", model.name(), cache.folder().string());
  const auto commit = IsCommit(model.revision) ? std::optional(model.revision) : cache.ReadRef(model.revision);
  const std::vector<std::string> files = commit ? cache.SnapshotFiles(*commit) : std::vector<std::string>();
  if (files.empty()) return MakeError(ErrorCode::kNotFound, "{}: not there", where);
  ASSIGN_OR_RETURN(const FileChoice choice, ChooseFiles(files, model.selector, where));
  const fs::path snapshot = cache.Snapshot(*commit);
  if (choice.has_shards) {
    ASSIGN_OR_RETURN(const std::vector<std::string> shards,
                     formats::ReadShardNames(snapshot / std::string(kSafetensorsIndex)));
    for (const std::string& shard : shards) {
      if (std::ranges::find(files, shard) == files.end()) {
        return MakeError(ErrorCode::kNotFound, "{}: {} is not there", where, formats::Quoted(shard));
      }
    }
  }
  return PathOf(choice, snapshot);
}

class Fetcher {
 public:
  Fetcher(HttpClient& client, const HubCache& cache, const ModelReference& model, const Repository& repository)
      : cache_(cache), model_(model), repository_(repository), downloader_(client, cache, model) {}

  Result<fs::path> Fetch() {
    std::vector<std::string> paths;
    for (const RepositoryFile& file : repository_.files) paths.push_back(file.path);
    ASSIGN_OR_RETURN(const FileChoice choice, ChooseFiles(paths, model_.selector, model_.name()));
    RETURN_IF_ERROR(FetchAll(choice.files));
    const fs::path snapshot = cache_.Snapshot(repository_.commit);
    if (choice.has_shards) {
      ASSIGN_OR_RETURN(const std::vector<std::string> shards,
                       formats::ReadShardNames(snapshot / std::string(kSafetensorsIndex)));
      RETURN_IF_ERROR(FetchAll(shards));
    }
    // Only now, so that without the hub the revision still leads to the last whole model.
    if (model_.revision != repository_.commit) RETURN_IF_ERROR(cache_.WriteRef(model_.revision, repository_.commit));
    return PathOf(choice, snapshot);
  }

 private:
  Status FetchAll(const std::vector<std::string>& paths) {
    std::vector<const RepositoryFile*> files;
    for (const std::string& path : paths) {
      files.push_back(repository_.Find(path));
      if (files.back() == nullptr) {
        return MakeError(ErrorCode::kCorrupt, "{}: {} names {}, which the repository does not have", model_.name(),
                         kSafetensorsIndex, formats::Quoted(path));
      }
    }
    return downloader_.Fetch(repository_.commit, files);
  }

  const HubCache& cache_;
  const ModelReference& model_;
  const Repository& repository_;
  Downloader downloader_;
};

// A commit never changes, so a file that is there under its name need not be asked for.
bool NeedsNoHub(const ModelReference& model, const HubCache& cache) {
  std::error_code error;
  return IsCommit(model.revision) && model.selector.ends_with(".gguf") &&
         fs::is_regular_file(cache.Snapshot(model.revision) / model.selector, error);
}

}  // namespace

Result<fs::path> FetchModel(const ModelReference& model, const HubEnvironment& environment) {
  const HubCache cache(environment.cache_folder, model.repository);
  if (NeedsNoHub(model, cache)) return FindInCache(model, cache);
  if (environment.is_offline) {
    auto found = FindInCache(model, cache);
    if (found) return found;
    return MakeError(found.error().code, "{} (HF_HUB_OFFLINE is set, so nothing is downloaded)", found.error().message);
  }
  ASSIGN_OR_RETURN(const auto client, HttpClient::Create({.endpoint = environment.endpoint,
                                                          .token = environment.token,
                                                          .certificate_file = environment.certificate_file,
                                                          .stall_timeout_s = environment.stall_timeout_s}));
  const Attempt<Repository> repository = ListRepository(*client, model);
  if (repository) return Fetcher(*client, cache, model, *repository).Fetch();
  const Failure& failure = repository.error();
  if (!failure.is_transient) return tl::unexpected(failure.error);
  const auto found = FindInCache(model, cache);
  if (!found) {
    return MakeError(failure.error.code, "{}; nor is the model in the cache ({})", failure.error.message,
                     found.error().message);
  }
  LogWarning("{}; using what the cache has: {}", failure.error.message, found->string());
  return *found;
}

}  // namespace tenfold::hub
