#include "tenfold/hub/reply_failure.h"

#include <string_view>

#include "tenfold/formats/quoted.h"

namespace tenfold::hub {
namespace {

bool IsTransient(int status) {
  return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

std::string TokenAdvice(const Question& question) {
  return question.has_token ? "use the token (HF_TOKEN) of an account that may read it"
                            : "set HF_TOKEN to the token of an account that may read it";
}

Error Gated(const Question& question) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("{}: its authors give it only to those who accept their terms: do so at {}/{}, then {}",
                      question.model.name(), question.endpoint, question.model.repository, TokenAdvice(question))};
}

Error NoRepository(const Question& question) {
  return {ErrorCode::kNotFound,
          fmt::format("{}: there is no such repository at {}, or it is private: check the name, or {}",
                      question.model.name(), question.endpoint, TokenAdvice(question))};
}

// In the hub's own words, where it has some.
std::string HubSays(const HttpReply& reply) {
  if (reply.error_message.empty()) return {};
  return fmt::format(" ({})", formats::Quoted(reply.error_message));
}

}  // namespace

Failure FailureOfReply(const HttpReply& reply, const Question& question) {
  const std::string what =
      question.file.empty() ? question.model.name() : question.model.name() + ": " + formats::Quoted(question.file);
  if (IsTransient(reply.status)) {
    const std::string_view why = reply.status == 429 ? "; it has had too many requests from here" : "";
    Failure failure(Error{ErrorCode::kUnavailable,
                          fmt::format("{}: {} answers {}{}{}", what, reply.url, reply.status, HubSays(reply), why)},
                    /*transient=*/true);
    failure.retry_after_s = reply.retry_after_s;
    if (reply.retry_after_s)
      failure.error.message += fmt::format("; it asks to come back in {} s", *reply.retry_after_s);
    return failure;
  }
  if (reply.is_from_endpoint) {
    if (reply.error_code == "GatedRepo") return Gated(question);
    if (reply.error_code == "RevisionNotFound") {
      Failure failure(
          Error{ErrorCode::kNotFound, fmt::format("{}: the repository has no revision {}", question.model.name(),
                                                  formats::Quoted(question.model.revision))});
      failure.is_absent_revision = true;
      return failure;
    }
    if (reply.error_code == "EntryNotFound") {
      return Error{ErrorCode::kNotFound, fmt::format("{}: the hub no longer has this file", what)};
    }
    // Whether a repository is private or absent is not told to those who may not see it.
    if (reply.status == 401 && question.has_token && reply.error_code != "RepoNotFound") {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("{}: the hub does not take the token{}: check HF_TOKEN, or the file that holds it", what,
                               HubSays(reply))};
    }
    if (reply.status == 401 || reply.status == 404) return NoRepository(question);
    if (reply.status == 403) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("{}: the hub denies access{}: {}", what, HubSays(reply), TokenAdvice(question))};
    }
  }
  return Error{ErrorCode::kIo, fmt::format("{}: {} answers {}{}", what, reply.url, reply.status, HubSays(reply))};
}

}  // namespace tenfold::hub
