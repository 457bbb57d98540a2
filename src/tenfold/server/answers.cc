#include "tenfold/server/answers.h"

#include <ctime>
#include <exception>
#include <utility>

#include "tenfold/base/logging.h"
#include "tenfold/server/embedding_answer.h"
#include "tenfold/server/generation.h"

namespace tenfold::server {

void Answers::Start(const GenerationRequest& request, std::vector<std::vector<TokenId>> prompts,
                    const ChatAnswerFormat& chat_format, std::shared_ptr<ResponseWriter> writer) {
  AnswerHead head{
      .endpoint = request.endpoint,
      .id = AnswerId(request.endpoint == Endpoint::kChat ? "chatcmpl" : "cmpl", request.request_id, RandomOfNext()),
      .created = std::time(nullptr),
      .model = request.model,
      .has_logprobs = request.has_logprobs,
      .num_logprobs = request.sampling.num_logprobs.value_or(0),
      .echo = request.echo,
      .num_prompt_logprobs = request.num_prompt_logprobs,
      .own_stop_string = request.own_stop_string,
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
  Submit(generation, std::move(prompts),
         {.prompt = {}, .sampling = request.sampling, .priority = request.priority, .cache_salt = request.cache_salt},
         request.timeout_s);
}

void Answers::StartEmbeddings(const EmbeddingRequest& request, std::vector<std::vector<TokenId>> prompts,
                              engine::Pooling pooling, std::shared_ptr<ResponseWriter> writer) {
  EmbeddingFormat format{.id = AnswerId("embd", request.request_id, RandomOfNext()),
                         .model = request.model,
                         .created = std::time(nullptr),
                         .is_base64 = request.is_base64,
                         .dimensions = request.dimensions};
  const auto answer =
      std::make_shared<EmbeddingAnswer>(next_id_, prompts.size(), std::move(format), std::move(writer), Clock::now());
  Submit(answer, std::move(prompts),
         {.prompt = {},
          .sampling = {},
          .pooling = pooling,
          .priority = request.priority,
          .cache_salt = request.cache_salt},
         request.timeout_s);
}

void Answers::Submit(const std::shared_ptr<Answer>& answer, std::vector<std::vector<TokenId>> prompts,
                     const engine::Request& prototype, std::optional<double> asked_timeout_s) {
  // Each prompt waits for a place of its own; so many never find one, however often they come back.
  const int64_t most = engine_.options().max_waiting_requests;
  if (static_cast<int64_t>(prompts.size()) > most) {
    const ApiError error{400,
                         fmt::format("{} prompts at once are more than may wait here: send at most {}, or start the "
                                     "server with a greater --max-waiting-requests",
                                     prompts.size(), most)};
    return answer->writer().Send(ErrorResponse(error));
  }
  answer->writer().OnClose([this, weak = std::weak_ptr(answer)] {
    if (const auto closed = weak.lock()) Cancel(*closed);
  });
  int64_t num_prompt_tokens = 0;
  for (std::vector<TokenId>& prompt : prompts) {
    num_prompt_tokens += static_cast<int64_t>(prompt.size());
    engine::Request request = prototype;
    request.id = next_id_;
    request.prompt = std::move(prompt);
    const Status submitted = engine_.Submit(std::move(request));
    if (!submitted) {
      Cancel(*answer);
      ApiError error = FromError(submitted.error());
      if (error.status == 429) {
        error.retry_after_s = monitor_.RetryAfterSeconds();
        metrics_.CountRejected();
      }
      return answer->writer().Send(ErrorResponse(error));
    }
    by_request_[next_id_++] = answer;
  }
  answer->writer().notes = {.id = answer->answer_id(), .num_prompt_tokens = num_prompt_tokens};
  if (const double timeout_s = asked_timeout_s.value_or(default_timeout_s_); timeout_s > 0) {
    const auto timeout = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_s));
    answer->set_deadline(answer->arrived_at() + timeout);
    deadlines_[{answer->deadline(), answer->first_id()}] = timeout_s;
  }
  answer->Begin();
}

void Answers::Expire(Clock::time_point now) {
  while (!deadlines_.empty() && deadlines_.begin()->first.first <= now) {
    const auto& [when_and_who, timeout_s] = *deadlines_.begin();
    const std::shared_ptr<Answer> answer = by_request_.at(when_and_who.second);
    answer->Expire(timeout_s);
    metrics_.CountTimedOut();
    Cancel(*answer);
  }
}

const Answer* Answers::Find(engine::RequestId id) const {
  const auto found = by_request_.find(id);
  return found == by_request_.end() ? nullptr : found->second.get();
}

void Answers::OnEvents(engine::EventBatch batch, Clock::time_point now) {
  for (engine::OutputEvent& event : batch) {
    const auto found = by_request_.find(event.request);
    if (found == by_request_.end()) continue;
    const std::shared_ptr<Answer> answer = found->second;
    answer->writer().notes.num_completion_tokens += static_cast<int64_t>(event.tokens.size());
    Answer::Progress progress = Answer::Progress::kFailed;
    try {
      progress = answer->OnEvent(std::move(event), now, engine_.tokenizer(), metrics_);
    } catch (const std::exception& exception) {  // out of memory: the others of this batch must not suffer
      LogError("{} cannot be answered: {}", answer->answer_id(), exception.what());
      answer->Abandon();
    }
    if (progress == Answer::Progress::kFailed) Cancel(*answer);
    if (progress == Answer::Progress::kFinished) Forget(*answer);
  }
}

void Answers::Cancel(const Answer& answer) {
  for (const engine::RequestId id : Forget(answer)) engine_.Cancel(id);
}

std::vector<engine::RequestId> Answers::Forget(const Answer& answer) {
  deadlines_.erase({answer.deadline(), answer.first_id()});
  std::vector<engine::RequestId> forgotten;
  for (size_t i = 0; i < answer.num_requests(); ++i) {
    const engine::RequestId id = answer.first_id() + i;
    if (by_request_.erase(id) > 0) forgotten.push_back(id);
  }
  return forgotten;
}

}  // namespace tenfold::server
