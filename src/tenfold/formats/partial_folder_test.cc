#include "tenfold/formats/partial_folder.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tenfold/platform/mapped_file.h"

namespace {
bool can_exchange = true;  // what a file system may not do
}

// In place of the C library's.
extern "C" int renameat2(int old_folder, const char* old_name, int new_folder, const char* new_name,
                         unsigned flags) noexcept {
  if (!can_exchange && flags != 0) {
    errno = EINVAL;
    return -1;
  }
  return static_cast<int>(syscall(SYS_renameat2, old_folder, old_name, new_folder, new_name, flags));
}

namespace tenfold::formats {
namespace {

namespace fs = std::filesystem;

class PartialFolderTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(place_); }
  void TearDown() override { fs::remove_all(place_); }

  static bool IsOurs(const std::string& name) { return name == "config.json"; }
  static void Write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  // Everything that lies at the place.
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(place_)) names.push_back(entry.path().filename());
    return names;
  }

  const fs::path place_ = fs::temp_directory_path() / fmt::format("tenfold_partial_folder_{}", getpid());
  const fs::path path_ = place_ / "model";
};

TEST_F(PartialFolderTest, AppearsWhole) {
  auto folder = PartialFolder::Create(path_ / "", IsOurs).value();
  Write(folder.path() / "config.json", "new");
  EXPECT_THAT(Names(), testing::ElementsAre("model.partial"));
  ASSERT_TRUE(folder.Commit());
  EXPECT_THAT(Names(), testing::ElementsAre("model"));
  EXPECT_EQ(platform::ReadTextFile(path_ / "config.json").value(), "new");
}

TEST_F(PartialFolderTest, LeavesNothingBehindUncommitted) {
  {
    const auto folder = PartialFolder::Create(path_, IsOurs).value();
    Write(folder.path() / "config.json", "new");
  }
  EXPECT_THAT(Names(), testing::IsEmpty());
}

TEST_F(PartialFolderTest, ReplacesOnlyWhatIsOurs) {
  fs::create_directory(path_);
  Write(path_ / "config.json", "old");
  {
    auto folder = PartialFolder::Create(path_, IsOurs).value();
    Write(folder.path() / "config.json", "new");
    EXPECT_EQ(platform::ReadTextFile(path_ / "config.json").value(), "old");
    ASSERT_TRUE(folder.Commit());
  }
  EXPECT_THAT(Names(), testing::ElementsAre("model"));
  EXPECT_EQ(platform::ReadTextFile(path_ / "config.json").value(), "new");
  Write(path_ / "diary", "mine");
  EXPECT_THAT(PartialFolder::Create(path_, IsOurs).error().message, testing::HasSubstr("holds \"diary\""));
  EXPECT_TRUE(fs::exists(path_ / "diary"));
}

// A process that was killed while it removed the older folder.
TEST_F(PartialFolderTest, GoesOnAfterAnyEnd) {
  fs::create_directory(path_);
  Write(path_ / "config.json", "newer");
  for (const char* left : {"model.replaced", "model.partial"}) {
    fs::create_directory(place_ / left);
    Write(place_ / left / "config.json", "old");
    auto folder = PartialFolder::Create(path_, IsOurs).value();
    Write(folder.path() / "config.json", left);
    const Status committed = folder.Commit();
    ASSERT_TRUE(committed) << committed.error().message;
    EXPECT_EQ(platform::ReadTextFile(path_ / "config.json").value(), left);
  }
}

TEST_F(PartialFolderTest, TakesNoNameButItsOwn) {
  fs::create_directory(path_);
  Write(path_ / "config.json", "old");
  fs::create_directory(place_ / "model.replaced");  // the user's
  auto folder = PartialFolder::Create(path_, IsOurs).value();
  Write(folder.path() / "config.json", "new");
  ASSERT_TRUE(folder.Commit());
  EXPECT_THAT(Names(), testing::UnorderedElementsAre("model", "model.replaced"));
}

// NFS and others.
TEST_F(PartialFolderTest, NeedsNoFileSystemThatExchangesNames) {
  can_exchange = false;
  fs::create_directory(path_);
  Write(path_ / "config.json", "old");
  auto folder = PartialFolder::Create(path_, IsOurs).value();
  Write(folder.path() / "config.json", "new");
  const Status committed = folder.Commit();
  can_exchange = true;
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_THAT(Names(), testing::ElementsAre("model"));
  EXPECT_EQ(platform::ReadTextFile(path_ / "config.json").value(), "new");
}

TEST_F(PartialFolderTest, IsNotPutInThePlaceOfAFile) {
  Write(path_, "mine");
  EXPECT_THAT(PartialFolder::Create(path_, IsOurs).error().message, testing::HasSubstr("is no folder"));
}

}  // namespace
}  // namespace tenfold::formats
