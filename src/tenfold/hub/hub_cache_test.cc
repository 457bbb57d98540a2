#include "tenfold/hub/hub_cache.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/hub/temporary_folder_for_test.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::hub {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kCommit = std::string(40, 'c');
const std::string kHash = std::string(40, 'a');

class HubCacheTest : public testing::Test {
 protected:
  void WriteBlob(const std::string& hash, std::string_view content) {
    ASSERT_TRUE(cache_.Prepare().has_value());
    std::ofstream(cache_.Blob(hash)) << content;
  }

  TemporaryFolder folder_;
  HubCache cache_{folder_.path(), "org/repo"};
};

// The layout is an interface to other programs: it is written out here.
TEST_F(HubCacheTest, HasTheLayoutOfHuggingFaceHub) {
  WriteBlob(kHash, "content");
  ASSERT_TRUE(cache_.Link(kCommit, "config.json", kHash).has_value());
  ASSERT_TRUE(cache_.Link(kCommit, "sub/folder/model.gguf", kHash).has_value());
  ASSERT_TRUE(cache_.WriteRef("main", kCommit).has_value());
  ASSERT_TRUE(cache_.WriteRef("refs/pr/1", kCommit).has_value());
  const fs::path model = folder_.path() / "models--org--repo";
  EXPECT_EQ(fs::read_symlink(model / "snapshots" / kCommit / "config.json"), "../../blobs/" + kHash);
  EXPECT_EQ(fs::read_symlink(model / "snapshots" / kCommit / "sub/folder/model.gguf"), "../../../../blobs/" + kHash);
  EXPECT_EQ(platform::ReadTextFile(model / "snapshots" / kCommit / "sub/folder/model.gguf").value(), "content");
  EXPECT_EQ(platform::ReadTextFile(model / "refs/main").value(), kCommit);
  EXPECT_EQ(platform::ReadTextFile(model / "refs/refs/pr/1").value(), kCommit);
  EXPECT_EQ(cache_.IncompleteBlob(kHash), model / "blobs" / (kHash + ".incomplete"));
  EXPECT_EQ(cache_.Lock(kHash), folder_.path() / ".locks/models--org--repo" / (kHash + ".lock"));
  EXPECT_THAT(cache_.SnapshotFiles(kCommit), ElementsAre("config.json", "sub/folder/model.gguf"));
}

TEST_F(HubCacheTest, LinksLeadToTheirBlobWhateverWasThere) {
  WriteBlob(kHash, "new");
  ASSERT_TRUE(cache_.Link(kCommit, "a", std::string(40, 'b')).has_value());
  EXPECT_THAT(cache_.SnapshotFiles(kCommit), IsEmpty());  // its blob is not there
  ASSERT_TRUE(cache_.Link(kCommit, "a", kHash).has_value());
  ASSERT_TRUE(cache_.Link(kCommit, "a", kHash).has_value());
  EXPECT_EQ(platform::ReadTextFile(cache_.Snapshot(kCommit) / "a").value(), "new");
  EXPECT_THAT(cache_.SnapshotFiles(kCommit), ElementsAre("a"));
}

TEST_F(HubCacheTest, ReadsRefsThatAreCommits) {
  EXPECT_EQ(cache_.ReadRef("main"), std::nullopt);
  ASSERT_TRUE(cache_.WriteRef("main", "../../..").has_value());
  EXPECT_EQ(cache_.ReadRef("main"), std::nullopt);
  ASSERT_TRUE(cache_.WriteRef("main", kCommit + "\n").has_value());
  EXPECT_EQ(cache_.ReadRef("main"), kCommit);
}

TEST_F(HubCacheTest, SaysWhereItCannotWrite) {
  std::ofstream(folder_.path() / "file") << "no folder";
  const HubCache cache(folder_.path() / "file" / "hub", "org/repo");
  const Status status = cache.Prepare();
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_THAT(status.error().message, testing::AllOf(HasSubstr("file/hub"), HasSubstr("set HF_HUB_CACHE")));
}

}  // namespace
}  // namespace tenfold::hub
