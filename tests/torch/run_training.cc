// Trains by the engine's executor and AdamW and writes down what happened, for another program to compare.
//
// usage: run_training JOB.json
//
//   "model": PATH | "config": {...} | "block": ...   a file to open, a model or a block (block_graphs.h) to draw
//   "seed", "without_biases": true                   of what is drawn; gpt2 files always have biases
//   "steps": [[{batch}, ...], ...]                   the micro-batches of each step; taken again from the beginning
//   "num_steps", "precision": "f32" | "bf16", "isa", "threads", "z_loss", "learning_rate", "beta1", "beta2", "epsilon",
//   "weight_decay", "max_norm"                       AdamW's defaults are the engine's
//   "out": PATH                                      a safetensors file:
//
//     initial.NAME, gradient.NAME, final.NAME        weights, the first step's gradient before clipping, weights at the end
//     logits                                         [R, vocabulary] of the first micro-batch, before the first step
//     losses, norms                                  [steps]: nats per target; the gradient's norm before clipping
//
//   "time_products": true                            after each step its matrix products alone (product_times.h)
//
// Prints one line of JSON: losses, and of each step its seconds of wall and CPU time, and those of its products alone.
#include <cstdio>
#include <ctime>
#include <exception>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tenfold/base/check.h"
#include "tenfold/formats/safetensors_writer.h"
#include "tenfold/graph/autodiff.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/model/architectures.h"
#include "tenfold/model/checkpoint.h"
#include "tenfold/model/tensor_rows.h"
#include "tenfold/platform/cpu_features.h"

#include "block_graphs.h"
#include "product_times.h"
#include "training_job.h"
#include "training_weights.h"

namespace tenfold {
namespace {

struct Start {
  graph::Graph graph;
  Tensors weights;
};

template <class T>
T ValueOrStop(Result<T> result) {
  CHECK_MSG(result.has_value(), "{}", result.error().message);
  return std::move(*result);
}

Start ReadStart(const json::object& job) {
  if (job.contains("model")) {
    const auto checkpoint = ValueOrStop(model::OpenCheckpoint(std::string(job.at("model").as_string())));
    model::ModelConfig config = checkpoint->config();
    if (BoolOr(job, "without_biases", false)) config.has_biases = false;
    Start start{model::BuildGraph(config), {}};
    for (const graph::Parameter& parameter : start.graph.parameters) {
      const model::RowReader rows = model::ReadRows(ValueOrStop(checkpoint->Tensor(parameter.name)));
      std::vector<float>& values = start.weights[parameter.name];
      const auto num_rows = static_cast<size_t>(parameter.shape.rows()),
                 cols = static_cast<size_t>(parameter.shape.cols());
      values.resize(num_rows * cols);
      for (size_t row = 0; row < num_rows; ++row) {
        rows(static_cast<int64_t>(row), std::span(values).subspan(row * cols, cols));
      }
    }
    return start;
  }
  graph::Graph graph =
      job.contains("block") ? BuildBlock(job) : model::BuildGraph(ReadModelConfig(job.at("config").as_object()));
  Tensors weights = DrawWeights(graph, NumberOr<uint64_t>(job, "seed", 1));
  return {std::move(graph), std::move(weights)};
}

// The micro-batches of each step.
std::vector<std::vector<graph::TrainingBatch>> ReadSteps(const json::object& job) {
  std::vector<std::vector<graph::TrainingBatch>> steps;
  for (const json::value& step : job.at("steps").as_array()) {
    auto& batches = steps.emplace_back();
    size_t num_targets = 0;
    for (const json::value& batch : step.as_array()) {
      batches.push_back(ReadBatch(batch.as_object()));
      num_targets += batches.back().targets.size();
    }
    for (graph::TrainingBatch& batch : batches) batch.gradient_scale = 1 / static_cast<double>(num_targets);
  }
  return steps;
}

graph::BatchLimits LimitsOf(const std::vector<std::vector<graph::TrainingBatch>>& steps) {
  graph::BatchLimits limits;
  for (const auto& step : steps) {
    for (const graph::TrainingBatch& batch : step) {
      limits.max_tokens = std::max(limits.max_tokens, static_cast<int64_t>(batch.tokens.size()));
      limits.max_logit_rows = std::max(limits.max_logit_rows, static_cast<int64_t>(batch.targets.size()));
    }
  }
  return limits;
}

// Tensors that are written when all is done.
class Record {
 public:
  void Add(std::string name, tensor::Shape shape, std::span<const float> values) {
    entries_.push_back({std::move(name), shape, {values.begin(), values.end()}});
  }
  void Add(const std::string& prefix, const TrainingWeights& weights, auto part) {
    for (const auto& entry : weights.layout().entries()) Add(prefix + entry.name, entry.shape, (weights.*part)(entry));
  }
  void Write(const std::string& path) const {
    formats::SafetensorsHeaderBuilder header;
    for (const Entry& entry : entries_) header.AddTensor(entry.name, entry.shape, tensor::DataType::kF32);
    auto writer = ValueOrStop(formats::SafetensorsWriter::Create(path, header));
    for (const Entry& entry : entries_) {
      const auto written = writer.WriteTensorData(std::as_bytes(std::span(entry.values)));
      CHECK_MSG(written.has_value(), "{}", written.error().message);
    }
    const auto finished = writer.Finish();
    CHECK_MSG(finished.has_value(), "{}", finished.error().message);
  }

