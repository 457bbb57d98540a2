#include "tenfold/bench/model_bench.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "tenfold/base/rounding.h"
#include "tenfold/bench/numbers.h"
#include "tenfold/cache/page_pool.h"
#include "tenfold/model/model.h"
#include "tenfold/model/runner.h"
#include "tenfold/platform/memory_info.h"

namespace tenfold::bench {
namespace {

// What a step costs, from the model's own matrices.
struct ModelCost {
  double weight_bytes = 0;          // of packed matrices: every one is read once in a step
  double operations_per_token = 0;  // of all matrices but the output's
  double operations_per_logits = 0;
  double operations_per_key = 0;  // attention of one token to one key, in all layers
  double kv_bytes_per_token = 0;
  Arithmetic arithmetic = Arithmetic::kF32;  // in which most weight bytes are computed with
};

ModelCost CostOf(const model::Model& model, const kernels::KvLayout& layout) {
  const model::ModelConfig& config = model.config();
  ModelCost cost;
  std::map<tensor::DataType, double> bytes_of_type;
  for (const graph::BoundParameter& parameter : model.parameters()) {
    const kernels::PackedMatrix& matrix = parameter.matrix;
    const auto bytes = static_cast<double>(matrix.size_bytes());
    const double operations = 2.0 * static_cast<double>(matrix.rows() * matrix.cols());
    cost.weight_bytes += bytes;
    bytes_of_type[matrix.type()] += bytes;
    (matrix.rows() == config.vocab_size ? cost.operations_per_logits : cost.operations_per_token) += operations;
  }
  const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
  cost.arithmetic = ArithmeticOf(std::max_element(bytes_of_type.begin(), bytes_of_type.end(), less)->first);
  cost.operations_per_key = 4.0 * static_cast<double>(config.num_layers * config.num_heads * config.head_dim);
  cost.kv_bytes_per_token = static_cast<double>(layout.page_bytes()) / static_cast<double>(layout.page_size);
  return cost;
}

// Runs prompts and steps on a pool of pages that is large enough for every point.
class ModelBench {
 public:
  static Result<std::unique_ptr<ModelBench>> Create(const model::Model& model, const ModelBenchOptions& options,
                                                    const ModelPoints& points, const kernels::KernelTable& kernels,
                                                    platform::ThreadPool& threads, LimitMeter& meter) {
    auto bench = std::unique_ptr<ModelBench>(new ModelBench(model, options, meter));
    int64_t num_pages = 1, max_batch = 1;
    for (const int64_t tokens : points.prefills) num_pages = std::max(num_pages, bench->Pages(tokens));
    for (const DecodePoint& point : points.decodes) {
      num_pages = std::max(num_pages, point.batch * bench->Pages(point.context + kDecodeSteps));
      max_batch = std::max(max_batch, point.batch);
    }
    const kernels::KvLayout layout = bench->layout_;
    ASSIGN_OR_RETURN(bench->pool_, cache::PagePool::Create(num_pages, layout.page_bytes()));
    while (std::optional<cache::PageRef> page = bench->pool_->Allocate()) {
      FillWithNumbers(layout.type, {bench->pool_->data(page->id()), layout.page_bytes()}, threads);
      bench->page_ids_.push_back(page->id());
      bench->pages_.push_back(std::move(*page));
    }
    const graph::BatchLimits limits{.max_tokens = std::max(options.max_num_batched_tokens, max_batch),
                                    .max_logit_rows = max_batch};
    ASSIGN_OR_RETURN(model::Runner runner,
                     model::Runner::Create(model, limits, {bench->pool_->data(0), layout}, kernels, threads));
    bench->runner_.emplace(std::move(runner));
    return bench;
  }

  Measurement Prefill(int64_t num_tokens) {
    const std::vector<TokenId> prompt = Tokens(num_tokens);
    const double keys = static_cast<double>(num_tokens) * static_cast<double>(num_tokens + 1) / 2;
    const auto num_chunks = static_cast<double>(CeilDivide(num_tokens, chunk_));
    const Work work{.operations = static_cast<double>(num_tokens) * cost_.operations_per_token +
                                  cost_.operations_per_logits + keys * cost_.operations_per_key,
                    .bytes = num_chunks * cost_.weight_bytes +
                             // Each chunk reads what the chunks before it and itself have cached.
                             static_cast<double>(num_tokens) * (num_chunks + 1) / 2 * cost_.kv_bytes_per_token,
                    .arithmetic = cost_.arithmetic};
    return Measure(meter_, work, {.num_samples = repeat_, .runs_per_sample = 1}, [&] {
      for (int64_t begin = 0; begin < num_tokens; begin += chunk_) {
        const int64_t count = std::min(chunk_, num_tokens - begin);
        const model::SequenceChunk chunk{
            .tokens = std::span(prompt).subspan(static_cast<size_t>(begin), static_cast<size_t>(count)),
            .first_position = begin,
            .page_ids = page_ids_.data(),
            .num_logit_rows = begin + count == num_tokens ? 1 : 0};
        runner_->Run({&chunk, 1});
      }
    });
  }

