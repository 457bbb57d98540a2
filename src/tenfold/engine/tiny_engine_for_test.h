// Requests through an engine with a tiny random model, for tests of what engines do whatever the model says.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tenfold/engine/engine_for_test.h"
#include "tenfold/model/tiny_model_for_test.h"

namespace tenfold::engine {

inline LoadedModel& TinyModel() {
  static LoadedModel model(model::WriteTinyModel(tensor::DataType::kF32), 2);
  return model;
}

inline EngineOptions SmallOptions() {
  return {.max_model_len = 128,
          .max_num_seqs = 8,
          .max_num_batched_tokens = 32,
          .page_size = 16,
          .kv_cache_bytes = 1 << 20};
}

// Greedy, to the last token.
inline Request Ask(RequestId id, std::string_view text, int max_tokens) {
  Request request{.id = id, .prompt = TinyModel().model->tokenizer().Encode(text), .sampling = {}};
  request.sampling.max_tokens = max_tokens;
  request.sampling.temperature = 0;
  request.sampling.ignore_eos = true;
  return request;
}

// All at once, to their ends; nothing may be left in the engine.
inline Transcripts RunAll(std::vector<Request> requests, const EngineOptions& options = SmallOptions()) {
  const std::unique_ptr<EngineCore> core = TinyModel().Core(options);
  Recorder recorder;
  recorder.Attach(*core);
  for (Request& request : requests) {
    EXPECT_TRUE(core->Check(request)) << core->Check(request).error().message;
    core->Add(std::move(request));
  }
  RunToEnd(*core, recorder);
  EXPECT_TRUE(core->CheckIntegrity());
  EXPECT_EQ(core->Stats().num_free_pages, core->Stats().num_pages);
  return std::move(recorder.transcripts);
}

}  // namespace tenfold::engine
