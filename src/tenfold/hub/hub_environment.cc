#include "tenfold/hub/hub_environment.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

#include "tenfold/base/trimmed.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/hub/url.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultEndpoint = "https://huggingface.co";

class Reader {
 public:
  explicit Reader(const Variables& variables) : variables_(variables) {}

  // A variable that is set to nothing counts as not set.
  std::string Text(const char* name) const {
    const char* value = variables_(name);
    return value == nullptr ? std::string() : std::string(value);
  }

  bool Flag(const char* name) const {
    std::string value = Text(name);
    std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::toupper(c); });
    return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
  }

  // "~" at the beginning is the user's folder.
  fs::path Path(const char* name) const {
    const std::string value = Text(name);
    if (value == "~" || value.starts_with("~/"))
      return fs::path(Text("HOME")) / value.substr(std::min<size_t>(2, value.size()));
    return value;
  }

  // HF_HOME, or empty where nothing says where the user's files are.
  fs::path Home() const {
    if (fs::path home = Path("HF_HOME"); !home.empty()) return home;
    if (const fs::path cache = Path("XDG_CACHE_HOME"); !cache.empty()) return cache / "huggingface";
    const fs::path user = Text("HOME");
    return user.empty() ? fs::path() : user / ".cache" / "huggingface";
  }

 private:
  const Variables& variables_;
};

// The token itself never stands in a message.
Result<std::string> ReadToken(const Reader& reader, const fs::path& home) {
  std::string source = "HF_TOKEN";
  std::string token(Trimmed(reader.Text("HF_TOKEN")));
  if (token.empty()) {
    fs::path file = reader.Path("HF_TOKEN_PATH");
    if (file.empty() && !home.empty()) file = home / "token";
    if (file.empty()) return token;
    const auto text = platform::ReadTextFile(file, /*limit_bytes=*/64 << 10);
    if (!text && text.error().code == ErrorCode::kNotFound) return token;
    if (!text) return tl::unexpected<Error>(text.error());
    source = file.string();
    token = Trimmed(*text);
  }
  if (!std::ranges::all_of(token, [](unsigned char c) { return c > ' ' && c <= '~'; })) {
    return MakeError(ErrorCode::kInvalidArgument, "{} holds something else than one token of the hub", source);
  }
  return token;
}

Result<std::string> ReadEndpoint(const Reader& reader) {
  std::string endpoint(Trimmed(reader.Text("HF_ENDPOINT")));
  if (endpoint.empty()) endpoint = kDefaultEndpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (auto origin = OriginOf(endpoint); !origin) {
    return MakeError(ErrorCode::kInvalidArgument, "HF_ENDPOINT: {}", origin.error().message);
  }
  return endpoint;
}

Result<int> ReadSeconds(const Reader& reader, const char* name, int otherwise) {
  const std::string text = reader.Text(name);
  if (text.empty()) return otherwise;
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 1 || seconds > 86400) {
    return MakeError(ErrorCode::kInvalidArgument, "{} is {}; it must be a number of seconds from 1 to 86400", name,
                     formats::Quoted(text));
  }
  return seconds;
}

}  // namespace

Result<HubEnvironment> ReadHubEnvironment(const Variables& variables) {
  const Reader reader(variables);
  const fs::path home = reader.Home();
  HubEnvironment environment;
  environment.cache_folder = reader.Path("HF_HUB_CACHE");
  if (environment.cache_folder.empty()) {
    if (home.empty()) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "neither HOME nor HF_HUB_CACHE is set: say with HF_HUB_CACHE where models are to be kept");
    }
    environment.cache_folder = home / "hub";
  }
  ASSIGN_OR_RETURN(environment.endpoint, ReadEndpoint(reader));
  ASSIGN_OR_RETURN(environment.token, ReadToken(reader, home));
  environment.is_offline = reader.Flag("HF_HUB_OFFLINE");
  ASSIGN_OR_RETURN(environment.stall_timeout_s,
                   ReadSeconds(reader, "HF_HUB_DOWNLOAD_TIMEOUT", environment.stall_timeout_s));
  environment.certificate_file = reader.Path("SSL_CERT_FILE").string();
  return environment;
}

}  // namespace tenfold::hub
