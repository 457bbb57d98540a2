// What attention pays for pages that lie anywhere: the same kernel on the same pages in random order and in a row.
//
// One page for a whole sequence would be no baseline: keys stand transposed within a page, so that its rows would be
// kilobytes apart and fight for the same places of the cache.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "tenfold/base/random.h"
#include "tenfold/base/rounding.h"
#include "tenfold/bench/numbers.h"
#include "tenfold/bench/paper_way.h"
#include "tenfold/bench/statistics.h"
#include "tenfold/bench/stopwatch.h"
#include "tenfold/kernels/attention.h"
#include "tenfold/platform/aligned_buffer.h"

namespace tenfold::bench {
namespace {

constexpr int64_t kPageSize = 16, kSequences = 16, kContext = 1023, kHeads = 32, kKvHeads = 4, kHeadDim = 64;
constexpr int64_t kRepeat = 41;

class DecodeAttention {
 public:
  static Result<DecodeAttention> Create(bool in_random_order, const kernels::KernelTable& kernels,
                                        platform::ThreadPool& threads) {
    DecodeAttention decode(in_random_order, kernels, threads);
    ASSIGN_OR_RETURN(decode.pages_,
                     platform::AlignedBuffer::Allocate(decode.layout_.page_bytes() * decode.page_ids_.size(), "pages"));
    FillWithNumbers(decode.layout_.type, {decode.pages_.data(), decode.pages_.size_bytes()}, threads);
    return decode;
  }

  double Seconds() {
    return TimeUndisturbed(threads_->num_threads(),
                           [&] {
                             kernels::PagedAttention(*kernels_, *threads_, plan_, {pages_.data(), layout_}, shape_, 0,
                                                     queries_.data(), keys_.data(), keys_.data(), outputs_.data(),
                                                     scratch_.data());
                           })
        .seconds;
  }

 private:
  DecodeAttention(bool in_random_order, const kernels::KernelTable& kernels, platform::ThreadPool& threads)
      : kernels_(&kernels),
        threads_(&threads),
        layout_{.num_layers = 1,
                .num_kv_heads = kKvHeads,
                .head_dim = kHeadDim,
                .page_size = kPageSize,
                .type = tensor::DataType::kF32},
        shape_{.num_heads = kHeads, .scale = 1.0f / std::sqrt(static_cast<float>(kHeadDim))},
        plan_(layout_, shape_, kSequences, threads.num_threads()),
        queries_(RandomFloats(kSequences * kHeads * kHeadDim, 3)),
        keys_(RandomFloats(kSequences * kKvHeads * kHeadDim, 4)),
        outputs_(queries_.size()),
        scratch_(static_cast<size_t>(plan_.scratch_floats())) {
    const int64_t pages_each = CeilDivide(kContext + 1, kPageSize);
    page_ids_.resize(static_cast<size_t>(kSequences * pages_each));
    std::iota(page_ids_.begin(), page_ids_.end(), 0);
    for (size_t i = page_ids_.size() - 1; in_random_order && i > 0; --i)
      std::swap(page_ids_[i], page_ids_[Philox(7, 0, i)[0] % (i + 1)]);
    std::vector<kernels::AttentionChunk> sequences;
    for (int64_t s = 0; s < kSequences; ++s) {
      sequences.push_back(
          {.first_row = s, .num_tokens = 1, .first_position = kContext, .page_ids = page_ids_.data() + s * pages_each});
    }
    plan_.Build(sequences);
  }

  const kernels::KernelTable* kernels_;
  platform::ThreadPool* threads_;
  kernels::KvLayout layout_;
  kernels::AttentionShape shape_;
  kernels::AttentionPlan plan_;
  std::vector<float> queries_, keys_, outputs_, scratch_;
  std::vector<int32_t> page_ids_;
  platform::AlignedBuffer pages_;
};

}  // namespace

Result<double> MeasurePagingCost(const kernels::KernelTable& kernels, platform::ThreadPool& threads) {
  ASSIGN_OR_RETURN(DecodeAttention paged, DecodeAttention::Create(true, kernels, threads));
  ASSIGN_OR_RETURN(DecodeAttention contiguous, DecodeAttention::Create(false, kernels, threads));
  std::vector<double> ratios;
  for (int64_t i = 0; i < kRepeat; ++i) ratios.push_back(paged.Seconds() / contiguous.Seconds());
  return Quantile(ratios, 0.5);
}

}  // namespace tenfold::bench
