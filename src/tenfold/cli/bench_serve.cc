// tenfold bench serve: load for any OpenAI-compatible server, and what it makes of it.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>

#include "tenfold/base/print.h"
#include "tenfold/bench/load_client.h"
#include "tenfold/bench/load_plan.h"
#include "tenfold/bench/load_report.h"
#include "tenfold/cli/bench_commands.h"

namespace tenfold::cli {
namespace {

struct ServeBenchFlags {
  std::string url = "http://127.0.0.1:8000";
  std::string endpoint = "completions";
  bench::LoadPlanOptions plan;
  bench::LoadOptions load;
  std::vector<std::string> goodput;
  std::vector<double> percentiles = {90, 99};
  std::string result_path;
  bool save_detailed = false;
  bool json = false;
};

// One line on a terminal, rewritten in place.
class ProgressLine {
 public:
  ~ProgressLine() {
    if (drawn_) Print(stderr, "\r\x1b[K");
  }
  void Draw(const bench::LoadProgress& progress) {
    if (!is_terminal_) return;
    drawn_ = true;
    const double chunks_per_s = static_cast<double>(progress.num_output_chunks) / std::max(progress.elapsed_s, 1e-9);
    const double ttft_s =
        progress.sum_first_chunk_s / static_cast<double>(std::max<int64_t>(progress.num_first_chunks, 1));
    Print(stderr, "\r{:.0f} s: {} of {} done, {} running, {} failed, {:.1f} chunks/s, first after {:.0f} ms\x1b[K",
          progress.elapsed_s, progress.num_completed, progress.num_requests, progress.num_running, progress.num_failed,
          chunks_per_s, ttft_s * 1000);
    std::fflush(stderr);
  }

 private:
  const bool is_terminal_ = isatty(STDERR_FILENO) == 1;
  bool drawn_ = false;
};

Status Save(const std::string& path, const json::object& summary) {
  std::ofstream file(path);
  file << json::serialize(summary) << '\n';
  file.close();
  if (!file) return MakeError(ErrorCode::kIo, "{}: cannot be written", path);
  return {};
}

Status RunServeBench(ServeBenchFlags flags) {
  ASSIGN_OR_RETURN(flags.load.url, bench::ParseServerUrl(flags.url));
  flags.load.chat = flags.endpoint == "chat";
  bench::Goodput goodput;
  for (const std::string& goal : flags.goodput) RETURN_IF_ERROR(bench::AddGoodput(goal, goodput));
  ASSIGN_OR_RETURN(const std::vector<bench::Conversation> plan, bench::MakeLoadPlan(flags.plan));
  bench::LoadRun run;
  {
    ProgressLine line;
    ASSIGN_OR_RETURN(run, bench::RunLoad(flags.load, plan, [&line](const auto& progress) { line.Draw(progress); }));
  }
  json::object summary = bench::SummarizeLoad(run, flags.percentiles, goodput);
  summary["url"] = flags.url;
  summary["workload"] = flags.plan.workload;
  summary["seed"] = flags.plan.seed;
  if (!flags.result_path.empty()) {
    json::object saved = summary;
    if (flags.save_detailed) bench::AddDetails(run, saved);
    RETURN_IF_ERROR(Save(flags.result_path, saved));
  }
  if (flags.json) {
    fmt::print("{}\n", json::serialize(summary));
  } else {
    fmt::print("{}", bench::LoadTable(run, summary, flags.percentiles));
  }
  if (run.interrupted) return MakeError(ErrorCode::kUnavailable, "interrupted: these are the requests that had ended");
  if (summary.at("completed").get_int64() == 0) {
    return MakeError(ErrorCode::kUnavailable, "every request failed; the first: {}", run.outcomes.at(0).error);
  }
  return {};
}

// Refuses on the command line what `parse` refuses.
CLI::Validator Parses(std::function<Status(const std::string&)> parse) {
  return CLI::Validator(
      [parse = std::move(parse)](std::string& text) {
        const Status parsed = parse(text);
        return parsed ? std::string() : parsed.error().message;
      },
      "");
}

void AddPlanOptions(CLI::App& command, bench::LoadPlanOptions& plan) {
  constexpr const char* kGroup = "Requests";
  const auto positive = [] { return CLI::Range(1, 1 << 20).description(""); };
  command
      .add_option("--workload", plan.workload,
                  "random = prompts of --input-len; prefix = the same after a common beginning; chat = conversations, "
                  "each prompt all that was said before (other tokens stand for answers whose token_ids a server does "
                  "not give); or lengths as in a paper's trace")
      ->group(kGroup)
      ->type_name("NAME")
      ->check(CLI::IsMember(bench::LoadWorkloadNames()));
  command.add_option("--num-prompts", plan.num_prompts, "Requests in all")
      ->group(kGroup)
      ->type_name("N")
      ->check(positive());
  command.add_option("--input-len", plan.input_len, "Tokens of a prompt, or of a turn's new part")
      ->group(kGroup)
      ->type_name("N")
      ->check(positive());
  command.add_option("--output-len", plan.output_len, "Tokens of an output")
      ->group(kGroup)
      ->type_name("N")
      ->check(positive());
  command.add_option("--num-prefixes", plan.num_prefixes, "prefix: how many beginnings there are")
      ->group(kGroup)
      ->type_name("N")
      ->check(positive());
  command.add_option("--prefix-len", plan.prefix_len, "prefix, chat: tokens of a beginning")
      ->group(kGroup)
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20).description(""));
  command.add_option("--num-turns", plan.num_turns, "chat: requests of a conversation")
      ->group(kGroup)
      ->type_name("N")
      ->check(positive());
  command.add_option("--length-divisor", plan.length_divisor, "Lengths of a paper's trace are divided by this")
      ->group(kGroup)
      ->type_name("X")
      ->check(CLI::Range(1.0, 1e6).description(""));
  command
      .add_option_function<std::vector<TokenId>>(
          "--token-range",
          [&plan](const std::vector<TokenId>& range) {
            plan.token_range = {range.at(0), range.at(1)};
          },
          "Token ids that prompts are drawn from, the least and the greatest")
      ->group(kGroup)
      ->type_name("ID ID")
      ->expected(2)
      ->default_str("300 499");
  command.add_option("--seed", plan.seed, "The same seed asks the same things at the same times")
      ->group(kGroup)
      ->type_name("N");
}

