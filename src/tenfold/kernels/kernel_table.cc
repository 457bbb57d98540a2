#include "tenfold/kernels/kernel_table.h"

#include <algorithm>
#include <string>

#include "tenfold/base/rounding.h"
#include "tenfold/kernels/cpu/tables.h"

namespace tenfold::kernels {

int64_t MaxNumKeys(std::span<const AttentionChunk> chunks) {
  int64_t num_keys = 0;
  for (const AttentionChunk& chunk : chunks) num_keys = std::max(num_keys, chunk.num_keys());
  return num_keys;
}

int64_t AttentionStateFloats(int64_t num_rows, const KvLayout& layout) {
  return RoundUp(num_rows * (layout.padded_head_dim() + 2), 16);
}

int64_t AttentionScratchFloats(int64_t num_rows, const KvLayout& layout) {
  // A quantized cache's block of keys and values as pairs of BF16, one pair a float's width.
  const int64_t expanded =
      layout.is_quantized() ? kAttentionKeys * (layout.key_rows() + layout.padded_head_dim() / 2) : 0;
  const int64_t queries = RoundUp(num_rows * layout.key_rows(), 16);
  return 2 * kAttentionTileRows * kAttentionKeys + num_rows * 16 + 2 * queries +
         AttentionStateFloats(num_rows, layout) + expanded;
}

int64_t NaiveAttentionScratchFloats(int64_t num_rows, int64_t num_keys, const KvLayout& layout) {
  const int64_t num_blocks = CeilDivide(num_keys, kAttentionKeys);
  return 2 * (num_rows + kAttentionTileRows) * num_blocks * kAttentionKeys + AttentionStateFloats(num_rows, layout) +
         RoundUp(num_rows * layout.key_rows(), 16);
}

std::vector<const KernelTable*> UsableKernels(const platform::CpuFeatures& features) {
  std::vector<const KernelTable*> tables;
#if defined(__x86_64__)
  if (features.avx512_vnni && features.avx512_bf16) tables.push_back(&Avx512Bf16Kernels());
  if (features.avx512_vnni) tables.push_back(&Avx512Kernels());
  if (features.avx2) tables.push_back(&Avx2Kernels());
#endif
  tables.push_back(&PortableKernels());
  return tables;
}

Result<const KernelTable*> SelectKernels(std::string_view isa, const platform::CpuFeatures& features) {
  const std::vector<const KernelTable*> usable = UsableKernels(features);
  std::string names;
  for (const KernelTable* table : usable) {
    if (isa == "auto" || isa == table->name) return table;
    names += std::string(names.empty() ? "" : ", ") + table->name;
  }
  return MakeError(ErrorCode::kInvalidArgument, "no kernels named \"{}\" for this processor; there are: auto, {}", isa,
                   names);
}

}  // namespace tenfold::kernels
