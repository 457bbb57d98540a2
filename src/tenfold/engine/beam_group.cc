#include "tenfold/engine/beam_group.h"

#include <algorithm>
#include <utility>

#include "tenfold/base/check.h"

namespace tenfold::engine {

BeamGroup::BeamGroup(Sequence& first)
    : request_(first.shared_request()),
      max_num_output_tokens_(first.max_num_tokens() - first.num_prompt_tokens()),
      best_(request_->sampling.n, request_->sampling.length_penalty) {
  beams_.push_back({.sequence = &first, .output = {.request = request_->id}});
}

size_t BeamGroup::NumCandidates(const sampling::SamplingParams& params) {
  return static_cast<size_t>(std::max(2 * params.beam_width, params.num_logprobs.value_or(0)));
}

BeamGroup::Beam& BeamGroup::BeamOf(const Sequence& sequence) {
  const auto beam =
      std::find_if(beams_.begin(), beams_.end(), [&](const Beam& beam) { return beam.sequence == &sequence; });
  CHECK(beam != beams_.end());
  return *beam;
}

void BeamGroup::Propose(const Sequence& sequence, std::vector<sampling::TokenLogprob> candidates) {
  BeamOf(sequence).candidates = std::move(candidates);
}

void BeamGroup::Withdraw(const Sequence& sequence) {
  BeamOf(sequence).candidates.clear();
}

bool BeamGroup::is_ready() const {
  return std::all_of(beams_.begin(), beams_.end(), [](const Beam& beam) {
    return !beam.candidates.empty() && beam.sequence->num_computed() == beam.sequence->num_tokens();
  });
}

BeamGroup::Beam BeamGroup::Extend(const Beam& parent, const BeamStep& step, Sequence& sequence,
                                  const tokenizer::Tokenizer& tokenizer) const {
  Beam beam{.sequence = &sequence, .cumulative_logprob = step.cumulative_logprob, .output = parent.output};
  OutputEvent event = sequence.Accept(step.token, tokenizer);
  if (request_->sampling.num_logprobs) {
    const auto num_top = std::min(parent.candidates.size(), static_cast<size_t>(*request_->sampling.num_logprobs));
    beam.output.logprobs.push_back(
        {.logprob = parent.candidates[step.rank].logprob,
         .rank = static_cast<int>(step.rank) + 1,
         .top = {parent.candidates.begin(), parent.candidates.begin() + static_cast<ptrdiff_t>(num_top)}});
  }
  if (beam.output.tokens.empty()) beam.output.scheduled_at = event.scheduled_at;
  beam.output.tokens.push_back(step.token);
  beam.output.text += event.text;
  beam.output.finish = event.finish;
  beam.output.stop_string = std::move(event.stop_string);
  beam.output.stop_token = event.stop_token;
  beam.output.num_prompt_tokens = event.num_prompt_tokens;
  beam.output.num_cached_tokens = event.num_cached_tokens;
  beam.output.num_output_tokens = event.num_output_tokens;
  return beam;
}

void BeamGroup::Advance(const tokenizer::Tokenizer& tokenizer, const Fork& fork, const Drop& drop) {
  std::vector<std::vector<sampling::TokenLogprob>> candidates;
  std::vector<double> cumulative_logprobs;
  for (Beam& beam : beams_) {
    candidates.push_back(beam.candidates);
    cumulative_logprobs.push_back(beam.cumulative_logprob);
  }
  const int64_t num_tokens = beams_[0].sequence->num_output_tokens() + 1;
  if (num_tokens == 1) prompt_logprobs_ = beams_[0].sequence->TakePromptLogprobs();
  const double length_penalty = request_->sampling.length_penalty;
  std::vector<Beam> next;
  for (const BeamStep& step : RankProposals(candidates, cumulative_logprobs)) {
    if (next.size() == static_cast<size_t>(request_->sampling.beam_width)) break;
    // All proposals of a round have one length, so the scores fall from here on.
    const double score = BeamScore(step.cumulative_logprob, num_tokens, length_penalty);
    if (num_tokens == max_num_output_tokens_ && !best_.IsWanted(score)) break;
    const Beam& parent = beams_[step.parent];
    Sequence& sequence = fork(*parent.sequence);
    Beam beam = Extend(parent, step, sequence, tokenizer);
    if (beam.output.finish == FinishReason::kNone) {
      next.push_back(std::move(beam));
      continue;
    }
    drop(sequence);
    if (!best_.IsWanted(score)) continue;
    best_.Add(score);
    finished_.push_back({score, std::move(beam.output)});
  }
  for (const Beam& beam : beams_) drop(*beam.sequence);
  beams_ = std::move(next);
  const bool any_wanted = std::any_of(beams_.begin(), beams_.end(), [&](const Beam& beam) {
    return best_.CanBeWanted(beam.cumulative_logprob, num_tokens, max_num_output_tokens_);
  });
  if (any_wanted) return;
  for (const Beam& beam : beams_) drop(*beam.sequence);
  beams_.clear();
}

std::vector<OutputEvent> BeamGroup::TakeOutputs() {
  CHECK(is_done());
  std::stable_sort(finished_.begin(), finished_.end(),
                   [](const Finished& a, const Finished& b) { return a.score > b.score; });
  std::vector<OutputEvent> outputs(static_cast<size_t>(request_->sampling.n));
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (i < finished_.size()) outputs[i] = std::move(finished_[i].output);
    outputs[i].request = request_->id;
    if (i >= finished_.size()) outputs[i].finish = FinishReason::kStop;
  }
  outputs[0].prompt_logprobs = std::move(prompt_logprobs_);
  return outputs;
}

std::vector<scheduler::SequenceId> BeamGroup::live() const {
  std::vector<scheduler::SequenceId> ids;
  for (const Beam& beam : beams_) ids.push_back(beam.sequence->id());
  return ids;
}

}  // namespace tenfold::engine
