#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tenfold/platform/aligned_buffer.h"
#include "tenfold/platform/cpu_features.h"
#include "tenfold/platform/mailbox.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/platform/memory_file.h"
#include "tenfold/platform/memory_info.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::platform {
namespace {

// Of this process alone: tests run side by side.
std::string OwnPath(const char* name) {
  return fmt::format("{}tenfold_{}_{}", testing::TempDir(), name, getpid());
}

class ThreadPoolTest : public testing::TestWithParam<int> {};

TEST_P(ThreadPoolTest, RunsEveryPieceOnce) {
  ThreadPool pool(GetParam());
  std::vector<int> counts(1000);
  for (int round = 0; round < 200; ++round) {
    pool.Run(static_cast<int64_t>(counts.size()), [&](int64_t piece, int thread) {
      ASSERT_LT(thread, GetParam());
      ++counts[static_cast<size_t>(piece)];
    });
  }
  for (int count : counts) ASSERT_EQ(count, 200);
}

// Each piece waits for all the others, so every thread must take one: the workers do wake up, spinning or asleep.
TEST_P(ThreadPoolTest, WakesAllWorkers) {
  ThreadPool pool(GetParam());
  for (int round = 0; round < 20; ++round) {
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));  // longer than any spin
    std::barrier all(GetParam());
    std::atomic<int> threads_seen{0};
    pool.Run(GetParam(), [&](int64_t, int thread) {
      threads_seen.fetch_or(1 << thread);
      all.arrive_and_wait();
    });
    EXPECT_EQ(threads_seen.load(), (1 << GetParam()) - 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1, 2, 5));

TEST(Mailbox, IsBoundedAndOrdered) {
  Mailbox<std::unique_ptr<int>> box(2);
  using Push = Mailbox<std::unique_ptr<int>>::PushResult;
  EXPECT_EQ(box.TryPush(std::make_unique<int>(1)), Push::kOk);
  EXPECT_EQ(box.TryPush(std::make_unique<int>(2)), Push::kOk);
  auto third = std::make_unique<int>(3);
  EXPECT_EQ(box.TryPush(std::move(third)), Push::kFull);
  EXPECT_NE(third, nullptr);
  EXPECT_EQ(box.PushUrgent(std::make_unique<int>(7)), Push::kOk);
  std::vector<std::unique_ptr<int>> taken;
  EXPECT_TRUE(box.TakeAll(taken, true));
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_EQ(*taken[0] * 100 + *taken[1] * 10 + *taken[2], 127);
  box.Close();
  EXPECT_EQ(box.TryPush(std::move(third)), Push::kClosed);
  EXPECT_FALSE(box.TakeAll(taken, true));
}

TEST(MappedFile, NamesWhatIsMissing) {
  const auto missing = MappedFile::Open("no/such/file.gguf");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("no/such/file.gguf"), std::string::npos);
  const auto folder = MappedFile::Open(testing::TempDir());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kInvalidArgument);
}

TEST(MappedFile, ReadsBack) {
  const std::string path = OwnPath("mapped_file");
  std::ofstream(path) << "hello";
  EXPECT_EQ(ReadTextFile(path).value(), "hello");
  EXPECT_EQ(ReadTextFile(path, 4).error().code, ErrorCode::kResourceExhausted);
  std::remove(path.c_str());
}

TEST(MakeMemoryFile, IsAFileLikeAnyOther) {
  const std::string text(100000, 'm');
  const auto path = MakeMemoryFile("some text", std::as_bytes(std::span(text))).value();
  for (int time = 0; time < 2; ++time) EXPECT_EQ(ReadTextFile(path).value(), text);
  EXPECT_EQ(MappedFile::Open(path).value().bytes().size(), text.size());
  EXPECT_NE(MakeMemoryFile("another", {}).value(), path);
}

TEST(MappedFile, DropsPartsThatCanBeReadAgain) {
  constexpr size_t kBytes = size_t{32} << 20;
  const std::string path = OwnPath("mapped_file");
  std::ofstream(path) << std::string(kBytes, 'x');
  const MappedFile file = MappedFile::Open(path).value();
  const auto is_x = [](std::byte byte) { return byte == std::byte{'x'}; };
  ASSERT_TRUE(std::ranges::all_of(file.bytes(), is_x));
  const size_t before = ResidentMemoryOfProcess().now_bytes;
  file.DropResidentPages(file.bytes().subspan(100));
  EXPECT_LT(ResidentMemoryOfProcess().now_bytes + kBytes / 2, before);
  EXPECT_TRUE(std::ranges::all_of(file.bytes(), is_x));
  // Memory that is none of the file's keeps what it holds.
  AlignedBuffer other = AlignedBuffer::Allocate(kBytes, "test").value();
  std::fill_n(other.data(), kBytes, std::byte{'x'});
  file.DropResidentPages({other.data(), kBytes});
  EXPECT_TRUE(std::all_of(other.data(), other.data() + kBytes, is_x));
  std::remove(path.c_str());
}

TEST(AlignedBuffer, LiesInAFileThatHasNoName) {
  const std::filesystem::path directory = OwnPath("buffer");
  std::filesystem::create_directories(directory);
  AlignedBuffer buffer = AlignedBuffer::AllocateInFile(5000, "test", directory).value();
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  EXPECT_EQ(buffer.size_bytes(), 5000u);
  EXPECT_EQ(buffer.data()[4999], std::byte{0});
  buffer.data()[4999] = std::byte{7};
  const Result<AlignedBuffer> too_much = AlignedBuffer::AllocateInFile(size_t{1} << 60, "the swap space", directory);
  EXPECT_EQ(too_much.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(too_much.error().message.find(directory.string() + ": 1099511627776 MiB for the swap space cannot be had"),
            std::string::npos)
      << too_much.error().message;
  std::filesystem::remove(directory);
  EXPECT_NE(AlignedBuffer::AllocateInFile(5000, "the swap space", directory)
                .error()
                .message.find(directory.string() + ": no file for the swap space can be made there: No such file"),
            std::string::npos);
}

TEST(AlignedBuffer, IsZeroedAndMoves) {
  AlignedBuffer buffer = AlignedBuffer::Allocate(5000, "test").value();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u);
  EXPECT_EQ(buffer.data()[4999], std::byte{0});
  const AlignedBuffer moved = std::move(buffer);
  EXPECT_EQ(moved.size_bytes(), 5000u);
  EXPECT_EQ(AlignedBuffer::Allocate(size_t{1} << 60, "too much").error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(AlignedBuffer::Allocate(AvailableMemoryBytes() * 2, "too much").error().code,
            ErrorCode::kResourceExhausted);
}

TEST(MemoryInfo, IsPlausible) {
  EXPECT_GT(AvailableMemoryBytes(), size_t{1} << 20);
  EXPECT_GE(NumUsableProcessors(), 1);
}

TEST(ResidentMemory, RisesWithWhatIsTouchedAndKeepsThePeak) {
  const ResidentMemory before = ResidentMemoryOfProcess();
  constexpr size_t kBytes = size_t{64} << 20;
  {
    AlignedBuffer buffer = AlignedBuffer::Allocate(kBytes, "test").value();
    std::fill_n(buffer.data(), kBytes, std::byte{1});
    EXPECT_GE(ResidentMemoryOfProcess().now_bytes, before.now_bytes + kBytes / 2);
  }
  const ResidentMemory after = ResidentMemoryOfProcess();
  EXPECT_GE(after.peak_bytes, before.now_bytes + kBytes / 2);
  EXPECT_GE(after.peak_bytes, after.now_bytes);
}

}  // namespace
}  // namespace tenfold::platform
