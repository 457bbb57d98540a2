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
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "tenfold/base/check.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/platform/mapped_file.h"
#include "tenfold/tokenizer/tokenizer.h"

#include "plain_llama.h"

namespace tenfold::bench {
namespace {

using tensor::DataType;

enum class Scales {
  kAny,                // greatest / 127
  kPowersOfTwo,        // the least power of two that is not below that
  kPowersOfTwoOfUnit,  // the same, times a unit of the row, with which its greatest block has greatest / 127
};

struct Scheme {
  const char* name;
  size_t block;  // values that share a scale; 0: no rounding
  Scales scales = Scales::kAny;
};

constexpr Scheme kSchemes[] = {{"f32, not rounded", 0},
                               {"f32 scale per 32", 32},
                               {"f32 scale per 64", 64},
                               {"f32 scale per 256", 256},
                               {"power of two per 32", 32, Scales::kPowersOfTwo},
                               {"power of two per 32, times the row's unit", 32, Scales::kPowersOfTwoOfUnit}};

float GreatestMagnitude(std::span<const float> values) {
  float greatest = 0;
  for (const float value : values) greatest = std::max(greatest, std::abs(value));
  return greatest;
}

// The scale of a block, of which powers of two reach 2^-40 of the scale of the greatest block.
float ScaleOf(const Scheme& scheme, float greatest, float greatest_of_row) {
  if (scheme.scales == Scales::kAny) return greatest / 127;
  const float unit = scheme.scales == Scales::kPowersOfTwoOfUnit ? greatest_of_row / 127 : 1;
  const auto exponent = [&](float magnitude) { return std::ceil(std::log2(magnitude / 127 / unit)); };
  return unit * std::exp2(std::max(exponent(greatest), exponent(greatest_of_row) - 40));
}

// Rounds a row to int8 and back. A last block may be shorter.
void RoundRow(const Scheme& scheme, std::span<float> row) {
  if (scheme.block == 0) return;
  const float greatest_of_row = GreatestMagnitude(row);
  for (size_t begin = 0; begin < row.size(); begin += scheme.block) {
    const std::span<float> block = row.subspan(begin, std::min(scheme.block, row.size() - begin));
    const float greatest = GreatestMagnitude(block);
    if (greatest == 0) continue;
    const float scale = ScaleOf(scheme, greatest, greatest_of_row);
    for (float& value : block) {
      const float code = std::nearbyint(value / scale);
      CHECK(std::abs(code) <= 127);
      value = code * scale;
    }
  }
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
  tenfold::bench::Measure(argv[1], argv[2], argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 0);
  return 0;
}
