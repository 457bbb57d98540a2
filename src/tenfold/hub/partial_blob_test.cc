#include "tenfold/hub/partial_blob.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/hub/temporary_folder_for_test.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::hub {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// Values from sha256sum and git hash-object.
TEST(BlobHash, IsTheHubs) {
  BlobHash sha256(HashKind::kSha256, 5);
  sha256.Update(Bytes("hel"));
  sha256.Update(Bytes("lo"));
  EXPECT_EQ(sha256.Finish(), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  BlobHash git(HashKind::kGitSha1, 5);
  git.Update(Bytes("hello"));
  EXPECT_EQ(git.Finish(), "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
  EXPECT_EQ(BlobHash(HashKind::kGitSha1, 0).Finish(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
}

class PartialBlobTest : public testing::Test {
 protected:
  PartialBlob Open() { return PartialBlob::Open(incomplete_, file_).value(); }

  TemporaryFolder folder_;
  const fs::path incomplete_ = folder_.path() / "blob.incomplete";
  const fs::path blob_ = folder_.path() / "blob";
  const RepositoryFile file_{.path = "hello.txt",
                             .size_bytes = 5,
                             .hash_kind = HashKind::kGitSha1,
                             .hash = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"};
};

TEST_F(PartialBlobTest, GoesOnWhereAnEarlierRunStopped) {
  ASSERT_TRUE(Open().Append(Bytes("hel")).has_value());
  EXPECT_FALSE(fs::exists(blob_));
  PartialBlob second = Open();
  EXPECT_EQ(second.size_bytes(), 3U);
  ASSERT_TRUE(second.Append(Bytes("lo")).has_value());
  ASSERT_TRUE(second.Complete(blob_).has_value());
  EXPECT_EQ(platform::ReadTextFile(blob_).value(), "hello");
  EXPECT_FALSE(fs::exists(incomplete_));
}

TEST_F(PartialBlobTest, StartsAnewWhenToldTo) {
  ASSERT_TRUE(Open().Append(Bytes("junk")).has_value());
  PartialBlob partial = Open();
  ASSERT_TRUE(partial.Restart().has_value());
  EXPECT_EQ(partial.size_bytes(), 0U);
  ASSERT_TRUE(partial.Append(Bytes("hello")).has_value());
  EXPECT_TRUE(partial.Complete(blob_).has_value());
}

TEST_F(PartialBlobTest, DropsALeftoverThatIsTooLong) {
  std::ofstream(incomplete_) << "hello and more";
  EXPECT_EQ(Open().size_bytes(), 0U);
}

TEST_F(PartialBlobTest, RefusesWhatTheHubDidNotAnnounce) {
  struct Case {
    std::string_view content;
    std::string_view says;
  };
  for (const Case& expected : {Case{"hallo", "damaged"}, Case{"hell", "4 bytes came instead of the 5"}}) {
    PartialBlob partial = Open();
    ASSERT_TRUE(partial.Append(Bytes(expected.content)).has_value());
    const Status status = partial.Complete(blob_);
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(status.error().message, testing::AllOf(HasSubstr("\"hello.txt\""),
                                                       HasSubstr(std::string(expected.says)), HasSubstr("removed")));
    EXPECT_FALSE(fs::exists(blob_));
    EXPECT_FALSE(fs::exists(incomplete_));
  }
  PartialBlob partial = Open();
  ASSERT_TRUE(partial.Append(Bytes("hell")).has_value());
  EXPECT_EQ(partial.Append(Bytes("oh")).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace tenfold::hub
