#include "tenfold/cache/prefix_cache.h"

#include "tenfold/cache/block_hash_table.h"
#include "tenfold/cache/radix_tree.h"

namespace tenfold::cache {

Result<std::unique_ptr<PrefixCache>> MakePrefixCache(std::string_view name, PagePool& pool, int64_t page_size) {
  if (name == "radix") return std::make_unique<RadixTree>(pool, page_size);
  if (name == "hash") return std::make_unique<BlockHashTable>(pool, page_size);
  if (name == "none") return nullptr;
  return MakeError(ErrorCode::kInvalidArgument, "there is no prefix cache \"{}\"; there are radix, hash and none", name);
}

}  // namespace tenfold::cache
