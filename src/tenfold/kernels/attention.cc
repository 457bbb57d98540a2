#include "tenfold/kernels/attention.h"

#include <algorithm>

#include "tenfold/base/check.h"
#include "tenfold/tensor/half.h"

namespace tenfold::kernels {
namespace {

// Query rows (tokens times heads of a group) per piece: enough that a block of keys and values, once in L1, is used
// many times, few enough that a prompt's chunk gives every thread several pieces.
constexpr int64_t kRowsPerPiece = 32;

void Convert(float value, float& to) {
  to = value;
}
void Convert(float value, tensor::F16& to) {
  to = tensor::ToF16(value);
}
void Convert(float value, tensor::Bf16& to) {
  to = tensor::ToBf16(value);
}

// Stores one head of the tokens of a piece, which all lie in one page.
template <class Number>
void StoreHead(const KvPages& kv, const AttentionPlan::Piece& piece, int64_t layer, int64_t head, const float* keys,
               const float* values) {
  const KvLayout& layout = kv.layout;
  std::byte* const page =
      kv.pages + static_cast<size_t>(piece.page_ids[piece.first_position / layout.page_size]) * layout.page_bytes();
  const int64_t slot = piece.first_position % layout.page_size;
  const int64_t stride = layout.num_kv_heads * layout.head_dim;
  const float* key = keys + piece.first_row * stride + head * layout.head_dim;
  const float* value = values + piece.first_row * stride + head * layout.head_dim;
  auto* const stored_keys = reinterpret_cast<Number*>(page + layout.keys_offset(layer, head)) + slot;
  auto* const stored_values =
      reinterpret_cast<Number*>(page + layout.values_offset(layer, head)) + slot * layout.padded_head_dim();
  for (int64_t token = 0; token < piece.num_tokens; ++token, key += stride, value += stride) {
    for (int64_t d = 0; d < layout.head_dim; ++d) {
      Convert(key[d], stored_keys[d * layout.page_size + token]);
      Convert(value[d], stored_values[token * layout.padded_head_dim() + d]);
    }
  }
}

}  // namespace

AttentionPlan::AttentionPlan(const KvLayout& layout, const AttentionShape& shape, int64_t max_tokens)
    : page_size_(layout.page_size) {
  CHECK_MSG(page_size_ == 16 || page_size_ == 32 || (page_size_ > 0 && page_size_ % 64 == 0), "page size {}",
            page_size_);
  const int64_t group_size = shape.num_heads / layout.num_kv_heads;
  CHECK_EQ(group_size * layout.num_kv_heads, shape.num_heads);
  max_queries_ = std::max<int64_t>(1, kRowsPerPiece / group_size);
  scratch_floats_ = AttentionScratchFloats(max_queries_ * group_size, layout.head_dim);
  queries_.reserve(static_cast<size_t>(max_tokens));
  stores_.reserve(static_cast<size_t>(max_tokens));
}

void AttentionPlan::Build(std::span<const AttentionSequence> sequences) {
  queries_.clear();
  stores_.clear();
  for (const AttentionSequence& sequence : sequences) {
    for (int64_t done = 0; done < sequence.num_tokens;) {
      const int64_t count = std::min(max_queries_, sequence.num_tokens - done);
      queries_.push_back({sequence.first_row + done, count, sequence.first_position + done, sequence.page_ids});
      done += count;
    }
    for (int64_t done = 0; done < sequence.num_tokens;) {
      const int64_t position = sequence.first_position + done;
      const int64_t count = std::min(page_size_ - position % page_size_, sequence.num_tokens - done);
      stores_.push_back({sequence.first_row + done, count, position, sequence.page_ids});
      done += count;
    }
  }
  // Longest context first, so that no thread begins the longest piece when the others are about to end.
  std::sort(queries_.begin(), queries_.end(), [](const Piece& a, const Piece& b) {
    return a.first_position + a.num_tokens > b.first_position + b.num_tokens;
  });
}

void PagedAttention(const KernelTable& kernels, platform::ThreadPool& threads, const AttentionPlan& plan,
                    const KvPages& kv, const AttentionShape& shape, int64_t layer, const float* queries,
                    const float* keys, const float* values, float* outputs, float* scratch) {
  const KvLayout& layout = kv.layout;
  const int64_t num_kv_heads = layout.num_kv_heads;
  threads.Run(static_cast<int64_t>(plan.stores().size()) * num_kv_heads, [&](int64_t index, int) {
    const AttentionPlan::Piece& piece = plan.stores()[static_cast<size_t>(index / num_kv_heads)];
    const int64_t head = index % num_kv_heads;
    switch (layout.type) {
      case tensor::DataType::kF32:
        return StoreHead<float>(kv, piece, layer, head, keys, values);
      case tensor::DataType::kF16:
        return StoreHead<tensor::F16>(kv, piece, layer, head, keys, values);
      default:
        return StoreHead<tensor::Bf16>(kv, piece, layer, head, keys, values);
    }
  });
  const int64_t group_size = shape.num_heads / num_kv_heads;
  const int64_t stride = shape.num_heads * layout.head_dim;
  threads.Run(static_cast<int64_t>(plan.queries().size()) * num_kv_heads, [&](int64_t index, int thread) {
    const AttentionPlan::Piece& piece = plan.queries()[static_cast<size_t>(index / num_kv_heads)];
    const int64_t kv_head = index % num_kv_heads;
    const int64_t offset = piece.first_row * stride + kv_head * group_size * layout.head_dim;
    kernels.attention(layout, {.pages = kv.pages,
                               .page_ids = piece.page_ids,
                               .layer = layer,
                               .kv_head = kv_head,
                               .group_size = group_size,
                               .first_position = piece.first_position,
                               .num_queries = piece.num_tokens,
                               .scale = shape.scale,
                               .queries = queries + offset,
                               .outputs = outputs + offset,
                               .stride = stride,
                               .scratch = scratch + thread * plan.scratch_floats()});
  });
}

}  // namespace tenfold::kernels
