#include "tenfold/bench/report.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "tenfold/platform/cpu_features.h"

namespace tenfold::bench {

void Report::AddMachine(const MachineLimits& limits, const kernels::KernelTable& kernels,
                        const platform::ThreadPool& threads) {
  json::object line = {{"name", "machine"},
                       {"processor", platform::CpuModelName()},
                       {"threads", threads.num_threads()},
                       {"isa", kernels.name}};
  std::string text =
      fmt::format("{}, {} threads, {} kernels\n", platform::CpuModelName(), threads.num_threads(), kernels.name);
  text += "limits, measured here and now: median (p10 to p90)\n";
  const auto add = [&](const char* key, const char* what, const char* unit, const Spread& spread) {
    line[key] = Rounded(spread.median * 1e-9);
    line[fmt::format("{}_p10", key)] = Rounded(spread.p10 * 1e-9);
    line[fmt::format("{}_p90", key)] = Rounded(spread.p90 * 1e-9);
    text += fmt::format("  {:<22}{:>8.1f} ({:.1f} to {:.1f}) {}\n", what, spread.median * 1e-9, spread.p10 * 1e-9,
                        spread.p90 * 1e-9, unit);
  };
  add("memory_gb_s", "reading memory", "GB/s", limits.dram_bytes_per_s);
  add("cache_gb_s", "reading the cache", "GB/s", limits.cache_bytes_per_s);
  add("f32_gop_s", "f32 multiply-add", "GOP/s", limits.f32_operations_per_s);
  add("bf16_gop_s", "bfloat16 pairs", "GOP/s", limits.bf16_operations_per_s);
  add("int8_gop_s", "8-bit integers", "GOP/s", limits.int8_operations_per_s);
  Add(line, text);
}

void Report::AddKernel(std::string_view label, json::object line, const Measurement& measured) {
  if (as_json_) {
    AddFigures(measured, line);
    return Add(line, "");
  }
  if (!std::exchange(has_kernels_, true)) {
    AddText(fmt::format("\n{:<44}{:>10}  {:<22}{:>8}{:>8}  {}\n", "", "median", "p10 to p90", "GOP/s", "GB/s",
                        "of the limit that binds"));
  }
  const std::string operations =
      measured.work.operations > 0 ? fmt::format("{:.1f}", measured.operations_per_s() * 1e-9) : "";
  AddText(fmt::format(
      "{:<44}{:>10}  {:<22}{:>8}{:>8.1f}  {:>4.0f} % of {}{}\n", label, FormatSeconds(measured.seconds.median),
      FormatSeconds(measured.seconds.p10) + " to " + FormatSeconds(measured.seconds.p90), operations,
      measured.bytes_per_s() * 1e-9, measured.of_limit() * 100, measured.limit(), DisturbedRemark(measured)));
}

void Report::Add(const json::object& line, std::string_view text) {
  if (as_json_) {
    fmt::print("{}\n", json::serialize(line));
    std::fflush(stdout);
  } else {
    AddText(text);
  }
}

void Report::AddText(std::string_view text) {
  if (as_json_) return;
  fmt::print("{}", text);
  std::fflush(stdout);
}

std::string DisturbedRemark(const Measurement& measured) {
  if (measured.num_disturbed == 0) return "";
  return fmt::format(", {} of {} samples disturbed", measured.num_disturbed, measured.num_samples);
}

std::string FormatSeconds(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

}  // namespace tenfold::bench
