#include "tenfold/platform/thread_pool.h"

#include "tenfold/base/check.h"

namespace tenfold::platform {
namespace {

// How often a waiting thread looks before it sleeps: about 50 us at some 20 ns a look, the cost of a futex wake-up, so
// that a wait never costs more than twice what the better of spinning and sleeping would have.
constexpr int kSpins = 2500;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits until `counter` differs from `old` and returns the new value.
int64_t WaitForChange(std::atomic<int64_t>& counter, int64_t old) {
  for (int i = 0; i < kSpins; ++i) {
    const int64_t now = counter.load(std::memory_order_acquire);
    if (now != old) return now;
    Pause();
  }
  int64_t now = counter.load(std::memory_order_acquire);
  while (now == old) {
    counter.wait(old, std::memory_order_acquire);
    now = counter.load(std::memory_order_acquire);
  }
  return now;
}

}  // namespace

ThreadPool::ThreadPool(int num_threads) : num_threads_(num_threads) {
  CHECK_GE(num_threads, 1);
  for (int thread = 1; thread < num_threads; ++thread) {
    workers_.emplace_back([this, thread] { WorkerLoop(thread); });
  }
}

ThreadPool::~ThreadPool() {
  stopping_.store(true, std::memory_order_relaxed);
  generation_.value.fetch_add(1, std::memory_order_release);
  generation_.value.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::RunErased(int64_t num_pieces, Piece piece, void* context) {
  if (num_threads_ == 1 || num_pieces <= 1) {
    for (int64_t i = 0; i < num_pieces; ++i) piece(context, i, 0);
    return;
  }
  piece_ = piece;
  context_ = context;
  num_pieces_ = num_pieces;
  next_piece_.value.store(0, std::memory_order_relaxed);
  num_working_.value.store(num_threads_ - 1, std::memory_order_relaxed);
  generation_.value.fetch_add(1, std::memory_order_release);
  generation_.value.notify_all();
  TakePieces(0);
  int64_t working = num_working_.value.load(std::memory_order_acquire);
  while (working != 0) working = WaitForChange(num_working_.value, working);
}

void ThreadPool::TakePieces(int thread) {
  while (true) {
    const int64_t piece = next_piece_.value.fetch_add(1, std::memory_order_relaxed);
    if (piece >= num_pieces_) return;
    piece_(context_, piece, thread);
  }
}

void ThreadPool::WorkerLoop(int thread) {
  int64_t seen = 0;
  while (true) {
    seen = WaitForChange(generation_.value, seen);
    if (stopping_.load(std::memory_order_relaxed)) return;
    TakePieces(thread);
    if (num_working_.value.fetch_sub(1, std::memory_order_acq_rel) == 1) num_working_.value.notify_one();
  }
}

}  // namespace tenfold::platform
