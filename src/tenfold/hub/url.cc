#include "tenfold/hub/url.h"

#include <cctype>
#include <iterator>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "tenfold/formats/quoted.h"

namespace tenfold::hub {
namespace {

using UrlHandle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string Part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, &curl_free);
  return text;
}

}  // namespace

Result<std::string> OriginOf(const std::string& url) {
  const UrlHandle parsed(curl_url(), &curl_url_cleanup);
  const bool is_url = parsed != nullptr && curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
  const std::string scheme = is_url ? Part(parsed.get(), CURLUPART_SCHEME) : std::string();
  const bool has_user =
      is_url && !(Part(parsed.get(), CURLUPART_USER) + Part(parsed.get(), CURLUPART_PASSWORD)).empty();
  if ((scheme != "https" && scheme != "http") || has_user) {
    return MakeError(ErrorCode::kInvalidArgument, "{} is no address such as https://host or https://host:port/path",
                     has_user ? "an address with a user's name" : formats::Quoted(WithoutQuery(url)));
  }
  std::string host = Part(parsed.get(), CURLUPART_HOST);
  for (char& c : host) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return fmt::format("{}://{}:{}", scheme, host, Part(parsed.get(), CURLUPART_PORT));
}

std::string_view WithoutQuery(std::string_view url) {
  return url.substr(0, url.find_first_of("?#"));
}

std::string Escaped(std::string_view text, std::string_view kept) {
  constexpr std::string_view kUnreserved = "-._~";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x80 && std::isalnum(byte) != 0) || kUnreserved.find(c) != kUnreserved.npos ||
        kept.find(c) != kept.npos) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", byte);
    }
  }
  return out;
}

}  // namespace tenfold::hub
