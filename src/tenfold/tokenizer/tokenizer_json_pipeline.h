// The steps around the model in tokenizer.json, read into a Vocabulary. Internal to tokenizer_json.cc.
//
//   normalizers      NFC, Prepend "▁", Replace " " by "▁", Sequence
//   pre-tokenizers   ByteLevel, Split, Digits, Punctuation, Metaspace, Sequence
//   post-processors  ByteLevel, TemplateProcessing with at most one token on each side, Sequence
//   decoders         ByteLevel, Metaspace, Replace "▁" by " ", ByteFallback, Fuse, Strip, Sequence
//
// A step's value may be null: no such step. Errors: kUnsupported, naming the step; kInvalidArgument.
#pragma once

#include "tenfold/base/json.h"
#include "tenfold/base/result.h"
#include "tenfold/tokenizer/vocabulary.h"

namespace tenfold::tokenizer {

Status ReadNormalizer(const json::value& step, Vocabulary& vocabulary);
// After ReadNormalizer: patterns see the text as normalized.
Status ReadPreTokenizer(const json::value& step, Vocabulary& vocabulary);
// After the tokens are read.
Status ReadPostProcessor(const json::value& step, Vocabulary& vocabulary);
// Decoding follows from the rest; this only checks that the file does not ask for something else.
Status CheckDecoder(const json::value& step, const Vocabulary& vocabulary);

// The id of the token with this text, or kNoToken. Looks through all tokens.
TokenId FindToken(const Vocabulary& vocabulary, std::string_view text);

// The member, or null when there is none.
const json::value& Member(const json::object& object, std::string_view key);
// The member, which must be an array or an object. `what` names the object in errors.
Result<const json::array*> GetArray(const json::object& object, std::string_view key, std::string_view what);
Result<const json::object*> GetObject(const json::object& object, std::string_view key, std::string_view what);
// An element of the array `what`, which must be an object.
Result<const json::object*> AsObject(const json::value& value, std::string_view what);

}  // namespace tenfold::tokenizer
