#include "tenfold/cache/idle_pages.h"

#include "tenfold/base/check.h"

namespace tenfold::cache {

IdlePages::IdlePages(int64_t num_pages) : links_(static_cast<size_t>(num_pages), {kNoPage, kNoPage}) {}

void IdlePages::PushNewest(PageId id) {
  links(id) = {.older = newest_, .newer = kNoPage};
  (newest_ == kNoPage ? oldest_ : links(newest_).newer) = id;
  newest_ = id;
  ++size_;
}

void IdlePages::Remove(PageId id) {
  const auto [older, newer] = links(id);
  (older == kNoPage ? oldest_ : links(older).newer) = newer;
  (newer == kNoPage ? newest_ : links(newer).older) = older;
  --size_;
}

PageId IdlePages::PopOldest() {
  CHECK_GT(size_, 0);
  const PageId id = oldest_;
  Remove(id);
  return id;
}

std::vector<PageId> IdlePages::ToVector() const {
  std::vector<PageId> ids;
  for (PageId id = oldest_; id != kNoPage; id = links_[static_cast<size_t>(id)].newer) ids.push_back(id);
  return ids;
}

}  // namespace tenfold::cache
