// TrainingConfig: every number of a training run, with its default. Plain data; a run is a function of it, of the texts
// and of nothing else.
//
// Each field has one key (training_keys.h), which is its name in a config file, its flag on the command line and its
// name in errors. Values that mean "choose for me" are replaced by Resolve.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/graph/autodiff.h"
#include "tenfold/graph/graph.h"
#include "tenfold/model/model_config.h"
#include "tenfold/training/adamw.h"
#include "tenfold/training/learning_rate.h"

namespace tenfold::training {

// The model's numbers; names as in ModelConfig.
struct ModelShape {
  std::string architecture = "llama";
  int64_t num_layers = 6;
  int64_t hidden_size = 288;
  int64_t ffn_size = 0;  // 0: 8/3 of the hidden size in whole 32s, or 4 times it (gpt2)
  int64_t num_heads = 6;
  int64_t num_kv_heads = 0;  // 0: as many as heads
  int64_t head_dim = 0;      // 0: hidden size / heads
  int64_t context_length = 256;
  int64_t vocab_size = 4096;
  bool tied_head = true;
  bool has_biases = false;
  double rope_base = 10000;
  double norm_epsilon = 1e-5;
  double dropout = 0;
};

struct TrainingConfig {
  ModelShape model;

  std::string vocabulary = "bpe";             // "bpe", "characters", or the file or folder of one
  std::vector<std::string> train_files;       // one behind the other
  std::vector<std::string> validation_files;  // none: the last share of the training text
  double validation_share = 0.1;

  int64_t num_steps = 1000;
  int64_t batch_size = 8;         // sequences in a micro-batch
  int64_t num_micro_batches = 1;  // in a step

  std::string schedule = "cosine";
  double learning_rate = 1e-3;
  double final_learning_rate = -1;  // -1: a tenth of the rate; without meaning where that is constant
  int64_t num_warmup_steps = -1;    // -1: 100, or a tenth of fewer than 1,000 steps
  int64_t num_decay_steps = 0;      // of the schedule "warmup-stable-decay"; 0: a fifth of all
  AdamWOptions adamw;
  double max_gradient_norm = 1;
  double z_loss = 0;

  std::string precision = "f32";
  std::string recompute = "none";
  uint64_t seed = 1;

  int64_t evaluation_interval = 100;
  int64_t num_evaluation_batches = 0;  // micro-batches of one evaluation, from the beginning; 0: all of the text
  int64_t checkpoint_interval = 200;
  int64_t num_kept_checkpoints = 2;
  int64_t sample_interval = 0;  // 0: none
  int64_t num_sample_tokens = 128;
  double sample_temperature = 0.8;
  std::string sample_prompt;

  int64_t tokens_per_step() const { return batch_size * num_micro_batches * model.context_length; }
};

// Replaces the values that mean "choose for me" and checks everything that can be checked without the texts. Errors:
// kInvalidArgument, naming the key, its value and what it may be.
Result<TrainingConfig> Resolve(TrainingConfig config);

// Whether the vocabulary is that of a file or a folder, and not made from the text.
bool TakesVocabulary(const TrainingConfig& config);

// Whether a run that was begun with one config may go on with another: what its vocabulary, its first weights and the
// order of its text were made by must be the same. Errors: kInvalidArgument, naming the key.
Status CheckContinues(const TrainingConfig& begun, const TrainingConfig& config);

// Of a resolved config.
LearningRateSchedule ScheduleOf(const TrainingConfig& config);
model::ModelConfig ModelConfigOf(const TrainingConfig& config);
graph::Graph BuildModel(const TrainingConfig& config);
// With dropout, both passes, and recomputation.
graph::TrainingGraph BuildTrainingGraph(const TrainingConfig& config);

}  // namespace tenfold::training
