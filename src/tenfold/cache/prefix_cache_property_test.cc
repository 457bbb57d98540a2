// Random sequences that begin alike, grow, fork, end and crowd each other out, over both prefix caches in lockstep,
// with a swap space and without. What a page must hold is written into its memory, so that a wrong hit shows.
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tenfold/base/hash.h"
#include "tenfold/cache/block_hash_table.h"
#include "tenfold/cache/integrity.h"
#include "tenfold/cache/page_table.h"
#include "tenfold/cache/radix_tree.h"

namespace tenfold::cache {
namespace {

struct Prompt {
  std::string space;
  std::vector<TokenId> tokens;
};

struct Command {
  enum Kind { kStart, kGrow, kFork, kEnd } kind;
  uint32_t which;  // modulo the number of sequences
  Prompt prompt;   // kStart: all of it; kGrow: its tokens come after
};

void showValue(const Command& command, std::ostream& os) {
  constexpr const char* kNames[] = {"start", "grow", "fork", "end"};
  os << kNames[command.kind] << " #" << command.which << " " << command.prompt.space << ":";
  for (const TokenId token : command.prompt.tokens) os << token;
}

// Few tokens, so that beginnings meet often.
rc::Gen<Prompt> AnyPrompt() {
  return rc::gen::construct<Prompt>(rc::gen::weightedElement<std::string>({{5, ""}, {1, "salt"}}),
                                    rc::gen::resize(14, rc::gen::container<std::vector<TokenId>>(
                                                            rc::gen::weightedElement<TokenId>({{4, 0}, {1, 1}}))));
}

rc::Gen<Command> AnyCommand() {
  using Kind = Command::Kind;
  return rc::gen::construct<Command>(
      rc::gen::weightedElement<Kind>({{4, Kind::kStart}, {4, Kind::kGrow}, {1, Kind::kFork}, {3, Kind::kEnd}}),
      rc::gen::arbitrary<uint32_t>(), AnyPrompt());
}

// One cache with the sequences over it.
class Subject {
 public:
  // Without a swap space when it has 0 pages.
  template <class MakeCache>
  Subject(int64_t num_pages, int64_t num_swap_pages, int64_t page_size, MakeCache make_cache)
      : page_size_(page_size),
        pool_(PagePool::Create(num_pages, sizeof(uint64_t)).value()),
        swap_space_(num_swap_pages == 0 ? nullptr : PagePool::Create(num_swap_pages, sizeof(uint64_t)).value()),
        cache_(make_cache(*pool_, page_size, swap_space_.get())) {}

  // How many tokens a new sequence found, -1 when it found no room.
  int64_t Apply(const Command& command) {
    if (command.kind == Command::kStart) return Start(command.prompt);
    if (sequences_.empty()) return 0;
    const size_t which = command.which % sequences_.size();
    Sequence& sequence = sequences_[which];
    switch (command.kind) {
      case Command::kGrow:
        return Compute(sequence, command.prompt.tokens) ? 0 : -1;
      case Command::kFork:
        sequences_.push_back({sequence.prompt, sequence.table.Fork(), sequence.num_published});
        return 0;
      default:
        sequences_.erase(sequences_.begin() + static_cast<ptrdiff_t>(which));
        return 0;
    }
  }

  std::vector<PageId> Match(const Prompt& prompt) const {
    std::vector<PageId> pages;
    cache_->Match({prompt.tokens, prompt.space}, pages);
    return pages;
  }

  void Check() const {
    std::vector<const PageTable*> tables;
    for (const Sequence& sequence : sequences_) {
      tables.push_back(&sequence.table);
      // What a sequence holds is found.
      const std::vector<PageId> found = Match(sequence.prompt);
      const auto held = sequence.table.page_ids().first(found.size());
      RC_ASSERT(std::equal(found.begin(), found.end(), held.begin()));
      RC_ASSERT(static_cast<int64_t>(found.size()) == sequence.table.num_tokens() / page_size_);
      CheckContents(sequence.prompt, sequence.table.page_ids(), found.size());
    }
    const Status books = CheckIntegrity(*pool_, tables);
    if (!books) RC_FAIL(books.error().message);
    const Status cache = cache_->CheckIntegrity();
    if (!cache) RC_FAIL(cache.error().message);
  }

  void CheckContents(const Prompt& prompt, std::span<const PageId> pages, size_t num_pages) const {
    for (size_t i = 0; i < num_pages; ++i) {
      uint64_t content = 0;
      const bool is_swapped = cache_->is_swapped(pages[i]);
      const PagePool& pool = is_swapped ? *swap_space_ : *pool_;
      const auto id = static_cast<PageId>(pages[i] - (is_swapped ? pool_->num_pages() : 0));
      std::memcpy(&content, pool.data(id), sizeof(content));
      RC_ASSERT(content == ContentOf(prompt, i));
    }
  }

 private:
  struct Sequence {
    Prompt prompt;
    PageTable table;
    int64_t num_published = 0;
  };

