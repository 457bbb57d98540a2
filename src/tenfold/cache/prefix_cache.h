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
// With a swap space, a second pool in memory or in a file, what the pool takes is copied there first, and comes back
// when it is wanted: so do the prefixes of ended requests and the full pages of preempted ones (the swapping of
// PagedAttention, section 4.5, which here copies only what others really take). The swap space forgets its oldest page
// first, and leaves first for the same reason: a page goes there after all that follow it. On every path, pages of the
// pool stand before swapped ones.
//
// Two implementations: a radix tree (radix_tree.h) and a table of chained hashes (block_hash_table.h). They answer
// alike; a property test holds both against a plain map of all prefixes.
//
// Owned beside its pools, which outlive it. Engine thread only.
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

// From construction to destruction the keeper of its pools.
//
// Ids of cached pages below the pool's num_pages() are its pages; those from there on are pages of the swap space.
class PrefixCache : private PageKeeper {
 public:
  // The swap space, if any, has pages of the same size, and everything in it is the cache's.
  PrefixCache(PagePool& pool, int64_t page_size, PagePool* swap_space);
  ~PrefixCache() override;
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  // Appends the ids of the longest cached beginning of `key` to `pages`, in token order; nobody holds them yet. Valid
  // until the pool allocates. Costs a comparison for each token that matches, and one look-up for each node.
  virtual void Match(const PrefixKey& key, std::vector<PageId>& pages) const = 0;

  bool is_swapped(PageId id) const { return id >= pool_->num_pages(); }
  // Keeps a matched page from being taken or forgotten, wherever it is, and counts as a hold of it there. Pin all pages
  // before it, too, and let go of them last first, as a page table does.
  PageRef Pin(PageId id);
  // A hold on a matched page of the pool; one from the swap space comes back into a page of the pool, of which one must
  // be free. Pages before it must be held.
  PageRef Fetch(PageId id);

  // Makes the tokens of page `index` of `key` known, computed and held in `page`; `before` is what Insert or Fetch gave
  // for the page before it (kNoPage for the first) and still held. Returns the page that is cached for them: `page`, or
  // an earlier one of the pool, which the caller must use in its place.
  PageId Insert(const PrefixKey& key, int64_t index, PageId before, PageId page);

  // Pages cached, held, idle or swapped.
  virtual int64_t num_pages() const = 0;
  int64_t num_swapped_pages() const { return swap_space_ == nullptr ? 0 : swap_space_->num_idle_pages(); }
  // Pages that went to the swap space and that came back, ever.
  int64_t num_swapped_out() const { return num_swapped_out_; }
  int64_t num_swapped_in() const { return num_swapped_in_; }

  // Recounts everything. Errors: kCorrupt, saying what is wrong.
  Status CheckIntegrity() const;

 protected:
  int64_t NumFullPages(const PrefixKey& key) const { return static_cast<int64_t>(key.tokens.size()) / page_size_; }
  std::span<const TokenId> PageTokens(const PrefixKey& key, int64_t index) const {
    return key.tokens.subspan(static_cast<size_t>(index * page_size_), static_cast<size_t>(page_size_));
  }
  // All ids are below.
  int64_t num_ids() const { return pool_->num_pages() + (swap_space_ == nullptr ? 0 : swap_space_->num_pages()); }
  // Recounts one cached page; `before` is the one before it, kNoPage for a first one.
  Status CheckPage(PageId id, PageId before) const;

  const int64_t page_size_;

 private:
  // What is told of the swap space's pages.
  struct SwapKeeper final : PageKeeper {
    explicit SwapKeeper(PrefixCache& cache) : cache(cache) {}
    void OnPageTaken(PageId slot) override { cache.Forget(cache.SwappedId(slot)); }
    PrefixCache& cache;
  };

  // As Insert, with whatever id is cached already.
  virtual PageId FindOrAdd(const PrefixKey& key, int64_t index, PageId before, PageId page) = 0;
  // What is cached as `from` is `to` from now on, which is not cached.
  virtual void Rename(PageId from, PageId to) = 0;
  // Nothing follows the page.
  virtual void Forget(PageId id) = 0;
  virtual Status CheckBooks() const = 0;

  void OnPageTaken(PageId id) override;
  PageId SwappedId(PageId slot) const { return static_cast<PageId>(pool_->num_pages()) + slot; }
  PageId SlotOf(PageId id) const { return id - static_cast<PageId>(pool_->num_pages()); }
  void LeaveSwapSpace(PageId id, PageId page);
  bool IsKept(PageId id) const;

  PagePool* const pool_;
  PagePool* const swap_space_;  // or null
  SwapKeeper swap_keeper_;
  int64_t num_swapped_out_ = 0;
  int64_t num_swapped_in_ = 0;
};

// For --prefix-cache: "radix", "hash", or "none", which gives a null pointer. The pools must have no keeper yet.
// Errors: kInvalidArgument, listing the names.
Result<std::unique_ptr<PrefixCache>> MakePrefixCache(std::string_view name, PagePool& pool, int64_t page_size,
                                                     PagePool* swap_space = nullptr);

}  // namespace tenfold::cache