  Measurement Decode(const DecodePoint& point) {
    const std::vector<TokenId> tokens = Tokens(point.batch);
    const int64_t pages_each = Pages(point.context + kDecodeSteps);
    std::vector<model::SequenceChunk> chunks;
    for (int64_t s = 0; s < point.batch; ++s) {
      chunks.push_back({.tokens = std::span(tokens).subspan(static_cast<size_t>(s), 1),
                        .first_position = point.context,
                        .page_ids = page_ids_.data() + s * pages_each,
                        .num_logit_rows = 1});
    }
    const auto batch = static_cast<double>(point.batch);
    const double mean_keys = static_cast<double>(point.context) + static_cast<double>(kDecodeSteps + 1) / 2;
    const Work work{.operations = batch * (cost_.operations_per_token + cost_.operations_per_logits +
                                           mean_keys * cost_.operations_per_key),
                    .bytes = cost_.weight_bytes + batch * mean_keys * cost_.kv_bytes_per_token,
                    .arithmetic = cost_.arithmetic};
    int64_t step = 0;
    return Measure(meter_, work, {.num_samples = repeat_, .runs_per_sample = kDecodeSteps}, [&] {
      for (model::SequenceChunk& chunk : chunks) chunk.first_position = point.context + step;
      step = (step + 1) % kDecodeSteps;
      runner_->Run(chunks);
    });
  }

  size_t kv_bytes() const { return pages_.size() * layout_.page_bytes(); }
  size_t activation_bytes() const { return runner_->arena_bytes(); }

 private:
  ModelBench(const model::Model& model, const ModelBenchOptions& options, LimitMeter& meter)
      : meter_(meter),
        layout_(model::KvLayoutOf(model.config(), options.page_size, options.kv_cache_type)),
        cost_(CostOf(model, layout_)),
        vocab_size_(model.config().vocab_size),
        chunk_(options.max_num_batched_tokens),
        repeat_(options.repeat) {}

  int64_t Pages(int64_t tokens) const { return CeilDivide(tokens, layout_.page_size); }

  // Which tokens they are changes no amount of work; different ones read different rows of the embedding table.
  std::vector<TokenId> Tokens(int64_t count) const {
    std::vector<TokenId> tokens;
    for (int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<TokenId>((i * 37 + 1) % vocab_size_));
    return tokens;
  }

