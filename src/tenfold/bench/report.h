// Where measurements go as they come: a table for people, or JSON lines for programs, on standard output.
//
// The first line is the machine: processor, threads, instruction set, limits. Every other line is one measurement with
// its name and figures; a figure's unit is the end of its key: _us, _s, _bytes, tok_s, gop_s (10^9 operations per
// second), gb_s (10^9 bytes per second), percent_of_*.
#pragma once

#include <string>
#include <string_view>

#include "tenfold/base/json.h"
#include "tenfold/bench/machine_limits.h"
#include "tenfold/bench/measurement.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::bench {

class Report {
 public:
  explicit Report(bool as_json) : as_json_(as_json) {}

  void AddMachine(const MachineLimits& limits, const kernels::KernelTable& kernels,
                  const platform::ThreadPool& threads);

  // A kernel: `line` says what was measured, the figures are added to it.
  void AddKernel(std::string_view label, json::object line, const Measurement& measured);

  // Anything else: the JSON line, or the text.
  void Add(const json::object& line, std::string_view text);

  // A heading or a remark, for people only.
  void AddText(std::string_view text);

 private:
  bool as_json_;
  bool has_kernels_ = false;  // the table's head stands above the first of them
};

// ", 3 of 9 samples disturbed", or nothing.
std::string DisturbedRemark(const Measurement& measured);

// "12.3 us", "4.56 ms".
std::string FormatSeconds(double seconds);

}  // namespace tenfold::bench
