#include "tenfold/bench/workload.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "tenfold/base/random.h"

namespace tenfold::bench {
namespace {

// Where lengths come from; what a distribution does not use is empty.
struct Lengths {
  std::pair<double, double> uniform = {};    // least and greatest
  std::pair<double, double> lognormal = {};  // of the logarithm: mean and standard deviation
  std::pair<double, double> clip = {1, 1e9};
  std::span<const std::pair<double, double>> inverse_cdf = {};  // (probability, tokens), linear between
};

struct Workload {
  std::string_view name;
  Lengths prompt;
  Lengths output;
  int64_t max_total;
};

constexpr std::pair<double, double> kChatPrompts[] = {{0, 1},      {0.05, 29},   {0.1, 74},    {0.2, 382},  {0.3, 777},
                                                      {0.4, 1203}, {0.5, 1730},  {0.6, 2401},  {0.7, 3235}, {0.8, 4278},
                                                      {0.9, 5696}, {0.95, 6563}, {0.99, 7434}, {1, 8141}};
constexpr std::pair<double, double> kChatOutputs[] = {{0, 2},     {0.05, 44},  {0.1, 84},   {0.2, 181}, {0.3, 271},
                                                      {0.4, 346}, {0.5, 415},  {0.6, 493},  {0.7, 581}, {0.8, 683},
                                                      {0.9, 834}, {0.95, 920}, {0.99, 998}, {1, 1024}};

constexpr Workload kWorkloads[] = {
    {"orca", {.uniform = {32, 512}}, {.uniform = {1, 128}}, 640},
    {"sharegpt", {.lognormal = {4.382, 1.3}, .clip = {4, 2000}}, {.lognormal = {5.481, 0.95}}, 2048},
    {"alpaca", {.lognormal = {2.773, 0.6}}, {.lognormal = {3.638, 0.95}}, 2048},
    {"sarathi-chat", {.inverse_cdf = kChatPrompts}, {.inverse_cdf = kChatOutputs}, 8192},
    {"sarathi-arxiv", {.lognormal = {8.862, 0.4756}}, {.lognormal = {5.338, 0.4515}}, 16384},
};
constexpr std::string_view kNames[] = {kWorkloads[0].name, kWorkloads[1].name, kWorkloads[2].name, kWorkloads[3].name,
                                       kWorkloads[4].name};

// The streams of random numbers.
enum Stream : uint64_t { kPromptStream, kPromptStream2, kOutputStream, kOutputStream2, kArrivalStream };

double Draw(const Lengths& lengths, uint64_t seed, uint64_t stream, uint64_t counter) {
  const double u = UniformDouble(seed, stream, counter);
  if (!lengths.inverse_cdf.empty()) {
    size_t i = 1;
    while (lengths.inverse_cdf[i].first < u) ++i;
    const auto [p0, x0] = lengths.inverse_cdf[i - 1];
    const auto [p1, x1] = lengths.inverse_cdf[i];
    return x0 + (x1 - x0) * (u - p0) / (p1 - p0);
  }
  if (lengths.uniform.second > 0) {
    return std::floor(lengths.uniform.first + u * (lengths.uniform.second - lengths.uniform.first + 1));
  }
  // Box and Muller; 1 - u is never zero.
  const double v = UniformDouble(seed, stream + 1, counter);
  const double normal = std::sqrt(-2 * std::log(1 - u)) * std::cos(2 * std::numbers::pi * v);
  const double length = std::exp(lengths.lognormal.first + lengths.lognormal.second * normal);
  return std::clamp(length, lengths.clip.first, lengths.clip.second);
}

int64_t Scaled(double length, double divisor) {
  return std::max<int64_t>(1, std::llround(length / divisor));
}

Result<const Workload*> Find(std::string_view name) {
  std::string names;
  for (const Workload& workload : kWorkloads) {
    if (workload.name == name) return &workload;
    names += (names.empty() ? "" : ", ") + std::string(workload.name);
  }
  return MakeError(ErrorCode::kInvalidArgument, "there is no workload \"{}\"; there are {}", name, names);
}

}  // namespace

std::span<const std::string_view> WorkloadNames() {
  return kNames;
}

Result<int64_t> MaxTotalTokens(const WorkloadOptions& options) {
  ASSIGN_OR_RETURN(const Workload* const workload, Find(options.name));
  return std::max<int64_t>(2, Scaled(static_cast<double>(workload->max_total), options.length_divisor));
}

Result<std::vector<WorkloadRequest>> MakeWorkload(const WorkloadOptions& options) {
  ASSIGN_OR_RETURN(const Workload* const workload, Find(options.name));
  ASSIGN_OR_RETURN(const int64_t max_total, MaxTotalTokens(options));
  std::vector<WorkloadRequest> requests;
  double now = 0;
  for (uint64_t draw = 0; static_cast<int64_t>(requests.size()) < options.num_requests; ++draw) {
    const double prompt = Draw(workload->prompt, options.seed, kPromptStream, draw);
    const double output = Draw(workload->output, options.seed, kOutputStream, draw);
    if (prompt + output > static_cast<double>(workload->max_total)) continue;
    now -= std::log(1 - UniformDouble(options.seed, kArrivalStream, draw)) / options.requests_per_s;
    WorkloadRequest request = {.arrival_s = now,
                               .num_prompt_tokens = Scaled(prompt, options.length_divisor),
                               .num_output_tokens = Scaled(output, options.length_divisor)};
    // Both parts may have been rounded up.
    int64_t& longer =
        request.num_prompt_tokens > request.num_output_tokens ? request.num_prompt_tokens : request.num_output_tokens;
    longer -= std::max<int64_t>(0, request.num_prompt_tokens + request.num_output_tokens - max_total);
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace tenfold::bench
