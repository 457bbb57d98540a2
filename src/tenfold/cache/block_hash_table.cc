#include "tenfold/cache/block_hash_table.h"

#include <algorithm>

#include "tenfold/base/check.h"
#include "tenfold/base/hash.h"

namespace tenfold::cache {

BlockHashTable::BlockHashTable(PagePool& pool, int64_t page_size, int num_hash_bits)
    : PrefixCache(pool, page_size),
      hash_mask_(~uint64_t{0} >> (64 - num_hash_bits)),
      entries_(static_cast<size_t>(pool.num_pages())) {}

uint64_t BlockHashTable::HashOf(const PrefixKey& key, int64_t index, PageId before) const {
  const auto tokens = std::as_bytes(PageTokens(key, index));
  const uint64_t seed = before == kNoPage ? Hash64(key.space) : EntryOf(before).hash;
  return Hash64({reinterpret_cast<const char*>(tokens.data()), tokens.size()}, seed) & hash_mask_;
}

PageId BlockHashTable::Find(uint64_t hash, const PrefixKey& key, int64_t index, PageId before) const {
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const Entry& entry = EntryOf(it->second);
    const auto tokens = PageTokens(key, index);
    if (entry.before == before && std::equal(tokens.begin(), tokens.end(), entry.tokens.begin()) &&
        (before != kNoPage || entry.space == key.space))
      return it->second;
  }
  return kNoPage;
}

void BlockHashTable::Match(const PrefixKey& key, std::vector<PageId>& pages) const {
  const int64_t num_full = NumFullPages(key);
  PageId before = kNoPage;
  for (int64_t index = 0; index < num_full; ++index) {
    const PageId page = Find(HashOf(key, index, before), key, index, before);
    if (page == kNoPage) return;
    pages.push_back(page);
    before = page;
  }
}

PageId BlockHashTable::Insert(const PrefixKey& key, int64_t index, PageId before, PageId page) {
  CHECK_MSG(before == kNoPage || !EntryOf(before).tokens.empty(), "page {} is to follow page {}, which is not cached",
            page, before);
  const uint64_t hash = HashOf(key, index, before);
  const PageId found = Find(hash, key, index, before);
  if (found != kNoPage) return found;
  CHECK_MSG(EntryOf(page).tokens.empty(), "page {} is cached already, for other tokens", page);
  const auto tokens = PageTokens(key, index);
  EntryOf(page) = {.hash = hash,
                   .before = before,
                   .space = std::string(before == kNoPage ? key.space : std::string_view()),
                   .tokens = {tokens.begin(), tokens.end()}};
  by_hash_.emplace(hash, page);
  pool_->Keep(page);
  return page;
}

void BlockHashTable::OnPageTaken(PageId id) {
  const auto [begin, end] = by_hash_.equal_range(EntryOf(id).hash);
  const auto it = std::find_if(begin, end, [id](const auto& entry) { return entry.second == id; });
  CHECK(it != end);
  by_hash_.erase(it);
  EntryOf(id) = {};
}

Status BlockHashTable::CheckIntegrity() const {
  for (const auto& [hash, id] : by_hash_) {
    const Entry& entry = EntryOf(id);
    if (entry.hash != hash || entry.tokens.size() != static_cast<size_t>(page_size_) || !pool_->is_kept(id))
      return MakeError(ErrorCode::kCorrupt, "the entry of page {} in the hash table is broken", id);
    if (entry.before == kNoPage) continue;
    if (EntryOf(entry.before).tokens.empty())
      return MakeError(ErrorCode::kCorrupt, "page {} is cached, but not page {} before it", id, entry.before);
    if (pool_->ref_count(id) > 0 && pool_->ref_count(entry.before) == 0)
      return MakeError(ErrorCode::kCorrupt, "page {} is held, but not page {} before it", id, entry.before);
  }
  for (size_t id = 0; id < entries_.size(); ++id) {
    const bool is_cached = !entries_[id].tokens.empty();
    if (is_cached != pool_->is_kept(static_cast<PageId>(id)))
      return MakeError(ErrorCode::kCorrupt, "page {} is {} by the pool, but {}", id, is_cached ? "not kept" : "kept",
                       is_cached ? "cached" : "not cached");
  }
  return {};
}

}  // namespace tenfold::cache
