// PageTable: where the keys and values of one sequence lie. Token t is at slot t % page_size of page t / page_size.
//
// The three verbs of PagedAttention (Kwon et al., SOSP 2023, sections 4.3 and 5.2) with append split in two, because
// pages are needed before the kernels run and tokens count only after: Reserve, compute, Append.
//
//   Fork     a second sequence over the same pages; nothing is copied yet
//   Adopt    begins with a full page that a prefix cache found, and another
//   Reserve  makes room to write, all or nothing; a shared, partly filled page is copied here, before it is written,
//            and the last sharer keeps the original (copy-on-write)
//   Append   commits tokens that were written into reserved room
//   Free     gives every page back
//
// Invariant: the table holds exactly the pages that its reserved tokens fill, so no slot is wasted outside the last
// page, and at most page_size - 1 inside it. The pool outlives the table. Engine thread only. Move-only; a table that
// was moved from is empty.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tenfold/base/rounding.h"
#include "tenfold/cache/page_pool.h"

namespace tenfold::cache {

// How many pages of page_size tokens num_tokens tokens fill.
constexpr int64_t NumPagesFor(int64_t num_tokens, int64_t page_size) {
  return CeilDivide(num_tokens, page_size);
}

class PageTable {
 public:
  // `page_size` is in tokens, the same for all tables of a pool.
  PageTable(PagePool& pool, int64_t page_size);
  PageTable(PageTable&& other) noexcept;
  PageTable& operator=(PageTable&& other) noexcept;
  ~PageTable();

  // A table with the same tokens on the same pages. Room reserved beyond the last token stays with this table alone;
  // if the last page was reserved for writing it is shared now, so Reserve again before the next write.
  // O(pages), no copy.
  PageTable Fork() const;

  // Goes on with a full page that holds this sequence's next tokens. The table's pages must be full.
  void Adopt(PageRef page);
  // Gives page `index`, full, back for another one that holds the same tokens of the same prefix, bit for bit (law 2).
  void Exchange(int64_t index, PageId page);

  // Makes room for `num_new_tokens` after the last token. False, and nothing changes, when the pool has fewer than
  // NumPagesNeeded pages free. Asking again for room already reserved costs nothing.
  [[nodiscard]] bool Reserve(int64_t num_new_tokens);

  // Counts `num_new_tokens`, now written, as part of the sequence. They must have been reserved, and the pages written
  // must be this table's alone.
  void Append(int64_t num_new_tokens);

  // Gives back all pages, the last first, so that the next taker gets them in the order they had here.
  void Free();

  // How many pages Reserve would take from the pool, the copy of a shared last page included.
  int64_t NumPagesNeeded(int64_t num_new_tokens) const;

  // True when the next token falls into a page that is partly filled and shared: writing it costs a page for the copy.
  bool copies_last_page() const;

  // Pages that nobody else holds: what Free would give back to the pool. O(pages): four bytes read per page, where the
  // attention over the same sequence reads the page.
  int64_t num_exclusive_pages() const;

  int64_t page_size() const { return page_size_; }
  int64_t num_pages() const { return static_cast<int64_t>(ids_.size()); }
  int64_t num_tokens() const { return num_tokens_; }
  // Tokens for which there is room: committed ones and those reserved after them.
  int64_t num_reserved_tokens() const { return num_reserved_tokens_; }
  // The pages in token order, as the kernels read them. Valid until the table changes.
  std::span<const PageId> page_ids() const { return ids_; }

 private:
  void PushBack(PageRef page);

  PagePool* pool_;
  int64_t page_size_;
  int64_t num_tokens_ = 0;
  int64_t num_reserved_tokens_ = 0;
  std::vector<PageRef> pages_;
  std::vector<PageId> ids_;  // pages_[i].id(), contiguous for the kernels
};

}  // namespace tenfold::cache
