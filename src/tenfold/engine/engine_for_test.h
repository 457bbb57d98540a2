// What tests of the engine share: a loaded model with its threads, and runs of requests that keep every row of logits.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "tenfold/engine/engine_core.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/model/model.h"
#include "tenfold/platform/cpu_features.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::engine {

// A model loaded for a number of threads.
struct LoadedModel {
  LoadedModel(const std::filesystem::path& path, int num_threads, const char* isa_name = "auto")
      : threads(num_threads), model(model::Model::Load(path, threads).value()), isa(isa_name) {}

  const kernels::KernelTable& kernels() const {
    return *kernels::SelectKernels(isa, platform::DetectCpuFeatures()).value();
  }
  std::unique_ptr<EngineCore> Core(const EngineOptions& options) {
    return EngineCore::Create(options, *model, kernels(), threads).value();
  }

  platform::ThreadPool threads;
  std::unique_ptr<model::Model> model;
  const char* isa;
};

// What came out of a request's sample, and the logits that each of its tokens was drawn from.
struct Transcript {
  std::string text;
  std::vector<TokenId> tokens;
  std::vector<std::vector<float>> logits;
  std::vector<TokenLogprobs> prompt_logprobs;
  std::vector<float> embedding;
  FinishReason finish = FinishReason::kNone;
  std::string stop_string;
  std::optional<TokenId> stop_token;
  Error error{ErrorCode::kInvalidArgument, {}};

  friend bool operator==(const Transcript& a, const Transcript& b) {
    return a.text == b.text && a.tokens == b.tokens && a.logits == b.logits && a.finish == b.finish &&
           a.prompt_logprobs == b.prompt_logprobs && a.embedding == b.embedding;
  }
};

using Transcripts = std::map<std::pair<RequestId, int>, Transcript>;  // by request and sample

// Records events and, once attached to a core, logits.
class Recorder {
 public:
  void Attach(EngineCore& core) {
    core.ObserveLogits(
        [](void* context, const Sequence& sequence, std::span<const float> logits) {
          static_cast<Recorder*>(context)->transcripts[{sequence.request().id, sequence.sample()}].logits.emplace_back(
              logits.begin(), logits.end());
        },
        this);
  }
  void Record(const EventBatch& events) {
    for (const OutputEvent& event : events) {
      Transcript& transcript = transcripts[{event.request, event.sample}];
      transcript.text += event.text;
      transcript.tokens.insert(transcript.tokens.end(), event.tokens.begin(), event.tokens.end());
      transcript.prompt_logprobs.insert(transcript.prompt_logprobs.end(), event.prompt_logprobs.begin(),
                                        event.prompt_logprobs.end());
      if (event.finish == FinishReason::kNone) continue;
      transcript.finish = event.finish;
      transcript.embedding = event.embedding;
      transcript.stop_string = event.stop_string;
      transcript.stop_token = event.stop_token;
      transcript.error = event.error;
    }
  }

  Transcripts transcripts;
};

// Runs the core until nothing is left to do.
inline void RunToEnd(EngineCore& core, Recorder& recorder) {
  while (core.HasWork()) {
    EventBatch events;
    core.Step(events);
    recorder.Record(events);
  }
}

}  // namespace tenfold::engine
