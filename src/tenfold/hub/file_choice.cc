#include "tenfold/hub/file_choice.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/ranges.h>

#include "tenfold/formats/quoted.h"
#include "tenfold/hub/relative_path.h"

namespace tenfold::hub {
namespace {

constexpr std::string_view kGguf = ".gguf";
constexpr std::string_view kWeights = "model.safetensors";
constexpr std::string_view kConfig = "config.json";
constexpr std::string_view kTokenizer = "tokenizer.json";
// What is read beside the weights, where it is there.
constexpr std::array<std::string_view, 4> kBeside = {"tokenizer_config.json", "special_tokens_map.json",
                                                     "generation_config.json", "chat_template.jinja"};
// Taken from several GGUF files when nothing is said: small and good; then, nearly lossless.
constexpr std::array<std::string_view, 2> kPreferred = {"Q4_K_M", "Q8_0"};

using Paths = std::vector<std::string>;

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

bool IsLetter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}
bool IsDigit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

bool IsGguf(std::string_view path) {
  return LowerCase(path).ends_with(kGguf);
}

// "model-00001-of-00003.gguf"
bool IsPart(std::string_view path) {
  const std::string_view pattern = "-00000-of-00000";
  path.remove_suffix(kGguf.size());
  if (path.size() < pattern.size()) return false;
  path.remove_prefix(path.size() - pattern.size());
  return std::ranges::equal(path, pattern, [](char c, char p) { return p == '0' ? IsDigit(c) : c == p; });
}

bool IsModel(std::string_view path) {
  const std::string name = LowerCase(FileName(path));
  return name.ends_with(kGguf) && name.find("mmproj") == name.npos && name.find("imatrix") == name.npos;
}

// Types begin with a letter and hold a digit: Q4_K_M, IQ4_XS, BF16, UD-Q4_K_XL.
bool CanBeType(std::string_view selector) {
  return IsLetter(selector.front()) && std::ranges::any_of(selector, IsDigit);
}

// '_' ends no token: it joins the parts of a type. Before one it may stand, as in "tinyllama_q8_0".
bool HasToken(std::string_view path, std::string_view type) {
  const std::string name = LowerCase(FileName(path));
  const std::string token = LowerCase(type);
  for (size_t at = name.find(token); at != name.npos; at = name.find(token, at + 1)) {
    const size_t end = at + token.size();
    const bool begins = at == 0 || (!IsLetter(name[at - 1]) && !IsDigit(name[at - 1]));
    const bool ends = end == name.size() || (!IsLetter(name[end]) && !IsDigit(name[end]) && name[end] != '_');
    if (begins && ends) return true;
  }
  return false;
}

std::string Listed(const Paths& paths) {
  constexpr size_t kMost = 20;
  if (paths.size() <= kMost) return fmt::format("{}", fmt::join(paths, ", "));
  return fmt::format("{} and {} more", fmt::join(paths.begin(), paths.begin() + kMost, ", "), paths.size() - kMost);
}

template <class Condition>
Paths Filtered(const Paths& paths, Condition condition) {
  Paths chosen;
  std::ranges::copy_if(paths, std::back_inserter(chosen), condition);
  return chosen;
}

Result<FileChoice> OneGguf(const std::string& path, std::string_view where) {
  if (IsPart(path)) {
    return MakeError(ErrorCode::kUnsupported,
                     "{}: {} is one part of a model in several files, which are not loaded: choose another file, or "
                     "download them and merge them (gguf-split --merge FIRST_PART OUTPUT)",
                     where, formats::Quoted(path));
  }
  return FileChoice{.is_gguf = true, .files = {path}};
}

Result<FileChoice> ByFileName(const Paths& paths, std::string_view name, std::string_view where) {
  if (std::ranges::find(paths, name) != paths.end()) return OneGguf(std::string(name), where);
  const Paths ggufs = Filtered(paths, IsModel);
  if (ggufs.empty()) {
    return MakeError(ErrorCode::kNotFound, "{}: has no file {}, nor any other GGUF file", where, formats::Quoted(name));
  }
  return MakeError(ErrorCode::kNotFound, "{}: has no file {}; its GGUF files: {}", where, formats::Quoted(name),
                   Listed(ggufs));
}

Result<FileChoice> ByType(const Paths& ggufs, std::string_view type, std::string_view where) {
  if (ggufs.empty()) {
    return MakeError(ErrorCode::kNotFound, "{}: has no GGUF file, so none of type {}", where, formats::Quoted(type));
  }
  const auto has_type = [&](const std::string& path) { return CanBeType(type) && HasToken(path, type); };
  const Paths found = Filtered(ggufs, has_type);
  const Paths whole = Filtered(found, [](const std::string& path) { return !IsPart(path); });
  if (found.empty()) {
    return MakeError(ErrorCode::kNotFound, "{}: no GGUF file has {} in its name; there are: {}", where,
                     formats::Quoted(type), Listed(ggufs));
  }
  if (whole.size() > 1) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{}: several files have {} in their names; choose one by its name: {}", where,
                     formats::Quoted(type), Listed(whole));
  }
  return OneGguf(whole.empty() ? found.front() : whole.front(), where);
}

Result<FileChoice> AnyGguf(const Paths& ggufs, std::string_view where) {
  if (ggufs.size() == 1) return OneGguf(ggufs.front(), where);
  for (const std::string_view type : kPreferred) {
    const auto is_candidate = [&](const std::string& path) { return !IsPart(path) && HasToken(path, type); };
    const Paths found = Filtered(ggufs, is_candidate);
    if (found.size() == 1) return OneGguf(found.front(), where);
  }
  return MakeError(ErrorCode::kInvalidArgument, "{}: has several GGUF files; choose one by adding :NAME: {}", where,
                   Listed(ggufs));
}

// Empty where the repository has no such weights.
FileChoice Safetensors(const Paths& paths) {
  const auto has = [&](std::string_view path) { return std::ranges::find(paths, path) != paths.end(); };
  FileChoice choice;
  const bool is_single = has(kWeights);  // which is loaded where an index stands beside it, too
  if (!has(kConfig) || (!is_single && !has(kSafetensorsIndex))) return choice;
  choice.files = {std::string(kConfig)};
  if (has(kTokenizer)) choice.files.emplace_back(kTokenizer);
  for (const std::string_view path : kBeside) {
    if (has(path)) choice.files.emplace_back(path);
  }
  choice.files.emplace_back(is_single ? kWeights : kSafetensorsIndex);
  choice.has_shards = !is_single;
  return choice;
}

}  // namespace

Result<FileChoice> ChooseFiles(const Paths& paths, std::string_view selector, std::string_view where) {
  if (IsGguf(selector)) return ByFileName(paths, selector, where);
  const Paths ggufs = Filtered(paths, IsModel);
  if (!selector.empty()) return ByType(ggufs, selector, where);
  FileChoice choice = Safetensors(paths);
  if (!choice.files.empty()) {
    if (std::ranges::find(choice.files, kTokenizer) != choice.files.end()) return choice;
    if (ggufs.empty()) {
      return MakeError(ErrorCode::kUnsupported,
                       "{}: has weights in safetensors but no tokenizer.json, which must stand beside them", where);
    }
  }
  if (!ggufs.empty()) return AnyGguf(ggufs, where);
  return MakeError(ErrorCode::kNotFound,
                   "{}: holds no model that can be loaded: neither config.json with model.safetensors (or {}) nor a "
                   "GGUF file; it has: {}",
                   where, kSafetensorsIndex, paths.empty() ? "nothing" : Listed(paths));
}

}  // namespace tenfold::hub
