// The hub's questions and answers: which commit a revision is, and what that commit holds.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/hub/failure.h"
#include "tenfold/hub/http_client.h"
#include "tenfold/hub/model_reference.h"
#include "tenfold/hub/repository.h"

namespace tenfold::hub {

// Asks for the commit of the revision, then for its files, page by page. Transient failures are tried again; one that
// comes back stayed. Errors: kNotFound, kInvalidArgument (access), kUnavailable, kIo, kCorrupt.
Attempt<Repository> ListRepository(HttpClient& client, const ModelReference& model);

// The address of a file.
std::string FileUrl(const std::string& endpoint, const std::string& repository, const std::string& commit,
                    const std::string& path);

// The parts of it that read what a server wrote; `what` names the source in errors, all kCorrupt.

// {"sha": COMMIT, ...}
Result<std::string> ParseCommit(std::string_view text, std::string_view what);
// A page of the tree, [{"type": "file", "path": ..., "size": ..., "oid": ..., "lfs": {...}}, ...], is added to `files`.
// A path that would lead out of a folder is an error, and so is a hash that is none.
Status ParseTreePage(std::string_view text, std::string_view what, std::vector<RepositoryFile>& files);
// The query of the address that a Link header gives as the next page, with its "?".
std::optional<std::string> NextPageQuery(std::string_view link);

}  // namespace tenfold::hub
