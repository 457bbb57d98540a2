#include "tenfold/cli/interrupt_watch.h"

namespace tenfold::cli {
namespace {

sigset_t Interrupt() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

InterruptWatch::InterruptWatch() {
  const sigset_t set = Interrupt();
  pthread_sigmask(SIG_BLOCK, &set, &before_);
}

InterruptWatch::~InterruptWatch() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool InterruptWatch::Take() {
  const sigset_t set = Interrupt();
  const timespec at_once{};
  return sigtimedwait(&set, nullptr, &at_once) == SIGINT;
}

InterruptWatch::LetThrough::LetThrough() {
  const sigset_t set = Interrupt();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

InterruptWatch::LetThrough::~LetThrough() {
  const sigset_t set = Interrupt();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace tenfold::cli
