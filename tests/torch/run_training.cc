// Trains by the engine's executor and trainer and writes down what happened, for another program to compare.
//
// usage: run_training JOB.json
//
//   "model": PATH | "config": {...} | "block": ...   a file to open, or a model or a block (block_graphs.h) to draw
//   "seed", "without_biases": true                   of what is drawn; of a gpt2 from a file, which always has biases
//   "steps": [[{batch}, ...], ...]                   the micro-batches of each step; taken again from the beginning
//   "precision": "f32" | "bf16", "isa", "threads", "z_loss"
//   "num_steps": N                                   how many the trainer does, for a model only; 0 without it
//   "schedule", "learning_rate", "final_learning_rate", "num_warmup_steps", "beta1", "beta2", "epsilon",
//   "weight_decay", "max_norm"                       the trainer's; without them a constant rate and no clipping
//   "out": PATH                                      a safetensors file:
//
//     initial.NAME, logits, loss, gradient.NAME      of the first step, its loss in nats per target, the logits of its
//                                                    first micro-batch; by the executor alone
//     losses, norms, final.NAME                      of the trainer's steps; the gradient's norm before clipping
//
//   "time_products": true                            after each step its matrix products alone (product_times.h)
//
// Prints one line of JSON: losses, and of each step its seconds of wall and CPU time, and those of its products alone.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tenfold/base/check.h"
#include "tenfold/base/rounding.h"
#include "tenfold/graph/autodiff.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/model/architectures.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/model/tensor_rows.h"
#include "tenfold/platform/cpu_features.h"
#include "tenfold/training/trainer.h"

#include "block_graphs.h"
#include "product_times.h"
#include "training_job.h"
#include "training_record.h"

namespace tenfold {
namespace {

using MicroBatches = std::vector<graph::TrainingBatch>;

template <class T>
T ValueOrStop(Result<T> result) {
  CHECK_MSG(result.has_value(), "{}", result.error().message);
  return std::move(*result);
}

struct Start {
  std::optional<model::ModelConfig> config;  // of a model
  graph::Graph graph;
  Tensors weights;
};

Start OpenStart(const json::object& job) {
  const auto checkpoint = ValueOrStop(model::OpenCheckpoint(std::string(job.at("model").as_string())));
  model::ModelConfig config = checkpoint->config();
  if (BoolOr(job, "without_biases", false)) config.has_biases = false;
  Start start{config, model::BuildGraph(config), {}};
  for (const graph::Parameter& parameter : start.graph.parameters) {
    const model::RowReader rows = model::ReadRows(ValueOrStop(checkpoint->Tensor(parameter.name)));
    const auto cols = static_cast<size_t>(parameter.shape.cols());
    std::vector<float>& values = start.weights[parameter.name];
    values.resize(static_cast<size_t>(parameter.shape.num_elements()));
    for (size_t row = 0; row * cols < values.size(); ++row) {
      rows(static_cast<int64_t>(row), std::span(values).subspan(row * cols, cols));
    }
  }
  return start;
}

Start ReadStart(const json::object& job) {
  if (job.contains("model")) return OpenStart(job);
  Start start;
  if (job.contains("config")) start.config = ReadModelConfig(job.at("config").as_object());
  start.graph = start.config ? model::BuildGraph(*start.config) : BuildBlock(job);
  start.weights = DrawWeights(start.graph, NumberOr<uint64_t>(job, "seed", 1));
  return start;
}

std::vector<MicroBatches> ReadSteps(const json::object& job) {
  std::vector<MicroBatches> steps;
  for (const json::value& step : job.at("steps").as_array()) {
    MicroBatches& batches = steps.emplace_back();
    for (const json::value& batch : step.as_array()) batches.push_back(ReadBatch(batch.as_object()));
    size_t num_targets = 0;
    for (const graph::TrainingBatch& batch : batches) num_targets += batch.targets.size();
    for (graph::TrainingBatch& batch : batches) batch.gradient_scale = 1 / static_cast<double>(num_targets);
  }
  return steps;
}

int64_t MostTokens(const std::vector<MicroBatches>& steps) {
  size_t most = 0;
  for (const MicroBatches& step : steps) {
    for (const graph::TrainingBatch& batch : step) most = std::max(most, batch.tokens.size());
  }
  return static_cast<int64_t>(most);
}

// Seconds of wall and of CPU time, of all threads, that pieces of work took.
class Seconds {
 public:
  void Measure(auto&& work) {
    const double wall = Now(CLOCK_MONOTONIC), cpu = Now(CLOCK_PROCESS_CPUTIME_ID);
    work();
    wall_.push_back(Now(CLOCK_MONOTONIC) - wall);
    cpu_.push_back(Now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
  }
  std::string ToJson() const {
    return fmt::format("{{\"wall\": [{}], \"cpu\": [{}]}}", fmt::join(wall_, ", "), fmt::join(cpu_, ", "));
  }

 private:
  static double Now(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }
  std::vector<double> wall_, cpu_;
};

class Run {
 public:
  explicit Run(const json::object& job)
      : job_(job),
        start_(ReadStart(job)),
        steps_(ReadSteps(job)),
        training_(graph::Differentiate(start_.graph, NumberOr(job, "z_loss", 0.0))),
        precision_(TextOr(job, "precision", "f32")),
        kernels_(ValueOrStop(kernels::SelectKernels(TextOr(job, "isa", "auto"), platform::DetectCpuFeatures()))),
        threads_(NumberOr(job, "threads", 2)) {}

