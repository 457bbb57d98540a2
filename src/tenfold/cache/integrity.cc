#include "tenfold/cache/integrity.h"

#include <string_view>
#include <vector>

namespace tenfold::cache {
namespace {

constexpr int64_t kNobody = -1;

// What the tables and the free list say about one page.
struct PageAccount {
  int32_t num_holders = 0;
  int64_t last_holder = kNobody;  // index of a table
  std::string_view list = {};     // that it is in
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

// Counts the pages of a list that only pages nobody holds may be in.
Status CountList(std::span<const PageId> list, std::string_view name, std::vector<PageAccount>& pages) {
  for (const PageId id : list) {
    if (!IsPage(pages, id))
      return MakeError(ErrorCode::kCorrupt, "page {} is in the {}, but the pool has {} pages", id, name, pages.size());
    PageAccount& page = pages[static_cast<size_t>(id)];
    if (page.list == name)
      return MakeError(ErrorCode::kCorrupt, "page {} was freed twice: it is in the {} twice", id, name);
    if (!page.list.empty())
      return MakeError(ErrorCode::kCorrupt, "page {} is in the {} and in the {}", id, page.list, name);
    if (page.num_holders > 0) {
      return MakeError(ErrorCode::kCorrupt, "page {} is in the {} while table {} holds it", id, name, page.last_holder);
    }
    page.list = name;
  }
  return {};
}

}  // namespace

Status CheckIntegrity(const PoolAccounts& pool, std::span<const TableAccounts> tables) {
  std::vector<PageAccount> pages(pool.ref_counts.size());
  for (size_t i = 0; i < tables.size(); ++i) RETURN_IF_ERROR(CountTable(tables[i], static_cast<int64_t>(i), pages));
  RETURN_IF_ERROR(CountList(pool.free_list, "free list", pages));
  RETURN_IF_ERROR(CountList(pool.idle_pages, "idle list", pages));
  for (size_t id = 0; id < pages.size(); ++id) {
    const PageAccount& page = pages[id];
    if (page.num_holders == 0 && page.list.empty()) {
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
  const std::vector<PageId> idle_pages = pool.IdleList();
  return CheckIntegrity(PoolAccounts{pool.ref_counts(), pool.free_list(), idle_pages}, accounts);
}

}  // namespace tenfold::cache
