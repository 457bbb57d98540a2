// ApiKeys: who may ask. Without keys, anyone.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenfold/server/api_error.h"

namespace tenfold::server {

class ApiKeys {
 public:
  explicit ApiKeys(std::vector<std::string> keys) : keys_(std::move(keys)) {}

  // `authorization` is the header's value: "Bearer KEY" with one of the keys, or a 401. The time that it takes tells
  // nothing of the keys but their number.
  ApiStatus Check(std::string_view authorization) const;

 private:
  const std::vector<std::string> keys_;
};

}  // namespace tenfold::server
