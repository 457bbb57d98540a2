// IdlePages: pages that nobody holds but whose contents are still wanted, in the order in which they became idle.
//
// A doubly linked list threaded through arrays with one element per page, so that every operation is O(1), also taking
// a page out of the middle when somebody wants it again. Allocates at construction only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tenfold/cache/page_id.h"

namespace tenfold::cache {

class IdlePages {
 public:
  IdlePages() = default;
  explicit IdlePages(int64_t num_pages);

  // The page must not be in the list.
  void PushNewest(PageId id);
  // The page must be in the list.
  void Remove(PageId id);
  // The page that has been idle longest. The list must not be empty.
  PageId PopOldest();

  int64_t size() const { return size_; }
  // Oldest first. O(pages): for checks.
  std::vector<PageId> ToVector() const;

 private:
  struct Links {
    PageId older;
    PageId newer;
  };
  Links& links(PageId id) { return links_[static_cast<size_t>(id)]; }

  std::vector<Links> links_;
  PageId oldest_ = kNoPage;
  PageId newest_ = kNoPage;
  int64_t size_ = 0;
};

}  // namespace tenfold::cache
