// HubEnvironment: what the environment says about the hub, under the names that huggingface_hub has for it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "tenfold/base/result.h"

namespace tenfold::hub {

struct HubEnvironment {
  std::filesystem::path cache_folder;  // HF_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, or below ~/.cache
  std::string endpoint;                // HF_ENDPOINT, without a slash at its end
  std::string token;                   // HF_TOKEN, or the file HF_TOKEN_PATH or HF_HOME/token; empty: none. A secret
  bool is_offline = false;             // HF_HUB_OFFLINE
  int stall_timeout_s = 30;            // HF_HUB_DOWNLOAD_TIMEOUT: a transfer that stands still for so long has failed
  std::string certificate_file;        // SSL_CERT_FILE: trusted authorities; empty: the system's
};

// The value of a variable, or null: std::getenv.
using Variables = std::function<const char*(const char*)>;

// Errors: kInvalidArgument, naming the variable; kIo for a token file that cannot be read.
Result<HubEnvironment> ReadHubEnvironment(const Variables& variables);

}  // namespace tenfold::hub
