#include "tenfold/platform/thread_pool.h"

#include <system_error>

#include "tenfold/base/check.h"
#include "tenfold/base/logging.h"

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

// Waits until `word` differs from `old` and returns the new value.
uint64_t WaitForChange(std::atomic<uint64_t>& word, uint64_t old) {
  for (int i = 0; i < kSpins; ++i) {
    const uint64_t now = word.load(std::memory_order_acquire);
    if (now != old) return now;
    Pause();
  }
  word.wait(old, std::memory_order_acquire);
  return word.load(std::memory_order_acquire);
}

constexpr uint64_t Tickets(uint64_t generation, uint64_t num_pieces) {
  return generation << 32 | num_pieces;
}

}  // namespace

ThreadPool::ThreadPool(int num_threads) {
  CHECK_GE(num_threads, 1);
  try {
    for (int thread = 1; thread < num_threads; ++thread) {
      workers_.emplace_back([this, thread] { WorkerLoop(thread); });
      ++num_threads_;
    }
  } catch (const std::system_error& refused) {  // a limit on processes or memory
    LogWarning("{} of {} threads could be started: {}", num_threads_, num_threads, refused.what());
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
  CHECK_LT(num_pieces, int64_t{1} << 32);
  piece_ = piece;
  context_ = context;
  num_pieces_ = static_cast<uint64_t>(num_pieces);
  num_done_.value.store(0, std::memory_order_relaxed);
  const uint64_t generation = generation_.value.load(std::memory_order_relaxed) + 1;
  tickets_.value.store(Tickets(generation, num_pieces_), std::memory_order_release);
  generation_.value.store(generation, std::memory_order_release);
  generation_.value.notify_all();
  TakePieces(static_cast<uint32_t>(generation), 0);
  uint64_t done = num_done_.value.load(std::memory_order_acquire);
  while (done != num_pieces_) done = WaitForChange(num_done_.value, done);
}

void ThreadPool::TakePieces(uint32_t generation, int thread) {
  uint64_t tickets = tickets_.value.load(std::memory_order_acquire);
  while (tickets >> 32 == generation && static_cast<uint32_t>(tickets) != 0) {
    // On failure `tickets` is read anew.
    if (!tickets_.value.compare_exchange_weak(tickets, tickets - 1, std::memory_order_acq_rel,
                                              std::memory_order_acquire)) {
      continue;
    }
    const uint64_t num_pieces = num_pieces_;
    piece_(context_, static_cast<int64_t>(num_pieces - static_cast<uint32_t>(tickets)), thread);
    // The last piece may end on a worker while the caller sleeps. After this line the Run may be over.
    if (num_done_.value.fetch_add(1, std::memory_order_acq_rel) + 1 == num_pieces && thread != 0)
      num_done_.value.notify_one();
    tickets = tickets_.value.load(std::memory_order_acquire);
  }
}

void ThreadPool::WorkerLoop(int thread) {
  uint64_t seen = 0;
  while (true) {
    seen = WaitForChange(generation_.value, seen);
    if (stopping_.load(std::memory_order_relaxed)) return;
    TakePieces(static_cast<uint32_t>(seen), thread);
  }
}

}  // namespace tenfold::platform
