#include "tenfold/training/training_state.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "tenfold/base/hash.h"
#include "tenfold/base/json.h"
#include "tenfold/formats/partial_file.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::training {
namespace {

static_assert(std::endian::native == std::endian::little, "the file's numbers are this machine's");

constexpr std::string_view kMagic = "TFTRAIN\n";
constexpr uint32_t kVersion = 2;  // 1 did not say of which data

struct Preamble {
  std::array<char, 8> magic;
  uint32_t version;
  uint32_t header_bytes;
};

std::string_view Chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

json::array ShapeAsJson(const tensor::Shape& shape) {
  json::array dimensions;
  for (int i = 0; i < shape.rank(); ++i) dimensions.push_back(shape[i]);
  return dimensions;
}

std::string Header(const TrainingState& state, const ParameterLayout& layout) {
  json::object header{{"step", state.step},
                      {"data", json::object{{"source_hash", state.identity.source_hash},
                                            {"vocabulary_hash", state.identity.vocabulary_hash},
                                            {"context", state.identity.context},
                                            {"seed", state.data.seed},
                                            {"epoch", state.data.epoch},
                                            {"position", state.data.position}}},
                      {"num_tokens", state.num_tokens},
                      {"seconds", state.seconds},
                      {"best_step", state.best_step}};
  if (std::isfinite(state.best_loss)) header["best_loss"] = state.best_loss;
  json::array parameters;
  for (const ParameterLayout::Entry& entry : layout.entries()) {
    parameters.push_back(json::object{{"name", entry.name}, {"shape", ShapeAsJson(entry.shape)}});
  }
  header["parameters"] = std::move(parameters);
  return json::serialize(header);
}

// Which parameter is another one in the file than in this run; nullopt where all are the same.
std::optional<std::string> FirstDifference(const json::array& parameters, const ParameterLayout& layout) {
  const auto& entries = layout.entries();
  for (size_t i = 0; i < std::max(parameters.size(), entries.size()); ++i) {
    if (i >= parameters.size()) return fmt::format("{} of this run is not there", entries[i].name);
    const json::object* const there = parameters[i].if_object();
    const json::value* const name = there == nullptr ? nullptr : there->if_contains("name");
    const json::value* const shape = there == nullptr ? nullptr : there->if_contains("shape");
    if (name == nullptr || !name->is_string() || shape == nullptr) return "its list of parameters is damaged";
    const std::string_view there_name = name->get_string();
    if (i >= entries.size()) return fmt::format("this run has no {}", formats::Quoted(there_name));
    if (there_name != entries[i].name) {
      return fmt::format("where this run has {}, it has {}", entries[i].name, formats::Quoted(there_name));
    }
    const json::array here_shape = ShapeAsJson(entries[i].shape);
    if (*shape != here_shape) {
      return fmt::format("{} is {} there and {} in this run", entries[i].name, json::serialize(*shape),
                         json::serialize(here_shape));
    }
  }
  return std::nullopt;
}

// A number of the header, which is this program's own and whole: the checksum said so.
template <class Number>
Result<Number> Require(const json::object& header, std::string_view key, const std::string& path) {
  const json::value* const value = header.if_contains(key);
  boost::system::error_code error;
  if (value != nullptr) {
    const Number number = value->to_number<Number>(error);
    if (!error) return number;
  }
  return MakeError(ErrorCode::kCorrupt, "{}: its header has no number {}", path, formats::Quoted(key));
}

// An integer of at least `least`.
Result<int64_t> RequireCount(const json::object& header, std::string_view key, int64_t least, const std::string& path) {
  ASSIGN_OR_RETURN(const auto count, Require<int64_t>(header, key, path));
  if (count >= least) return count;
  return MakeError(ErrorCode::kCorrupt, "{}: its header is damaged: {} is {}", path, formats::Quoted(key), count);
}

Result<TrainingState> StateOf(const json::object& header, const std::string& path) {
  TrainingState state;
  ASSIGN_OR_RETURN(state.step, RequireCount(header, "step", 1, path));
  ASSIGN_OR_RETURN(state.num_tokens, RequireCount(header, "num_tokens", 0, path));
  ASSIGN_OR_RETURN(state.seconds, Require<double>(header, "seconds", path));
  ASSIGN_OR_RETURN(state.best_step, RequireCount(header, "best_step", 0, path));
  if (state.best_step > state.step) {
    return MakeError(ErrorCode::kCorrupt, "{}: its header is damaged: \"best_step\" is {} after {} steps", path,
                     state.best_step, state.step);
  }
  if (header.contains("best_loss")) {
    ASSIGN_OR_RETURN(state.best_loss, Require<double>(header, "best_loss", path));
  }
  const json::value* const data = header.if_contains("data");
  if (data == nullptr || !data->is_object()) {
    return MakeError(ErrorCode::kCorrupt, "{}: its header has no place in the data", path);
  }
  const json::object& place = data->get_object();
  ASSIGN_OR_RETURN(state.data.seed, Require<uint64_t>(place, "seed", path));
  ASSIGN_OR_RETURN(state.data.epoch, RequireCount(place, "epoch", 0, path));
  ASSIGN_OR_RETURN(state.data.position, RequireCount(place, "position", 0, path));
  ASSIGN_OR_RETURN(state.identity.source_hash, Require<uint64_t>(place, "source_hash", path));
  ASSIGN_OR_RETURN(state.identity.vocabulary_hash, Require<uint64_t>(place, "vocabulary_hash", path));
  ASSIGN_OR_RETURN(state.identity.context, RequireCount(place, "context", 0, path));
  return state;
}

}  // namespace

