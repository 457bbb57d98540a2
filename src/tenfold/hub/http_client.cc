#include "tenfold/hub/http_client.h"

#include <array>
#include <charconv>
#include <exception>
#include <string_view>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/hub/url.h"

namespace tenfold::hub {
namespace {

constexpr int kMaxRedirects = 10;
constexpr long kConnectTimeoutS = 30;
// An answer that says why there is none has a short text; what goes on after this is not read.
constexpr size_t kMaxDroppedBytes = 1 << 20;

struct HeaderList {
  ~HeaderList() { curl_slist_free_all(list); }
  void Add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list, line.c_str());
    CHECK(longer != nullptr);
    list = longer;
  }
  curl_slist* list = nullptr;
};

std::string Header(CURL* handle, const char* name) {
  curl_header* header = nullptr;
  return curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : std::string();
}

// "bytes 100-199/200" begins at 100.
std::optional<uint64_t> RangeBegin(std::string_view content_range) {
  constexpr std::string_view kUnit = "bytes ";
  if (!content_range.starts_with(kUnit)) return std::nullopt;
  content_range.remove_prefix(kUnit.size());
  uint64_t begin = 0;
  const auto [end, error] = std::from_chars(content_range.data(), content_range.data() + content_range.size(), begin);
  return error == std::errc() ? std::optional(begin) : std::nullopt;
}

bool IsTransient(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

Failure FailureOf(CURLcode code, const std::string& url, const char* detail, int stall_timeout_s) {
  const std::string_view where = WithoutQuery(url);
  const std::string reason = *detail != '\0' ? detail : curl_easy_strerror(code);
  std::string message;
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
      message = fmt::format("{}: refused: only https is followed, and http where HF_ENDPOINT says so", where);
      break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      message = fmt::format(
          "{}: its certificate cannot be verified: {}; install the package ca-certificates, or name the file of your "
          "own authority with SSL_CERT_FILE",
          where, reason);
      break;
    case CURLE_OPERATION_TIMEDOUT:
      message = fmt::format("{}: nothing came for {} s ({})", where, stall_timeout_s, reason);
      break;
    default:
      message = fmt::format("{}: {}", where, reason);
  }
  return {Error{ErrorCode::kIo, std::move(message)}, IsTransient(code)};
}

}  // namespace

struct HttpClient::Transfer {
  HttpReply ReadHead() const {
    HttpReply reply;
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<int>(status);
    reply.url = url;
    reply.is_from_endpoint = is_endpoint;
    reply.link = Header(handle, "Link");
    reply.error_code = Header(handle, "X-Error-Code");
    reply.error_message = Header(handle, "X-Error-Message");
    reply.range_begin = RangeBegin(Header(handle, "Content-Range"));
    curl_off_t seconds = 0;
    if (curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0) {
      reply.retry_after_s = seconds;
    }
    return reply;
  }

  // Hands the head to the reader before anything else, if it is to see this answer at all.
  Status Begin() {
    if (std::exchange(has_begun, true)) return {};
    const HttpReply head = ReadHead();
    is_wanted = head.status == 200 || head.status == 206;
    return is_wanted ? reader->begin(head) : Status();
  }

  Status Take(std::span<const std::byte> bytes) {
    RETURN_IF_ERROR(Begin());
    if (is_wanted) return reader->read(bytes);
    num_dropped += bytes.size();
    return {};
  }

  CURL* handle;
  const BodyReader* reader;
  std::string url;  // without its query
  bool is_endpoint = false;
  HeaderList headers = {};
  std::array<char, CURL_ERROR_SIZE> detail = {};
  bool has_begun = false;
  bool is_wanted = false;
  size_t num_dropped = 0;
  std::optional<Error> refusal = std::nullopt;  // the reader's
};

Result<std::unique_ptr<HttpClient>> HttpClient::Create(HttpOptions options) {
  ASSIGN_OR_RETURN(std::string origin, OriginOf(options.endpoint));
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(options), std::move(origin)));
}

