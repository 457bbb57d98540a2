// Times short work on all threads of a machine that others use too.
//
// When the system gives one of our cores to another process in the middle of a sample, the sample says nothing about
// the work: it lasts a time slice longer. That can be seen: the threads, which compute or spin all the time, have then
// used less processor time than the clock has passed. Such a sample is taken again, a few times.
#pragma once

#include <functional>

namespace tenfold::bench {

struct Timing {
  double seconds = 0;
  bool is_disturbed = false;  // every try was; this is the fastest of them
};

// Enough for a quiet moment between two neighbours' time slices.
inline constexpr int kTries = 10;

// Times `work`, which keeps `num_threads` busy. Work of more than some 50 ms is timed once: so long nobody is alone.
Timing TimeUndisturbed(int num_threads, const std::function<void()>& work, int max_tries = kTries);

}  // namespace tenfold::bench
