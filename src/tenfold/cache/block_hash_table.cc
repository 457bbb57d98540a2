#include "tenfold/cache/block_hash_table.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"
#include "tenfold/base/hash.h"

namespace tenfold::cache {

BlockHashTable::BlockHashTable(PagePool& pool, int64_t page_size, PagePool* swap_space, int num_hash_bits)
    : PrefixCache(pool, page_size, swap_space),
      hash_mask_(~uint64_t{0} >> (64 - num_hash_bits)),
      entries_(static_cast<size_t>(num_ids())) {}

uint64_t BlockHashTable::HashOf(const PrefixKey& key, int64_t index, PageId before) const {
  const auto tokens = std::as_bytes(PageTokens(key, index));
  const uint64_t seed = before == kNoPage ? Hash64(key.space) : EntryOf(before).hash;
  return Hash64({reinterpret_cast<const char*>(tokens.data()), tokens.size()}, seed) & hash_mask_;
}

PageId BlockHashTable::Find(uint64_t hash, const PrefixKey& key, int64_t index, PageId before) const {
  const uint64_t number_before = before == kNoPage ? 0 : EntryOf(before).number;
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const Entry& entry = EntryOf(it->second);
    const auto tokens = PageTokens(key, index);
    if (entry.before == number_before && std::equal(tokens.begin(), tokens.end(), entry.tokens.begin()) &&
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

PageId BlockHashTable::FindOrAdd(const PrefixKey& key, int64_t index, PageId before, PageId page) {
  CHECK_MSG(before == kNoPage || EntryOf(before).number != 0, "page {} is to follow page {}, which is not cached", page,
            before);
  const uint64_t hash = HashOf(key, index, before);
  const PageId found = Find(hash, key, index, before);
  if (found != kNoPage) return found;
  CHECK_MSG(EntryOf(page).number == 0, "page {} is cached already, for other tokens", page);
  const auto tokens = PageTokens(key, index);
  EntryOf(page) = {.hash = hash,
                   .number = ++last_number_,
                   .before = before == kNoPage ? 0 : EntryOf(before).number,
                   .space = std::string(before == kNoPage ? key.space : std::string_view()),
                   .tokens = {tokens.begin(), tokens.end()}};
  by_hash_.emplace(hash, page);
  return page;
}

std::unordered_multimap<uint64_t, PageId>::iterator BlockHashTable::PlaceOf(PageId id) {
  const auto [begin, end] = by_hash_.equal_range(EntryOf(id).hash);
  const auto it = std::find_if(begin, end, [id](const auto& entry) { return entry.second == id; });
  CHECK(it != end);
  return it;
}

void BlockHashTable::Rename(PageId from, PageId to) {
  PlaceOf(from)->second = to;
  EntryOf(to) = std::exchange(EntryOf(from), {});
}

void BlockHashTable::Forget(PageId id) {
  by_hash_.erase(PlaceOf(id));
  EntryOf(id) = {};
}

Status BlockHashTable::CheckBooks() const {
  std::unordered_map<uint64_t, PageId> by_number;
  for (const auto& [hash, id] : by_hash_) by_number[EntryOf(id).number] = id;
  for (const auto& [hash, id] : by_hash_) {
    const Entry& entry = EntryOf(id);
    if (entry.hash != hash || entry.number == 0 || entry.tokens.size() != static_cast<size_t>(page_size_))
      return MakeError(ErrorCode::kCorrupt, "the entry of page {} in the hash table is broken", id);
    const auto before = by_number.find(entry.before);
    if (entry.before != 0 && before == by_number.end())
      return MakeError(ErrorCode::kCorrupt, "page {} is cached, but not the page before it", id);
    RETURN_IF_ERROR(CheckPage(id, entry.before == 0 ? kNoPage : before->second));
  }
  return {};
}

}  // namespace tenfold::cache
