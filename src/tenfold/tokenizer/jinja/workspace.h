// Workspace: owns every value that one rendering makes, and counts what the rendering costs.
//
// Templates come with model files and data comes from users; neither may make the server crash, hang or run out of
// memory. So each piece of work is paid for here: a step for every evaluated expression, executed statement, visited
// item and 64 bytes of text looked at, and bytes for everything stored, which stays until the rendering ends. Whoever
// runs out gets an error. Recursion is bounded where it happens: nesting of templates in the parser, of calls in the
// interpreter, of data by kMaxValueDepth.
//
// One per rendering, used by one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/tokenizer/jinja/object.h"
#include "tenfold/tokenizer/jinja/text.h"
#include "tenfold/tokenizer/jinja/value.h"

namespace tenfold::tokenizer::jinja {

// Lists in lists in lists: what is deeper is not printed, compared or read.
inline constexpr int kMaxValueDepth = 100;

// The largest that real templates need stays far below: a conversation of a million tokens is some five million bytes,
// copied a handful of times, and a few hundred steps per message.
struct RenderLimits {
  size_t max_steps = 20'000'000;  // about a second
  size_t max_bytes = size_t{256} << 20;
  int max_depth = 1000;  // of expressions in statements in macros in macros: up to two kilobytes of stack each
};

class Workspace {
 public:
  explicit Workspace(const RenderLimits& limits) : limits_(limits) {}
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  const RenderLimits& limits() const { return limits_; }

  // Errors, of all that give a Status: kResourceExhausted.
  Status Spend(size_t steps);
  Status SpendReading(size_t bytes) { return Spend(1 + bytes / 64); }
  // Of work that looks each character up.
  Status SpendCharacters(size_t bytes) { return Spend(1 + bytes / 4); }
  // A look-up in a mapping, which compares the key with a few others.
  Status SpendLookUp(const Value& key) {
    return SpendReading(key.text() == nullptr ? 0 : 8 * key.text()->size_bytes());
  }
  Status SpendBytes(size_t bytes);
  void GiveBack(size_t bytes) { num_bytes_ -= bytes; }
  // Whether as much could still be stored: asked before something large is built.
  Status CheckRoom(size_t bytes) const;
  // For the next level of nested data.
  static Status CheckValueDepth(int depth);

  Result<Value> NewText(Text text);
  Result<Value> NewText(std::string_view bytes) { return NewText(Text(std::string(bytes))); }
  Result<Value> NewList(std::vector<Value> items);
  Result<Value> NewTuple(std::vector<Value> items);
  Result<Dict*> NewDict();
  // What a filter gives that Python would compute as it is read.
  Result<Value> NewGenerator(std::vector<Value> items);
  Status Append(List& list, const Value& value);
  Status Set(Dict& dict, const Value& key, const Value& value);

  template <class T, class... Args>
  Result<T*> NewObject(Args&&... args) {
    RETURN_IF_ERROR(SpendBytes(sizeof(T)));
    auto object = std::make_unique<T>(std::forward<Args>(args)...);
    T* pointer = object.get();
    objects_.push_back(std::move(object));
    return pointer;
  }

  // The error of a template that refuses its inputs. It reaches the caller as the template wrote it.
  tl::unexpected<Error> Refuse(std::string_view message);
  bool is_refused() const { return is_refused_; }

 private:
  RenderLimits limits_;
  size_t num_steps_ = 0;
  size_t num_bytes_ = 0;
  bool is_refused_ = false;
  std::deque<Text> texts_;
  std::deque<List> lists_;
  std::deque<Tuple> tuples_;
  std::deque<Dict> dicts_;
  std::vector<std::unique_ptr<Object>> objects_;
};

}  // namespace tenfold::tokenizer::jinja
