// Random forks, appends, reservations and frees against a model that remembers every token, with real page memory.
#include <cstring>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tenfold/cache/integrity.h"
#include "tenfold/cache/page_table.h"

namespace tenfold::cache {
namespace {

using Token = uint64_t;

// A table, and the tokens that it must read back.
struct ModelledTable {
  PageTable table;
  std::vector<Token> tokens;
};

struct Command {
  enum Kind { kStart, kFork, kAppend, kReserve, kFree } kind;
  uint32_t which;          // modulo the number of tables
  int64_t num_new_tokens;  // kAppend, kReserve
};

void showValue(const Command& command, std::ostream& os) {
  constexpr const char* kNames[] = {"start", "fork", "append", "reserve", "free"};
  os << kNames[command.kind] << " #" << command.which << " +" << command.num_new_tokens;
}

rc::Gen<Command> AnyCommand() {
  using Kind = Command::Kind;
  const auto kind = rc::gen::weightedElement<Kind>(
      {{1, Kind::kStart}, {2, Kind::kFork}, {6, Kind::kAppend}, {2, Kind::kReserve}, {1, Kind::kFree}});
  return rc::gen::construct<Command>(kind, rc::gen::arbitrary<uint32_t>(), rc::gen::inRange<int64_t>(0, 12));
}

class Model {
 public:
  Model(int64_t num_pages, int64_t page_size)
      : page_size_(page_size),
        pool_(PagePool::Create(num_pages, static_cast<size_t>(page_size) * sizeof(Token)).value()) {
    tables_.push_back({PageTable(*pool_, page_size_), {}});
  }

  void Apply(const Command& command) {
    const size_t which = command.which % tables_.size();
    switch (command.kind) {
      case Command::kStart:
        tables_.push_back({PageTable(*pool_, page_size_), {}});
        break;
      case Command::kFork:
        tables_.push_back({tables_[which].table.Fork(), tables_[which].tokens});
        break;
      case Command::kAppend:
        if (Reserve(tables_[which].table, command.num_new_tokens)) Append(tables_[which], command.num_new_tokens);
        break;
      case Command::kReserve:
        Reserve(tables_[which].table, command.num_new_tokens);
        break;
      case Command::kFree:
        CheckedFree(tables_[which].table);
        tables_[which].tokens.clear();
        break;
    }
  }

  void Check() const {
    std::vector<const PageTable*> tables;
    for (const ModelledTable& modelled : tables_) {
      const PageTable& table = modelled.table;
      tables.push_back(&table);
      RC_ASSERT(table.num_tokens() == static_cast<int64_t>(modelled.tokens.size()));
      const int64_t waste = table.num_pages() * page_size_ - table.num_reserved_tokens();
      RC_ASSERT(waste >= 0);
      RC_ASSERT(waste < page_size_);
      for (size_t t = 0; t < modelled.tokens.size(); ++t) RC_ASSERT(Read(table, t) == modelled.tokens[t]);
    }
    const Status integrity = CheckIntegrity(*pool_, tables);
    if (!integrity) RC_FAIL(integrity.error().message);
  }

  void FreeAll() {
    tables_.clear();
    RC_ASSERT(pool_->num_free_pages() == pool_->num_pages());
  }

 private:
  std::byte* Slot(const PageTable& table, size_t token) const {
    const size_t page_size = static_cast<size_t>(page_size_);
    return pool_->data(table.page_ids()[token / page_size]) + token % page_size * sizeof(Token);
  }

  Token Read(const PageTable& table, size_t token) const {
    Token value = 0;
    std::memcpy(&value, Slot(table, token), sizeof(value));
    return value;
  }

  // It succeeds exactly when the pages it announces are there, and takes exactly those.
  bool Reserve(PageTable& table, int64_t num_new_tokens) {
    const int64_t num_needed = table.NumPagesNeeded(num_new_tokens);
    const int64_t num_free = pool_->num_free_pages();
    const int64_t num_pages = table.num_pages();
    const bool reserved = table.Reserve(num_new_tokens);
    RC_ASSERT(reserved == (num_needed <= num_free));
    RC_ASSERT(pool_->num_free_pages() == (reserved ? num_free - num_needed : num_free));
    if (reserved) {
      RC_ASSERT(table.num_reserved_tokens() >= table.num_tokens() + num_new_tokens);
      RC_ASSERT(table.NumPagesNeeded(num_new_tokens) == 0);
    } else {
      RC_ASSERT(table.num_pages() == num_pages);
    }
    return reserved;
  }

  void Append(ModelledTable& modelled, int64_t num_new_tokens) {
    for (int64_t i = 0; i < num_new_tokens; ++i) {
      modelled.tokens.push_back(++last_token_);
      std::memcpy(Slot(modelled.table, modelled.tokens.size() - 1), &last_token_, sizeof(last_token_));
    }
    modelled.table.Append(num_new_tokens);
  }

  void CheckedFree(PageTable& table) {
    const int64_t num_free = pool_->num_free_pages() + table.num_exclusive_pages();
    table.Free();
    RC_ASSERT(pool_->num_free_pages() == num_free);
  }

  const int64_t page_size_;
  std::unique_ptr<PagePool> pool_;
  std::vector<ModelledTable> tables_;
  Token last_token_ = 0;
};

RC_GTEST_PROP(PageTableProperty, EveryTableReadsBackItsOwnTokens, ()) {
  const auto page_size = *rc::gen::element<int64_t>(1, 2, 3, 4, 8);
  const auto num_pages = *rc::gen::inRange<int64_t>(1, 40);
  const auto commands = *rc::gen::container<std::vector<Command>>(AnyCommand());
  Model model(num_pages, page_size);
  for (const Command& command : commands) {
    model.Apply(command);
    model.Check();
  }
  model.FreeAll();
}

}  // namespace
}  // namespace tenfold::cache
