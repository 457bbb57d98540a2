// The keys of TrainingConfig: one table, from which the command line makes its flags, config files their names, and the
// run folder its config.toml.
#pragma once

#include <string>

#include "tenfold/training/training_config.h"

namespace tenfold::training {

struct KeyGroup {
  static constexpr const char* kModel = "Model";
  static constexpr const char* kData = "Text";
  static constexpr const char* kOptimizer = "Steps and learning rate";
  static constexpr const char* kCompute = "Computing";
  static constexpr const char* kReports = "Evaluation, checkpoints, samples";
};

// Calls visit(group, key, value, description) for every key in the order in which people should read them. `Config` is
// TrainingConfig, const or not; values are int64_t, uint64_t, double, bool, std::string or a vector of strings.
template <class Config, class Visit>
void ForEachKey(Config& config, Visit&& visit) {
  auto& model = config.model;
  constexpr const char* kModel = KeyGroup::kModel;
  visit(kModel, "architecture", model.architecture, "llama, or gpt2");
  visit(kModel, "layers", model.num_layers, "Layers");
  visit(kModel, "hidden-size", model.hidden_size, "Width of the residual stream");
  visit(kModel, "ffn-size", model.ffn_size, "Width inside feed-forward blocks; 0 = 8/3 of hidden-size (gpt2: 4 times)");
  visit(kModel, "heads", model.num_heads, "Attention heads");
  visit(kModel, "kv-heads", model.num_kv_heads, "Key-value heads, shared by the heads evenly; 0 = as many as heads");
  visit(kModel, "head-dim", model.head_dim, "Width of a head; 0 = hidden-size / heads");
  visit(kModel, "context-length", model.context_length, "Tokens in a training sequence, and that the model can read");
  visit(kModel, "vocab-size", model.vocab_size, "Tokens that a vocabulary made from the text gets");
  visit(kModel, "tied-head", model.tied_head, "The output matrix is the embedding table");
  visit(kModel, "biases", model.has_biases, "Products and norms have biases (gpt2)");
  visit(kModel, "rope-base", model.rope_base, "Base of the rotary frequencies (llama)");
  visit(kModel, "norm-epsilon", model.norm_epsilon, "Added to variances in norms");
  visit(kModel, "dropout", model.dropout, "Share of activations that a step leaves out");

  constexpr const char* kData = KeyGroup::kData;
  visit(kData, "train-files", config.train_files, "Texts to learn from, one behind the other");
  visit(kData, "validation-files", config.validation_files,
        "Texts to measure the loss on; none = the last validation-share of the training text");
  visit(kData, "validation-share", config.validation_share, "Share of the training text that is only measured on");
  visit(kData, "vocabulary", config.vocabulary,
        "bpe = learned from the text; characters = those of the text; or a GGUF file or Hugging Face folder whose "
        "vocabulary to take");

  constexpr const char* kOptimizer = KeyGroup::kOptimizer;
  visit(kOptimizer, "steps", config.num_steps, "Updates of the weights");
  visit(kOptimizer, "batch-size", config.batch_size, "Sequences computed at once (a micro-batch)");
  visit(kOptimizer, "micro-batches", config.num_micro_batches, "Micro-batches whose gradients make one step");
  visit(kOptimizer, "schedule", config.schedule,
        "Learning rate after the warm-up: constant, cosine, warmup-stable-decay");
  visit(kOptimizer, "learning-rate", config.learning_rate, "At its highest");
  visit(kOptimizer, "final-learning-rate", config.final_learning_rate,
        "At the last step, unless it is constant; -1 = a tenth of learning-rate");
  visit(kOptimizer, "warmup-steps", config.num_warmup_steps,
        "Steps in which the rate rises; -1 = 100, or a tenth of fewer than 1,000 steps");
  visit(kOptimizer, "decay-steps", config.num_decay_steps,
        "Steps in which warmup-stable-decay falls; 0 = a fifth of all");
  visit(kOptimizer, "beta1", config.adamw.beta1, "AdamW: share of the mean gradient that stays");
  visit(kOptimizer, "beta2", config.adamw.beta2, "AdamW: share of the mean square that stays");
  visit(kOptimizer, "adam-epsilon", config.adamw.epsilon, "AdamW: added to the root of the mean square");
  visit(kOptimizer, "weight-decay", config.adamw.weight_decay, "AdamW: of matrices and tables, per unit of the rate");
  visit(kOptimizer, "max-gradient-norm", config.max_gradient_norm, "Longer gradients are shortened to this; 0 = never");
  visit(kOptimizer, "z-loss", config.z_loss,
        "Added to training losses: this times the square of the logits' log-sum-exp (1e-4 is usual)");

  constexpr const char* kCompute = KeyGroup::kCompute;
  visit(kCompute, "precision", config.precision, "What matrix products and attention multiply: f32, or bf16 (faster)");
  visit(kCompute, "recompute", config.recompute,
        "What the backward pass computes again to save memory: none, selective, full");
  visit(kCompute, "seed", config.seed, "Of the first weights, the order of the text and the samples");

  constexpr const char* kReports = KeyGroup::kReports;
  visit(kReports, "evaluation-interval", config.evaluation_interval, "Steps between two validation losses; 0 = none");
  visit(kReports, "evaluation-batches", config.num_evaluation_batches,
        "Micro-batches of validation text that are measured; 0 = all");
  visit(kReports, "checkpoint-interval", config.checkpoint_interval,
        "Steps between two checkpoints; 0 = only the last. The best validation loss so far writes one, too");
  visit(kReports, "kept-checkpoints", config.num_kept_checkpoints, "Newest checkpoints that stay, beside the best");
  visit(kReports, "sample-interval", config.sample_interval, "Steps between two sample texts; 0 = none");
  visit(kReports, "sample-tokens", config.num_sample_tokens, "Tokens in a sample");
  visit(kReports, "sample-temperature", config.sample_temperature, "Of samples; 0 = always the likeliest token");
  visit(kReports, "sample-prompt", config.sample_prompt, "What samples begin with");
}

// All keys as a TOML file that repeats the run.
std::string ToToml(const TrainingConfig& config);

}  // namespace tenfold::training
