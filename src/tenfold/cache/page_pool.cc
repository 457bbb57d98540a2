#include "tenfold/cache/page_pool.h"

#include <cstring>
#include <limits>

#include "tenfold/base/check.h"
#include "tenfold/base/rounding.h"

namespace tenfold::cache {
namespace {

// A cache line, and one AVX-512 register.
constexpr size_t kPageAlignment = 64;

size_t StrideBytes(size_t page_bytes) {
  return RoundUp(page_bytes, kPageAlignment);
}

}  // namespace

Result<std::unique_ptr<PagePool>> PagePool::Create(int64_t num_pages, size_t page_bytes,
                                                   const std::filesystem::path& directory) {
  if (num_pages < 1 || num_pages > std::numeric_limits<PageId>::max()) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        "a page pool of {} pages: there must be between 1 and {}; change the cache memory or the page size", num_pages,
        std::numeric_limits<PageId>::max());
  }
  size_t size_bytes = 0;
  if (page_bytes > std::numeric_limits<size_t>::max() - kPageAlignment ||
      __builtin_mul_overflow(static_cast<size_t>(num_pages), StrideBytes(page_bytes), &size_bytes)) {
    return MakeError(ErrorCode::kResourceExhausted, "{} pages of {} bytes are more than can be addressed", num_pages,
                     page_bytes);
  }
  ASSIGN_OR_RETURN(platform::AlignedBuffer memory,
                   directory.empty() ? platform::AlignedBuffer::Allocate(size_bytes, "KV pages")
                                     : platform::AlignedBuffer::AllocateInFile(size_bytes, "KV pages", directory));
  return std::unique_ptr<PagePool>(new PagePool(num_pages, page_bytes, std::move(memory)));
}

PagePool::PagePool(int64_t num_pages, size_t page_bytes, platform::AlignedBuffer memory)
    : page_bytes_(page_bytes),
      stride_bytes_(StrideBytes(page_bytes)),
      memory_(std::move(memory)),
      ref_counts_(static_cast<size_t>(num_pages), 0) {
  free_list_.reserve(ref_counts_.size());
  for (int64_t id = num_pages - 1; id >= 0; --id) free_list_.push_back(static_cast<PageId>(id));
}

PagePool::~PagePool() {
  CHECK_MSG(num_free_pages() == num_pages(), "{} of {} pages are still held while their pool goes away",
            num_pages() - num_free_pages(), num_pages());
}

std::optional<PageRef> PagePool::Allocate() {
  if (num_free_pages() == 0) return std::nullopt;
  if (free_list_.empty()) {
    const PageId oldest = idle_.PopOldest();
    kept_[static_cast<size_t>(oldest)] = false;
    keeper_->OnPageTaken(oldest);
    free_list_.push_back(oldest);
  }
  const PageId id = free_list_.back();
  free_list_.pop_back();
  AddRef(id);
  return PageRef(this, id);
}

void PagePool::SetKeeper(PageKeeper* keeper) {
  while (idle_.size() > 0) free_list_.push_back(idle_.PopOldest());
  keeper_ = keeper;
  kept_.assign(keeper == nullptr ? 0 : ref_counts_.size(), false);
  idle_ = IdlePages(keeper == nullptr ? 0 : num_pages());
}

void PagePool::Keep(PageId id) {
  CHECK(keeper_ != nullptr);
  CHECK_MSG(ref_count(id) > 0, "page {} is to be kept although nobody holds it", id);
  kept_[static_cast<size_t>(id)] = true;
}

void PagePool::StopKeeping(PageId id) {
  CHECK_MSG(is_kept(id), "page {} is not kept", id);
  kept_[static_cast<size_t>(id)] = false;
  if (ref_count(id) > 0) return;
  idle_.Remove(id);
  free_list_.push_back(id);
}

PageRef PagePool::Hold(PageId id) {
  if (ref_count(id) == 0) {
    CHECK_MSG(is_kept(id), "page {} is free and cannot be held", id);
    idle_.Remove(id);
  }
  AddRef(id);
  return PageRef(this, id);
}

void PagePool::CopyFrom(const PagePool& other, PageId from, PageId to) {
  if (page_bytes_ > 0) std::memcpy(data(to), other.data(from), page_bytes_);
}

bool PagePool::SameBytes(PageId a, PageId b) const {
  return page_bytes_ == 0 || std::memcmp(data(a), data(b), page_bytes_) == 0;
}

void PagePool::AddRef(PageId id) {
  ++ref_counts_[static_cast<size_t>(id)];
}

void PagePool::Release(PageId id) {
  int32_t& count = ref_counts_[static_cast<size_t>(id)];
  CHECK_MSG(count > 0, "page {} is given back although it is free", id);
  if (--count > 0) return;
  if (is_kept(id)) {
    idle_.PushNewest(id);
  } else {
    free_list_.push_back(id);
  }
}

PageRef PageRef::Share() const {
  CHECK(pool_ != nullptr);
  pool_->AddRef(id_);
  return PageRef(pool_, id_);
}

PageRef::~PageRef() {
  if (pool_ != nullptr) pool_->Release(id_);
}

}  // namespace tenfold::cache