  void RunFirstStep() {
    Tensors gradients;
    std::vector<graph::TrainingParameter> bound;
    for (const graph::Parameter& parameter : training_.graph.parameters) {
      const std::vector<float>& weight = start_.weights.at(parameter.name);
      std::vector<float>& gradient = gradients[parameter.name];
      gradient.resize(weight.size());
      bound.push_back({weight.data(), gradient.data()});
    }
    const int64_t most_tokens = MostTokens(steps_);
    auto executor = ValueOrStop(graph::TrainingExecutor::Create(training_, std::move(bound), {most_tokens, most_tokens},
                                                                kernel_precision(), *kernels_, threads_));
    const MicroBatches& batches = steps_.at(0);
    const auto num_rows = static_cast<int64_t>(batches.at(0).targets.size());
    const int64_t vocab_size = training_.graph.nodes[static_cast<size_t>(training_.logits)].shape.cols;
    std::vector<float> logits(static_cast<size_t>(num_rows * vocab_size));
    executor.ComputeLogits(batches[0], logits);
    record_.Add("logits", {num_rows, vocab_size}, logits);
    double loss = 0;
    for (const graph::TrainingBatch& batch : batches) loss += executor.Run(batch) * batch.gradient_scale;
    record_.Add("loss", {1}, std::vector{static_cast<float>(loss)});
    const training::ParameterLayout layout(training_.graph);
    for (const auto& entry : layout.entries()) {
      record_.Add("initial." + entry.name, entry.shape, start_.weights.at(entry.name));
      record_.Add("gradient." + entry.name, entry.shape, gradients.at(entry.name));
    }
  }

