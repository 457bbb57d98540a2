// Paged attention: a prompt's chunk behind a context, and decodes of one and of many sequences, whose contexts are
// their own or a prefix that they share, with the cache read from memory: each run takes the next layer, as a model
// does. And whole prompts beside the baseline, which writes all scores to memory.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tenfold/base/rounding.h"
#include "tenfold/bench/kernel_bench.h"
#include "tenfold/bench/numbers.h"
#include "tenfold/kernels/attention.h"
#include "tenfold/kernels/naive_attention.h"
#include "tenfold/tensor/half.h"

namespace tenfold::bench {
namespace {

using kernels::AttentionChunk;
using kernels::AttentionPlan;
using kernels::AttentionShape;
using kernels::KvLayout;
using tensor::DataType;

constexpr int64_t kPageSize = 32;  // the engine's default

struct Heads {
  int64_t num_heads, num_kv_heads, head_dim;
};
// TinyLlama-1.1B's, and Llama 3 8B's.
constexpr Heads kHeads[] = {{32, 4, 64}, {32, 8, 128}};
constexpr DataType kCacheTypes[] = {DataType::kF32, DataType::kF16, DataType::kBF16};

// A step's attention in one layer: `num_tokens` new tokens for each of `num_sequences`, behind `context` cached ones.
struct Step {
  int64_t num_sequences, num_tokens, context;
  bool shares_context = false;  // one context for all, in the same pages

  int64_t num_own_pages() const { return CeilDivide(context + num_tokens, kPageSize) - num_shared_pages(); }
  int64_t num_shared_pages() const { return shares_context ? context / kPageSize : 0; }
  int64_t num_pages() const { return num_shared_pages() + num_sequences * num_own_pages(); }
};

KvLayout LayoutOf(const Heads& heads, DataType type, int64_t num_layers) {
  return {.num_layers = num_layers,
          .num_kv_heads = heads.num_kv_heads,
          .head_dim = heads.head_dim,
          .page_size = kPageSize,
          .type = type};
}

// The cache's memory and a batch on it. Keys and values that no step wrote are numbers of the right type.
class Batch {
 public:
  static Result<std::unique_ptr<Batch>> Create(KernelBenchContext& context, const Heads& heads, DataType type,
                                               const Step& step, int64_t num_layers) {
    auto batch = std::unique_ptr<Batch>(new Batch(context, heads, type, step, num_layers));
    ASSIGN_OR_RETURN(batch->pages_,
                     platform::AlignedBuffer::Allocate(
                         batch->layout_.page_bytes() * static_cast<size_t>(step.num_pages()), "keys and values"));
    FillWithNumbers(type, {batch->pages_.data(), batch->pages_.size_bytes()}, context.threads);
    return batch;
  }

  // Attends in the next layer.
  void Run() {
    layer_ = layer_ + 1 == layout_.num_layers ? 0 : layer_ + 1;
    kernels::PagedAttention(*kernels_, *threads_, plan_, {pages_.data(), layout_}, shape_, layer_, queries.data(),
                            keys.data(), values.data(), outputs.data(), scratch_.data());
  }

  float scale() const { return shape_.scale; }
  const AttentionShape& shape() const { return shape_; }
  kernels::AttentionCost cost() const { return FlashAttentionCost(plan_, layout_, shape_); }

  std::vector<float> queries, keys, values, outputs;  // [tokens of all sequences, heads * head_dim]

 private:
  Batch(KernelBenchContext& context, const Heads& heads, DataType type, const Step& step, int64_t num_layers)
      : queries(RandomFloats(step.num_sequences * step.num_tokens * heads.num_heads * heads.head_dim, 3)),
        keys(RandomFloats(step.num_sequences * step.num_tokens * heads.num_kv_heads * heads.head_dim, 4)),
        values(RandomFloats(step.num_sequences * step.num_tokens * heads.num_kv_heads * heads.head_dim, 5)),
        outputs(queries.size(), NAN),
        kernels_(&context.kernels),
        threads_(&context.threads),
        layout_(LayoutOf(heads, type, num_layers)),
        shape_{.num_heads = heads.num_heads, .scale = 1.0f / std::sqrt(static_cast<float>(heads.head_dim))},
        plan_(layout_, shape_, step.num_sequences * step.num_tokens, context.threads.num_threads()),
        scratch_(static_cast<size_t>(plan_.scratch_floats())) {
    auto next_page = static_cast<int32_t>(step.num_shared_pages());
    page_ids_.resize(static_cast<size_t>(step.num_sequences));
    std::vector<AttentionChunk> sequences;
    for (std::vector<int32_t>& ids : page_ids_) {
      for (int32_t page = 0; page < step.num_shared_pages(); ++page) ids.push_back(page);
      for (int64_t page = 0; page < step.num_own_pages(); ++page) ids.push_back(next_page++);
      sequences.push_back({.first_row = static_cast<int64_t>(sequences.size()) * step.num_tokens,
                           .num_tokens = step.num_tokens,
                           .first_position = step.context,
                           .page_ids = ids.data()});
    }
    plan_.Build(sequences);
  }

