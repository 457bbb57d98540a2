#include "tenfold/hub/hub_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/hub/retry.h"

namespace tenfold::hub {
namespace {

using testing::HasSubstr;

const std::string kSha1 = std::string(40, 'a');
const std::string kSha256 = std::string(64, 'b');

TEST(HubApi, ReadsTheTree) {
  std::vector<RepositoryFile> files;
  const std::string page = fmt::format(
      R"([{{"type": "directory", "path": "sub", "oid": "x", "size": 0}},
          {{"type": "file", "path": "config.json", "oid": "{0}", "size": 12, "xetHash": "?"}},
          {{"type": "file", "path": "sub/model.gguf", "oid": "{0}", "size": 3,
            "lfs": {{"oid": "{1}", "size": 4000000000000, "pointerSize": 135}}}}])",
      kSha1, kSha256);
  ASSERT_TRUE(ParseTreePage(page, "tree", files).has_value());
  ASSERT_TRUE(ParseTreePage("[]", "tree", files).has_value());  // pages add up
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].path, "config.json");
  EXPECT_EQ(files[0].size_bytes, 12U);
  EXPECT_EQ(files[0].hash_kind, HashKind::kGitSha1);
  EXPECT_EQ(files[0].hash, kSha1);
  EXPECT_EQ(files[1].path, "sub/model.gguf");
  EXPECT_EQ(files[1].size_bytes, 4'000'000'000'000U);
  EXPECT_EQ(files[1].hash_kind, HashKind::kSha256);
  EXPECT_EQ(files[1].hash, kSha256);
}

TEST(HubApi, RefusesTreesThatAreNone) {
  const auto file = [](std::string_view path, std::string_view oid, std::string_view size) {
    return fmt::format(R"([{{"type": "file", "path": "{}", "oid": "{}", "size": {}}}])", path, oid, size);
  };
  const std::pair<std::string, std::string> cases[] = {
      {"{}", "array"},
      {"[1]", "objects"},
      {"[", "tree"},
      {R"([{"path": "a"}])", "\"type\""},
      {R"([{"type": "file"}])", "\"path\""},
      {R"([{"type": "file", "path": 3}])", "path"},
      {file("../evil", kSha1, "1"), "\"../evil\""},
      {file("/etc/passwd", kSha1, "1"), "\"/etc/passwd\""},
      {file("a/../../b", kSha1, "1"), "a/../../b"},
      {file("a", "../../../x", "1"), "no hash"},
      {file("a", kSha256, "1"), "no hash"},
      {file("a", kSha1, "-1"), "-1 bytes"},
      {file("a", kSha1, "1.5"), "size"},
      {file("a", kSha1, "\"1\""), "size"},
      {fmt::format(R"([{{"type": "file", "path": "a", "oid": "{0}", "size": 1, "lfs": {{"oid": "{0}", "size": 1}}}}])",
                   kSha1),
       "no hash"},
  };
  for (const auto& [text, says] : cases) {
    std::vector<RepositoryFile> files;
    const Status status = ParseTreePage(text, "tree", files);
    ASSERT_FALSE(status.has_value()) << text;
    EXPECT_EQ(status.error().code, ErrorCode::kCorrupt) << text;
    EXPECT_THAT(status.error().message, HasSubstr(says)) << text;
  }
}

TEST(HubApi, ReadsTheCommit) {
  EXPECT_EQ(ParseCommit(fmt::format(R"({{"id": "org/repo", "sha": "{}"}})", kSha1), "revision").value(), kSha1);
  for (const std::string_view text :
       {"", "[]", "{}", R"({"sha": null})", R"({"sha": "main"})", R"({"sha": "../../x"})"}) {
    EXPECT_FALSE(ParseCommit(text, "revision").has_value()) << text;
  }
}

TEST(HubApi, FindsTheNextPage) {
  const std::pair<std::string_view, std::optional<std::string>> cases[] = {
      {"", std::nullopt},
      {R"(<https://hub/api?cursor=x%3D&limit=2>; rel="next")", "?cursor=x%3D&limit=2"},
      {R"(<https://elsewhere/?a=1#b>; rel=next)", "?a=1"},
      {R"(<https://hub/a?p=0>; rel="prev", <https://hub/a?p=2>; rel="next")", "?p=2"},
      {R"(<https://hub/a?p=0>; rel="prev")", std::nullopt},
      {R"(<https://hub/a>; rel="next")", std::nullopt},
      {R"(<https://hub/a?p=1)", std::nullopt},
      {R"(> <)", std::nullopt},
  };
  for (const auto& [link, query] : cases) EXPECT_EQ(NextPageQuery(link), query) << link;
}

TEST(HubApi, EscapesPathsInAddresses) {
  EXPECT_EQ(FileUrl("https://hub", "org/repo", kSha1, "a b/c#d?.gguf"),
            "https://hub/org/repo/resolve/" + kSha1 + "/a%20b/c%23d%3F.gguf");
}

TEST(Retry, WaitsTwiceAsLongEachTimeOrAsTheHubSays) {
  using std::chrono::milliseconds;
  Failure passing(Error{ErrorCode::kUnavailable, "503"}, /*transient=*/true);
  EXPECT_EQ(WaitBeforeRetry(passing, 1, 4), milliseconds(500));
  EXPECT_EQ(WaitBeforeRetry(passing, 3, 4), milliseconds(2000));
  EXPECT_EQ(WaitBeforeRetry(passing, 4, 4), std::nullopt);
  passing.retry_after_s = 7;
  EXPECT_EQ(WaitBeforeRetry(passing, 1, 4), milliseconds(7000));
  passing.retry_after_s = 100'000;
  EXPECT_EQ(WaitBeforeRetry(passing, 1, 4), std::nullopt);
  EXPECT_EQ(WaitBeforeRetry(Failure(Error{ErrorCode::kNotFound, "404"}), 1, 4), std::nullopt);
}

}  // namespace
}  // namespace tenfold::hub
