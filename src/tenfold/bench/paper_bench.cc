#include "tenfold/bench/paper_bench.h"

#include <algorithm>

#include <fmt/format.h>

#include "tenfold/bench/paper_figures.h"
#include "tenfold/bench/paper_way.h"
#include "tenfold/platform/cpu_features.h"

namespace tenfold::bench {
namespace {

constexpr double kLeastBatchForFree = 8;
constexpr double kUsualBatchForFree = 16;

struct Paper {
  std::string_view name;
  std::string_view title;
  StepCost cost;  // of its machine
  std::string_view machine;
  void (*compare)(const Way&, PaperFigures&);
};

constexpr Paper kPapers[] = {
    {"paged-attention", "PagedAttention (Kwon et al., SOSP 2023)", kOpt13bOnA100, "OPT-13B on one A100",
     ComparePagedAttention},
    // Orca's own machine is not published as step times; a 13B model reads its weights in some 30 ms.
    {"orca", "Orca (Yu et al., OSDI 2022)", {0, 30e-3, 0.2e-3, 0}, "a 13B model on one GPU", CompareOrca},
    {"sarathi", "Sarathi-Serve (Agrawal et al., OSDI 2024)", kMistral7bOnA100, "Mistral-7B on one A100",
     CompareSarathi},
    {"radix-attention", "RadixAttention (Zheng et al., SGLang, NeurIPS 2024)", kOpt13bOnA100, "OPT-13B on one A100",
     CompareRadixAttention},
};
constexpr std::string_view kNames[] = {kPapers[0].name, kPapers[1].name, kPapers[2].name, kPapers[3].name};

std::string Describe(const Way& way, std::string_view machine) {
  return fmt::format("{}, R = {:.1f} (a decode {:.2f} ms, another token {:.3f} ms), {} requests, seed {}{}", machine,
                     way.batch_for_free(), way.cost.weights_s * 1e3, way.cost.token_s * 1e3, way.num_requests, way.seed,
                     way.batch_for_free() < kLeastBatchForFree
                         ? fmt::format("; NOT APPLICABLE: marks need R >= {:.0f}", kLeastBatchForFree)
                         : "");
}

void Compare(const Paper& paper, const Way& way, std::string_view machine, PaperFigures& figures) {
  figures.Begin(way.name, Describe(way, machine), way.batch_for_free() >= kLeastBatchForFree);
  paper.compare(way, figures);
}

}  // namespace

std::span<const std::string_view> PaperNames() {
  return kNames;
}

ReplayResult Way::ServeReplayed(ReplayOptions options, std::span<const WorkloadRequest> requests) const {
  options.cost = cost;
  return Replay(options, requests).value();
}

ReplayResult Way::Serve(ReplayOptions options, std::span<const WorkloadRequest> requests) const {
  return is_real() ? ReplayOnEngine(options, requests, *machine).value() : ServeReplayed(options, requests);
}

double Way::Capacity(const ReplayOptions& options, WorkloadOptions workload,
                     const std::function<bool(const ReplayResult&)>& holds) const {
  workload.num_requests = num_requests;
  workload.seed = seed;
  const auto requests_at = [&](double requests_per_s) {
    workload.requests_per_s = requests_per_s;
    return MakeWorkload(workload).value();
  };
  const double replayed =
      FindCapacity(1e-3, 1e3, [&](double rate) { return holds(ServeReplayed(options, requests_at(rate))); });
  if (!is_real() || replayed == 0) return replayed;
  return FindCapacity(
      replayed / 3, replayed * 3, [&](double rate) { return holds(Serve(options, requests_at(rate))); }, precision);
}

Status BenchPaper(const PaperBenchOptions& options, const EngineMachine* machine, Report& report) {
  const auto* const paper = std::find_if(std::begin(kPapers), std::end(kPapers),
                                         [&](const Paper& candidate) { return candidate.name == options.paper; });
  if (paper == std::end(kPapers)) {
    return MakeError(ErrorCode::kInvalidArgument, "there is no paper \"{}\"; there are {}", options.paper,
                     fmt::join(kNames, ", "));
  }
  report.AddText(fmt::format("{}\n", paper->title));
  PaperFigures figures(report);
  Compare(*paper, {.name = "replay", .cost = paper->cost, .is_paper_scale = true, .seed = options.seed}, paper->machine,
          figures);
  Way cpu = {.name = "cpu", .cost = CpuCost(kUsualBatchForFree), .seed = options.seed};
  std::string cpu_name = "a processor";
  if (machine != nullptr) {
    ASSIGN_OR_RETURN(cpu.cost, MeasureStepCost(*machine));
    cpu_name =
        fmt::format("{}, {} of its threads, {:.0f} MiB of weights", platform::CpuModelName(),
                    machine->threads.num_threads(), static_cast<double>(machine->model.weight_bytes()) / (1 << 20));
  }
  Compare(*paper, cpu, cpu_name, figures);
  if (machine == nullptr) {
    report.AddText("\nreal: not run; pass --model with a model in F32 whose weights are larger than the caches\n");
  } else {
    Way real = cpu;
    real.name = "real";
    real.machine = machine;
    real.num_requests = options.is_quick ? 60 : 200;
    real.precision = options.is_quick ? 1.15 : 1.06;
    Compare(*paper, real, cpu_name, figures);
    if (options.paper == "paged-attention") {
      ASSIGN_OR_RETURN(const double cost, MeasurePagingCost(machine->kernels, machine->threads));
      figures.Add("P1-K: decode attention, pages anywhere / in a row", "1.20-1.26", cost, AtMost(1.26));
    }
  }
  if (options.svg.empty()) return {};
  return figures.Draw(std::string(paper->title), options.svg);
}

}  // namespace tenfold::bench
