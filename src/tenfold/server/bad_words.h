// The words that an answer must not hold, as token sequences: vLLM's reading of `bad_words`.
//
// A word is forbidden where it begins the text and where it follows a space, as far as the vocabulary can tell: each is
// encoded alone and with one space before it. The second form counts when it begins with another token and is as long
// as the first. Other ways to cut the word into tokens stay possible, as in vLLM.
#pragma once

#include <string>
#include <vector>

#include "tenfold/base/token_id.h"
#include "tenfold/server/api_error.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::server {

// Errors: a 400 that names the word that is empty or nothing but white space.
ApiResult<std::vector<std::vector<TokenId>>> EncodeBadWords(const std::vector<std::string>& words,
                                                            const tokenizer::Tokenizer& tokenizer);

}  // namespace tenfold::server
