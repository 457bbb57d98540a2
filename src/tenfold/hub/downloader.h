// Downloader: brings files of a repository into the cache.
//
// Each is taken up where an earlier run stopped, checked against size and hash, and named only when it is right. One
// process at a time loads a blob; others wait and then find it there. One thread.
#pragma once

#include <span>
#include <string>

#include "tenfold/base/result.h"
#include "tenfold/hub/failure.h"
#include "tenfold/hub/http_client.h"
#include "tenfold/hub/hub_cache.h"
#include "tenfold/hub/model_reference.h"
#include "tenfold/hub/partial_blob.h"
#include "tenfold/hub/repository.h"

namespace tenfold::hub {

class Downloader {
 public:
  // All of it must outlive the downloader.
  Downloader(HttpClient& client, const HubCache& cache, const ModelReference& model)
      : client_(client), cache_(cache), model_(model) {}

  // Files whose blobs are there are only linked. Errors: kResourceExhausted before anything is loaded when the disk has
  // too little room for all of them, and when it is full; kCorrupt for content that is not what the hub announced;
  // those of the cache and of the hub's answers.
  Status Fetch(const std::string& commit, std::span<const RepositoryFile* const> files);

 private:
  bool IsThere(const RepositoryFile& file) const;
  Status CheckDiskSpace(std::span<const RepositoryFile* const> files) const;
  Status FetchBlob(const std::string& commit, const RepositoryFile& file);
  // Until the last byte, over as many requests as it takes.
  Status Receive(const std::string& commit, const RepositoryFile& file, PartialBlob& partial);
  // With one request. Returns its status: 200, the whole, or 206, a part.
  Attempt<int> ReceiveOnce(const std::string& url, const RepositoryFile& file, PartialBlob& partial);
  std::string NameOf(const RepositoryFile& file) const;

  HttpClient& client_;
  const HubCache& cache_;
  const ModelReference& model_;
};

}  // namespace tenfold::hub
