// QueueOrder: in which order waiting sequences are considered for admission. Cache-aware orders after SGLang (Zheng et
// al., NeurIPS 2024, section 3): requests with the same beginning follow each other, so that it is computed once and
// used while it is still cached.
//
//   fcfs        first come, first served
//   lpm         longest prefix match: those first of which the cache has most
//   dfs-weight  depth first through the tree of the waiting prompts: where the tree branches, first what the cache has
//               something of, then the branch with most prompts. When the cache holds the longest prompt, no order
//               computes less than a depth-first one (their theorem 3.1)
//
// Nobody starves: a sequence that `max_overtaken` later ones have overtaken goes before all that have not, and among
// such the earliest first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/cache/prefix_cache.h"

namespace tenfold::scheduler {

enum class QueueOrder { kFcfs, kLongestPrefixMatch, kDfsWeight };

// For --queue-order. Errors: kInvalidArgument, listing the names.
Result<QueueOrder> QueueOrderFromName(std::string_view name);

// Orders that look at prompts consider so many of the earliest waiting sequences: beyond, looking costs more than it
// brings.
inline constexpr size_t kQueueWindow = 1024;

inline constexpr int64_t kDefaultMaxOvertaken = 1024;

struct QueuedPrompt {
  cache::PrefixKey key;
  int64_t num_cached_tokens = 0;
  int64_t num_overtaken = 0;  // how many later ones were admitted before it
};

// `prompts` are in order of arrival; `order` becomes their indices in the order in which to consider them.
// O(n log n) comparisons of prompts.
void OrderQueue(QueueOrder queue_order, std::span<const QueuedPrompt> prompts, int64_t max_overtaken,
                std::vector<size_t>& order);

}  // namespace tenfold::scheduler