 private:
  struct Entry {
    std::string name;
    tensor::Shape shape;
    std::vector<float> values;
  };
  std::vector<Entry> entries_;
};

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

void RunTraining(const char* path) {
  const json::object job = ReadJob(path);
  const Start start = ReadStart(job);
  const graph::TrainingGraph training = graph::Differentiate(start.graph, NumberOr(job, "z_loss", 0.0));
  const auto steps = ReadSteps(job);
  const training::AdamWOptions defaults;
  const training::AdamWOptions adamw{.beta1 = NumberOr(job, "beta1", defaults.beta1),
                                     .beta2 = NumberOr(job, "beta2", defaults.beta2),
                                     .epsilon = NumberOr(job, "epsilon", defaults.epsilon),
                                     .weight_decay = NumberOr(job, "weight_decay", defaults.weight_decay)};
  const auto* const kernels =
      ValueOrStop(kernels::SelectKernels(TextOr(job, "isa", "auto"), platform::DetectCpuFeatures()));
  const auto precision =
      TextOr(job, "precision", "f32") == "bf16" ? kernels::Precision::kBf16 : kernels::Precision::kF32;
  platform::ThreadPool threads(NumberOr(job, "threads", 2));
  TrainingWeights weights(training.graph, start.weights);
  auto executor = ValueOrStop(graph::TrainingExecutor::Create(training, weights.Bind(training.graph), LimitsOf(steps),
                                                              precision, *kernels, threads));
  Record record;
  record.Add("initial.", weights, &TrainingWeights::weight);
  const graph::TrainingBatch& first = steps.at(0).at(0);
  const auto num_rows = static_cast<int64_t>(first.targets.size());
  const int64_t vocab_size = training.graph.nodes[static_cast<size_t>(training.logits)].shape.cols;
  std::vector<float> logits(static_cast<size_t>(num_rows * vocab_size));
  executor.ComputeLogits(first, logits);
  record.Add("logits", {num_rows, vocab_size}, logits);

  std::vector<float> losses, norms;
  std::optional<ProductTimes> products;
  if (BoolOr(job, "time_products", false)) products.emplace(training, first, precision, *kernels, threads);
  Seconds step_seconds, product_seconds;
  const int64_t num_steps = NumberOr(job, "num_steps", static_cast<int64_t>(steps.size()));
  for (int64_t step = 0; step < num_steps; ++step) {
    step_seconds.Measure([&] {
      weights.ClearGradients();
      double loss = 0;
      for (const graph::TrainingBatch& batch : steps[static_cast<size_t>(step) % steps.size()]) {
        loss += executor.Run(batch) * batch.gradient_scale;
      }
      losses.push_back(static_cast<float>(loss));
      if (step == 0) record.Add("gradient.", weights, &TrainingWeights::gradient);
      norms.push_back(static_cast<float>(weights.Update(adamw, step + 1, NumberOr(job, "learning_rate", 1e-3),
                                                        NumberOr(job, "max_norm", 0.0), threads)));
    });
    if (products) product_seconds.Measure([&] { products->Run(); });
  }
  record.Add("losses", {num_steps}, losses);
  record.Add("norms", {num_steps}, norms);
  record.Add("final.", weights, &TrainingWeights::weight);
  if (job.contains("out")) record.Write(std::string(job.at("out").as_string()));
  fmt::print("{{\"losses\": [{}], \"isa\": \"{}\", \"step\": {}", fmt::join(losses, ", "), kernels->name,
             step_seconds.ToJson());
  if (products) {
    fmt::print(", \"products\": {}, \"product_flops\": {}, \"attention_flops\": {}", product_seconds.ToJson(),
               products->flops(), products->attention_flops());
  }
  fmt::print("}}\n");
}

}  // namespace
}  // namespace tenfold

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: run_training JOB.json; the head of run_training.cc says what stands in it\n");
    return 2;
  }
  try {
    tenfold::RunTraining(argv[1]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "run_training: {}: {}\n", argv[1], error.what());
    return 2;
  }
  return 0;
}