void AddArrivalOptions(CLI::App& command, ServeBenchFlags& flags) {
  constexpr const char* kGroup = "Arrivals";
  command
      .add_option("--request-rate", flags.plan.request_rate,
                  "Requests (of chat: conversations) a second, whatever the server does; inf = all at once")
      ->group(kGroup)
      ->type_name("R");
  command
      .add_option("--burstiness", flags.plan.burstiness,
                  "Shape of the gaps' gamma distribution: 1 = Poisson, less = in bursts, more = regular")
      ->group(kGroup)
      ->type_name("X");
  command
      .add_option("--max-concurrency", flags.load.max_concurrency,
                  "So many clients, each sending its next request when it has its answer; 0 = no bound")
      ->group(kGroup)
      ->type_name("N")
      ->check(CLI::Range(0, 100'000).description(""));
}

}  // namespace

Command AddServeBench(CLI::App& bench_command) {
  CLI::App* command = bench_command.add_subcommand(
      "serve",
      "Send requests to an OpenAI-compatible server, such as tenfold, vLLM, SGLang or llama-server, and report "
      "throughput and latencies under the names of vLLM's benchmark. Prompts are token ids; outputs are streamed, "
      "greedy, "
      "and as long as asked for");
  auto flags = std::make_shared<ServeBenchFlags>();
  command->add_option("--url", flags->url, "Where the server is")
      ->type_name("URL")
      ->check(Parses([](const std::string& text) -> Status {
        RETURN_IF_ERROR(bench::ParseServerUrl(text));
        return {};
      }));
  command->add_option("--endpoint", flags->endpoint, "completions, or chat: /v1/chat/completions with words for tokens")
      ->type_name("NAME")
      ->check(CLI::IsMember({"completions", "chat"}));
  command->add_option("--model", flags->load.model, "Its name for the model (default: the first that it lists)")
      ->type_name("NAME");
  command->add_option("--api-key", flags->load.api_key, "Sent as a bearer token")->type_name("KEY");
  command
      ->add_option_function<std::vector<std::string>>(
          "--header",
          [flags](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) flags->load.headers.push_back(bench::ParseHeader(text).value());
          },
          "Sent with every request, such as X-Team=tenfold; may be given several times")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->check(Parses([](const std::string& text) -> Status {
        RETURN_IF_ERROR(bench::ParseHeader(text));
        return {};
      }));
  command->add_option("--request-timeout", flags->load.request_timeout_s, "A request that takes longer has failed")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, 1e6).description(""));
  AddPlanOptions(*command, flags->plan);
  AddArrivalOptions(*command, *flags);
  command
      ->add_option("--goodput", flags->goodput,
                   "Count requests that reach these goals in milliseconds, such as ttft:500 tpot:50 e2el:5000")
      ->type_name("GOAL...")
      ->check(Parses([](const std::string& text) {
        bench::Goodput goodput;
        return bench::AddGoodput(text, goodput);
      }));
  command->add_option("--metric-percentiles", flags->percentiles, "Percentiles to report")
      ->type_name("P,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0.0, 100.0).description(""));
  command->add_option("--save-result", flags->result_path, "Write the result into this file as JSON, too")
      ->type_name("FILE");
  command->add_flag("--save-detailed", flags->save_detailed, "Write each request's lengths and times there, too");
  command->add_flag("--json", flags->json, "Print one JSON object");
  return {command, [flags] { return RunServeBench(*flags); }};
}

}  // namespace tenfold::cli