  void Train(int64_t num_steps) {
    const auto trainer = ValueOrStop(training::Trainer::Create(ReadTrainingConfig(num_steps), *kernels_, threads_));
    for (const auto& entry : trainer->layout().entries()) {
      std::ranges::copy(start_.weights.at(entry.name), trainer->weights().begin() + entry.offset);
    }
    std::optional<ProductTimes> products;
    if (BoolOr(job_, "time_products", false)) {
      products.emplace(training_, steps_[0].at(0), kernel_precision(), *kernels_, threads_);
    }
    std::vector<float> losses, norms;
    Seconds step_seconds, product_seconds;
    for (int64_t step = 0; step < num_steps; ++step) {
      MicroBatches& batches = steps_[static_cast<size_t>(step) % steps_.size()];
      training::StepReport report;
      step_seconds.Measure([&] { report = ValueOrStop(trainer->Step(batches)); });
      losses.push_back(static_cast<float>(report.loss));
      norms.push_back(static_cast<float>(report.gradient_norm));
      if (products) product_seconds.Measure([&] { products->Run(); });
    }
    record_.Add("losses", {num_steps}, losses);
    record_.Add("norms", {num_steps}, norms);
    for (const auto& entry : trainer->layout().entries()) {
      record_.Add("final." + entry.name, entry.shape, trainer->weight(entry));
    }
    fmt::print("{{\"losses\": [{}], \"isa\": \"{}\", \"step\": {}", fmt::join(losses, ", "), kernels_->name,
               step_seconds.ToJson());
    if (products) {
      fmt::print(", \"products\": {}, \"product_flops\": {}, \"attention_flops\": {}", product_seconds.ToJson(),
                 products->flops(), products->attention_flops());
    }
    fmt::print("}}\n");
  }

  void Write(const std::string& path) const { record_.Write(path); }

 private:
  kernels::Precision kernel_precision() const {
    return precision_ == "bf16" ? kernels::Precision::kBf16 : kernels::Precision::kF32;
  }

  training::TrainingConfig ReadTrainingConfig(int64_t num_steps) const {
    CHECK_MSG(start_.config.has_value(), "a block is not trained: leave num_steps out");
    const model::ModelConfig& model = *start_.config;
    training::TrainingConfig config;
    config.model = {.architecture = model.architecture,
                    .num_layers = model.num_layers,
                    .hidden_size = model.hidden_size,
                    .ffn_size = model.ffn_size,
                    .num_heads = model.num_heads,
                    .num_kv_heads = model.num_kv_heads,
                    .head_dim = model.head_dim,
                    .context_length = model.context_length,
                    .vocab_size = model.vocab_size,
                    .tied_head = model.tied_head,
                    .has_biases = model.has_biases,
                    .rope_base = model.rotary.base,
                    .norm_epsilon = model.norm_epsilon};
    config.batch_size = CeilDivide(MostTokens(steps_), model.context_length);
    config.num_steps = num_steps;
    config.schedule = TextOr(job_, "schedule", "constant");
    config.learning_rate = NumberOr(job_, "learning_rate", config.learning_rate);
    config.final_learning_rate = NumberOr(job_, "final_learning_rate", config.learning_rate);
    config.num_warmup_steps = NumberOr(job_, "num_warmup_steps", int64_t{0});
    config.adamw = {.beta1 = NumberOr(job_, "beta1", config.adamw.beta1),
                    .beta2 = NumberOr(job_, "beta2", config.adamw.beta2),
                    .epsilon = NumberOr(job_, "epsilon", config.adamw.epsilon),
                    .weight_decay = NumberOr(job_, "weight_decay", config.adamw.weight_decay)};
    config.z_loss = NumberOr(job_, "z_loss", 0.0);
    config.max_gradient_norm = NumberOr(job_, "max_norm", 0.0);
    config.precision = precision_;
    return ValueOrStop(training::Resolve(config));
  }

  const json::object& job_;
  const Start start_;
  std::vector<MicroBatches> steps_;
  const graph::TrainingGraph training_;
  const std::string precision_;
  const kernels::KernelTable* kernels_;
  platform::ThreadPool threads_;
  TrainingRecord record_;
};

}  // namespace
}  // namespace tenfold

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: run_training JOB.json; the head of run_training.cc says what stands in it\n");
    return 2;
  }
  try {
    const tenfold::json::object job = tenfold::ReadJob(argv[1]);
    tenfold::Run run(job);
    run.RunFirstStep();
    const int64_t num_steps = tenfold::NumberOr<int64_t>(job, "num_steps", 0);
    if (num_steps > 0) run.Train(num_steps);
    if (job.contains("out")) run.Write(std::string(job.at("out").as_string()));
  } catch (const std::exception& error) {
    fmt::print(stderr, "run_training: {}: {}\n", argv[1], error.what());
    return 2;
  }
  return 0;
}
