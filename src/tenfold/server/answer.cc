#include "tenfold/server/answer.h"

#include <utility>

namespace tenfold::server {

using engine::FinishReason;

Answer::Answer(engine::RequestId first_id, size_t num_requests, std::string id, std::shared_ptr<ResponseWriter> writer,
               Clock::time_point now)
    : first_id_(first_id),
      num_requests_(num_requests),
      id_(std::move(id)),
      writer_(std::move(writer)),
      arrived_at_(now) {}

void Answer::Expire(double timeout_s) {
  Fail({.status = 504,
        .message = fmt::format("the request took longer than its {} s (request_timeout)", timeout_s),
        .code = "request_timeout"});
}

void Answer::Abandon() {
  Fail({.status = 500, .message = "the answer could not be written: see the server's log", .code = "internal_error"});
}

bool Answer::FailedWith(const engine::OutputEvent& event) {
  if (event.finish == FinishReason::kCancelled) {
    Fail(ShuttingDown());  // the only one who cancels behind our back
    return true;
  }
  if (event.finish != FinishReason::kError) return false;
  ApiError error = FromError(event.error);
  // The request was admitted: what went wrong since is not the client's doing, unless it left no token to choose.
  if (error.status < 500 && event.error.code != ErrorCode::kInvalidArgument) error.status = 500;
  Fail(error);
  return true;
}

}  // namespace tenfold::server
