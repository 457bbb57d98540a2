// ParameterLayout: where each parameter of a model stands in one flat buffer. Weights, gradients and the optimizer's
// states are buffers of one layout, so that a range of it can be updated, saved or kept elsewhere without looking at
// whose it is (ZeRO, SC 2020, shards such ranges).
//
// Parameters stand in the order of the graph; a name that the graph has twice is one parameter. Each begins on a cache
// line; the gaps stay zero.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tenfold/graph/graph.h"
#include "tenfold/tensor/shape.h"

namespace tenfold::training {

class ParameterLayout {
 public:
  struct Entry {
    std::string name;
    tensor::Shape shape;
    int64_t offset = 0;   // floats
    int64_t size = 0;     // floats
    bool decays = false;  // weight decay is for matrices and tables; norms keep their scale
  };

  // Neighbouring floats of one parameter.
  struct Range {
    const Entry* entry;  // of this layout
    int64_t offset, count;
  };

  explicit ParameterLayout(const graph::Graph& graph);

  const std::vector<Entry>& entries() const { return entries_; }
  const Entry& entry(std::string_view name) const;            // which must be there
  int64_t num_floats() const { return num_floats_; }          // of a buffer, gaps included
  int64_t num_parameters() const { return num_parameters_; }  // without gaps

  // All parameters in ranges of up to `most_floats`, which begin anew with each: pieces of work for threads.
  std::vector<Range> Ranges(int64_t most_floats) const;

 private:
  std::vector<Entry> entries_;
  int64_t num_floats_ = 0;
  int64_t num_parameters_ = 0;
};

}  // namespace tenfold::training
