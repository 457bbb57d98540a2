#include "tenfold/server/generations.h"

#include <ctime>
#include <utility>

namespace tenfold::server {

void Generations::Start(const GenerationRequest& request, std::vector<std::vector<TokenId>> prompts,
                        const ChatAnswerFormat& chat_format, std::shared_ptr<ResponseWriter> writer) {
  AnswerHead head{.endpoint = request.endpoint,
                  .id = AnswerId(request.endpoint, request.request_id),
                  .created = std::time(nullptr),
                  .model = request.model,
                  .has_logprobs = request.has_logprobs,
                  .num_logprobs = request.sampling.num_logprobs.value_or(0),
                  .echo = request.echo,
                  .num_prompt_logprobs = request.num_prompt_logprobs,
                  .return_token_ids = request.return_token_ids,
                  .include_usage = request.include_usage};
  std::vector<PromptPiece> pieces;
  for (size_t i = 0; i < prompts.size(); ++i) {
    PromptPiece& piece = pieces.emplace_back(PromptPiece{.tokens = prompts[i]});
    if (!request.echo) continue;
    const bool was_text = std::holds_alternative<std::string>(request.prompts[i]);
    EchoPrompt(engine_.tokenizer(), was_text, request.sampling.skip_special_tokens, piece);
  }
  const auto generation =
      std::make_shared<Generation>(next_id_, std::move(head), request.stream, request.sampling.n, request.num_returned,
                                   std::move(pieces), chat_format, std::move(writer), Clock::now());
  generation->writer().OnClose([this, weak = std::weak_ptr(generation)] {
    if (const auto closed = weak.lock()) Cancel(*closed);
  });
  int64_t num_prompt_tokens = 0;
  for (std::vector<TokenId>& prompt : prompts) {
    num_prompt_tokens += static_cast<int64_t>(prompt.size());
    const Status submitted = engine_.Submit({.id = next_id_,
                                             .prompt = std::move(prompt),
                                             .sampling = request.sampling,
                                             .priority = request.priority,
                                             .cache_salt = request.cache_salt});
    if (!submitted) {
      Cancel(*generation);
      ApiError error = FromError(submitted.error());
      if (error.status == 429) {
        error.retry_after_s = monitor_.RetryAfterSeconds();
        metrics_.CountRejected();
      }
      return generation->writer().Send(ErrorResponse(error));
    }
    by_request_[next_id_++] = generation;
  }
  generation->writer().notes = {.id = generation->answer_id(), .num_prompt_tokens = num_prompt_tokens};
  if (const double timeout_s = request.timeout_s.value_or(default_timeout_s_); timeout_s > 0) {
    const auto timeout = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_s));
    generation->set_deadline(generation->arrived_at() + timeout);
    deadlines_[{generation->deadline(), generation->first_id()}] = timeout_s;
  }
  generation->Begin();
}

void Generations::Expire(Clock::time_point now) {
  while (!deadlines_.empty() && deadlines_.begin()->first.first <= now) {
    const auto& [when_and_who, timeout_s] = *deadlines_.begin();
    const std::shared_ptr<Generation> generation = by_request_.at(when_and_who.second);
    generation->Expire(timeout_s);
    metrics_.CountTimedOut();
    Cancel(*generation);
  }
}

const Generation* Generations::Find(engine::RequestId id) const {
  const auto found = by_request_.find(id);
  return found == by_request_.end() ? nullptr : found->second.get();
}

void Generations::OnEvents(engine::EventBatch batch, Clock::time_point now) {
  for (engine::OutputEvent& event : batch) {
    const auto found = by_request_.find(event.request);
    if (found == by_request_.end()) continue;
    const std::shared_ptr<Generation> generation = found->second;
    generation->writer().notes.num_completion_tokens += static_cast<int64_t>(event.tokens.size());
    const Generation::Progress progress = generation->OnEvent(std::move(event), now, engine_.tokenizer(), metrics_);
    if (progress == Generation::Progress::kFailed) Cancel(*generation);
    if (progress == Generation::Progress::kFinished) Forget(*generation);
  }
}

void Generations::Cancel(const Generation& generation) {
  for (const engine::RequestId id : Forget(generation)) engine_.Cancel(id);
}

std::vector<engine::RequestId> Generations::Forget(const Generation& generation) {
  deadlines_.erase({generation.deadline(), generation.first_id()});
  std::vector<engine::RequestId> forgotten;
  for (size_t i = 0; i < generation.num_requests(); ++i) {
    const engine::RequestId id = generation.first_id() + i;
    if (by_request_.erase(id) > 0) forgotten.push_back(id);
  }
  return forgotten;
}

}  // namespace tenfold::server
