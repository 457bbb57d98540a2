#include "tenfold/cache/radix_tree.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::cache {

namespace {

bool Less(std::span<const TokenId> a, std::span<const TokenId> b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

bool Equal(std::span<const TokenId> a, std::span<const TokenId> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

RadixTree::RadixTree(PagePool& pool, int64_t page_size, PagePool* swap_space)
    : PrefixCache(pool, page_size, swap_space), places_(static_cast<size_t>(num_ids()), Place{nullptr, 0}) {}

RadixTree::Tokens RadixTree::TokensIn(const Node& node, size_t index) const {
  return Tokens(node.tokens).subspan(index * static_cast<size_t>(page_size_), static_cast<size_t>(page_size_));
}

void RadixTree::Match(const PrefixKey& key, std::vector<PageId>& pages) const {
  const auto root = roots_.find(key.space);
  if (root == roots_.end()) return;
  const int64_t num_full = NumFullPages(key);
  const Node* node = &root->second;
  for (int64_t index = 0; index < num_full;) {
    const auto child = node->children.find(PageTokens(key, index));
    if (child == node->children.end()) return;
    node = child->get();
    pages.push_back(node->pages[0]);
    ++index;
    for (size_t i = 1; i < node->pages.size(); ++i, ++index) {
      if (index == num_full || !Equal(PageTokens(key, index), TokensIn(*node, i))) return;
      pages.push_back(node->pages[i]);
    }
  }
}

PageId RadixTree::FindOrAdd(const PrefixKey& key, int64_t index, PageId before, PageId page) {
  const Tokens tokens = PageTokens(key, index);
  Node* node = nullptr;
  if (before == kNoPage) {
    const auto root = roots_.try_emplace(std::string(key.space)).first;
    node = &root->second;
    node->space = &root->first;
  } else {
    const Place place = PlaceOf(before);
    CHECK_MSG(place.node != nullptr, "page {} is to follow page {}, which is not cached", page, before);
    node = place.node;
    const size_t next = place.index + 1;
    if (next < node->pages.size()) {
      if (Equal(tokens, TokensIn(*node, next))) return node->pages[next];
      SplitAfter(*node, next);
    }
  }
  const auto child = node->children.find(tokens);
  if (child != node->children.end()) return (*child)->pages[0];
  if (node->parent != nullptr && node->children.empty()) {
    Append(*node, tokens, page);
    return page;
  }
  auto leaf = std::make_unique<Node>(Node{.parent = node, .space = node->space});
  Append(*leaf, tokens, page);
  node->children.insert(std::move(leaf));
  return page;
}

void RadixTree::Append(Node& node, Tokens tokens, PageId page) {
  CHECK_MSG(PlaceOf(page).node == nullptr, "page {} is cached already, for other tokens", page);
  PlaceOf(page) = {&node, node.pages.size()};
  node.pages.push_back(page);
  node.tokens.insert(node.tokens.end(), tokens.begin(), tokens.end());
  ++num_pages_;
}

// The node keeps its first `num_pages` pages, and with them its place among its siblings; the rest, with all children,
// becomes its only child.
void RadixTree::SplitAfter(Node& node, size_t num_pages) {
  auto rest = std::make_unique<Node>(Node{.parent = &node, .space = node.space});
  const auto num_tokens = static_cast<ptrdiff_t>(num_pages) * page_size_;
  rest->pages.assign(node.pages.begin() + static_cast<ptrdiff_t>(num_pages), node.pages.end());
  rest->tokens.assign(node.tokens.begin() + num_tokens, node.tokens.end());
  node.pages.resize(num_pages);
  node.tokens.resize(static_cast<size_t>(num_tokens));
  for (size_t i = 0; i < rest->pages.size(); ++i) PlaceOf(rest->pages[i]) = {rest.get(), i};
  rest->children = std::exchange(node.children, {});
  for (const auto& child : rest->children) child->parent = rest.get();
  node.children.insert(std::move(rest));
}

void RadixTree::Rename(PageId from, PageId to) {
  const Place place = std::exchange(PlaceOf(from), {nullptr, 0});
  PlaceOf(to) = place;
  place.node->pages[place.index] = to;
}

void RadixTree::Forget(PageId id) {
  const Place place = std::exchange(PlaceOf(id), {nullptr, 0});
  Node& node = *place.node;
  CHECK_MSG(node.children.empty() && place.index + 1 == node.pages.size(),
            "page {} is forgotten before those that follow it", id);
  --num_pages_;
  if (node.pages.size() == 1) {
    Erase(node);
  } else {
    node.pages.pop_back();
    node.tokens.resize(node.pages.size() * static_cast<size_t>(page_size_));
  }
}

void RadixTree::Erase(Node& node) {
  Node& parent = *node.parent;
  parent.children.erase(parent.children.find(TokensIn(node, 0)));
  if (parent.parent == nullptr && parent.children.empty()) roots_.erase(roots_.find(*parent.space));
}

int64_t RadixTree::num_nodes() const {
  int64_t num_nodes = 0;
  for (const Place& place : places_) num_nodes += place.node != nullptr && place.index == 0 ? 1 : 0;
  return num_nodes;
}

Status RadixTree::CheckBooks() const {
  int64_t num_found = 0;
  std::vector<const Node*> unvisited;
  for (const auto& [space, root] : roots_) {
    if (!root.pages.empty() || root.children.empty()) {
      return MakeError(ErrorCode::kCorrupt, "the root of space \"{}\" has {} pages and {} children", space,
                       root.pages.size(), root.children.size());
    }
    unvisited.push_back(&root);
  }
  while (!unvisited.empty()) {
    const Node* node = unvisited.back();
    unvisited.pop_back();
    for (size_t i = 0; i < node->pages.size(); ++i) {
      const PageId id = node->pages[i];
      const Place& place = places_[static_cast<size_t>(id)];
      if (place.node != node || place.index != i)
        return MakeError(ErrorCode::kCorrupt, "page {} of the radix tree is not where its books say", id);
      const bool is_first = i == 0 && (node->parent == nullptr || node->parent->pages.empty());
      RETURN_IF_ERROR(CheckPage(id, is_first ? kNoPage : i == 0 ? node->parent->pages.back() : node->pages[i - 1]));
      ++num_found;
    }
    for (const auto& child : node->children) {
      if (child->parent != node || child->pages.empty() ||
          child->tokens.size() != child->pages.size() * static_cast<size_t>(page_size_))
        return MakeError(ErrorCode::kCorrupt, "a run of {} pages of the radix tree is broken", child->pages.size());
      unvisited.push_back(child.get());
    }
  }
  if (num_found != num_pages_) {
    return MakeError(ErrorCode::kCorrupt, "the radix tree counts {} pages, but {} are in it", num_pages_, num_found);
  }
  return {};
}

bool RadixTree::ByFirstPage::operator()(const std::unique_ptr<Node>& a, const std::unique_ptr<Node>& b) const {
  // Both hold at least one page of the same size, and siblings differ within it.
  return Less(a->tokens, b->tokens);
}

bool RadixTree::ByFirstPage::operator()(const std::unique_ptr<Node>& a, Tokens b) const {
  return Less(Tokens(a->tokens).first(b.size()), b);
}

bool RadixTree::ByFirstPage::operator()(Tokens a, const std::unique_ptr<Node>& b) const {
  return Less(a, Tokens(b->tokens).first(a.size()));
}

}  // namespace tenfold::cache
