// StreamingDetokenizer: text from token ids, one at a time, never half a character.
//
// Bytes of a character that later tokens may complete are held back; what can no longer become a character is U+FFFD
// (utf8.h). All that it emits, joined, is what Tokenizer::Decode gives for all the ids at once.
//
// One for each text; not thread-safe. The tokenizer outlives it. Append costs the length of the token's text.
#pragma once

#include <string>

#include "tenfold/base/token_id.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::tokenizer {

class StreamingDetokenizer {
 public:
  // For the completion of a prompt pass begins_text = false, or its first word loses the space before it.
  StreamingDetokenizer(const Tokenizer& tokenizer, const DecodeOptions& options);

  // The text that became certain with this token; often empty.
  std::string Append(TokenId id);
  // Ends the text: what was held back, as U+FFFD.
  std::string Flush();

 private:
  const Tokenizer* tokenizer_;
  DecodeOptions options_;
  bool takes_space_;     // from the next byte, if it is one
  std::string pending_;  // the 0 to 3 bytes of a character that is not complete
};

}  // namespace tenfold::tokenizer