// libcurl counts these calls, so that each client has its own pair.
HttpClient::HttpClient(HttpOptions options, std::string origin)
    : options_(std::move(options)), origin_(std::move(origin)) {
  CHECK_EQ(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
  handle_.reset(curl_easy_init());
  CHECK(handle_ != nullptr);
}

HttpClient::~HttpClient() {
  handle_.reset();
  curl_global_cleanup();
}

Attempt<HttpReply> HttpClient::Get(const std::string& url, uint64_t offset, const BodyReader& reader) {
  std::string target = url;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    std::string redirect;
    auto reply = Exchange(target, offset, reader, redirect);
    if (!reply || redirect.empty()) return reply;
    if (!OriginOf(redirect)) {
      return tl::unexpected(
          Failure(Error{ErrorCode::kIo, fmt::format("{}: redirects to {}, which is not on the web", reply->url,
                                                    formats::Quoted(WithoutQuery(redirect)))}));
    }
    target = std::move(redirect);
  }
  return tl::unexpected(
      Failure(Error{ErrorCode::kIo, fmt::format("{}: more than {} redirects", WithoutQuery(url), kMaxRedirects)}));
}

Attempt<HttpReply> HttpClient::Exchange(const std::string& url, uint64_t offset, const BodyReader& reader,
                                        std::string& redirect) {
  Transfer transfer{.handle = handle_.get(), .reader = &reader, .url = std::string(WithoutQuery(url))};
  ASSIGN_OR_RETURN(const std::string origin, OriginOf(url));
  transfer.is_endpoint = origin == origin_;
  RETURN_IF_ERROR(SetOptions(transfer, url, offset));
  const CURLcode code = curl_easy_perform(handle_.get());
  if (transfer.refusal) return tl::unexpected(Failure(*std::move(transfer.refusal)));
  const bool is_cut_short = code == CURLE_WRITE_ERROR && transfer.num_dropped > kMaxDroppedBytes;
  if (code != CURLE_OK && !is_cut_short) {
    return tl::unexpected(FailureOf(code, url, transfer.detail.data(), options_.stall_timeout_s));
  }
  RETURN_IF_ERROR(transfer.Begin());  // a body of no bytes
  const char* location = nullptr;
  curl_easy_getinfo(handle_.get(), CURLINFO_REDIRECT_URL, &location);
  if (location != nullptr) redirect = location;
  return transfer.ReadHead();
}

Status HttpClient::SetOptions(Transfer& transfer, const std::string& url, uint64_t offset) {
  CURL* const handle = handle_.get();
  curl_easy_reset(handle);  // connections are kept
  bool ok = true;
  const auto set = [&](CURLoption option, auto value) { ok &= curl_easy_setopt(handle, option, value) == CURLE_OK; };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, origin_.starts_with("http:") ? "http,https" : "https");
  set(CURLOPT_USERAGENT, "tenfold");
  set(CURLOPT_ERRORBUFFER, transfer.detail.data());
  set(CURLOPT_WRITEFUNCTION, &HttpClient::Receive);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_CONNECTTIMEOUT, kConnectTimeoutS);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);  // bytes a second
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall_timeout_s));
  if (!options_.certificate_file.empty()) set(CURLOPT_CAINFO, options_.certificate_file.c_str());
  const std::string range = fmt::format("{}-", offset);
  if (offset > 0) set(CURLOPT_RANGE, range.c_str());
  transfer.headers.Add("Accept-Encoding: identity");  // sizes and hashes are those of the content itself
  if (transfer.is_endpoint && has_token()) transfer.headers.Add("Authorization: Bearer " + options_.token);
  set(CURLOPT_HTTPHEADER, transfer.headers.list);
  if (!ok) {
    return MakeError(ErrorCode::kUnsupported, "the libcurl that is installed, {}, lacks an option that is needed",
                     curl_version());
  }
  return {};
}

size_t HttpClient::Receive(char* data, size_t size, size_t count, void* context) {
  Transfer& transfer = *static_cast<Transfer*>(context);
  const size_t num_bytes = size * count;
  constexpr size_t kStop = 0;
  try {  // nothing may be thrown through libcurl
    Status taken = transfer.Take(std::as_bytes(std::span(data, num_bytes)));
    if (!taken) transfer.refusal = std::move(taken.error());
  } catch (const std::exception& exception) {
    transfer.refusal = Error{ErrorCode::kResourceExhausted, exception.what()};
  }
  if (transfer.refusal || transfer.num_dropped > kMaxDroppedBytes) return kStop;
  return num_bytes;
}

}  // namespace tenfold::hub
