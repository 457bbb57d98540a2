// BlockHashTable: a prefix cache as vLLM keeps it: one entry a page, found by a hash that chains the hash of the page
// before with the page's tokens. No runs, no splits; a look-up for every page.
//
// A hash only finds candidates. An entry is a hit when the page before it was one and its own tokens agree, so equal
// hashes of different prompts cost time and nothing else. The hashes depend on space and tokens alone, not on the
// process: a router may compute them too.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "tenfold/cache/prefix_cache.h"

namespace tenfold::cache {

class BlockHashTable final : public PrefixCache {
 public:
  // Of every hash only `num_hash_bits` are used: fewer than 64 make collisions, for tests.
  BlockHashTable(PagePool& pool, int64_t page_size, PagePool* swap_space = nullptr, int num_hash_bits = 64);

  void Match(const PrefixKey& key, std::vector<PageId>& pages) const override;
  int64_t num_pages() const override { return static_cast<int64_t>(by_hash_.size()); }

 private:
  struct Entry {
    uint64_t hash = 0;                 // of space and all tokens to the end of this page
    uint64_t number = 0;               // of this entry, unique and never used again; 0 when the page is not cached
    uint64_t before = 0;               // the number of the entry of the page before; 0 for a first page
    std::string space = {};            // of a first page
    std::vector<TokenId> tokens = {};  // of this page
  };

  PageId FindOrAdd(const PrefixKey& key, int64_t index, PageId before, PageId page) override;
  void Rename(PageId from, PageId to) override;
  void Forget(PageId id) override;
  Status CheckBooks() const override;

  uint64_t HashOf(const PrefixKey& key, int64_t index, PageId before) const;
  // The page with these tokens after `before`, or kNoPage.
  PageId Find(uint64_t hash, const PrefixKey& key, int64_t index, PageId before) const;
  std::unordered_multimap<uint64_t, PageId>::iterator PlaceOf(PageId id);
  Entry& EntryOf(PageId id) { return entries_[static_cast<size_t>(id)]; }
  const Entry& EntryOf(PageId id) const { return entries_[static_cast<size_t>(id)]; }

  uint64_t hash_mask_;
  std::vector<Entry> entries_;  // by id
  uint64_t last_number_ = 0;
  std::unordered_multimap<uint64_t, PageId> by_hash_;
};

}  // namespace tenfold::cache
