// ModelReference: a model on the hub, as one names it on the command line: hf:org/repo[@revision][:selector].
//
// What has been parsed can be part of an address and of a path: no part of it leads out of a folder.
#pragma once

#include <string>
#include <string_view>

#include "tenfold/base/result.h"

namespace tenfold::hub {

struct ModelReference {
  std::string repository;         // "org/repo"
  std::string revision = "main";  // a branch, a tag or a commit
  std::string selector;           // a file's name, a type such as Q4_K_M, or empty

  // "hf:org/repo", with the revision unless it is main: how messages name the model.
  std::string name() const;
};

// Whether `model` means the hub, not a path.
bool IsModelReference(std::string_view model);

// Errors: kInvalidArgument, saying how a reference is written.
Result<ModelReference> ParseModelReference(std::string_view text);

// 40 hexadecimal digits: a commit, which never changes, not a branch or a tag.
bool IsCommit(std::string_view revision);

}  // namespace tenfold::hub
