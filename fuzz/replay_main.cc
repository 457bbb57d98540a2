// Runs a fuzz target without libFuzzer: replays every file of a corpus, then seeded mutations of them.
//
//   gguf_fuzz CORPUS_FOLDER [--mutations N] [--trace]
//
// A mutation is a function of its number alone, so a crash repeats; --trace prints the number of each before it runs.
// Mutations stop after two seconds, so that a slow build (sanitizers) still finishes; N defaults to what takes a fast
// one well under that.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/base/random.h"
#include "tenfold/platform/mapped_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace tenfold {
namespace {

struct Arguments {
  std::filesystem::path corpus;
  uint64_t num_mutations = 50000;
  bool trace = false;
};

std::optional<Arguments> ParseArguments(int count, char** values) {
  if (count < 2) return std::nullopt;
  Arguments arguments{.corpus = values[1]};
  for (int i = 2; i < count; ++i) {
    const std::string_view flag = values[i];
    if (flag == "--trace") {
      arguments.trace = true;
    } else if (flag == "--mutations" && i + 1 < count) {
      const std::string_view number = values[++i];
      const auto parsed = std::from_chars(number.data(), number.data() + number.size(), arguments.num_mutations);
      if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size()) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

// Sorted by name, so that a mutation's number means the same on every machine.
Result<std::vector<std::string>> ReadCorpus(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    paths.push_back(entry->path());
  }
  if (error || paths.empty()) return MakeError(ErrorCode::kNotFound, "{}: holds no seed files", folder.string());
  std::ranges::sort(paths);
  std::vector<std::string> seeds;
  for (const auto& path : paths) {
    ASSIGN_OR_RETURN(seeds.emplace_back(), platform::ReadTextFile(path));
  }
  return seeds;
}

// The draws of one mutation.
class Draws {
 public:
  explicit Draws(uint64_t mutation) : mutation_(mutation) {}
  // Uniform below `limit`, near enough.
  size_t Below(size_t limit) { return Philox(mutation_, 0, counter_++)[0] % limit; }

 private:
  const uint64_t mutation_;
  uint64_t counter_ = 0;
};

// One to four edits of the kinds that find faults in parsers: flipped bits, chosen bytes, numbers at the edge of their
// range, cuts, repeated pieces.
std::string Mutate(std::string input, Draws& draws) {
  constexpr uint64_t kEdges[] = {
      0, 1, 0x7f, 0xff, 0x7fffffff, 0xffffffff, uint64_t{1} << 60, ~uint64_t{0} >> 1, ~uint64_t{0}};
  constexpr size_t kLongest = 1 << 16;
  const size_t num_edits = 1 + draws.Below(4);
  for (size_t edit = 0; edit < num_edits && !input.empty(); ++edit) {
    const size_t at = draws.Below(input.size());
    switch (draws.Below(5)) {
      case 0:
        input[at] = static_cast<char>(input[at] ^ (1 << draws.Below(8)));
        break;
      case 1:
        input[at] = static_cast<char>(draws.Below(256));
        break;
      case 2: {
        const uint64_t number = kEdges[draws.Below(std::size(kEdges))];
        const size_t width = std::min(size_t{1} << draws.Below(4), input.size() - at);
        for (size_t i = 0; i < width; ++i) input[at + i] = static_cast<char>(number >> (8 * i));
        break;
      }
      case 3:
        input.erase(at, 1 + draws.Below(input.size() - at));
        break;
      case 4: {
        const std::string piece = input.substr(at, 1 + draws.Below(64));
        if (input.size() + piece.size() <= kLongest) input.insert(draws.Below(input.size()), piece);
        break;
      }
    }
  }
  return input;
}

void RunTarget(const std::string& input) {
  // In memory of exactly its size, so that the address sanitizer sees a read of one byte too many.
  const auto bytes = std::make_unique<uint8_t[]>(input.size());
  std::copy(input.begin(), input.end(), bytes.get());
  LLVMFuzzerTestOneInput(bytes.get(), input.size());
}

int Replay(const Arguments& arguments) {
  const auto seeds = ReadCorpus(arguments.corpus);
  if (!seeds) {
    std::fprintf(stderr, "%s\n", seeds.error().message.c_str());
    return 1;
  }
  for (const std::string& seed : *seeds) RunTarget(seed);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  uint64_t mutation = 0;
  for (; mutation < arguments.num_mutations && std::chrono::steady_clock::now() < deadline; ++mutation) {
    if (arguments.trace) std::fprintf(stderr, "mutation %llu\n", static_cast<unsigned long long>(mutation));
    Draws draws(mutation);
    RunTarget(Mutate((*seeds)[mutation % seeds->size()], draws));
  }
  std::printf("%zu seeds and %llu mutations of them\n", seeds->size(), static_cast<unsigned long long>(mutation));
  return 0;
}

}  // namespace
}  // namespace tenfold

int main(int argc, char** argv) {
  const auto arguments = tenfold::ParseArguments(argc, argv);
  if (!arguments) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER [--mutations N] [--trace]\n", argv[0]);
    return 2;
  }
  return tenfold::Replay(*arguments);
}
