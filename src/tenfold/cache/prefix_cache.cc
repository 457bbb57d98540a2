#include "tenfold/cache/prefix_cache.h"

#include "tenfold/base/check.h"
#include "tenfold/cache/block_hash_table.h"
#include "tenfold/cache/radix_tree.h"

namespace tenfold::cache {

PrefixCache::PrefixCache(PagePool& pool, int64_t page_size, PagePool* swap_space)
    : page_size_(page_size), pool_(&pool), swap_space_(swap_space), swap_keeper_(*this) {
  pool_->SetKeeper(this);
  if (swap_space_ == nullptr) return;
  CHECK_EQ(swap_space_->page_bytes(), pool_->page_bytes());
  swap_space_->SetKeeper(&swap_keeper_);
}

PrefixCache::~PrefixCache() {
  pool_->SetKeeper(nullptr);
  if (swap_space_ != nullptr) swap_space_->SetKeeper(nullptr);
}

void PrefixCache::OnPageTaken(PageId id) {
  // Where every swapped page is pinned, none follows this one: whoever pins it would have pinned this one, too.
  const std::optional<PageRef> slot = swap_space_ == nullptr ? std::nullopt : swap_space_->Allocate();
  if (!slot) return Forget(id);
  swap_space_->CopyFrom(*pool_, id, slot->id());
  Rename(id, SwappedId(slot->id()));
  swap_space_->Keep(slot->id());
  ++num_swapped_out_;
}

PageRef PrefixCache::Pin(PageId id) {
  return is_swapped(id) ? swap_space_->Hold(SlotOf(id)) : pool_->Hold(id);
}

PageRef PrefixCache::Fetch(PageId id) {
  if (!is_swapped(id)) return pool_->Hold(id);
  const PageRef pin = Pin(id);  // the page that is allocated may need a slot for what it held
  std::optional<PageRef> page = pool_->Allocate();
  CHECK_MSG(page.has_value(), "no page is free for one from the swap space");
  pool_->CopyFrom(*swap_space_, pin.id(), page->id());
  LeaveSwapSpace(id, page->id());
  ++num_swapped_in_;
  return *std::move(page);
}

PageId PrefixCache::Insert(const PrefixKey& key, int64_t index, PageId before, PageId page) {
  const PageId cached = FindOrAdd(key, index, before, page);
  if (cached == page) {
    pool_->Keep(page);
    return page;
  }
  if (!is_swapped(cached)) return cached;
  LeaveSwapSpace(cached, page);  // computed again, which gave the same bits
  return page;
}

void PrefixCache::LeaveSwapSpace(PageId id, PageId page) {
  Rename(id, page);
  pool_->Keep(page);
  swap_space_->StopKeeping(SlotOf(id));
}

bool PrefixCache::IsKept(PageId id) const {
  return is_swapped(id) ? swap_space_->is_kept(SlotOf(id)) : pool_->is_kept(id);
}

Status PrefixCache::CheckIntegrity() const {
  RETURN_IF_ERROR(CheckBooks());
  int64_t num_kept = 0;
  for (PageId id = 0; id < num_ids(); ++id) num_kept += IsKept(id) ? 1 : 0;
  if (num_kept != num_pages()) {
    return MakeError(ErrorCode::kCorrupt, "{} pages are cached, but {} are kept", num_pages(), num_kept);
  }
  if (swap_space_ != nullptr && swap_space_->num_free_pages() != swap_space_->num_pages()) {
    return MakeError(ErrorCode::kCorrupt, "{} pages of the swap space are still pinned",
                     swap_space_->num_pages() - swap_space_->num_free_pages());
  }
  return {};
}

Status PrefixCache::CheckPage(PageId id, PageId before) const {
  if (!IsKept(id)) return MakeError(ErrorCode::kCorrupt, "page {} is cached, but not kept", id);
  if (is_swapped(id) || before == kNoPage) return {};
  if (is_swapped(before))
    return MakeError(ErrorCode::kCorrupt, "page {} before page {} is in the swap space", before, id);
  // Whoever holds a page holds those before it.
  if (pool_->ref_count(id) > 0 && pool_->ref_count(before) == 0)
    return MakeError(ErrorCode::kCorrupt, "page {} is held, but not page {} before it", id, before);
  return {};
}

Result<std::unique_ptr<PrefixCache>> MakePrefixCache(std::string_view name, PagePool& pool, int64_t page_size,
                                                     PagePool* swap_space) {
  if (name == "radix") return std::make_unique<RadixTree>(pool, page_size, swap_space);
  if (name == "hash") return std::make_unique<BlockHashTable>(pool, page_size, swap_space);
  if (name == "none") return nullptr;
  return MakeError(ErrorCode::kInvalidArgument, "there is no prefix cache \"{}\"; there are radix, hash and none",
                   name);
}

}  // namespace tenfold::cache
