#include "tenfold/cli/stop_signal.h"

namespace tenfold::cli {
namespace {

volatile std::sig_atomic_t g_arrived = 0;

// Whichever came first: from now on both end the program.
extern "C" void NoteSignal(int) {
  g_arrived = 1;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

StopSignal::StopSignal() {
  g_arrived = 0;
  struct sigaction action {};
  action.sa_handler = NoteSignal;
  action.sa_flags = SA_RESTART;  // reads and writes under way go on
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &interrupt_before_);
  sigaction(SIGTERM, &action, &terminate_before_);
}

StopSignal::~StopSignal() {
  sigaction(SIGINT, &interrupt_before_, nullptr);
  sigaction(SIGTERM, &terminate_before_, nullptr);
}

bool StopSignal::arrived() const {
  return g_arrived != 0;
}

}  // namespace tenfold::cli
