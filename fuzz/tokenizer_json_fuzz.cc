// Whatever the bytes, tokenizer.json gives a tokenizer that encodes any text and decodes what it encoded, or an error.
//
// The file and the text that is encoded are the two halves of the input, separated by its last zero byte.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "tenfold/base/check.h"
#include "tenfold/tokenizer/detokenizer.h"
#include "tenfold/tokenizer/tokenizer.h"
#include "tenfold/tokenizer/tokenizer_json.h"
#include "tenfold/tokenizer/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tenfold;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(input.rfind('\0'), input.size());
  const std::string_view text = zero < size ? input.substr(zero + 1) : "Hello, <s>we're 12 ▁é我";

  auto vocabulary = tokenizer::ParseTokenizerJson(input.substr(0, zero), "", "fuzz");
  if (!vocabulary) {
    CHECK(!vocabulary.error().message.empty());
    return 0;
  }
  const auto made = tokenizer::Tokenizer::Create(std::move(*vocabulary));
  if (!made) {
    CHECK(!made.error().message.empty());
    return 0;
  }
  for (const bool parse_special : {false, true}) {
    const auto ids = made->Encode(text, {.add_special = true, .parse_special = parse_special});
    const std::string decoded = made->Decode(ids);
    CHECK(tokenizer::IsValidUtf8(decoded));
    tokenizer::StreamingDetokenizer streaming(*made, {});
    std::string streamed;
    for (const TokenId id : ids) streamed += streaming.Append(id);
    CHECK_EQ(streamed + streaming.Flush(), decoded);
  }
  return 0;
}
