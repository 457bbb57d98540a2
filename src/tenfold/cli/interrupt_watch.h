// InterruptWatch: Ctrl-C as a question that can be asked, instead of the end of the program.
//
// From its construction SIGINT waits, also in threads that are started afterwards, until Take asks for it or LetThrough
// lets it do what it always does. Main thread only.
#pragma once

#include <csignal>

namespace tenfold::cli {

class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  // True when Ctrl-C was pressed since the last question.
  bool Take();

  // While it lives, Ctrl-C ends the program.
  class LetThrough {
   public:
    LetThrough();
    ~LetThrough();
    LetThrough(const LetThrough&) = delete;
    LetThrough& operator=(const LetThrough&) = delete;
  };

 private:
  sigset_t before_;  // the thread's mask
};

}  // namespace tenfold::cli
