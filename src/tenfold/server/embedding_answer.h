// EmbeddingAnswer: collects the embeddings of a body's texts and answers when all are there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tenfold/server/answer.h"

namespace tenfold::server {

// What an answer says beside the vectors, and how it writes them.
struct EmbeddingFormat {
  std::string id;  // "embd-..."
  std::string model;
  int64_t created = 0;  // seconds since 1970
  bool is_base64 = false;
  std::optional<int64_t> dimensions = {};  // the first ones alone, brought back to length 1
};

class EmbeddingAnswer final : public Answer {
 public:
  EmbeddingAnswer(engine::RequestId first_id, size_t num_texts, EmbeddingFormat format,
                  std::shared_ptr<ResponseWriter> writer, Clock::time_point now);

  Progress OnEvent(engine::OutputEvent event, Clock::time_point now, const tokenizer::Tokenizer& tokenizer,
                   Metrics& metrics) override;

 private:
  void Send();

  const EmbeddingFormat format_;
  std::vector<std::vector<float>> embeddings_;  // of each text; empty until it is there
  size_t num_missing_;
  int64_t num_prompt_tokens_ = 0;
  int64_t num_cached_tokens_ = 0;
};

}  // namespace tenfold::server
