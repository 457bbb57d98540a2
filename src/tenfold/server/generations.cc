#include "tenfold/server/generations.h"

#include <ctime>
#include <utility>

namespace tenfold::server {

void Generations::Start(const GenerationRequest& request, std::vector<std::vector<TokenId>> prompts,
                        std::shared_ptr<ResponseWriter> writer) {
  AnswerHead head{.endpoint = request.endpoint,
                  .id = NewAnswerId(request.endpoint),
                  .created = std::time(nullptr),
                  .model = request.model,
                  .has_logprobs = request.has_logprobs,
                  .return_token_ids = request.return_token_ids,
                  .include_usage = request.include_usage};
  const auto generation = std::make_shared<Generation>(next_id_, std::move(head), request.stream, request.sampling.n,
                                                       request.num_returned, prompts, std::move(writer), Clock::now());
  generation->writer().OnClose([this, weak = std::weak_ptr(generation)] {
    if (const auto closed = weak.lock()) Cancel(*closed);
  });
  for (std::vector<TokenId>& prompt : prompts) {
    const Status submitted = engine_.Submit(
        {.id = next_id_, .prompt = std::move(prompt), .sampling = request.sampling, .cache_salt = request.cache_salt});
    if (!submitted) {
      Cancel(*generation);
      return generation->writer().Send(ErrorResponse(FromError(submitted.error())));
    }
    by_request_[next_id_++] = generation;
  }
  generation->Begin();
}

void Generations::OnEvents(engine::EventBatch batch, Clock::time_point now) {
  for (engine::OutputEvent& event : batch) {
    const auto found = by_request_.find(event.request);
    if (found == by_request_.end()) continue;
    const std::shared_ptr<Generation> generation = found->second;
    const Generation::Progress progress = generation->OnEvent(std::move(event), now, engine_.tokenizer(), metrics_);
    if (progress == Generation::Progress::kFailed) Cancel(*generation);
    if (progress == Generation::Progress::kFinished) Forget(*generation);
  }
}

void Generations::Cancel(const Generation& generation) {
  for (const engine::RequestId id : Forget(generation)) engine_.Cancel(id);
}

std::vector<engine::RequestId> Generations::Forget(const Generation& generation) {
  std::vector<engine::RequestId> forgotten;
  for (size_t i = 0; i < generation.num_requests(); ++i) {
    const engine::RequestId id = generation.first_id() + i;
    if (by_request_.erase(id) > 0) forgotten.push_back(id);
  }
  return forgotten;
}

}  // namespace tenfold::server
