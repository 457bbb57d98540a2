// What a load run came to, under the names of `vllm bench serve`, so that results of both can be laid side by side.
//
//   ttft  time to first token           tpot  time per output token after the first
//   itl   inter-token latency: every gap between chunks of every request
//   e2el  end-to-end latency            normalized latency: e2el per output token
#pragma once

#include <string>
#include <vector>

#include "tenfold/base/json.h"
#include "tenfold/base/result.h"
#include "tenfold/bench/load_client.h"

namespace tenfold::bench {

// A request is good when each of these that is given holds; milliseconds.
struct Goodput {
  double ttft_ms = 0;  // 0: not asked
  double tpot_ms = 0;
  double e2el_ms = 0;

  bool is_set() const { return ttft_ms > 0 || tpot_ms > 0 || e2el_ms > 0; }
};
// "ttft:500", "tpot:50", "e2el:2000". Errors: kInvalidArgument.
Status AddGoodput(std::string_view text, Goodput& goodput);

// One object: numbers as vLLM names them (mean_ttft_ms, p99_itl_ms, ...) and, beyond those, max_itl_ms,
// total_cached_tokens and normalized latency. `percentiles` are in percent.
json::object SummarizeLoad(const LoadRun& run, const std::vector<double>& percentiles, const Goodput& goodput);

// Beyond the summary, each request for itself, in order of their ends, as vLLM's --save-detailed: input_lens,
// output_lens, ttfts, itls (seconds), start_times, errors.
void AddDetails(const LoadRun& run, json::object& summary);

// The summary for people, and the first errors.
std::string LoadTable(const LoadRun& run, const json::object& summary, const std::vector<double>& percentiles);

}  // namespace tenfold::bench
