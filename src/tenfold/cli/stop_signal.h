// StopSignal: SIGINT (Ctrl-C) and SIGTERM as a wish that can be asked for. The first is noted, for the work to end in
// order; the second ends the program at once.
//
// One at a time in a process: it owns what the two signals do, from its construction on.
#pragma once

#include <csignal>

namespace tenfold::cli {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool arrived() const;

 private:
  struct sigaction interrupt_before_, terminate_before_;
};

}  // namespace tenfold::cli
