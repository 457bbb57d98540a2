// Service: the whole server with a tiny model, in this process. For tests.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "tenfold/engine/engine.h"
#include "tenfold/engine/engine_for_test.h"
#include "tenfold/model/tiny_model_for_test.h"
#include "tenfold/server/server.h"

namespace tenfold::server {

// A server with an engine behind it, on a free port, on threads of their own.
class Service {
 public:
  // By default 12 pages of 16 tokens: one sequence of the greatest length, or a few that preempt each other.
  explicit Service(size_t num_pages = 12, int64_t max_num_seqs = 16, std::string queue_order = "fcfs",
                   size_t num_swap_pages = 0, HttpLimits limits = {})
      : loaded_(model::WriteTinyModel(tensor::DataType::kF32), 2) {
    ServerOptions options;
    options.http.port = 0;
    options.http.limits = limits;
    server_ = Server::Create(options).value();
    const size_t page_bytes = model::KvLayoutOf(loaded_.model->config(), 16, tensor::DataType::kF16).page_bytes();
    engine_ = engine::Engine::Create({.max_model_len = 160,
                                      .max_num_seqs = max_num_seqs,
                                      .max_num_batched_tokens = std::max<int64_t>(48, max_num_seqs),
                                      .page_size = 16,
                                      .kv_cache_bytes = num_pages * page_bytes,
                                      .swap_space_bytes = num_swap_pages * page_bytes,
                                      .queue_order = std::move(queue_order),
                                      .max_overtaken = 50},
                                     *loaded_.model, loaded_.kernels(), loaded_.threads, *server_)
                  .value();
    server_->Attach(*engine_);
    thread_ = std::thread([this] { server_->Run(); });
  }
  ~Service() { Stop(); }
  // Cuts off what is open, and waits for the end.
  void Stop() {
    if (!thread_.joinable()) return;
    server_->Stop();
    server_->Stop();
    thread_.join();
    engine_.reset();
  }

  int port() const { return server_->port(); }
  engine::EngineStats Stats() const { return engine_->Stats(); }

  // True once nothing runs or waits and every page is free; false after ten seconds.
  bool BecomesIdle() const {
    for (int i = 0; i < 1000; ++i) {
      const engine::EngineStats stats = Stats();
      if (stats.num_running + stats.num_waiting == 0 && stats.num_free_pages == stats.num_pages) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

 private:
  engine::LoadedModel loaded_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<engine::Engine> engine_;
  std::thread thread_;
};

}  // namespace tenfold::server
