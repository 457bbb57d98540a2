#include "tenfold/server/api_error.h"

#include "tenfold/base/json.h"

namespace tenfold::server {
namespace {

std::string_view ErrorType(int status) {
  if (status == 401) return "authentication_error";
  if (status == 429) return "rate_limit_error";
  if (status == 503) return "service_unavailable_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

json::value StringOrNull(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

}  // namespace

ApiError FromError(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported:
      return {.status = 400, .message = error.message, .param = {}, .code = std::string(ErrorCodeName(error.code))};
    case ErrorCode::kResourceExhausted:
      return {.status = 429, .message = error.message, .param = {}, .code = "rate_limit_exceeded"};
    case ErrorCode::kUnavailable:
      return {.status = 503, .message = error.message, .param = {}, .code = "shutting_down"};
    case ErrorCode::kNotFound:
    case ErrorCode::kCorrupt:
    case ErrorCode::kIo:
      break;
  }
  return {.status = 500, .message = error.message, .param = {}, .code = std::string(ErrorCodeName(error.code))};
}

ApiError ShuttingDown() {
  return {503, "the server is shutting down", {}, "shutting_down"};
}

std::string ErrorJson(const ApiError& error) {
  return json::serialize(json::value{{"error",
                                      {{"message", error.message},
                                       {"type", ErrorType(error.status)},
                                       {"param", StringOrNull(error.param)},
                                       {"code", StringOrNull(error.code)}}}});
}

HttpResponse ErrorResponse(const ApiError& error) {
  HttpResponse response{.status = error.status, .body = ErrorJson(error)};
  if (error.status == 429 || error.status == 503)
    response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_s));
  if (error.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace tenfold::server
