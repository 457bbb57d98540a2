#include "tenfold/server/embedding_answer.h"

#include <cmath>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/base/json.h"
#include "tenfold/server/base64.h"

namespace tenfold::server {
namespace {

void Shorten(int64_t dimensions, std::vector<float>& embedding) {
  embedding.resize(static_cast<size_t>(dimensions));
  double square = 0;
  for (const float value : embedding) square += static_cast<double>(value) * static_cast<double>(value);
  if (square == 0) return;
  const double scale = 1 / std::sqrt(square);
  for (float& value : embedding) value = static_cast<float>(static_cast<double>(value) * scale);
}

json::value EmbeddingValue(const std::vector<float>& embedding, bool is_base64) {
  if (is_base64) return json::value(Base64(std::as_bytes(std::span(embedding))));
  return json::array(embedding.begin(), embedding.end());
}

}  // namespace

EmbeddingAnswer::EmbeddingAnswer(engine::RequestId first_id, size_t num_texts, EmbeddingFormat format,
                                 std::shared_ptr<ResponseWriter> writer, Clock::time_point now)
    : Answer(first_id, num_texts, format.id, std::move(writer), now),
      format_(std::move(format)),
      embeddings_(num_texts),
      num_missing_(num_texts) {}

Answer::Progress EmbeddingAnswer::OnEvent(engine::OutputEvent event, Clock::time_point now, const tokenizer::Tokenizer&,
                                          Metrics& metrics) {
  if (FailedWith(event)) return Progress::kFailed;
  std::vector<float>& embedding = embeddings_.at(event.request - first_id());
  CHECK(event.finish != engine::FinishReason::kNone && embedding.empty());
  embedding = std::move(event.embedding);
  if (format_.dimensions) Shorten(*format_.dimensions, embedding);
  num_prompt_tokens_ += event.num_prompt_tokens;
  num_cached_tokens_ += event.num_cached_tokens;
  metrics.Observe(Observation::kEndToEndLatency, std::chrono::duration<double>(now - arrived_at()).count());
  metrics.Observe(Observation::kPromptTokens, static_cast<double>(event.num_prompt_tokens));
  if (--num_missing_ > 0) return Progress::kOpen;
  Send();
  return Progress::kFinished;
}

void EmbeddingAnswer::Send() {
  json::array data;
  for (const std::vector<float>& embedding : embeddings_) {
    data.push_back(
        {{"object", "embedding"}, {"index", data.size()}, {"embedding", EmbeddingValue(embedding, format_.is_base64)}});
  }
  writer().Send(
      {.body = json::serialize(json::value{{"id", format_.id},
                                           {"object", "list"},
                                           {"created", format_.created},
                                           {"model", format_.model},
                                           {"data", std::move(data)},
                                           {"usage",
                                            {{"prompt_tokens", num_prompt_tokens_},
                                             {"total_tokens", num_prompt_tokens_},
                                             {"prompt_tokens_details", {{"cached_tokens", num_cached_tokens_}}}}}})});
}

}  // namespace tenfold::server
