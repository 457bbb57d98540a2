// AnswerReader: what one streamed answer of an OpenAI-compatible server says, and when its parts came.
//
// A gap is the time between two chunks with text, however many tokens a chunk has; that is what a reader sees, and how
// vLLM's benchmark counts inter-token latency. Numbers of tokens are the server's own ("usage"), or chunks where it
// gives none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/base/token_id.h"
#include "tenfold/bench/sse_reader.h"

namespace tenfold::bench {

class AnswerReader {
 public:
  // Takes bytes of the body that came at `now_s`. Returns why the answer is no good, or nothing.
  std::string Feed(std::string_view bytes, double now_s);

  bool is_complete() const { return is_complete_; }
  bool has_text() const { return num_chunks_ > 0; }
  double first_text_s() const { return first_text_s_; }
  const std::vector<double>& gaps_s() const { return gaps_s_; }
  int64_t num_chunks() const { return num_chunks_; }
  int64_t num_output_tokens() const { return num_output_tokens_ < 0 ? num_chunks_ : num_output_tokens_; }
  int64_t num_prompt_tokens() const { return num_prompt_tokens_; }  // -1 when the server does not say
  int64_t num_cached_tokens() const { return num_cached_tokens_; }  // of the prompt; 0 when it does not say
  // Where the server gives them ("token_ids" of vLLM and tenfold).
  const std::vector<TokenId>& tokens() const { return tokens_; }

 private:
  std::string TakeEvent(const std::string& event, double now_s);
  void TakeUsage(const json::object& usage);
  void TakeChoice(const json::object& choice, double now_s);

  SseReader events_;
  bool is_complete_ = false;
  double first_text_s_ = 0;
  double last_text_s_ = 0;
  std::vector<double> gaps_s_;
  int64_t num_chunks_ = 0;
  int64_t num_prompt_tokens_ = -1;
  int64_t num_cached_tokens_ = 0;
  int64_t num_output_tokens_ = -1;
  std::vector<TokenId> tokens_;
};

}  // namespace tenfold::bench
