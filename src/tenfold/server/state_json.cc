#include "tenfold/server/state_json.h"

#include "tenfold/base/json.h"

namespace tenfold::server {

std::string StateJson(const engine::EngineState& state, const engine::EngineOptions& options, const Answers& answers,
                      Answers::Clock::time_point now) {
  json::array sequences;
  for (const engine::EngineState::SequenceState& sequence : state.sequences) {
    const Answer* const answer = answers.Find(sequence.request);
    json::value id = nullptr, age_s = nullptr;  // of a request that was cancelled a moment ago
    if (answer != nullptr) {
      id = answer->answer_id();
      age_s = std::chrono::duration<double>(now - answer->arrived_at()).count();
    }
    sequences.push_back({{"id", std::move(id)},
                         {"request", sequence.request},
                         {"sample", sequence.sample},
                         {"state", sequence.is_running ? "running" : "waiting"},
                         {"prompt_tokens", sequence.num_prompt_tokens},
                         {"computed_tokens", sequence.num_computed_tokens},
                         {"cached_tokens", sequence.num_cached_tokens},
                         {"output_tokens", sequence.num_output_tokens},
                         {"pages", sequence.num_pages},
                         {"preemptions", sequence.num_preemptions},
                         {"age_s", std::move(age_s)}});
  }
  return json::serialize(json::value{{"policy", options.scheduling_policy},
                                     {"queue_order", options.queue_order},
                                     {"prefix_cache", options.prefix_cache},
                                     {"max_num_seqs", options.max_num_seqs},
                                     {"max_num_batched_tokens", options.max_num_batched_tokens},
                                     {"max_waiting_requests", options.max_waiting_requests},
                                     {"step", state.stats.num_steps},
                                     {"last_step_tokens", state.last_step_tokens},
                                     {"pages",
                                      {{"total", state.stats.num_pages},
                                       {"free", state.stats.num_free_pages},
                                       {"size_tokens", state.stats.page_size}}},
                                     {"swap_space",
                                      {{"total", state.stats.num_swap_pages},
                                       {"used", state.stats.num_swapped_pages},
                                       {"swapped_out", state.stats.num_swapped_out},
                                       {"swapped_in", state.stats.num_swapped_in}}},
                                     {"running", state.stats.num_running},
                                     {"waiting", state.stats.num_waiting},
                                     {"preemptions", state.stats.num_preemptions},
                                     {"sequences", std::move(sequences)}});
}

}  // namespace tenfold::server
