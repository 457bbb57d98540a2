// RunFolder: the folder of one training run, which explains itself: what it was asked to do, what it measured, what it
// wrote, and all that it needs to go on.
//
// While a RunFolder is open no other process trains there: its log is locked.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "tenfold/base/result.h"
#include "tenfold/training/checkpoint_folder.h"
#include "tenfold/training/training_config.h"

namespace tenfold::training {

class RunFolder {
 public:
  // A new one, also where a start was interrupted before config.toml was written. Errors: kInvalidArgument when
  // anything else stands there, saying how to continue a run; kIo.
  static Result<RunFolder> Create(const std::filesystem::path& path);
  // That of an earlier run. Errors: kNotFound when there is none; kUnavailable when another process trains there.
  static Result<RunFolder> Open(const std::filesystem::path& path);
  // Whether Open would find one.
  static bool Exists(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_file() const { return ConfigFile(path_); }
  std::filesystem::path vocabulary_folder() const { return path_ / "vocabulary"; }
  std::filesystem::path data_folder() const { return path_ / "data"; }
  std::filesystem::path metrics_file() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path curve_file() const { return path_ / "loss.svg"; }
  std::filesystem::path samples_file() const { return path_ / "samples.txt"; }
  std::filesystem::path gguf_file() const { return path_ / "model.gguf"; }
  std::filesystem::path hugging_face_folder() const { return path_ / "model"; }
  CheckpointFolder checkpoints() const { return CheckpointFolder(path_ / "checkpoints"); }
  static std::filesystem::path ConfigFile(const std::filesystem::path& path) { return path / "config.toml"; }

  // Writes config.toml, with which the run can be repeated.
  Status WriteConfig(const TrainingConfig& config) const;

  // A line with the time. What cannot be written is left out: a log must not end a run.
  void Log(std::string_view line) const;

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  Status OpenLog();

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Closer> log_;
};

}  // namespace tenfold::training