  const kernels::KernelTable* kernels_;
  platform::ThreadPool* threads_;
  KvLayout layout_;
  AttentionShape shape_;
  AttentionPlan plan_;
  std::vector<float> scratch_;
  std::vector<std::vector<int32_t>> page_ids_;  // of each sequence
  platform::AlignedBuffer pages_;
  int64_t layer_ = 0;
};

float Stored(DataType type, float value) {
  if (type == DataType::kF16) return ToFloat(tensor::ToF16(value));
  if (type == DataType::kBF16) return ToFloat(tensor::ToBf16(value));
  return value;
}

// The last query of the first and the last head against the textbook, on a prompt short enough for it. Values are
// within
// [-1, 1], so an output is off by no more than the weights' relative errors, which are those of the scores: 1e-5 where
// they are sums of f32 products (attention_test.cc derives it); 2^-8 of the sum of magnitudes where queries and weights
// are rounded to bfloat16 too.
Status CheckAnswer(KernelBenchContext& context, const std::string& label, const Heads& heads, DataType type) {
  constexpr int64_t kTokens = 3 * kPageSize + 5;
  ASSIGN_OR_RETURN(const auto batch, Batch::Create(context, heads, type, {1, kTokens, 0}, 1));
  batch->Run();
  const int64_t dim = heads.head_dim;
  for (const int64_t head : {int64_t{0}, heads.num_heads - 1}) {
    const int64_t kv_head = head / (heads.num_heads / heads.num_kv_heads);
    const float* const query = batch->queries.data() + ((kTokens - 1) * heads.num_heads + head) * dim;
    const auto stored = [&](const std::vector<float>& all, int64_t token, int64_t d) {
      return static_cast<double>(
          Stored(type, all[static_cast<size_t>((token * heads.num_kv_heads + kv_head) * dim + d)]));
    };
    std::vector<double> weights(kTokens), expected(static_cast<size_t>(dim));
    double sum = 0, magnitudes = 0;
    for (int64_t t = 0; t < kTokens; ++t) {
      double score = 0, magnitude = 0;
      for (int64_t d = 0; d < dim; ++d) {
        const double term =
            static_cast<double>(query[d]) * stored(batch->keys, t, d) * static_cast<double>(batch->scale());
        score += term;
        magnitude += std::abs(term);
      }
      sum += weights[static_cast<size_t>(t)] = std::exp(score);
      magnitudes = std::max(magnitudes, magnitude);
    }
    for (int64_t d = 0; d < dim; ++d) {
      double expected_value = 0;
      for (int64_t t = 0; t < kTokens; ++t)
        expected_value += weights[static_cast<size_t>(t)] / sum * stored(batch->values, t, d);
      const double tolerance = type == DataType::kBF16 ? 0x1.0p-8 * (1 + magnitudes) : 1e-5;
      const float got = batch->outputs[static_cast<size_t>(((kTokens - 1) * heads.num_heads + head) * dim + d)];
      if (!(std::abs(got - expected_value) <= tolerance)) {
        return MakeError(ErrorCode::kCorrupt, "{}: element {} of head {} is {}, but the definition gives {} +- {}",
                         label, d, head, got, expected_value, tolerance);
      }
    }
  }
  return {};
}

Work WorkOf(const Heads& heads, DataType type, const Step& step) {
  // A query at position p sees p + 1 keys; each is one dot product and one weighted sum over head_dim.
  const int64_t visible = step.num_tokens * step.context + step.num_tokens * (step.num_tokens + 1) / 2;
  const int64_t pairs = step.num_sequences * visible * heads.num_heads * heads.head_dim;
  const int64_t tokens = step.num_sequences * step.num_tokens;
  const int64_t cached =
      (step.shares_context ? 1 : step.num_sequences) * step.context + step.num_sequences * step.num_tokens;
  return {.operations = 4.0 * static_cast<double>(pairs),
          .bytes = static_cast<double>(cached * heads.num_kv_heads * heads.head_dim * 2) *
                       static_cast<double>(tensor::Traits(type).block_bytes) +
                   static_cast<double>(tokens * heads.num_heads * heads.head_dim * 2 * 4),
          .arithmetic = ArithmeticOf(type)};
}

std::string Label(const Heads& heads, DataType type, const Step& step) {
  const std::string what =
      step.num_tokens > 1 ? fmt::format("prefill {}", step.num_tokens) : fmt::format("decode {}", step.num_sequences);
  return fmt::format("attention {} {}/{}x{} {} at {}{}", tensor::Name(type), heads.num_heads, heads.num_kv_heads,
                     heads.head_dim, what, step.context, step.shares_context ? " shared" : "");
}

Status BenchOne(KernelBenchContext& context, const Heads& heads, DataType type, const Step& step) {
  const std::string label = Label(heads, type, step);
  RETURN_IF_ERROR(CheckAnswer(context, label, heads, type));
  const size_t layer_bytes = LayoutOf(heads, type, 1).page_bytes() * static_cast<size_t>(step.num_pages());
  const size_t num_layers = CeilDivide(context.options.working_set_bytes, layer_bytes);
  ASSIGN_OR_RETURN(const auto batch,
                   Batch::Create(context, heads, type, step, static_cast<int64_t>(std::max<size_t>(1, num_layers))));
  const Work work = WorkOf(heads, type, step);
  context.report.AddKernel(
      label,
      {{"name", "attention"},
       {"type", tensor::Name(type)},
       {"heads", heads.num_heads},
       {"kv_heads", heads.num_kv_heads},
       {"head_dim", heads.head_dim},
       {"sequences", step.num_sequences},
       {"tokens", step.num_tokens},
       {"context", step.context},
       {"shares_context", step.shares_context},
       {"operations_per_byte", Rounded(work.operations / work.bytes)}},
      Measure(context.meter, work, {.num_samples = context.options.repeat}, [&] { batch->Run(); }));
  return {};
}

// A whole prompt with all keys and values in one page and all scores in memory: the numbers of a flash batch.
class NaivePrompt {
 public:
  static Result<std::unique_ptr<NaivePrompt>> Create(KernelBenchContext& context, const Batch& flash,
                                                     const Heads& heads, DataType type, int64_t num_tokens) {
    auto prompt = std::unique_ptr<NaivePrompt>(new NaivePrompt(context, flash, heads, type, num_tokens));
    ASSIGN_OR_RETURN(prompt->page_, platform::AlignedBuffer::Allocate(prompt->layout_.page_bytes(), "keys and values"));
    const auto scratch_bytes = static_cast<size_t>(prompt->cost().scratch_bytes);
    ASSIGN_OR_RETURN(prompt->scratch_, platform::AlignedBuffer::Allocate(scratch_bytes, "scores"));
    for (int64_t head = 0; head < heads.num_kv_heads; ++head) {
      context.kernels.store_keys_values(
          prompt->layout_, {.keys_in_page = prompt->page_.data() + prompt->layout_.keys_offset(0, head),
                            .values_in_page = prompt->page_.data() + prompt->layout_.values_offset(0, head),
                            .num_tokens = num_tokens,
                            .keys = flash.keys.data() + head * heads.head_dim,
                            .values = flash.values.data() + head * heads.head_dim,
                            .stride = heads.num_kv_heads * heads.head_dim});
    }
    return prompt;
  }

