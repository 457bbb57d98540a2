// What it costs in accuracy to round the inputs of matrix products to int8, by how the scales are chosen.
//
// usage: activation_scales MODEL TEXT [TOKENS]
//
// A plain llama forward pass (plain_llama.h) scores the first TOKENS tokens of a text (default: 20 windows) as `tenfold
// perplexity` does: windows of the model's context that begin with its beginning-of-text token. Every input of every
// matrix product is rounded to int8 and back. Weights are as the file has them, or rounded through a type in the
// matrices whose rows are whole blocks of it. +- is one standard error, from the spread of the change over windows.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "tenfold/base/check.h"
#include "tenfold/base/random.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/tokenizer.h"

#include "plain_llama.h"

namespace tenfold::bench {
namespace {

using tensor::DataType;

enum class Scales {
  kAny,          // greatest / 127
  kShort,        // the least number of few bits that is not below that
  kShortOfUnit,  // the same in a unit of the row: of eight to the octave, the one with the least sum of scale^2
};

struct Scheme {
  const char* name;
  size_t block;  // values that share a scale; 0: no rounding
  Scales scales = Scales::kAny;
  int bits = 0;  // of a short scale, after the leading one
};

constexpr Scheme kSchemes[] = {{"f32, not rounded", 0},
                               {"f32 scale per 32", 32},
                               {"f32 scale per 64", 64},
                               {"f32 scale per 256", 256},
                               {"power of two per 32", 32, Scales::kShort},
                               {"power of two per 32 in units of the row", 32, Scales::kShortOfUnit},
                               {"1 or 1.5 times a power of two per 32", 32, Scales::kShort, 1},
                               {"1 to 1.75 times a power of two per 32", 32, Scales::kShort, 2}};

float GreatestMagnitude(std::span<const float> values) {
  float greatest = 0;
  for (const float value : values) greatest = std::max(greatest, std::abs(value));
  return greatest;
}

std::vector<std::span<float>> BlocksOf(std::span<float> row, size_t block) {
  std::vector<std::span<float>> blocks;  // the last may be shorter
  for (size_t begin = 0; begin < row.size(); begin += block) {
    blocks.push_back(row.subspan(begin, std::min(block, row.size() - begin)));
  }
  return blocks;
}

// The least unit * (1 + i / 2^bits) * 2^n that is not below greatest / 127, but with n no less than 40 below the one of
// the row's greatest.
float ShortScale(float greatest, float greatest_of_row, float unit, int bits) {
  const auto exponent = [&](float magnitude) { return std::floor(std::log2(magnitude / 127 / unit)); };
  const float power = unit * std::exp2(std::max(exponent(greatest), exponent(greatest_of_row) - 40));
  const auto steps = static_cast<float>(1 << bits);
  return std::ceil(greatest / 127 / power * steps) / steps * power;
}

// The scales of a row's blocks, from the greatest magnitude of each; 0 for a block of zeros.
Floats ScalesOf(const Scheme& scheme, const Floats& greatest) {
  const float greatest_of_row = std::ranges::max(greatest);
  Floats best;
  float least = INFINITY;
  for (int i = 0; i < (scheme.scales == Scales::kShortOfUnit ? 8 : 1); ++i) {
    Floats candidate;
    float sum = 0;
    for (const float magnitude : greatest) {
      float scale = magnitude / 127;
      if (scale > 0 && scheme.scales != Scales::kAny) {
        scale = ShortScale(magnitude, greatest_of_row, std::exp2(static_cast<float>(i) / 8), scheme.bits);
      }
      candidate.push_back(scale);
      sum += scale * scale;
    }
    if (sum < least) {
      least = sum;
      best = std::move(candidate);
    }
  }
  return best;
}

// Rounds a row to int8 and back.
void RoundRow(const Scheme& scheme, std::span<float> row) {
  if (scheme.block == 0) return;
  const std::vector<std::span<float>> blocks = BlocksOf(row, scheme.block);
  Floats greatest;
  for (const std::span<float> block : blocks) greatest.push_back(GreatestMagnitude(block));
  const Floats scales = ScalesOf(scheme, greatest);
  for (size_t b = 0; b < blocks.size(); ++b) {
    for (float& value : blocks[b]) {
      if (value == 0) continue;
      const float code = std::nearbyint(value / scales[b]);
      CHECK(std::abs(code) <= 127);
      value = code * scales[b];
    }
  }
}

// The relative rms error of rounding synthetic rows as wide as a real model's: normal draws to the given power.
double SyntheticError(const Scheme& scheme, int power) {
  constexpr size_t kWidth = 2048;
  double squared_error = 0;
  double squares = 0;
  for (uint64_t r = 0; r < 64; ++r) {
    Floats row(kWidth);
    for (uint64_t i = 0; i < kWidth; ++i) {
      const double radius = std::sqrt(-2 * std::log(1 - UniformDouble(1, r, i)));
      const double draw = radius * std::cos(2 * std::numbers::pi * UniformDouble(2, r, i));
      row[i] = static_cast<float>(std::pow(draw, power));
    }
    Floats rounded = row;
    RoundRow(scheme, rounded);
    for (size_t i = 0; i < kWidth; ++i) {
      squared_error += std::pow(static_cast<double>(rounded[i]) - static_cast<double>(row[i]), 2);
      squares += std::pow(static_cast<double>(row[i]), 2);
    }
  }
  return std::sqrt(squared_error / squares);
}

void PrintSyntheticErrors() {
  fmt::print(
      "relative rms error of synthetic rows of 2048\n\n| activations | normal | normal, cubed |\n|---|---|---|\n");
  for (const Scheme& scheme : kSchemes) {
    fmt::print("| {} | {:.2e} | {:.2e} |\n", scheme.name, SyntheticError(scheme, 1), SyntheticError(scheme, 3));
  }
  fmt::print("\n");
}

// Scores each window, on all processors.
std::vector<Score> ScoreWindows(const Llama& llama, const Scheme& scheme,
                                std::span<const std::vector<TokenId>> windows) {
  std::vector<Score> scores(windows.size());
  std::atomic<size_t> next = 0;
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t) {
    threads.emplace_back([&] {
      for (size_t w = next++; w < windows.size(); w = next++) {
        scores[w] = ScoreWindow(llama, windows[w], [&](std::span<float> row) { RoundRow(scheme, row); });
      }
    });
  }
  threads.clear();
  return scores;
}

std::vector<std::vector<TokenId>> CutIntoWindows(std::span<const TokenId> ids, size_t context, TokenId bos) {
  std::vector<std::vector<TokenId>> windows;
  while (!ids.empty()) {
    std::vector<TokenId>& window = windows.emplace_back();
    if (bos != tokenizer::kNoToken) window.push_back(bos);
    const size_t count = std::min(context - window.size(), ids.size());
    window.insert(window.end(), ids.begin(), ids.begin() + static_cast<int64_t>(count));
    ids = ids.subspan(count);
  }
  return windows;
}

void Measure(const char* model_path, const char* text_path, size_t num_tokens) {
  const auto checkpoint = model::OpenCheckpoint(model_path).value();
  const auto tokenizer = tokenizer::Tokenizer::Create(checkpoint->vocabulary()).value();
  std::vector<TokenId> ids = tokenizer.Encode(platform::ReadTextFile(text_path).value(), {.add_special = false});
  const auto context = static_cast<size_t>(checkpoint->config().context_length);
  ids.resize(std::min(ids.size(), num_tokens > 0 ? num_tokens : 20 * (context - 1)));
  const auto windows = CutIntoWindows(ids, context, tokenizer.bos());

  double num_scored = 0;
  for (const auto& window : windows) num_scored += static_cast<double>(window.size() - 1);
  fmt::print("{}, {} tokens in {} windows\n\n", checkpoint->config().name, ids.size(), windows.size());
  fmt::print(
      "| activations | weights | perplexity | change | relative rms error of outputs |\n|---|---|---|---|---|\n");
  for (const std::optional<DataType> type : {std::optional<DataType>(), {DataType::kQ8_0}, {DataType::kQ4_0}}) {
    const Llama llama = LoadLlama(*checkpoint, type);
    std::vector<Score> base;
    for (const Scheme& scheme : kSchemes) {
      const std::vector<Score> scores = ScoreWindows(llama, scheme, windows);
      if (base.empty()) base = scores;
      const auto count = static_cast<double>(windows.size());
      Score total;
      double change = 0;  // of the sum of NLL, and its squares over windows
      double change_squares = 0;
      for (size_t w = 0; w < scores.size(); ++w) {
        total.nll += scores[w].nll;
        total.squared_error += scores[w].squared_error;
        total.squared_output += scores[w].squared_output;
        change += scores[w].nll - base[w].nll;
        change_squares += std::pow(scores[w].nll - base[w].nll, 2);
      }
      // Perplexity is exp(mean NLL), so small changes of the mean are relative changes of the perplexity.
      const double deviation = std::sqrt(std::max(0.0, change_squares - change * change / count));
      fmt::print("| {} | {} | {:.4f} | {:+.3f} % +- {:.3f} | {:.2e} |\n", scheme.name,
                 type ? tensor::Name(*type) : "as stored", std::exp(total.nll / num_scored),
                 100 * std::expm1(change / num_scored), 100 * deviation / num_scored,
                 std::sqrt(total.squared_error / total.squared_output));
      std::fflush(stdout);
    }
  }
}

}  // namespace
}  // namespace tenfold::bench

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: activation_scales MODEL TEXT [TOKENS]\n");
    return 2;
  }
  tenfold::bench::PrintSyntheticErrors();
  tenfold::bench::Measure(argv[1], argv[2], argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 0);
  return 0;
}
