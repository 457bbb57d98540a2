// PagePool: the key-value memory of one engine, cut into pages of one size and counted by reference.
//
// A page holds the keys and values of page_size tokens for ALL layers, so a sequence has one page list whatever the
// depth of the model, and copy-on-write or a swap is one memcpy. What lies where inside a page is the kernels' affair:
// here a page is page_bytes bytes that begin on a 64-byte boundary.
//
// All memory is allocated at start; afterwards every operation but Copy is O(1) and allocates nothing. Free pages are
// handed out last-freed first (they may still be warm in the processor's cache), so the same calls always give the same
// pages. A page is held by PageRefs and by nothing else. A pool of page_bytes = 0 keeps accounts only: for tests, and
// for replaying workloads under a virtual clock.
//
// A page may be kept: when nobody holds it, it becomes idle instead of free, its contents stay, and it can be held
// again. Idle pages count as free: when the others are gone, the one that has been idle longest is taken, and its
// keeper is told. A prefix cache is such a keeper (prefix_cache.h). A second pool, in memory or in a file, can be where
// it puts what it must give up in the first: the swap space.
//
// Engine thread only. The pool outlives its references: its destructor stops when a page is still held.
//
// After PagedAttention (Kwon et al., SOSP 2023), section 4.2, where a page is called a KV block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/cache/idle_pages.h"
#include "tenfold/cache/page_id.h"
#include "tenfold/platform/aligned_buffer.h"

namespace tenfold::cache {

class PagePool;

// Who wants pages kept.
class PageKeeper {
 public:
  virtual ~PageKeeper() = default;
  // The page, idle until now, goes to somebody else: its contents are about to be lost and it is not kept any more.
  // Called from Allocate; may read the page, must not change the pool.
  virtual void OnPageTaken(PageId id) = 0;
};

// One counted hold on one page. Move-only; the last one to go gives the page back.
class PageRef {
 public:
  PageRef(PageRef&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), id_(other.id_) {}
  PageRef& operator=(PageRef&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(id_, other.id_);
    return *this;
  }
  ~PageRef();

  PageId id() const { return id_; }
  // A second hold on the same page.
  PageRef Share() const;

 private:
  friend class PagePool;
  PageRef(PagePool* pool, PageId id) : pool_(pool), id_(id) {}

  PagePool* pool_;  // null after a move
  PageId id_;
};

class PagePool {
 public:
  // With a directory, pages lie in an unnamed file there instead of in memory. Errors: kInvalidArgument for a count
  // outside 1 to 2^31 - 1, kResourceExhausted when the room cannot be had, kIo of the directory.
  static Result<std::unique_ptr<PagePool>> Create(int64_t num_pages, size_t page_bytes,
                                                  const std::filesystem::path& directory = {});
  ~PagePool();
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  // A page nobody else holds, with whatever bytes its last holder left; nullopt when none is free or idle.
  std::optional<PageRef> Allocate();

  // The one keeper of this pool, or null: then nothing is kept any more, and idle pages are free.
  void SetKeeper(PageKeeper* keeper);
  // Keeps a page from now on; somebody must hold it. There must be a keeper.
  void Keep(PageId id);
  // Ends that: an idle page is free, a held one will be when it is let go.
  void StopKeeping(PageId id);
  // Holds a page that is held already or idle.
  PageRef Hold(PageId id);

  // Copies the bytes of one page over another; of another pool's, with pages of the same size.
  void Copy(PageId from, PageId to) { CopyFrom(*this, from, to); }
  void CopyFrom(const PagePool& other, PageId from, PageId to);
  bool SameBytes(PageId a, PageId b) const;

  // The page_bytes() bytes of a page; nothing to read or write in a pool that keeps accounts only.
  std::byte* data(PageId id) { return memory_.data() + Offset(id); }
  const std::byte* data(PageId id) const { return memory_.data() + Offset(id); }

  size_t page_bytes() const { return page_bytes_; }
  int64_t num_pages() const { return static_cast<int64_t>(ref_counts_.size()); }
  // What Allocate can hand out, idle pages included.
  int64_t num_free_pages() const { return static_cast<int64_t>(free_list_.size()) + idle_.size(); }
  int64_t num_idle_pages() const { return idle_.size(); }
  // How many PageRefs hold the page; 0 for a free or idle one.
  int32_t ref_count(PageId id) const { return ref_counts_[static_cast<size_t>(id)]; }

  // The books themselves, for CheckIntegrity (integrity.h).
  std::span<const int32_t> ref_counts() const { return ref_counts_; }
  std::span<const PageId> free_list() const { return free_list_; }
  bool is_kept(PageId id) const { return !kept_.empty() && kept_[static_cast<size_t>(id)]; }
  std::vector<PageId> IdleList() const { return idle_.ToVector(); }

 private:
  friend class PageRef;
  PagePool(int64_t num_pages, size_t page_bytes, platform::AlignedBuffer memory);

  size_t Offset(PageId id) const { return static_cast<size_t>(id) * stride_bytes_; }
  void AddRef(PageId id);
  void Release(PageId id);

  const size_t page_bytes_;
  const size_t stride_bytes_;  // page_bytes_ rounded up to the next 64-byte boundary
  platform::AlignedBuffer memory_;
  std::vector<int32_t> ref_counts_;
  std::vector<PageId> free_list_;  // the back is handed out next
  PageKeeper* keeper_ = nullptr;
  std::vector<bool> kept_;  // of each page; empty without a keeper
  IdlePages idle_;
};

}  // namespace tenfold::cache
