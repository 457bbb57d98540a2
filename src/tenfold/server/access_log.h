// AccessLog: a line of JSON in a file for each answered request.
//
//   {"time": "2026-11-27T17:18:01.123Z", "client": "127.0.0.1", "method": "POST", "path": "/v1/completions",
//    "status": 200, "bytes_sent": 518, "duration_ms": 40.127, "id": "cmpl-...", "streamed": true, "prompt_tokens": 3,
//    "completion_tokens": 16, "end": "complete"}
//
// `time` is when the request's first byte came; `end` one of complete, client_left, too_slow (the client read too
// slowly) and shutdown. Keys, prompts, answers and what stands after '?' are never written.
//
// Add is for the I/O thread, and costs it a format and a push: a thread of the log's own writes. When the disk is so slow
// that kMaxWaiting lines wait, further ones are dropped, and their number is logged. Reopen may be called by any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "tenfold/base/result.h"
#include "tenfold/platform/mailbox.h"
#include "tenfold/server/http.h"

namespace tenfold::server {

// One line, with its end.
std::string AccessLogLine(const AnswerRecord& record);

class AccessLog {
 public:
  static constexpr size_t kMaxWaiting = 16'384;

  // Appends to the file `path`; "-" is standard output. Errors: kIo.
  static Result<std::unique_ptr<AccessLog>> Open(std::string path);
  // Writes what waits.
  ~AccessLog();

  void Add(const AnswerRecord& record);
  // Opens the path again, for whoever moved the file away: lines that were added before still go there. Where it cannot
  // be opened, which the server's log tells, lines go on into the file that is open.
  void Reopen();

 private:
  AccessLog(std::string path, int file);
  void WriteLines();
  void OpenAgain();
  void WriteAll(std::string_view text);

  const std::string path_;
  int file_;  // the thread's from here on
  bool failing_ = false;
  std::atomic<uint64_t> num_dropped_{0};
  platform::Mailbox<std::string> lines_{kMaxWaiting};  // an empty one: the path is to be opened again
  std::thread thread_;                                 // last: it uses all of the above
};

}  // namespace tenfold::server