  void Run() {
    NaiveAttention(context_->kernels, context_->threads, {page_.data(), layout_}, flash_->shape(), 0, num_tokens_,
                   num_tokens_, flash_->queries.data(), outputs.data(), reinterpret_cast<float*>(scratch_.data()));
  }

  kernels::AttentionCost cost() const {
    return NaiveAttentionCost(layout_, flash_->shape(), num_tokens_, num_tokens_, context_->threads.num_threads());
  }

  std::vector<float> outputs;

 private:
  NaivePrompt(KernelBenchContext& context, const Batch& flash, const Heads& heads, DataType type, int64_t num_tokens)
      : outputs(flash.outputs.size(), NAN),
        context_(&context),
        flash_(&flash),
        layout_(LayoutOf(heads, type, 1)),
        num_tokens_(num_tokens) {
    layout_.page_size = RoundUp(num_tokens, 64);
  }

  KernelBenchContext* context_;
  const Batch* flash_;
  KvLayout layout_;
  int64_t num_tokens_;
  platform::AlignedBuffer page_, scratch_;
};

std::string PromptLabel(const char* algorithm, DataType type, int64_t num_tokens) {
  return fmt::format("{} attention {} prompt {}", algorithm, tensor::Name(type), num_tokens);
}

// Both algorithms on one whole prompt. The counters are naive_attention.h's.
Status BenchPrompt(KernelBenchContext& context, const Heads& heads, DataType type, int64_t num_tokens) {
  ASSIGN_OR_RETURN(const auto flash, Batch::Create(context, heads, type, {1, num_tokens, 0}, 1));
  ASSIGN_OR_RETURN(const auto naive, NaivePrompt::Create(context, *flash, heads, type, num_tokens));
  flash->Run();
  naive->Run();
  // Each is within its bound of the textbook (attention_test.cc), and values are within 1.
  const double tolerance = 2 * (1e-5 + (type == DataType::kBF16 ? 2 * (0x1p-8 + 2 * 1.02e-4) : 0));
  for (size_t i = 0; i < flash->outputs.size(); ++i) {
    if (!(std::abs(flash->outputs[i] - naive->outputs[i]) <= tolerance)) {
      return MakeError(ErrorCode::kCorrupt, "{}: element {} is {}, but the baseline gives {} +- {}",
                       PromptLabel("flash", type, num_tokens), i, flash->outputs[i], naive->outputs[i], tolerance);
    }
  }
  const auto report = [&](const char* algorithm, const kernels::AttentionCost& cost, auto run) {
    const Work work{
        .operations = cost.flops, .bytes = static_cast<double>(cost.bytes_moved), .arithmetic = ArithmeticOf(type)};
    context.report.AddKernel(PromptLabel(algorithm, type, num_tokens),
                             {{"name", fmt::format("{}_attention", algorithm)},
                              {"type", tensor::Name(type)},
                              {"heads", heads.num_heads},
                              {"kv_heads", heads.num_kv_heads},
                              {"head_dim", heads.head_dim},
                              {"tokens", num_tokens},
                              {"moved_bytes", cost.bytes_moved},
                              {"scratch_bytes", cost.scratch_bytes}},
                             Measure(context.meter, work, {.num_samples = context.options.repeat}, run));
    context.report.AddText(fmt::format("    {:.1f} MB between kernel and memory, {:.1f} MB of scratch\n",
                                       static_cast<double>(cost.bytes_moved) / 1e6,
                                       static_cast<double>(cost.scratch_bytes) / 1e6));
  };
  report("flash", flash->cost(), [&] { flash->Run(); });
  report("naive", naive->cost(), [&] { naive->Run(); });
  return {};
}

}  // namespace

Result<int> BenchAttention(KernelBenchContext& context) {
  constexpr int64_t kChunk = 256;
  constexpr int64_t kManySequences = 16;
  std::vector<Step> steps;
  for (const int64_t tokens : context.options.contexts) steps.push_back({1, kChunk, tokens});
  for (const int64_t sequences : {int64_t{1}, kManySequences}) {
    for (const int64_t tokens : context.options.contexts) steps.push_back({sequences, 1, tokens});
  }
  for (const int64_t tokens : context.options.contexts) steps.push_back({kManySequences, 1, tokens, true});
  int num_measured = 0;
  for (const Heads& heads : kHeads) {
    for (const DataType type : kCacheTypes) {
      for (const Step& step : steps) {
        if (!context.wants(Label(heads, type, step))) continue;
        RETURN_IF_ERROR(BenchOne(context, heads, type, step));
        ++num_measured;
      }
    }
  }
  // The baseline's scores take 2 GB at 4096 tokens, and four times as much at twice the length.
  constexpr int64_t kLongestPrompt = 4096;
  for (const int64_t num_tokens : context.options.contexts) {
    if (num_tokens > kLongestPrompt) continue;
    if (!context.wants(PromptLabel("flash", DataType::kBF16, num_tokens)) &&
        !context.wants(PromptLabel("naive", DataType::kBF16, num_tokens))) {
      continue;
    }
    RETURN_IF_ERROR(BenchPrompt(context, kHeads[0], DataType::kBF16, num_tokens));
    num_measured += 2;
  }
  return num_measured;
}

}  // namespace tenfold::bench
