#include "tenfold/hub/url.h"

#include <gtest/gtest.h>

namespace tenfold::hub {
namespace {

TEST(Url, OriginIsSchemeHostAndPort) {
  const std::pair<std::string, std::string> cases[] = {
      {"https://Hub.example/a/b?c", "https://hub.example:443"},
      {"https://hub.example:443", "https://hub.example:443"},
      {"http://hub.example", "http://hub.example:80"},
      {"http://127.0.0.1:8080/x", "http://127.0.0.1:8080"},
      {"https://hub.example.evil.example/", "https://hub.example.evil.example:443"},
      {"https://[::1]:9/", "https://[::1]:9"},
  };
  for (const auto& [url, origin] : cases) EXPECT_EQ(OriginOf(url).value(), origin) << url;
  for (const std::string url : {"", "hub.example", "/path", "file:///etc/passwd", "ftp://hub.example/",
                                "https://user:secret@hub.example/", "https://hub.example@evil.example/"}) {
    const auto origin = OriginOf(url);
    ASSERT_FALSE(origin.has_value()) << url;
    EXPECT_EQ(origin.error().message.find("secret"), std::string::npos);
  }
}

TEST(Url, HidesTheQuery) {
  EXPECT_EQ(WithoutQuery("https://cdn/a?Signature=s"), "https://cdn/a");
  EXPECT_EQ(WithoutQuery("https://cdn/a#f?g"), "https://cdn/a");
  EXPECT_EQ(WithoutQuery("https://cdn/a"), "https://cdn/a");
}

TEST(Url, EscapesAllThatHasAMeaning) {
  EXPECT_EQ(Escaped("a-b._~/c", "/"), "a-b._~/c");
  EXPECT_EQ(Escaped("refs/pr/1", ""), "refs%2Fpr%2F1");
  EXPECT_EQ(Escaped("?#%& \xc3\xa9", "/"), "%3F%23%25%26%20%C3%A9");
}

}  // namespace
}  // namespace tenfold::hub
