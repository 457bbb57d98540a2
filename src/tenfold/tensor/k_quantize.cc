// How f32 weights become blocks of the K types.
#include <algorithm>
#include <array>
#include <cmath>

#include "tenfold/tensor/k_quants.h"

namespace tenfold::tensor {
namespace {

constexpr size_t kNumSubBlocks = kKBlock / kKSubBlock;
constexpr size_t kNumQ6KSubBlocks = kKBlock / kQ6KSubBlock;
constexpr int kGreatest6Bits = 63;

// Candidates divide a sub-block's range into its number of steps and this much more or less. More steps than there are
// codes clip the extremes and serve the others better; fewer leave a code unused and may just fit.
constexpr std::array<float, 9> kExtraSteps = {-1, -0.75f, -0.5f, -0.25f, 0, 0.25f, 0.5f, 0.75f, 1};

// Rounds to nearest and clamps to 0..greatest. Halves go up.
int ToCode(float value, int greatest) {
  return static_cast<int>(std::clamp(value + 0.5f, 0.0f, static_cast<float>(greatest)));
}

// A sub-block as scale * code - min.
struct Affine {
  float scale = 0;
  float min = 0;  // never negative: it is stored without a sign
};

// What least squares need to know of weights x and their codes q.
struct Sums {
  float x = 0, xq = 0, q = 0, qq = 0;
};

// The line of least squared error through (q, x), and by how much it beats the line x = 0.
struct Fit {
  Affine line;
  float gain = -1;
};

Fit LeastSquares(const Sums& sums, float count) {
  const float determinant = count * sums.qq - sums.q * sums.q;
  if (determinant > 0) {
    const float scale = (count * sums.xq - sums.x * sums.q) / determinant;
    const float min = (scale * sums.q - sums.x) / count;
    if (min >= 0) return {{scale, min}, scale * sums.xq - min * sums.x};
  }
  if (sums.qq == 0) return {};
  const float scale = sums.xq / sums.qq;
  return {{scale, 0}, scale * sums.xq};
}

Affine FitSubBlock(std::span<const float, kKSubBlock> weights, int greatest_code) {
  const auto [smallest, greatest] = std::ranges::minmax(weights);
  const float low = std::min(smallest, 0.0f);
  const float range = greatest - low;
  if (!(range > 0)) return {0, -low};  // all the same, and not above zero
  Fit best;
  for (const float extra : kExtraSteps) {
    const float inverse = (static_cast<float>(greatest_code) + extra) / range;
    Sums sums;
    for (const float weight : weights) {
      const auto code = static_cast<float>(ToCode((weight - low) * inverse, greatest_code));
      sums.x += weight;
      sums.xq += weight * code;
      sums.q += code;
      sums.qq += code * code;
    }
    const Fit fit = LeastSquares(sums, static_cast<float>(weights.size()));
    if (fit.gain > best.gain) best = fit;
  }
  return best.line;
}

// The inverse of ScaleAndMinOf(); `bytes` begin as zeros.
void StoreScaleAndMin(size_t index, ScaleAndMin pair, std::span<uint8_t, 12> bytes) {
  if (index < 4) {
    bytes[index] |= pair.scale;
    bytes[index + 4] |= pair.min;
    return;
  }
  bytes[index + 4] = static_cast<uint8_t>((pair.scale & 0xf) | pair.min << 4);
  bytes[index - 4] = static_cast<uint8_t>(bytes[index - 4] | pair.scale >> 4 << 6);
  bytes[index] = static_cast<uint8_t>(bytes[index] | pair.min >> 4 << 6);
}

float Inverse(float value) {
  return value == 0 ? 0 : 1 / value;
}

// Fills the scales of a Q4_K or Q5_K block and gives the codes that go with them.
template <class Block>
std::array<uint8_t, kKBlock> QuantizeWithMins(std::span<const float, kKBlock> weights, int greatest_code,
                                              Block& block) {
  std::array<Affine, kNumSubBlocks> lines;
  Affine greatest;
  for (size_t s = 0; s < kNumSubBlocks; ++s) {
    lines[s] = FitSubBlock(weights.subspan(s * kKSubBlock).template first<kKSubBlock>(), greatest_code);
    greatest.scale = std::max(greatest.scale, lines[s].scale);
    greatest.min = std::max(greatest.min, lines[s].min);
  }
  block = {};
  block.scale = ToF16(greatest.scale / kGreatest6Bits);
  block.min = ToF16(greatest.min / kGreatest6Bits);
  const float scale_unit = ToFloat(block.scale);
  const float min_unit = ToFloat(block.min);

  std::array<uint8_t, kKBlock> codes;
  for (size_t s = 0; s < kNumSubBlocks; ++s) {
    const int scale = ToCode(lines[s].scale * Inverse(scale_unit), kGreatest6Bits);
    const int min = ToCode(lines[s].min * Inverse(min_unit), kGreatest6Bits);
    StoreScaleAndMin(s, {static_cast<uint8_t>(scale), static_cast<uint8_t>(min)}, block.scales_and_mins);
    const float stored_min = min_unit * static_cast<float>(min);
    const float inverse = Inverse(scale_unit * static_cast<float>(scale));
    for (size_t i = s * kKSubBlock; i < (s + 1) * kKSubBlock; ++i) {
      codes[i] = static_cast<uint8_t>(ToCode((weights[i] + stored_min) * inverse, greatest_code));
    }
  }
  return codes;
}

// The four low bits of codes, in the order that Q4_K and Q5_K share.
void PackNibbles(std::span<const uint8_t, kKBlock> codes, std::span<uint8_t, kKBlock / 2> nibbles) {
  for (size_t i = 0; i < kKBlock / 2; ++i) {
    const size_t even = i / kKSubBlock * 2 * kKSubBlock + i % kKSubBlock;
    nibbles[i] = static_cast<uint8_t>((codes[even] & 0xf) | codes[even + kKSubBlock] << 4);
  }
}

// The scale of least squared error for a sub-block of Q6_K, whose codes reach from -32 to 31. The weight of greatest
// magnitude decides the scale's sign: it lies at the end that reaches farther.
float FitQ6KSubBlock(std::span<const float, kQ6KSubBlock> weights) {
  const float extreme = *std::ranges::max_element(weights, {}, [](float weight) { return std::abs(weight); });
  if (extreme == 0) return 0;
  float best_scale = 0;
  float best_gain = -1;
  for (const float extra : kExtraSteps) {
    const float inverse = (-32 + extra) / extreme;
    float xq = 0;
    float qq = 0;
    for (const float weight : weights) {
      const auto code = static_cast<float>(ToCode(weight * inverse + 32, 63) - 32);
      xq += weight * code;
      qq += code * code;
    }
    if (const float gain = xq * xq / qq; gain > best_gain) {
      best_scale = xq / qq;
      best_gain = gain;
    }
  }
  return best_scale;
}

}  // namespace

void QuantizeKBlock(std::span<const float, kKBlock> weights, BlockQ4_K& block) {
  const std::array<uint8_t, kKBlock> codes = QuantizeWithMins(weights, 15, block);
  PackNibbles(codes, block.nibbles);
}

void QuantizeKBlock(std::span<const float, kKBlock> weights, BlockQ5_K& block) {
  const std::array<uint8_t, kKBlock> codes = QuantizeWithMins(weights, 31, block);
  PackNibbles(codes, block.nibbles);
  for (size_t i = 0; i < kKBlock; ++i) {
    uint8_t& bits = block.fifth_bits[i % kKSubBlock];
    bits = static_cast<uint8_t>(bits | codes[i] >> 4 << (i / kKSubBlock));
  }
}

void QuantizeKBlock(std::span<const float, kKBlock> weights, BlockQ6_K& block) {
  std::array<float, kNumQ6KSubBlocks> scales;
  float greatest = 0;
  for (size_t s = 0; s < kNumQ6KSubBlocks; ++s) {
    scales[s] = FitQ6KSubBlock(weights.subspan(s * kQ6KSubBlock).first<kQ6KSubBlock>());
    greatest = std::max(greatest, std::abs(scales[s]));
  }
  block = {};
  block.scale = ToF16(greatest / 127);
  const float unit = ToFloat(block.scale);
  for (size_t s = 0; s < kNumQ6KSubBlocks; ++s) {
    block.scales[s] = static_cast<int8_t>(ToCode(scales[s] * Inverse(unit) + 127, 254) - 127);
  }

  constexpr size_t kHalf = kKBlock / 2;
  constexpr size_t kRun = kHalf / 4;
  for (size_t i = 0; i < kKBlock; ++i) {
    const float inverse = Inverse(unit * block.scales[i / kQ6KSubBlock]);
    const int code = ToCode(weights[i] * inverse + 32, 63);
    const size_t half = i / kHalf;
    const size_t run = i % kHalf / kRun;
    uint8_t& nibbles = block.nibbles[half * kHalf / 2 + run % 2 * kRun + i % kRun];
    uint8_t& upper = block.upper_bits[half * kRun + i % kRun];
    nibbles = static_cast<uint8_t>(nibbles | (code & 0xf) << (run < 2 ? 0 : 4));
    upper = static_cast<uint8_t>(upper | code >> 4 << (2 * run));
  }
}

}  // namespace tenfold::tensor
