// RadixTree: a prefix cache whose edges are runs of pages. RadixAttention (Zheng et al., "SGLang", NeurIPS 2024,
// section 3), at the granularity of pages.
//
//   (space "")                A node holds the pages of a run and their tokens. Its children differ in the tokens of
//     |- [p0 p1 p2]           their first page and stand in the order of those, so that a walk meets prompts with a
//     |     |- [p3]           long common beginning one after the other. A sequence that goes on differently inside
//     |     `- [p4 p5 p6]     a run splits it; one that ends at its end makes it longer.
//     `- [p7]
//
// Match costs O(log(children)) a node and compares each matched token once; Insert and the loss of a page are O(1)
// beside the look-up among children, and O(run) for a split. Which node a page stands in is known for each page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tenfold/cache/prefix_cache.h"

namespace tenfold::cache {

class RadixTree final : public PrefixCache {
 public:
  RadixTree(PagePool& pool, int64_t page_size, PagePool* swap_space = nullptr);

  void Match(const PrefixKey& key, std::vector<PageId>& pages) const override;
  int64_t num_pages() const override { return num_pages_; }

  // How many runs the pages are in.
  int64_t num_nodes() const;

 private:
  struct Node;
  using Tokens = std::span<const TokenId>;
  struct ByFirstPage {
    using is_transparent = void;
    bool operator()(const std::unique_ptr<Node>& a, const std::unique_ptr<Node>& b) const;
    bool operator()(const std::unique_ptr<Node>& a, Tokens b) const;
    bool operator()(Tokens a, const std::unique_ptr<Node>& b) const;
  };
  using Children = std::set<std::unique_ptr<Node>, ByFirstPage>;

  struct Node {
    Node* parent = nullptr;            // null for the root of a space
    const std::string* space;          // the key of the root's entry
    std::vector<PageId> pages = {};    // at least one, but none in a root
    std::vector<TokenId> tokens = {};  // of these pages
    Children children = {};
  };
  struct Place {
    Node* node;
    size_t index;  // in node->pages
  };

  PageId FindOrAdd(const PrefixKey& key, int64_t index, PageId before, PageId page) override;
  void Rename(PageId from, PageId to) override;
  void Forget(PageId id) override;
  Status CheckBooks() const override;

  Tokens TokensIn(const Node& node, size_t index) const;
  Place& PlaceOf(PageId id) { return places_[static_cast<size_t>(id)]; }
  void Append(Node& node, Tokens tokens, PageId page);
  void SplitAfter(Node& node, size_t num_pages);
  void Erase(Node& node);

  std::map<std::string, Node, std::less<>> roots_;  // by space
  std::vector<Place> places_;                       // by id; node is null when it is not cached
  int64_t num_pages_ = 0;
};

}  // namespace tenfold::cache
