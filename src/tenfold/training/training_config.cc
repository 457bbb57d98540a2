#include "tenfold/training/training_config.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

#include "tenfold/base/rounding.h"
#include "tenfold/formats/quoted.h"
#include "tenfold/graph/dropout.h"
#include "tenfold/graph/recomputation.h"
#include "tenfold/model/architectures/gpt2.h"
#include "tenfold/model/architectures/llama.h"

namespace tenfold::training {
namespace {

constexpr int64_t kMostSteps = int64_t{1} << 40;

struct IntegerBound {
  const char* key;
  int64_t value, least, most;
};

struct NumberBound {
  const char* key;
  double value, least, most;
};

// The greatest shapes are far above what one machine trains. With at most 2^24 tokens at once, whose rows are counted in
// 32 bits, the bytes of any of their matrices have 49 bits.
Status CheckIntegers(const TrainingConfig& config) {
  const ModelShape& model = config.model;
  const IntegerBound bounds[] = {
      {"layers", model.num_layers, 1, 4096},
      {"hidden-size", model.hidden_size, 1, 1 << 20},
      {"ffn-size", model.ffn_size, 1, 1 << 22},
      {"heads", model.num_heads, 1, 1 << 14},
      {"kv-heads", model.num_kv_heads, 1, 1 << 14},
      {"head-dim", model.head_dim, 1, 1 << 14},
      {"context-length", model.context_length, 2, 1 << 20},
      {"vocab-size", model.vocab_size, 2, 1 << 20},
      {"steps", config.num_steps, 1, kMostSteps},
      {"batch-size", config.batch_size, 1, 1 << 20},
      {"micro-batches", config.num_micro_batches, 1, 1 << 20},
      {"warmup-steps", config.num_warmup_steps, 0, config.num_steps},
      {"batch-size times context-length", config.batch_size * model.context_length, 1, 1 << 24},
      {"decay-steps", config.num_decay_steps, 0,
       config.schedule == "warmup-stable-decay" ? config.num_steps : kMostSteps},
      {"evaluation-interval", config.evaluation_interval, 0, kMostSteps},
      {"evaluation-batches", config.num_evaluation_batches, 0, kMostSteps},
      {"checkpoint-interval", config.checkpoint_interval, 0, kMostSteps},
      {"kept-checkpoints", config.num_kept_checkpoints, 1, 1 << 20},
      {"sample-interval", config.sample_interval, 0, kMostSteps},
      {"sample-tokens", config.num_sample_tokens, 1, 1 << 20},
  };
  for (const IntegerBound& bound : bounds) {
    if (bound.value >= bound.least && bound.value <= bound.most) continue;
    return MakeError(ErrorCode::kInvalidArgument, "{} is {}; it must lie in {}..{}", bound.key, bound.value,
                     bound.least, bound.most);
  }
  return {};
}

Status CheckNumbers(const TrainingConfig& config) {
  constexpr double kMostRate = 1e3;
  const NumberBound bounds[] = {
      {"rope-base", config.model.rope_base, 1, 1e12},
      {"norm-epsilon", config.model.norm_epsilon, 0, 1},
      {"dropout", config.model.dropout, 0, 0.99},
      {"validation-share", config.validation_share, 0, 0.99},
      {"learning-rate", config.learning_rate, 0, kMostRate},
      {"final-learning-rate", config.final_learning_rate, 0,
       config.schedule == "constant" ? kMostRate : config.learning_rate},
      {"beta1", config.adamw.beta1, 0, 0.999999},
      {"beta2", config.adamw.beta2, 0, 0.999999},
      {"adam-epsilon", config.adamw.epsilon, 0, 1},
      {"weight-decay", config.adamw.weight_decay, 0, 1e3},
      {"z-loss", config.z_loss, 0, 1},
      {"max-gradient-norm", config.max_gradient_norm, 0, 1e30},
      {"sample-temperature", config.sample_temperature, 0, 100},
  };
  for (const NumberBound& bound : bounds) {
    if (bound.value >= bound.least && bound.value <= bound.most) continue;  // NaN does not
    return MakeError(ErrorCode::kInvalidArgument, "{} is {}; it must lie in {}..{}", bound.key, bound.value,
                     bound.least, bound.most);
  }
  return {};
}

Status CheckChoice(const char* key, std::string_view value, std::span<const char* const> choices) {
  std::string names;
  for (const char* const choice : choices) {
    if (value == choice) return {};
    names += (names.empty() ? "" : ", ") + std::string(choice);
  }
  return MakeError(ErrorCode::kInvalidArgument, "{} is {}; it must be one of: {}", key, formats::Quoted(value), names);
}

Status CheckChoices(const TrainingConfig& config) {
  constexpr const char* kArchitectures[] = {"llama", "gpt2"};
  constexpr const char* kSchedules[] = {"constant", "cosine", "warmup-stable-decay"};
  constexpr const char* kPrecisions[] = {"f32", "bf16"};
  constexpr const char* kRecomputes[] = {"none", "selective", "full"};
  RETURN_IF_ERROR(CheckChoice("architecture", config.model.architecture, kArchitectures));
  RETURN_IF_ERROR(CheckChoice("schedule", config.schedule, kSchedules));
  RETURN_IF_ERROR(CheckChoice("precision", config.precision, kPrecisions));
  return CheckChoice("recompute", config.recompute, kRecomputes);
}

Status CheckShape(const ModelShape& model) {
  if (model.num_heads % model.num_kv_heads != 0) {
    return MakeError(ErrorCode::kInvalidArgument, "kv-heads is {}; {} heads cannot share so many evenly",
                     model.num_kv_heads, model.num_heads);
  }
  if (model.architecture == "llama" && model.head_dim % 2 != 0) {
    return MakeError(ErrorCode::kInvalidArgument, "head-dim is {}; rotary positions need an even one", model.head_dim);
  }
  if (model.architecture == "llama" && model.has_biases) {
    return MakeError(ErrorCode::kInvalidArgument, "biases is true; the architecture llama has none");
  }
  if (model.architecture == "gpt2" && model.num_kv_heads != model.num_heads) {
    return MakeError(ErrorCode::kInvalidArgument, "kv-heads is {}; the architecture gpt2 has as many as heads, {}",
                     model.num_kv_heads, model.num_heads);
  }
  // Neither format that the model is written in has a place for its width.
  if (model.architecture == "gpt2" && model.num_heads * model.head_dim != model.hidden_size) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "head-dim is {}; the architecture gpt2 needs hidden-size / heads, {} / {}", model.head_dim,
                     model.hidden_size, model.num_heads);
  }
  return {};
}

