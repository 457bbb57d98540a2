// What an answer that is no success means for the user.
#pragma once

#include <string>

#include "tenfold/hub/failure.h"
#include "tenfold/hub/http_client.h"
#include "tenfold/hub/model_reference.h"

namespace tenfold::hub {

// What was asked for.
struct Question {
  const ModelReference& model;
  std::string file;  // empty: about the repository
  std::string endpoint;
  bool has_token = false;
};

// For a status other than 200 and 206. 5xx, 408 and 429 are transient.
Failure FailureOfReply(const HttpReply& reply, const Question& question);

}  // namespace tenfold::hub