  LimitMeter& meter_;
  kernels::KvLayout layout_;
  ModelCost cost_;
  int64_t vocab_size_;
  int64_t chunk_;
  int repeat_;
  std::unique_ptr<cache::PagePool> pool_;
  std::vector<cache::PageRef> pages_;  // given back before the pool goes
  std::vector<int32_t> page_ids_;
  std::optional<model::Runner> runner_;
};

void AddRate(Report& report, const std::string& label, json::object line, const Measurement& measured,
             int64_t tokens_per_run) {
  const Spread rate = Reciprocal(measured.seconds, static_cast<double>(tokens_per_run));
  line["tok_s"] = Rounded(rate.median);
  line["tok_s_p10"] = Rounded(rate.p10);
  line["tok_s_p90"] = Rounded(rate.p90);
  AddFigures(measured, line);
  report.Add(line, fmt::format("{:<30}{:>10.1f} tok/s  ({:.1f} to {:.1f})  {:>10} a {}  {:>3.0f} % of {}{}\n", label,
                               rate.median, rate.p10, rate.p90, FormatSeconds(measured.seconds.median),
                               line.at("name") == "prefill" ? "prompt" : "step", measured.of_limit() * 100,
                               measured.limit(), DisturbedRemark(measured)));
}

Result<std::unique_ptr<model::Model>> Load(const std::filesystem::path& path, int repeat, platform::ThreadPool& threads,
                                           Report& report) {
  std::unique_ptr<model::Model> model;
  std::vector<double> seconds;
  for (int i = 0; i < repeat; ++i) {
    model.reset();  // or two would be in memory
    const auto start = std::chrono::steady_clock::now();
    ASSIGN_OR_RETURN(model, model::Model::Load(path, threads));
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const Spread spread = SpreadOf(seconds);
  report.Add({{"name", "load"},
              {"median_ms", Rounded(spread.median * 1e3)},
              {"p10_ms", Rounded(spread.p10 * 1e3)},
              {"p90_ms", Rounded(spread.p90 * 1e3)},
              {"samples", repeat}},
             fmt::format("{:<30}{:>10}  ({} to {})\n", "load", FormatSeconds(spread.median), FormatSeconds(spread.p10),
                         FormatSeconds(spread.p90)));
  return model;
}

void AddMemory(Report& report, const model::Model& model, const ModelBench& bench, const LimitMeter& meter) {
  // The meter's buffer is resident from beginning to end and no part of the model.
  const size_t peak_bytes = platform::ResidentMemoryOfProcess().peak_bytes;
  const size_t own_bytes = peak_bytes - std::min(peak_bytes, meter.buffer_bytes());
  const size_t known_bytes = model.weight_bytes() + bench.kv_bytes();
  const auto mib = [](size_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  report.Add({{"name", "memory"},
              {"peak_bytes", own_bytes},
              {"weight_bytes", model.weight_bytes()},
              {"kv_bytes", bench.kv_bytes()},
              {"activation_bytes", bench.activation_bytes()},
              {"other_bytes", static_cast<int64_t>(own_bytes) - static_cast<int64_t>(known_bytes)}},
             fmt::format("{:<30}{:>10.0f} MiB at most: weights {:.0f}, keys and values {:.0f}, all else {:.0f} "
                         "(activations {:.0f})\n",
                         "resident memory", mib(own_bytes), mib(model.weight_bytes()), mib(bench.kv_bytes()),
                         mib(own_bytes) - mib(known_bytes), mib(bench.activation_bytes())));
}

// Drops the standard points that end beyond a table of learned positions; refuses others. Errors: kInvalidArgument.
Status FitPositions(const model::Model& model, const std::filesystem::path& path, ModelPoints& points) {
  const auto is_table = [](const graph::Node& node) { return node.op == graph::Op::kPositionEmbedding; };
  if (std::ranges::none_of(model.graph().nodes, is_table)) return {};
  const int64_t end = model.config().context_length;
  const auto is_long = [&](int64_t tokens) { return tokens > end; };
  const auto is_deep = [&](const DecodePoint& point) { return point.context + kDecodeSteps > end; };
  const size_t num_dropped = std::erase_if(points.prefills, is_long) + std::erase_if(points.decodes, is_deep);
  if (num_dropped == 0 || points.is_standard) return {};
  return MakeError(ErrorCode::kInvalidArgument,
                   "{}: the model's table of positions ends at {}; ask for prompts of so many tokens at most, and for "
                   "contexts that leave {} to decode",
                   path.string(), end, kDecodeSteps);
}

}  // namespace

ModelPoints PointsOf(const ModelBenchOptions& options) {
  if (options.prefills.empty() && options.decode_batches.empty() && options.contexts.empty()) {
    return {.prefills = {128, 512, 2048, 8192},
            .decodes = {{1, 0}, {1, 2048}, {1, 8192}, {2, 0}, {4, 0}, {8, 0}, {16, 0}, {32, 0}, {64, 0}},
            .is_standard = true};
  }
  ModelPoints points{.prefills = options.prefills};
  if (options.decode_batches.empty() && options.contexts.empty()) return points;
  const std::vector<int64_t> batches =
      options.decode_batches.empty() ? std::vector<int64_t>{1} : options.decode_batches;
  const std::vector<int64_t> contexts = options.contexts.empty() ? std::vector<int64_t>{0} : options.contexts;
  for (const int64_t context : contexts) {
    for (const int64_t batch : batches) points.decodes.push_back({batch, context});
  }
  return points;
}

Status BenchModel(const std::filesystem::path& path, const ModelBenchOptions& options,
                  const kernels::KernelTable& kernels, platform::ThreadPool& threads, Report& report) {
  ModelPoints points = PointsOf(options);
  ASSIGN_OR_RETURN(LimitMeter meter, LimitMeter::Create(kernels, threads, kBeyondCaches));
  report.AddMachine(meter.MeasureAll(std::max(options.repeat, 3)), kernels, threads);
  report.AddText("\n");
  ASSIGN_OR_RETURN(const std::unique_ptr<model::Model> model,
                   Load(path, points.is_standard ? options.repeat : 1, threads, report));
  RETURN_IF_ERROR(FitPositions(*model, path, points));
  ASSIGN_OR_RETURN(const auto bench, ModelBench::Create(*model, options, points, kernels, threads, meter));
  for (const int64_t tokens : points.prefills) {
    AddRate(report, fmt::format("prefill {}", tokens), {{"name", "prefill"}, {"tokens", tokens}},
            bench->Prefill(tokens), tokens);
  }
  for (const DecodePoint& point : points.decodes) {
    AddRate(report, fmt::format("decode {} at context {}", point.batch, point.context),
            {{"name", "decode"}, {"batch", point.batch}, {"context", point.context}}, bench->Decode(point),
            point.batch);
  }
  AddMemory(report, *model, *bench, meter);
  return {};
}

}  // namespace tenfold::bench