void ChooseShape(ModelShape& model) {
  if (model.num_kv_heads == 0) model.num_kv_heads = model.num_heads;
  if (model.head_dim == 0 && model.num_heads > 0) model.head_dim = model.hidden_size / model.num_heads;
  if (model.ffn_size == 0) {
    // Three matrices of 8/3 have as many weights as two of 4 (Shazeer, arXiv 2002.05202).
    model.ffn_size = model.architecture == "gpt2" ? 4 * model.hidden_size : RoundUp(model.hidden_size * 8 / 3, 32);
  }
}

}  // namespace

Result<TrainingConfig> Resolve(TrainingConfig config) {
  RETURN_IF_ERROR(CheckChoices(config));
  ModelShape& model = config.model;
  if (model.head_dim == 0 && model.num_heads > 0 && model.hidden_size % model.num_heads != 0) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "hidden-size is {}, which {} heads do not share evenly; choose others, or give head-dim",
                     model.hidden_size, model.num_heads);
  }
  ChooseShape(model);
  if (config.num_warmup_steps == -1) config.num_warmup_steps = std::min<int64_t>(100, config.num_steps / 10);
  if (config.final_learning_rate == -1) config.final_learning_rate = config.learning_rate / 10;
  if (config.schedule == "warmup-stable-decay" && config.num_decay_steps == 0) {
    config.num_decay_steps = config.num_steps / 5;
  }
  RETURN_IF_ERROR(CheckIntegers(config));
  RETURN_IF_ERROR(CheckNumbers(config));
  RETURN_IF_ERROR(CheckShape(model));
  return config;
}

bool TakesVocabulary(const TrainingConfig& config) {
  return config.vocabulary != "bpe" && config.vocabulary != "characters";
}

Status CheckContinues(const TrainingConfig& begun, const TrainingConfig& config) {
  const auto check = [](const char* key, const auto& before, const auto& now, const auto& text) -> Status {
    if (before == now) return {};
    return MakeError(ErrorCode::kInvalidArgument, "{} is {}; the run was begun with {}, which stays", key, text(now),
                     text(before));
  };
  const auto number = [](auto value) { return value; };
  RETURN_IF_ERROR(check("vocabulary", begun.vocabulary, config.vocabulary, formats::Quoted));
  RETURN_IF_ERROR(check("vocab-size", begun.model.vocab_size, config.model.vocab_size, number));
  return check("seed", begun.seed, config.seed, number);
}

LearningRateSchedule ScheduleOf(const TrainingConfig& config) {
  using Shape = LearningRateSchedule::Shape;
  return {.shape = config.schedule == "constant" ? Shape::kConstant
                   : config.schedule == "cosine" ? Shape::kCosine
                                                 : Shape::kWarmupStableDecay,
          .peak = config.learning_rate,
          .final_share = config.learning_rate > 0 ? config.final_learning_rate / config.learning_rate : 1,
          .num_warmup_steps = config.num_warmup_steps,
          .num_decay_steps = config.num_decay_steps,
          .num_steps = config.num_steps};
}

model::ModelConfig ModelConfigOf(const TrainingConfig& config) {
  const ModelShape& shape = config.model;
  model::ModelConfig model;
  model.architecture = shape.architecture;
  model.num_layers = shape.num_layers;
  model.hidden_size = shape.hidden_size;
  model.ffn_size = shape.ffn_size;
  model.num_heads = shape.num_heads;
  model.num_kv_heads = shape.num_kv_heads;
  model.head_dim = shape.head_dim;
  model.vocab_size = shape.vocab_size;
  model.context_length = shape.context_length;
  model.norm_epsilon = shape.norm_epsilon;
  model.tied_head = shape.tied_head;
  model.has_biases = shape.has_biases;
  model.rotary.dimensions = shape.head_dim;
  model.rotary.base = shape.rope_base;
  return model;
}

graph::Graph BuildModel(const TrainingConfig& config) {
  const model::ModelConfig model = ModelConfigOf(config);
  return config.model.architecture == "gpt2" ? model::BuildGpt2(model) : model::BuildLlama(model);
}

graph::TrainingGraph BuildTrainingGraph(const TrainingConfig& config) {
  const auto policy = config.recompute == "none"        ? graph::Recomputation::kNone
                      : config.recompute == "selective" ? graph::Recomputation::kSelective
                                                        : graph::Recomputation::kFull;
  const graph::Graph model = graph::WithDropout(BuildModel(config), config.model.dropout);
  return graph::Recompute(graph::Differentiate(model, config.z_loss), policy);
}

}  // namespace tenfold::training
