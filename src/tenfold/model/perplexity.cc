#include "tenfold/model/perplexity.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "tenfold/base/progress.h"
#include "tenfold/base/rounding.h"
#include "tenfold/model/runner.h"
#include "tenfold/platform/aligned_buffer.h"

namespace tenfold::model {
namespace {

constexpr int64_t kPageSize = 32;  // any size the kernels take: it changes no result (law 2)

// Tokens computed at once. Each needs its row of logits, of which 64 MiB at a time are plenty.
int64_t TokensAtOnce(int64_t context, int64_t vocab_size) {
  constexpr int64_t kLogits = int64_t{16} << 20;
  return std::min(context, std::clamp<int64_t>(kLogits / vocab_size, 1, 256));
}

// -ln softmax(logits)[target]
double NegativeLogLikelihood(std::span<const float> logits, TokenId target) {
  const double greatest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - greatest);
  return greatest + std::log(sum) - static_cast<double>(logits[static_cast<size_t>(target)]);
}

// Scores windows, one after the other, on pages for one window.
class WindowScorer {
 public:
  static Result<WindowScorer> Create(const Model& model, const PerplexityOptions& options,
                                     const kernels::KernelTable& kernels, platform::ThreadPool& threads) {
    const kernels::KvLayout layout = KvLayoutOf(model.config(), kPageSize, options.kv_cache_type);
    const int64_t num_pages = CeilDivide(options.context, kPageSize);
    ASSIGN_OR_RETURN(platform::AlignedBuffer pages,
                     platform::AlignedBuffer::Allocate(layout.page_bytes() * static_cast<size_t>(num_pages),
                                                       "keys and values of one window"));
    std::vector<int32_t> page_ids(static_cast<size_t>(num_pages));
    for (size_t i = 0; i < page_ids.size(); ++i) page_ids[i] = static_cast<int32_t>(i);
    const int64_t at_once = TokensAtOnce(options.context, model.config().vocab_size);
    ASSIGN_OR_RETURN(Runner runner, Runner::Create(model, {.max_tokens = at_once, .max_logit_rows = at_once},
                                                   {pages.data(), layout}, kernels, threads));
    return WindowScorer(std::move(pages), std::move(page_ids), std::move(runner), at_once, threads);
  }

  // The sum over all tokens but the first.
  double Score(std::span<const TokenId> window) {
    nll_.resize(window.size() - 1);
    for (size_t begin = 0; begin < nll_.size(); begin += at_once_) {
      const size_t count = std::min(at_once_, nll_.size() - begin);
      const SequenceChunk chunk{window.subspan(begin, count), static_cast<int64_t>(begin), page_ids_.data(),
                                static_cast<int64_t>(count)};
      const std::span<const float> logits = runner_.Run({&chunk, 1});
      const size_t vocab_size = logits.size() / count;
      threads_->Run(chunk.num_logit_rows, [&](int64_t piece, int) {
        const auto row = static_cast<size_t>(piece);
        nll_[begin + row] =
            NegativeLogLikelihood(logits.subspan(row * vocab_size, vocab_size), window[begin + row + 1]);
      });
    }
    double total = 0;
    for (const double nll : nll_) total += nll;
    return total;
  }

 private:
  WindowScorer(platform::AlignedBuffer pages, std::vector<int32_t> page_ids, Runner runner, int64_t at_once,
               platform::ThreadPool& threads)
      : pages_(std::move(pages)),
        page_ids_(std::move(page_ids)),
        runner_(std::move(runner)),
        at_once_(static_cast<size_t>(at_once)),
        threads_(&threads) {}

  platform::AlignedBuffer pages_;
  std::vector<int32_t> page_ids_;
  Runner runner_;
  size_t at_once_;
  platform::ThreadPool* threads_;
  std::vector<double> nll_;  // of the current window's tokens
};

Status CheckArguments(const Model& model, std::span<const TokenId> text, int64_t context) {
  const ModelConfig& config = model.config();
  if (context < 2 || context > config.context_length) {
    return MakeError(ErrorCode::kInvalidArgument, "--context {}: must be 2 to {}, the model's own context", context,
                     config.context_length);
  }
  const auto outside =
      std::find_if(text.begin(), text.end(), [&](TokenId id) { return id < 0 || id >= config.vocab_size; });
  if (outside != text.end()) {
    return MakeError(ErrorCode::kInvalidArgument, "token {} is outside the model's vocabulary of {}", *outside,
                     config.vocab_size);
  }
  return {};
}

}  // namespace

double Perplexity::mean_nll() const {
  return total_nll / static_cast<double>(num_tokens);
}

double Perplexity::perplexity() const {
  return std::exp(mean_nll());
}

double Perplexity::bits_per_byte() const {
  return total_nll / std::numbers::ln2 / static_cast<double>(num_bytes);
}

Result<Perplexity> MeasurePerplexity(const Model& model, std::span<const TokenId> text,
                                     const PerplexityOptions& options, const kernels::KernelTable& kernels,
                                     platform::ThreadPool& threads) {
  RETURN_IF_ERROR(CheckArguments(model, text, options.context));
  const tokenizer::Tokenizer& tokenizer = model.tokenizer();
  const std::vector<TokenId> special = tokenizer.Encode("");
  const bool wants_bos = !special.empty() && special.front() == tokenizer.bos();
  ASSIGN_OR_RETURN(WindowScorer scorer, WindowScorer::Create(model, options, kernels, threads));

  Perplexity measured;
  ProgressBar progress("Scoring", text.size());
  std::vector<TokenId> window;
  while (!text.empty()) {
    window.clear();
    if (wants_bos) window.push_back(tokenizer.bos());
    const size_t count = std::min(text.size(), static_cast<size_t>(options.context) - window.size());
    window.insert(window.end(), text.begin(), text.begin() + static_cast<int64_t>(count));
    text = text.subspan(count);

    measured.total_nll += scorer.Score(window);
    measured.num_tokens += static_cast<int64_t>(window.size()) - 1;
    for (size_t i = 1; i < window.size(); ++i) {
      measured.num_bytes += static_cast<int64_t>(tokenizer.TokenText(window[i]).size());
    }
    progress.Advance(count);
  }
  if (measured.num_tokens == 0) return MakeError(ErrorCode::kInvalidArgument, "the text has no token to score");
  return measured;
}

}  // namespace tenfold::model