  int64_t Start(const Prompt& prompt) {
    Sequence sequence{{prompt.space, {}}, PageTable(*pool_, page_size_)};
    const std::vector<PageId> found = Match(prompt);
    CheckContents(prompt, found, found.size());
    {
      std::vector<PageRef> pins;
      for (const PageId page : found) pins.push_back(cache_->Pin(page));
      for (const PageId page : found) {
        if (cache_->is_swapped(page) && pool_->num_free_pages() == 0) break;
        sequence.table.Adopt(cache_->Fetch(page));
      }
      while (!pins.empty()) pins.pop_back();
    }
    CheckContents(prompt, sequence.table.page_ids(), sequence.table.page_ids().size());
    sequence.num_published = sequence.table.num_pages();
    const auto rest = prompt.tokens.begin() + sequence.table.num_tokens();
    sequence.prompt.tokens.assign(prompt.tokens.begin(), rest);
    const int64_t num_found = sequence.table.num_tokens();
    if (!Compute(sequence, {rest, prompt.tokens.end()})) return -1;
    sequences_.push_back(std::move(sequence));
    return num_found;
  }

  bool Compute(Sequence& sequence, const std::vector<TokenId>& tokens) {
    const auto num_new_tokens = static_cast<int64_t>(tokens.size());
    if (!sequence.table.Reserve(num_new_tokens)) return false;
    sequence.table.Append(num_new_tokens);
    sequence.prompt.tokens.insert(sequence.prompt.tokens.end(), tokens.begin(), tokens.end());
    PageId before = sequence.num_published == 0
                        ? kNoPage
                        : sequence.table.page_ids()[static_cast<size_t>(sequence.num_published - 1)];
    for (; (sequence.num_published + 1) * page_size_ <= sequence.table.num_tokens(); ++sequence.num_published) {
      const auto i = static_cast<size_t>(sequence.num_published);
      const PageId page = sequence.table.page_ids()[i];
      const uint64_t content = ContentOf(sequence.prompt, i);
      std::memcpy(pool_->data(page), &content, sizeof(content));
      before = cache_->Insert({sequence.prompt.tokens, sequence.prompt.space}, sequence.num_published, before, page);
      if (before != page) sequence.table.Exchange(sequence.num_published, before);
    }
    return true;
  }

  // What page `index` holds: a function of all tokens to its end, as keys and values are.
  uint64_t ContentOf(const Prompt& prompt, size_t index) const {
    const size_t num_bytes = (index + 1) * static_cast<size_t>(page_size_) * sizeof(TokenId);
    return Hash64({reinterpret_cast<const char*>(prompt.tokens.data()), num_bytes}, Hash64(prompt.space));
  }

  int64_t page_size_;
  std::unique_ptr<PagePool> pool_;
  std::unique_ptr<PagePool> swap_space_;
  std::unique_ptr<PrefixCache> cache_;
  std::vector<Sequence> sequences_;
};

std::unique_ptr<PrefixCache> MakeRadixTree(PagePool& pool, int64_t page_size, PagePool* swap_space) {
  return std::make_unique<RadixTree>(pool, page_size, swap_space);
}

RC_GTEST_PROP(PrefixCacheProperty, BothFindTheSameRightPages, ()) {
  const auto num_pages = *rc::gen::inRange<int64_t>(1, 24);
  const auto page_size = *rc::gen::inRange<int64_t>(1, 4);
  const auto num_hash_bits = *rc::gen::element(1, 4, 64);
  const auto num_swap_pages = *rc::gen::element<int64_t>(0, 1, 3, 10);
  Subject radix(num_pages, num_swap_pages, page_size, MakeRadixTree);
  Subject hash(num_pages, num_swap_pages, page_size,
               [num_hash_bits](PagePool& pool, int64_t size, PagePool* swap_space) {
                 return std::make_unique<BlockHashTable>(pool, size, swap_space, num_hash_bits);
               });
  const auto commands = *rc::gen::scale(2.0, rc::gen::container<std::vector<Command>>(AnyCommand()));
  const auto probe = *AnyPrompt();
  for (const Command& command : commands) {
    RC_ASSERT(radix.Apply(command) == hash.Apply(command));
    radix.Check();
    hash.Check();
    RC_ASSERT(radix.Match(probe) == hash.Match(probe));
  }
}

RC_GTEST_PROP(PrefixCacheProperty, ASwapSpaceWithRoomForAllForgetsNothing, ()) {
  const auto num_pages = *rc::gen::inRange<int64_t>(1, 24);
  Subject subject(num_pages, 10'000, 2, MakeRadixTree);
  std::vector<Prompt> computed;
  for (const Prompt& prompt : *rc::gen::container<std::vector<Prompt>>(AnyPrompt())) {
    if (subject.Apply({Command::kStart, 0, prompt}) >= 0) computed.push_back(prompt);
    subject.Apply({Command::kEnd, 0, {}});
    subject.Check();
    for (const Prompt& before : computed) {
      const std::vector<PageId> found = subject.Match(before);
      RC_ASSERT(found.size() == before.tokens.size() / 2);
      subject.CheckContents(before, found, found.size());
    }
  }
}

}  // namespace
}  // namespace tenfold::cache