Status WriteTrainingState(const std::filesystem::path& path, const TrainingState& state, const ParameterLayout& layout,
                          const StateBuffers<const float>& buffers) {
  const std::string header = Header(state, layout);
  Preamble preamble{.magic = {}, .version = kVersion, .header_bytes = static_cast<uint32_t>(header.size())};
  std::ranges::copy(kMagic, preamble.magic.begin());
  ASSIGN_OR_RETURN(formats::PartialFile file, formats::PartialFile::Create(path));
  ChainedHash checksum;
  const auto append = [&](std::span<const std::byte> bytes) {
    checksum.Add(Chars(bytes));
    return file.Append(bytes);
  };
  RETURN_IF_ERROR(append(std::as_bytes(std::span(&preamble, 1))));
  RETURN_IF_ERROR(append(std::as_bytes(std::span(header))));
  for (const std::span<const float> buffer : {buffers.weights, buffers.first_moments, buffers.second_moments}) {
    for (const ParameterLayout::Entry& entry : layout.entries()) {
      RETURN_IF_ERROR(
          append(std::as_bytes(buffer.subspan(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.size)))));
    }
  }
  const uint64_t value = checksum.value();
  RETURN_IF_ERROR(file.Append(std::as_bytes(std::span(&value, 1))));
  return file.CommitDurably();
}

Result<TrainingState> ReadTrainingState(const std::filesystem::path& path, const ParameterLayout& layout,
                                        const StateBuffers<float>& buffers) {
  ASSIGN_OR_RETURN(const auto file, platform::MappedFile::Open(path));
  const std::span<const std::byte> bytes = file.bytes();
  const std::string name = path.string();
  const auto cut_short = [&] {
    return MakeError(ErrorCode::kCorrupt,
                     "{}: the file is cut short at byte {}; delete it to continue from the checkpoint before it", name,
                     bytes.size());
  };
  Preamble preamble;
  if (bytes.size() < sizeof(preamble)) return cut_short();
  std::memcpy(&preamble, bytes.data(), sizeof(preamble));
  if (std::string_view(preamble.magic.data(), preamble.magic.size()) != kMagic) {
    return MakeError(ErrorCode::kCorrupt, "{}: not a checkpoint of a training run", name);
  }
  if (preamble.version != kVersion) {
    return MakeError(ErrorCode::kUnsupported, "{}: a checkpoint of version {}; this program reads version {}", name,
                     preamble.version, kVersion);
  }
  if (bytes.size() - sizeof(preamble) < preamble.header_bytes) return cut_short();
  ASSIGN_OR_RETURN(const json::value parsed,
                   ParseJson(Chars(bytes.subspan(sizeof(preamble), preamble.header_bytes)), name));
  const json::object* const header = parsed.if_object();
  const json::value* const parameters = header == nullptr ? nullptr : header->if_contains("parameters");
  if (parameters == nullptr || !parameters->is_array()) {
    return MakeError(ErrorCode::kCorrupt, "{}: its header has no list of parameters", name);
  }
  if (const auto difference = FirstDifference(parameters->get_array(), layout)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "{}: a checkpoint of another model: {}; continue with the config it was made with, or train into "
                     "another folder",
                     name, *difference);
  }

  const size_t data_begin = sizeof(preamble) + preamble.header_bytes;
  const size_t data_bytes = 3 * static_cast<size_t>(layout.num_parameters()) * sizeof(float);
  if (bytes.size() < data_begin + data_bytes + sizeof(uint64_t)) return cut_short();
  if (bytes.size() > data_begin + data_bytes + sizeof(uint64_t)) {
    return MakeError(ErrorCode::kCorrupt, "{}: the file is longer than its header says", name);
  }
  // In the pieces in which it was written.
  ChainedHash checksum;
  checksum.Add(Chars(bytes.first(sizeof(preamble))));
  checksum.Add(Chars(bytes.subspan(sizeof(preamble), preamble.header_bytes)));
  size_t at = data_begin;
  for (const std::span<float> buffer : {buffers.weights, buffers.first_moments, buffers.second_moments}) {
    for (const ParameterLayout::Entry& entry : layout.entries()) {
      const size_t size_bytes = static_cast<size_t>(entry.size) * sizeof(float);
      checksum.Add(Chars(bytes.subspan(at, size_bytes)));
      std::memcpy(buffer.data() + entry.offset, bytes.data() + at, size_bytes);
      at += size_bytes;
    }
  }
  uint64_t written = 0;
  std::memcpy(&written, bytes.data() + at, sizeof(written));
  if (written != checksum.value()) {
    return MakeError(ErrorCode::kCorrupt,
                     "{}: its checksum is wrong, the file has been altered; delete it to continue from the checkpoint "
                     "before it",
                     name);
  }
  return StateOf(*header, name);
}

}  // namespace tenfold::training
