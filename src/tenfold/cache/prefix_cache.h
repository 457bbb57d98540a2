// PrefixCache: which pages hold the keys and values of which tokens, so that a request that begins like an earlier one
// does not compute that beginning again. RadixAttention (Zheng et al., "SGLang", NeurIPS 2024, section 3).
//
// Only full pages are cached. Each is known by all tokens from the beginning to its last one, in a space: requests of
// different spaces (cache_salt, later a LoRA adapter) never share. A hit is proved by comparing the tokens themselves.
//
// The cache holds no page: it keeps them (page_pool.h). A page that some sequence holds is thereby locked; when the
// last one lets go, it becomes idle, and the pool takes idle pages in the order in which they became so. That is least
// recently used first, and leaves first, without any bookkeeping: whoever holds a page holds all pages before it, and
// a page table gives its pages back from the last to the first. The order rests on each content having ONE page, the
// one that Insert returns: a sequence that computed a second copy exchanges it at once, which law 2 allows, because
// both hold the same bits.
//
// Two implementations: a radix tree (radix_tree.h) and a table of chained hashes (block_hash_table.h). They answer
// alike; a property test holds both against a plain map of all prefixes.
//
// Owned beside the pool, which outlives it. Engine thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/base/token_id.h"
#include "tenfold/cache/page_pool.h"

namespace tenfold::cache {

// The beginning of a sequence.
struct PrefixKey {
  std::span<const TokenId> tokens;
  std::string_view space;
};

// From construction to destruction the keeper of its pool.
class PrefixCache : public PageKeeper {
 public:
  PrefixCache(PagePool& pool, int64_t page_size) : pool_(&pool), page_size_(page_size) { pool_->SetKeeper(this); }
  ~PrefixCache() override { pool_->SetKeeper(nullptr); }
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  // Appends the pages of the longest cached beginning of `key` to `pages`, in token order; nobody holds them yet. Valid
  // until the pool allocates. Costs a comparison for each token that matches, and one look-up for each node.
  virtual void Match(const PrefixKey& key, std::vector<PageId>& pages) const = 0;

  // Makes the tokens of page `index` of `key` known, computed and held in `page`; `before` is what Insert or Match gave
  // for the page before it (kNoPage for the first) and still held. Returns the page that is cached for them: `page`, or
  // an earlier one, which the caller must use in its place.
  virtual PageId Insert(const PrefixKey& key, int64_t index, PageId before, PageId page) = 0;

  // Pages cached, held or idle.
  virtual int64_t num_pages() const = 0;

  // Recounts everything. Errors: kCorrupt, saying what is wrong.
  virtual Status CheckIntegrity() const = 0;

 protected:
  int64_t NumFullPages(const PrefixKey& key) const { return static_cast<int64_t>(key.tokens.size()) / page_size_; }
  std::span<const TokenId> PageTokens(const PrefixKey& key, int64_t index) const {
    return key.tokens.subspan(static_cast<size_t>(index * page_size_), static_cast<size_t>(page_size_));
  }

  PagePool* const pool_;
  const int64_t page_size_;
};

// For --prefix-cache: "radix", "hash", or "none", which gives a null pointer. The pool must have no keeper yet.
// Errors: kInvalidArgument, listing the names.
Result<std::unique_ptr<PrefixCache>> MakePrefixCache(std::string_view name, PagePool& pool, int64_t page_size);

}  // namespace tenfold::cache
