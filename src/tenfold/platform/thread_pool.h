// ThreadPool: a fixed team of threads that runs one function at a time, the caller included.
//
// Run hands out pieces of work by an atomic counter, so a thread that the system stole from us does not hold up the
// others by more than one piece. Workers spin briefly for the next call (fork and join cost tens of nanoseconds then)
// and sleep on a futex after that. Which thread computes which piece never changes a result (law 2).
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
  // `num_threads` counts the caller; at least 1.
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
  void TakePieces(int thread);

  // Each on a cache line of its own: they are written by different threads.
  struct alignas(64) Counter {
    std::atomic<int64_t> value{0};
  };

  const int num_threads_;
  Counter generation_;  // rises by one per Run. Workers wait on it.
  Counter next_piece_;
  Counter num_working_;  // workers that have not yet finished the current Run
  std::atomic<bool> stopping_{false};
  Piece piece_ = nullptr;  // of the current Run; published by generation_
  void* context_ = nullptr;
  int64_t num_pieces_ = 0;
  std::vector<std::thread> workers_;
};

}  // namespace tenfold::platform
