// BeamGroup: the beams of one request with use_beam_search. They share the prompt's pages and everything else up to
// where they part (PagedAttention, section 4.4: fork what lives on, free what does not).
//
// The beams go on in rounds: each is computed like any running sequence and then proposes its likeliest next tokens;
// when all have, the best of all proposals live on. Until then a beam that has proposed rests: it runs, holds its
// pages, and has nothing to compute. A proposal that ends its text (an end-of-generation token, a stop string, the
// length) is finished and takes no beam's place. The search ends when no beam lives, or when none can end better than
// the n best finished ones (beam_search.h).
//
// Owned by EngineCore, engine thread only.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "tenfold/engine/beam_search.h"
#include "tenfold/engine/request.h"
#include "tenfold/engine/sequence.h"
#include "tenfold/tokenizer/tokenizer.h"

namespace tenfold::engine {

class BeamGroup {
 public:
  // `first` has the prompt; the roster owns it and all others.
  explicit BeamGroup(Sequence& first);

  // The likeliest tokens after a beam that was just computed to its end, most likely first; not empty.
  void Propose(const Sequence& beam, std::vector<sampling::TokenLogprob> candidates);
  // Forgets what a beam proposed: it was preempted since, and has just been computed again.
  void Withdraw(const Sequence& beam);
  // How many candidates a beam should propose: enough for all beams, though half of them end.
  static size_t NumCandidates(const sampling::SamplingParams& params);

  // Whether all live beams have proposed and hold their pages.
  bool is_ready() const;

  // One round. `fork` adds a running sequence with the same tokens and pages, `drop` ends one.
  using Fork = std::function<Sequence&(const Sequence&)>;
  using Drop = std::function<void(Sequence&)>;
  void Advance(const tokenizer::Tokenizer& tokenizer, const Fork& fork, const Drop& drop);

  bool is_done() const { return beams_.empty(); }
  // Once done: the n best outputs, each as one event, best first. Where logit_bias leaves fewer than n different ones,
  // the last are empty.
  std::vector<OutputEvent> TakeOutputs();

  std::vector<scheduler::SequenceId> live() const;
  const Request& request() const { return *request_; }

 private:
  struct Beam {
    Sequence* sequence;
    double cumulative_logprob = 0;
    OutputEvent output;  // all tokens and text so far
    std::vector<sampling::TokenLogprob> candidates = {};
  };
  struct Finished {
    double score;
    OutputEvent output;
  };

  Beam& BeamOf(const Sequence& sequence);
  // The beam goes on with a token, in a sequence of its own.
  Beam Extend(const Beam& parent, const BeamStep& step, Sequence& sequence,
              const tokenizer::Tokenizer& tokenizer) const;

  std::shared_ptr<const Request> request_;
  int64_t max_num_output_tokens_;
  std::vector<Beam> beams_;
  std::vector<TokenLogprobs> prompt_logprobs_;  // where they were asked for
  BestScores best_;
  std::vector<Finished> finished_;
};

}  // namespace tenfold::engine
