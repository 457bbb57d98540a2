// Loop: what a for statement calls "loop".
//
// Items that the loop's filter turns away do not count. The filter is asked as late as possible: only when an item's
// turn comes, or when the template looks ahead (loop.last, loop.length), so that what a round sets may decide about the
// next.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/tokenizer/jinja/ast.h"
#include "tenfold/tokenizer/jinja/interpreter.h"
#include "tenfold/tokenizer/jinja/object.h"

namespace tenfold::tokenizer::jinja {

class Loop : public Object {
 public:
  // `depth` counts recursive loops from 0.
  Loop(Interpreter& interpreter, const For& statement, Scope& scope, std::vector<Value> items, int depth)
      : interpreter_(interpreter), statement_(statement), scope_(scope), items_(std::move(items)), depth_(depth) {}

  std::string_view TypeName() const override { return "a loop"; }
  bool IsCallable() const override { return statement_.is_recursive; }
  // loop(items): the same loop over other items, inside this one; gives what it writes.
  Result<Value> Call(Workspace& workspace, const Arguments& arguments) override;
  // index, index0, revindex, revindex0, first, last, length, depth, depth0, previtem, nextitem, cycle, changed.
  Result<Value> Attribute(Workspace& workspace, const Text& name) override;

  // Whether there is a round of this number; asks the filter as far as needed.
  Result<bool> HasRound(size_t index);
  void BeginRound(size_t index) { index_ = index; }
  const Value& Item(size_t index) const { return items_[index]; }
  // Behind the last round: the items go, even if the template has kept the loop.
  void End();

  // For the methods.
  size_t index() const { return index_; }
  std::vector<Value>& last_changed() { return last_changed_; }
  bool& has_changed_before() { return has_changed_before_; }

 private:
  Result<size_t> CountRounds();

  Interpreter& interpreter_;
  const For& statement_;
  Scope& scope_;
  // First those that have a round; from next_ on those that the filter was not asked about yet.
  std::vector<Value> items_;
  size_t num_rounds_ = 0;
  size_t next_ = 0;
  size_t index_ = 0;
  int depth_;
  std::vector<Value> last_changed_;
  bool has_changed_before_ = false;
};

}  // namespace tenfold::tokenizer::jinja
