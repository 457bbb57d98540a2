// CheckIntegrity: does the pool's book-keeping agree with who really holds its pages?
//
// Recomputes every reference count from the tables and the free list, and names the first page or table that is wrong.
// It works on plain data, so that a test can hand it wrong books; the pool's own interface cannot produce any.
// O(pages of the pool): for tests, and for an operator who asks.
#pragma once

#include <cstdint>
#include <span>

#include "tenfold/base/result.h"
#include "tenfold/cache/page_pool.h"
#include "tenfold/cache/page_table.h"

namespace tenfold::cache {

struct PoolAccounts {
  std::span<const int32_t> ref_counts;  // of each page
  std::span<const PageId> free_list;
  std::span<const PageId> idle_pages = {};
};

struct TableAccounts {
  std::span<const PageId> page_ids;
  int64_t num_reserved_tokens;
  int64_t page_size;
};

// `tables` must be all that hold pages. Errors: kCorrupt; tables are named by their index.
Status CheckIntegrity(const PoolAccounts& pool, std::span<const TableAccounts> tables);
Status CheckIntegrity(const PagePool& pool, std::span<const PageTable* const> tables);

}  // namespace tenfold::cache
