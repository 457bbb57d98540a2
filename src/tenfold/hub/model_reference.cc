#include "tenfold/hub/model_reference.h"

#include <algorithm>
#include <cctype>

#include "tenfold/formats/quoted.h"
#include "tenfold/hub/relative_path.h"

namespace tenfold::hub {
namespace {

constexpr std::string_view kPrefix = "hf:";

// The hub's rules for the names of owners and repositories. They never hold "--", which stands for the slash in names
// of cache folders.
bool IsNamePart(std::string_view part) {
  const auto is_allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
  const auto is_edge = [](char c) { return c == '-' || c == '.'; };
  return !part.empty() && part.size() <= 96 && std::ranges::all_of(part, is_allowed) && !is_edge(part.front()) &&
         !is_edge(part.back()) && part.find("--") == part.npos && part.find("..") == part.npos;
}

bool IsRepositoryName(std::string_view name) {
  const size_t slash = name.find('/');
  return slash != name.npos && IsNamePart(name.substr(0, slash)) && IsNamePart(name.substr(slash + 1));
}

}  // namespace

std::string ModelReference::name() const {
  std::string text = std::string(kPrefix) + repository;
  if (revision != "main") text += "@" + revision;
  return text;
}

bool IsModelReference(std::string_view model) {
  return model.starts_with(kPrefix);
}

Result<ModelReference> ParseModelReference(std::string_view text) {
  ModelReference reference;
  std::string_view rest = text.substr(IsModelReference(text) ? kPrefix.size() : 0);
  // Neither owners, repositories nor revisions hold a colon.
  const size_t colon = rest.find(':');
  bool is_valid = IsModelReference(text);
  if (colon != rest.npos) {
    reference.selector = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    is_valid &= IsSafeRelativePath(reference.selector);
  }
  const size_t at = rest.find('@');
  if (at != rest.npos) {
    reference.revision = rest.substr(at + 1);
    rest = rest.substr(0, at);
    is_valid &= IsSafeRelativePath(reference.revision);
  }
  reference.repository = rest;
  if (!is_valid || !IsRepositoryName(rest)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{} names no model on the hub: write hf:org/repo, hf:org/repo:Q4_K_M, hf:org/repo:file.gguf, or "
                     "hf:org/repo@revision",
                     formats::Quoted(text));
  }
  return reference;
}

bool IsCommit(std::string_view revision) {
  return revision.size() == 40 &&
         std::ranges::all_of(revision, [](unsigned char c) { return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f'); });
}

}  // namespace tenfold::hub
