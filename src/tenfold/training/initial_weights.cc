#include "tenfold/training/initial_weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "tenfold/base/check.h"
#include "tenfold/base/hash.h"
#include "tenfold/base/random.h"
#include "tenfold/base/rounding.h"

namespace tenfold::training {
namespace {

constexpr double kDeviation = 0.02;
constexpr int64_t kPiece = 1 << 14;  // floats that a thread draws at once

// Four draws of N(0, 1) from four of 32 bits (Box and Muller, 1958).
std::array<double, 4> Normals(const std::array<uint32_t, 4>& words) {
  std::array<double, 4> normals;
  for (size_t pair = 0; pair < 4; pair += 2) {
    const double radius = std::sqrt(-2 * std::log((words[pair] + 1.0) * 0x1p-32));  // of (0, 1]
    const double angle = 2 * std::numbers::pi * words[pair + 1] * 0x1p-32;
    normals[pair] = radius * std::cos(angle);
    normals[pair + 1] = radius * std::sin(angle);
  }
  return normals;
}

bool WritesIntoResidualStream(std::string_view name) {
  return name.ends_with("attn_output.weight") || name.ends_with("ffn_down.weight");
}

}  // namespace

void DrawInitialWeights(const ParameterLayout& layout, int64_t num_layers, uint64_t seed, platform::ThreadPool& threads,
                        std::span<float> weights) {
  CHECK_EQ(static_cast<int64_t>(weights.size()), layout.num_floats());
  const double residual_deviation = kDeviation / std::sqrt(2 * static_cast<double>(num_layers));
  for (const ParameterLayout::Entry& entry : layout.entries()) {
    const auto out = weights.subspan(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.size));
    if (!entry.decays) {
      std::ranges::fill(out, entry.name.ends_with(".bias") ? 0.0f : 1.0f);
      continue;
    }
    const uint64_t stream = Hash64(entry.name);
    const double deviation = WritesIntoResidualStream(entry.name) ? residual_deviation : kDeviation;
    threads.Run(CeilDivide(entry.size, kPiece), [&](int64_t piece, int) {
      const int64_t end = std::min(entry.size, (piece + 1) * kPiece);
      for (int64_t begin = piece * kPiece; begin < end; begin += 4) {
        const std::array<double, 4> normals = Normals(Philox(seed, stream, static_cast<uint64_t>(begin / 4)));
        for (int64_t i = begin; i < std::min(end, begin + 4); ++i) {
          out[static_cast<size_t>(i)] = static_cast<float>(deviation * normals[static_cast<size_t>(i - begin)]);
        }
      }
    });
  }
}

}  // namespace tenfold::training
