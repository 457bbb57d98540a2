#include "tenfold/hub/reply_failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tenfold::hub {
namespace {

TEST(ReplyFailure, SaysWhatToDo) {
  const ModelReference model{.repository = "org/repo", .revision = "v2", .selector = ""};
  struct Case {
    int status;
    std::string_view code;
    bool is_from_endpoint = true;
    bool has_token = false;
    bool is_transient = false;
    ErrorCode error;
    std::string_view says;
  };
  const Case cases[] = {
      {.status = 401, .code = "RepoNotFound", .error = ErrorCode::kNotFound, .says = "check the name, or set HF_TOKEN"},
      {.status = 401,
       .code = "GatedRepo",
       .error = ErrorCode::kInvalidArgument,
       .says = "https://hub/org/repo, then set HF_TOKEN"},
      {.status = 403,
       .code = "GatedRepo",
       .has_token = true,
       .error = ErrorCode::kInvalidArgument,
       .says = "accept their terms"},
      {.status = 403, .code = "", .has_token = true, .error = ErrorCode::kInvalidArgument, .says = "denies access"},
      {.status = 401,
       .code = "",
       .has_token = true,
       .error = ErrorCode::kInvalidArgument,
       .says = "does not take the token"},
      {.status = 401,
       .code = "RepoNotFound",
       .has_token = true,
       .error = ErrorCode::kNotFound,
       .says = "use the token (HF_TOKEN)"},
      {.status = 404, .code = "RevisionNotFound", .error = ErrorCode::kNotFound, .says = "no revision \"v2\""},
      {.status = 404, .code = "EntryNotFound", .error = ErrorCode::kNotFound, .says = "no longer has this file"},
      {.status = 404, .code = "", .error = ErrorCode::kNotFound, .says = "no such repository"},
      {.status = 403,
       .code = "",
       .is_from_endpoint = false,
       .error = ErrorCode::kIo,
       .says = "https://hub/x answers 403"},
      {.status = 404, .code = "", .is_from_endpoint = false, .error = ErrorCode::kIo, .says = "answers 404"},
      {.status = 503, .code = "", .is_transient = true, .error = ErrorCode::kUnavailable, .says = "answers 503"},
      {.status = 500,
       .code = "",
       .is_from_endpoint = false,
       .is_transient = true,
       .error = ErrorCode::kUnavailable,
       .says = "answers 500"},
      {.status = 429, .code = "", .is_transient = true, .error = ErrorCode::kUnavailable, .says = "too many requests"},
      {.status = 408, .code = "", .is_transient = true, .error = ErrorCode::kUnavailable, .says = "answers 408"},
      {.status = 301, .code = "", .error = ErrorCode::kIo, .says = "answers 301"},
  };
  for (const Case& expected : cases) {
    HttpReply reply;
    reply.status = expected.status;
    reply.url = "https://hub/x";
    reply.is_from_endpoint = expected.is_from_endpoint;
    reply.error_code = expected.code;
    reply.error_message = "\x1b[31mtext of the server";
    const Failure failure = FailureOfReply(
        reply, {.model = model, .file = "a.gguf", .endpoint = "https://hub", .has_token = expected.has_token});
    EXPECT_EQ(failure.is_transient, expected.is_transient) << expected.says;
    EXPECT_EQ(failure.error.code, expected.error) << failure.error.message;
    EXPECT_THAT(failure.error.message,
                testing::AllOf(testing::StartsWith("hf:org/repo@v2: "), testing::HasSubstr(std::string(expected.says)),
                               testing::Not(testing::HasSubstr("\x1b"))));
  }
}

TEST(ReplyFailure, KnowsWhenTheHubWantsToBeAskedAgain) {
  const ModelReference model{.repository = "org/repo", .revision = "main", .selector = ""};
  HttpReply reply;
  reply.status = 429;
  reply.retry_after_s = 9;
  const Failure failure = FailureOfReply(reply, {.model = model, .file = "", .endpoint = "https://hub"});
  EXPECT_EQ(failure.retry_after_s, 9);
  EXPECT_THAT(failure.error.message, testing::HasSubstr("9 s"));
}

}  // namespace
}  // namespace tenfold::hub
