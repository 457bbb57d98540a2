#include "tenfold/server/bad_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/tokenizer/small_vocabulary.h"

namespace tenfold::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Words = std::vector<std::vector<std::string>>;

// The tokens' texts of what is forbidden.
Words TextsOf(const std::vector<std::string>& words, tokenizer::Vocabulary vocabulary) {
  const tokenizer::Tokenizer tokenizer = tokenizer::Tokenizer::Create(std::move(vocabulary)).value();
  Words texts;
  const std::vector<std::vector<TokenId>> sequences = EncodeBadWords(words, tokenizer).value();
  for (const std::vector<TokenId>& sequence : sequences) {
    std::vector<std::string>& tokens = texts.emplace_back();
    for (const TokenId token : sequence) tokens.emplace_back(tokenizer.TokenText(token));
  }
  return texts;
}

TEST(EncodeBadWords, ForbidsAWordAtTheBeginningAndAfterASpace) {
  const auto vocabulary = [] { return tokenizer::SmallByteLevel({{" ", "c"}, {"c", "a"}, {" ", "d"}, {"d", "o"}}); };
  EXPECT_EQ(TextsOf({"c"}, vocabulary()), (Words{{"c"}, {" c"}}));
  EXPECT_EQ(TextsOf({" \n c"}, vocabulary()), (Words{{"c"}, {" c"}})) << "white space before a word says nothing";
  EXPECT_EQ(TextsOf({"do", "c"}, vocabulary()), (Words{{"do"}, {"c"}, {" c"}})) << "' d' and 'o' are more tokens";
}

TEST(EncodeBadWords, WhereEveryTextBeginsWithASpaceThereIsOneForm) {
  EXPECT_EQ(TextsOf({"c"}, tokenizer::SmallSentencePiece({"\u2581c", "\u2581", "c"})), (Words{{" c"}}));
}

TEST(EncodeBadWords, AControlTokenIsOne) {
  EXPECT_EQ(TextsOf({"</s>"}, tokenizer::SmallSentencePiece({"<", "/", "s", ">"})), (Words{{"</s>"}}));
}

TEST(EncodeBadWords, RefusesWordsOfNothing) {
  const tokenizer::Tokenizer tokenizer = tokenizer::Tokenizer::Create(tokenizer::SmallSentencePiece({})).value();
  for (const char* word : {"", " ", "\t\n"}) {
    const auto refused = EncodeBadWords({"a", word}, tokenizer);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().param, "bad_words[1]");
    EXPECT_THAT(refused.error().message, HasSubstr("more than white space"));
  }
}

}  // namespace
}  // namespace tenfold::server
