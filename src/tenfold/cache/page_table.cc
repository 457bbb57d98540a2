#include "tenfold/cache/page_table.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::cache {

PageTable::PageTable(PagePool& pool, int64_t page_size) : pool_(&pool), page_size_(page_size) {
  CHECK_GT(page_size, 0);
}

PageTable::PageTable(PageTable&& other) noexcept
    : pool_(other.pool_),
      page_size_(other.page_size_),
      num_tokens_(std::exchange(other.num_tokens_, 0)),
      num_reserved_tokens_(std::exchange(other.num_reserved_tokens_, 0)),
      pages_(std::exchange(other.pages_, {})),
      ids_(std::exchange(other.ids_, {})) {}

PageTable& PageTable::operator=(PageTable&& other) noexcept {
  if (this == &other) return *this;
  Free();
  pool_ = other.pool_;
  page_size_ = other.page_size_;
  num_tokens_ = std::exchange(other.num_tokens_, 0);
  num_reserved_tokens_ = std::exchange(other.num_reserved_tokens_, 0);
  pages_.swap(other.pages_);
  ids_.swap(other.ids_);
  return *this;
}

PageTable::~PageTable() {
  Free();
}

PageTable PageTable::Fork() const {
  PageTable child(*pool_, page_size_);
  const auto num_shared = static_cast<size_t>(NumPagesFor(num_tokens_, page_size_));
  child.pages_.reserve(num_shared);
  child.ids_.reserve(num_shared);
  for (size_t i = 0; i < num_shared; ++i) child.PushBack(pages_[i].Share());
  child.num_tokens_ = num_tokens_;
  child.num_reserved_tokens_ = num_tokens_;
  return child;
}

void PageTable::Adopt(PageRef page) {
  CHECK_EQ(num_tokens_, num_pages() * page_size_);
  PushBack(std::move(page));
  num_tokens_ += page_size_;
  num_reserved_tokens_ = num_tokens_;
}

void PageTable::Exchange(int64_t index, PageId page) {
  CHECK_LE((index + 1) * page_size_, num_tokens_);
  const auto i = static_cast<size_t>(index);
  DCHECK(pool_->SameBytes(ids_[i], page));
  pages_[i] = pool_->Hold(page);
  ids_[i] = page;
}

bool PageTable::copies_last_page() const {
  if (num_tokens_ % page_size_ == 0) return false;
  return pool_->ref_count(ids_[static_cast<size_t>(num_tokens_ / page_size_)]) > 1;
}

int64_t PageTable::NumPagesNeeded(int64_t num_new_tokens) const {
  CHECK_GE(num_new_tokens, 0);
  if (num_new_tokens == 0) return 0;
  const int64_t num_reserved = std::max(num_reserved_tokens_, num_tokens_ + num_new_tokens);
  return NumPagesFor(num_reserved, page_size_) - num_pages() + (copies_last_page() ? 1 : 0);
}

bool PageTable::Reserve(int64_t num_new_tokens) {
  if (NumPagesNeeded(num_new_tokens) > pool_->num_free_pages()) return false;
  if (num_new_tokens == 0) return true;
  if (copies_last_page()) {
    const auto last = static_cast<size_t>(num_tokens_ / page_size_);
    PageRef copy = *pool_->Allocate();
    pool_->Copy(ids_[last], copy.id());
    ids_[last] = copy.id();
    pages_[last] = std::move(copy);
  }
  num_reserved_tokens_ = std::max(num_reserved_tokens_, num_tokens_ + num_new_tokens);
  while (num_pages() < NumPagesFor(num_reserved_tokens_, page_size_)) PushBack(*pool_->Allocate());
  return true;
}

void PageTable::Append(int64_t num_new_tokens) {
  CHECK_GE(num_new_tokens, 0);
  CHECK_MSG(num_tokens_ + num_new_tokens <= num_reserved_tokens_,
            "{} tokens are appended after {}, but only {} were reserved in all", num_new_tokens, num_tokens_,
            num_reserved_tokens_);
  CHECK_MSG(num_new_tokens == 0 || !copies_last_page(), "page {} was written although it is shared",
            ids_[static_cast<size_t>(num_tokens_ / page_size_)]);
  num_tokens_ += num_new_tokens;
}

void PageTable::Free() {
  while (!pages_.empty()) pages_.pop_back();
  ids_.clear();
  num_tokens_ = 0;
  num_reserved_tokens_ = 0;
}

int64_t PageTable::num_exclusive_pages() const {
  return std::count_if(ids_.begin(), ids_.end(), [this](PageId id) { return pool_->ref_count(id) == 1; });
}

void PageTable::PushBack(PageRef page) {
  ids_.push_back(page.id());
  pages_.push_back(std::move(page));
}

}  // namespace tenfold::cache
