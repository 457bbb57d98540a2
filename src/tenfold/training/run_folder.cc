#include "tenfold/training/run_folder.h"

#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <string>
#include <system_error>

#include "tenfold/base/print.h"
#include "tenfold/formats/partial_file.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/training/training_keys.h"

namespace tenfold::training {
namespace {

constexpr std::string_view kTitle = "A training run of tenfold.\n";  // by which a folder is known as one
constexpr std::string_view kReadme =
    "\n"
    "config.toml     all settings, resolved; `tenfold train --config config.toml --out OTHER` repeats the run\n"
    "vocabulary/     the tokens, as Hugging Face's tokenizer.json\n"
    "data/           the texts as tokens\n"
    "log.txt         what happened when\n"
    "metrics.jsonl   one line of JSON for each step\n"
    "loss.svg        the losses, drawn\n"
    "samples.txt     texts that the model wrote on the way\n"
    "checkpoints/    `tenfold train --out THIS --resume` goes on from the newest; that of the least\n"
    "                validation loss is kept, too: every evaluation that is the best so far writes one\n"
    "model.gguf      the model at the end: `tenfold generate model.gguf --prompt ...`\n"
    "model/          the same as a Hugging Face folder\n";

// Nothing is there, or what a start that was interrupted before it wrote config.toml has left: README.txt says whose
// the rest is, and before it there is only an empty log.
bool IsEmpty(const std::filesystem::path& path) {
  const auto readme = platform::ReadTextFile(path / "README.txt");
  const bool is_ours = readme && readme->starts_with(kTitle);
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(path, error)) {
    const std::filesystem::path name = file.path().filename();
    const bool is_first = (name == "log.txt" && file.file_size(error) == 0) || name == "README.txt.partial";
    const bool is_left = name == "log.txt" || name == "README.txt" || name == "checkpoints" || name == "vocabulary" ||
                         name == "data" || name.extension() == ".partial";
    if (!is_first && !(is_ours && is_left)) return false;
  }
  return !error;
}

}  // namespace

bool RunFolder::Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(ConfigFile(path), error);
}

Result<RunFolder> RunFolder::Create(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error) && !IsEmpty(path)) {
    return MakeError(ErrorCode::kInvalidArgument, "{}: {}", path.string(),
                     Exists(path) ? "a run stands there already; pass --resume to continue it, or another --out"
                                  : "it exists and is no empty folder; pass another --out");
  }
  RunFolder folder(path);
  if (!folder.checkpoints().Steps().empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{}: the checkpoints of a run stand there, and its config.toml is gone: put it back to --resume, "
                     "or pass another --out",
                     path.string());
  }
  std::filesystem::create_directories(path, error);
  if (error) return MakeError(ErrorCode::kIo, "{}: cannot be made: {}", path.string(), error.message());
  RETURN_IF_ERROR(folder.OpenLog());
  RETURN_IF_ERROR(formats::WriteWhole(path / "README.txt", std::string(kTitle) + std::string(kReadme)));
  std::filesystem::create_directories(path / "checkpoints", error);
  if (error) return MakeError(ErrorCode::kIo, "{}: cannot be made: {}", path.string(), error.message());
  return folder;
}

Result<RunFolder> RunFolder::Open(const std::filesystem::path& path) {
  if (!Exists(path)) {
    return MakeError(ErrorCode::kNotFound, "{}: no run to continue: it has no config.toml; leave --resume out to begin",
                     path.string());
  }
  RunFolder folder(path);
  RETURN_IF_ERROR(folder.OpenLog());
  return folder;
}

Status RunFolder::OpenLog() {
  const std::filesystem::path path = path_ / "log.txt";
  log_.reset(std::fopen(path.c_str(), "ae"));
  if (log_ == nullptr) {
    return MakeError(ErrorCode::kIo, "{}: cannot be written: {}", path.string(), std::strerror(errno));
  }
  if (flock(fileno(log_.get()), LOCK_EX | LOCK_NB) != 0) {
    return MakeError(ErrorCode::kUnavailable, "{}: another process trains there right now", path_.string());
  }
  return {};
}

Status RunFolder::WriteConfig(const TrainingConfig& config) const {
  return formats::WriteWhole(config_file(), ToToml(config));
}

void RunFolder::Log(std::string_view line) const {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local{};
  localtime_r(&now, &local);
  char time[32];
  std::strftime(time, sizeof(time), "%Y-%m-%d %H:%M:%S", &local);
  Print(log_.get(), "{} {}\n", time, line);
  std::fflush(log_.get());
}

}  // namespace tenfold::training
