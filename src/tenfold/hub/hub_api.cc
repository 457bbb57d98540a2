#include "tenfold/hub/hub_api.h"

#include <algorithm>
#include <cctype>

#include <fmt/ranges.h>

#include "tenfold/base/json.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/hub/relative_path.h"
#include "tenfold/hub/reply_failure.h"
#include "tenfold/hub/retry.h"
#include "tenfold/hub/url.h"

namespace tenfold::hub {
namespace {

constexpr size_t kMaxAnswerBytes = size_t{64} << 20;
constexpr int kMaxPages = 1000;

// An answer of the API with its body.
struct Answer {
  HttpReply head;
  std::string text;
};

Attempt<Answer> AskOnce(HttpClient& client, const std::string& url, const Question& question) {
  Answer answer;
  const auto begin = [](const HttpReply&) { return Status(); };
  const auto read = [&](std::span<const std::byte> bytes) -> Status {
    if (bytes.size() > kMaxAnswerBytes - answer.text.size()) {
      return MakeError(ErrorCode::kResourceExhausted, "{}: answers with more than {} MiB", WithoutQuery(url),
                       kMaxAnswerBytes >> 20);
    }
    answer.text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
  auto head = client.Get(url, /*offset=*/0, {.begin = begin, .read = read});
  if (!head) return tl::unexpected(Prefixed(std::move(head.error()), question.model.name()));
  if (head->status != 200) return tl::unexpected(FailureOfReply(*head, question));
  answer.head = *std::move(head);
  return answer;
}

Attempt<Answer> Ask(HttpClient& client, const std::string& url, const Question& question) {
  for (int num_failed = 1;; ++num_failed) {
    auto answer = AskOnce(client, url, question);
    if (answer || !WaitToRetry(answer.error(), num_failed, kMaxQuestionAttempts)) return answer;
  }
}

bool IsHash(std::string_view text, HashKind kind) {
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f'); };
  return text.size() == (kind == HashKind::kSha256 ? 64 : 40) && std::ranges::all_of(text, is_digit);
}

// A member that must be there.
template <class T>
Result<T> Needed(Result<std::optional<T>> value, std::string_view key, std::string_view what) {
  if (!value) return MakeError(ErrorCode::kCorrupt, "{}", value.error().message);
  if (!*value) return MakeError(ErrorCode::kCorrupt, "{}: an entry lacks {}", what, formats::Quoted(key));
  return **std::move(value);
}

Result<RepositoryFile> ParseEntry(const json::object& entry, std::string_view what) {
  RepositoryFile file;
  ASSIGN_OR_RETURN(file.path, Needed(GetString(entry, "path", what), "path", what));
  if (!IsSafeRelativePath(file.path)) {
    return MakeError(ErrorCode::kCorrupt, "{}: lists {}, which is no path inside a repository; nothing was downloaded",
                     what, formats::Quoted(file.path));
  }
  const json::value* lfs = entry.if_contains("lfs");
  const bool is_lfs = lfs != nullptr && lfs->is_object();
  const json::object& content = is_lfs ? lfs->get_object() : entry;  // the entry's own hash is then a pointer's
  file.hash_kind = is_lfs ? HashKind::kSha256 : HashKind::kGitSha1;
  ASSIGN_OR_RETURN(file.hash, Needed(GetString(content, "oid", what), "oid", what));
  if (!IsHash(file.hash, file.hash_kind)) {
    return MakeError(ErrorCode::kCorrupt, "{}: {} is no hash of {}", what, formats::Quoted(file.hash),
                     formats::Quoted(file.path));
  }
  ASSIGN_OR_RETURN(const int64_t size, Needed(GetInt(content, "size", what), "size", what));
  if (size < 0) return MakeError(ErrorCode::kCorrupt, "{}: {} has {} bytes", what, formats::Quoted(file.path), size);
  file.size_bytes = static_cast<uint64_t>(size);
  return file;
}

Result<json::value> ParseAnswer(std::string_view text, std::string_view what) {
  auto document = ParseJson(text, what);
  if (!document) return MakeError(ErrorCode::kCorrupt, "{}", document.error().message);
  return document;
}

// Branches and tags, for a message; as many as are easily read, none where the hub does not say.
std::string RevisionNames(HttpClient& client, const std::string& api, const Question& question) {
  constexpr size_t kMost = 20;
  const auto answer = AskOnce(client, api + "/refs", question);
  const auto document = answer ? ParseAnswer(answer->text, api) : Result<json::value>(json::object());
  std::vector<std::string> names;
  for (const char* kind : {"branches", "tags"}) {
    const json::value* list = document && document->is_object() ? document->get_object().if_contains(kind) : nullptr;
    if (list == nullptr || !list->is_array()) continue;
    for (const json::value& entry : list->get_array()) {
      const json::value* name = entry.is_object() ? entry.get_object().if_contains("name") : nullptr;
      if (name != nullptr && name->is_string() && names.size() < kMost) {
        names.push_back(formats::Quoted(name->get_string()));
      }
    }
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

Result<std::string> ParseCommit(std::string_view text, std::string_view what) {
  ASSIGN_OR_RETURN(const json::value document, ParseAnswer(text, what));
  if (!document.is_object()) return MakeError(ErrorCode::kCorrupt, "{}: must be a JSON object", what);
  ASSIGN_OR_RETURN(std::string commit, Needed(GetString(document.get_object(), "sha", what), "sha", what));
  if (!IsCommit(commit)) {
    return MakeError(ErrorCode::kCorrupt, "{}: {} is no commit", what, formats::Quoted(commit));
  }
  return commit;
}

Status ParseTreePage(std::string_view text, std::string_view what, std::vector<RepositoryFile>& files) {
  ASSIGN_OR_RETURN(const json::value document, ParseAnswer(text, what));
  if (!document.is_array()) return MakeError(ErrorCode::kCorrupt, "{}: must be a JSON array", what);
  for (const json::value& value : document.get_array()) {
    if (!value.is_object()) return MakeError(ErrorCode::kCorrupt, "{}: its entries must be JSON objects", what);
    const json::object& entry = value.get_object();
    ASSIGN_OR_RETURN(const std::string type, Needed(GetString(entry, "type", what), "type", what));
    if (type != "file") continue;  // folders are part of their files' paths
    ASSIGN_OR_RETURN(files.emplace_back(), ParseEntry(entry, what));
  }
  return {};
}

std::optional<std::string> NextPageQuery(std::string_view link) {
  while (true) {  // <ADDRESS>; rel="next", <ADDRESS>; ...
    const size_t begin = link.find('<');
    const size_t end = link.find('>', begin == link.npos ? 0 : begin);
    if (begin == link.npos || end == link.npos) return std::nullopt;
    const std::string_view address = link.substr(begin + 1, end - begin - 1);
    link.remove_prefix(end + 1);
    const std::string_view parameters = link.substr(0, link.find('<'));
    if (parameters.find("rel=\"next\"") == parameters.npos && parameters.find("rel=next") == parameters.npos) continue;
    const size_t query = address.find('?');
    if (query == address.npos) return std::nullopt;
    return std::string(address.substr(query, address.find('#') - query));
  }
}

std::string FileUrl(const std::string& endpoint, const std::string& repository, const std::string& commit,
                    const std::string& path) {
  return fmt::format("{}/{}/resolve/{}/{}", endpoint, repository, commit, Escaped(path, "/"));
}

Attempt<Repository> ListRepository(HttpClient& client, const ModelReference& model) {
  const Question question{.model = model, .file = {}, .endpoint = client.endpoint(), .has_token = client.has_token()};
  const std::string api = fmt::format("{}/api/models/{}", client.endpoint(), model.repository);
  const std::string revision_url = fmt::format("{}/revision/{}", api, Escaped(model.revision, ""));
  auto revision = Ask(client, revision_url, question);
  if (!revision) {
    Failure& failure = revision.error();
    if (failure.is_absent_revision) {
      const std::string names = RevisionNames(client, api, question);
      if (!names.empty()) failure.error.message += "; it has " + names;
    }
    return tl::unexpected(std::move(failure));
  }
  Repository repository;
  ASSIGN_OR_RETURN(repository.commit, ParseCommit(revision->text, revision_url));

  // Pages lie at one address and differ in the query: what the hub calls the next page never leads elsewhere.
  const std::string tree_url = fmt::format("{}/tree/{}", api, repository.commit);
  std::optional<std::string> query = "?recursive=true";
  for (int page = 0; query; ++page) {
    if (page == kMaxPages) {
      return tl::unexpected<Error>(
          Error{ErrorCode::kCorrupt, fmt::format("{}: has more than {} pages", tree_url, kMaxPages)});
    }
    auto tree = Ask(client, tree_url + *query, question);
    if (!tree) return tl::unexpected(std::move(tree.error()));
    RETURN_IF_ERROR(ParseTreePage(tree->text, tree_url, repository.files));
    query = NextPageQuery(tree->head.link);
  }
  return repository;
}

}  // namespace tenfold::hub
