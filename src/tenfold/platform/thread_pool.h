// ThreadPool: a fixed team of threads that runs one function at a time, the caller included.
//
// Run hands out pieces of work by an atomic counter and waits for pieces, not for threads: one that the system stole
// from us, or that is still waking up, holds up the others by at most the piece it has taken. Workers spin briefly for
// the next call (fork and join cost tens of nanoseconds then) and sleep on a futex after that. Which thread computes
// which piece never changes a result (law 2).
//
// One thread at a time may call Run; calls do not nest. Run allocates nothing and takes no lock while workers spin.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace tenfold::platform {

class ThreadPool {
 public:
  // `num_threads` counts the caller; at least 1. Where the system refuses to start that many, the team stays smaller,
  // with a warning: num_threads() tells.
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return num_threads_; }

  // Calls function(piece, thread) for every piece in [0, num_pieces), thread in [0, num_threads), and returns when all
  // are done. Writes made by the pieces are visible to the caller afterwards.
  template <class Function>
  void Run(int64_t num_pieces, Function&& function) {
    using Plain = std::remove_reference_t<Function>;
    RunErased(
        num_pieces, [](void* context, int64_t piece, int thread) { (*static_cast<Plain*>(context))(piece, thread); },
        const_cast<void*>(static_cast<const void*>(&function)));
  }

 private:
  using Piece = void (*)(void* context, int64_t piece, int thread);
  void RunErased(int64_t num_pieces, Piece piece, void* context);
  void WorkerLoop(int thread);
  void TakePieces(uint32_t generation, int thread);

  // Each on a cache line of its own: they are written by different threads.
  struct alignas(64) Word {
    std::atomic<uint64_t> value{0};
  };

  int num_threads_ = 1;
  // Rises by one per Run; sleeping workers wait on it.
  Word generation_;
  // The low half of the generation, and below it how many pieces nobody has taken yet. Taking one is a
  // compare-exchange, so a worker that wakes late for an old generation can take nothing from a newer one, and nobody
  // waits for it.
  Word tickets_;
  Word num_done_;  // pieces of the current Run that are finished
  std::atomic<bool> stopping_{false};
  // Of the current Run. Published by tickets_, and read only by a thread that holds a piece: until that piece is done
  // they cannot change.
  Piece piece_ = nullptr;
  void* context_ = nullptr;
  uint64_t num_pieces_ = 0;
  std::vector<std::thread> workers_;
};

}  // namespace tenfold::platform
