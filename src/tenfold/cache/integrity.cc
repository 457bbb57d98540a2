#include "tenfold/cache/integrity.h"

#include <vector>

namespace tenfold::cache {
namespace {

constexpr int64_t kNobody = -1;

// What the tables and the free list say about one page.
struct PageAccount {
  int32_t num_holders = 0;
  int64_t last_holder = kNobody;  // index of a table
  bool is_free = false;
};

bool IsPage(const std::vector<PageAccount>& pages, PageId id) {
  return id >= 0 && static_cast<size_t>(id) < pages.size();
}

Status CountTable(const TableAccounts& table, int64_t index, std::vector<PageAccount>& pages) {
  const auto num_held = static_cast<int64_t>(table.page_ids.size());
  const int64_t num_expected = NumPagesFor(table.num_reserved_tokens, table.page_size);
  if (num_held != num_expected) {
    return MakeError(ErrorCode::kCorrupt, "table {} has too {} pages: {} where its {} tokens fill {}", index,
                     num_held < num_expected ? "few" : "many", num_held, table.num_reserved_tokens, num_expected);
  }
  for (const PageId id : table.page_ids) {
    if (!IsPage(pages, id)) {
      return MakeError(ErrorCode::kCorrupt, "table {} holds page {}, but the pool has {} pages", index, id,
                       pages.size());
    }
    PageAccount& page = pages[static_cast<size_t>(id)];
    if (page.last_holder == index) {
      return MakeError(ErrorCode::kCorrupt, "table {} holds page {} twice", index, id);
    }
    page.last_holder = index;
    ++page.num_holders;
  }
  return {};
}

Status CountFreeList(std::span<const PageId> free_list, std::vector<PageAccount>& pages) {
  for (const PageId id : free_list) {
    if (!IsPage(pages, id)) {
      return MakeError(ErrorCode::kCorrupt, "page {} is in the free list, but the pool has {} pages", id, pages.size());
    }
    PageAccount& page = pages[static_cast<size_t>(id)];
    if (page.is_free)
      return MakeError(ErrorCode::kCorrupt, "page {} was freed twice: it is in the free list twice", id);
    if (page.num_holders > 0) {
      return MakeError(ErrorCode::kCorrupt, "page {} is in the free list while table {} holds it", id,
                       page.last_holder);
    }
    page.is_free = true;
  }
  return {};
}

}  // namespace

Status CheckIntegrity(const PoolAccounts& pool, std::span<const TableAccounts> tables) {
  std::vector<PageAccount> pages(pool.ref_counts.size());
  for (size_t i = 0; i < tables.size(); ++i) RETURN_IF_ERROR(CountTable(tables[i], static_cast<int64_t>(i), pages));
  RETURN_IF_ERROR(CountFreeList(pool.free_list, pages));
  for (size_t id = 0; id < pages.size(); ++id) {
    const PageAccount& page = pages[id];
    if (page.num_holders == 0 && !page.is_free) {
      return MakeError(ErrorCode::kCorrupt,
                       "page {} leaked: no table holds it and it is not in the free list (reference count {})", id,
                       pool.ref_counts[id]);
    }
    if (pool.ref_counts[id] != page.num_holders) {
      return MakeError(ErrorCode::kCorrupt, "page {} has reference count {}, but {} tables hold it", id,
                       pool.ref_counts[id], page.num_holders);
    }
  }
  return {};
}

Status CheckIntegrity(const PagePool& pool, std::span<const PageTable* const> tables) {
  std::vector<TableAccounts> accounts;
  accounts.reserve(tables.size());
  for (const PageTable* table : tables) {
    accounts.push_back({table->page_ids(), table->num_reserved_tokens(), table->page_size()});
  }
  return CheckIntegrity(PoolAccounts{pool.ref_counts(), pool.free_list()}, accounts);
}

}  // namespace tenfold::cache
