#include "tenfold/server/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "tenfold/base/json.h"
#include "tenfold/base/logging.h"

namespace tenfold::server {
namespace {

constexpr const char* kStandardOutput = "-";
// Of a path or a method that a client made up.
constexpr size_t kMaxTextBytes = 256;

int OpenFile(const std::string& path) {
  if (path == kStandardOutput) return STDOUT_FILENO;
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

void CloseFile(int file) {
  if (file >= 0 && file != STDOUT_FILENO) ::close(file);
}

std::string Reason(int error) {
  return std::generic_category().message(error);
}

// As a JSON string; bytes that are not plain ASCII as in a URL.
std::string Quoted(std::string_view text) {
  std::string plain;
  for (const char c : text.substr(0, kMaxTextBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      plain += fmt::format("%{:02X}", byte);
    } else {
      plain += c;
    }
  }
  return json::serialize(json::value(plain));
}

std::string_view Name(AnswerEnd end) {
  switch (end) {
    case AnswerEnd::kComplete:
      return "complete";
    case AnswerEnd::kClientLeft:
      return "client_left";
    case AnswerEnd::kTooSlow:
      return "too_slow";
    case AnswerEnd::kShutdown:
      return "shutdown";
  }
  return "";
}

}  // namespace

std::string AccessLogLine(const AnswerRecord& record) {
  const auto milliseconds = std::chrono::time_point_cast<std::chrono::milliseconds>(record.arrived_at);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  std::string line = fmt::format(
      R"({{"time":"{:%FT%T}.{:03}Z","client":{},"method":{},"path":{},"status":{},"bytes_sent":{},"duration_ms":{:.3f})",
      fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), (milliseconds - seconds).count(),
      Quoted(record.client), Quoted(record.method), Quoted(record.path),
      record.status == 0 ? std::string("null") : std::to_string(record.status), record.bytes_sent,
      std::chrono::duration<double, std::milli>(record.duration).count());
  if (!record.notes.id.empty()) {
    line += fmt::format(R"(,"id":{},"streamed":{},"prompt_tokens":{},"completion_tokens":{})", Quoted(record.notes.id),
                        record.streamed, record.notes.num_prompt_tokens, record.notes.num_completion_tokens);
  }
  return line + fmt::format(R"(,"end":"{}"}})", Name(record.end)) + '\n';
}

Result<std::unique_ptr<AccessLog>> AccessLog::Open(std::string path) {
  const int file = OpenFile(path);
  if (file < 0) return MakeError(ErrorCode::kIo, "{}: the access log cannot be opened: {}", path, Reason(errno));
  return std::unique_ptr<AccessLog>(new AccessLog(std::move(path), file));
}

AccessLog::AccessLog(std::string path, int file)
    : path_(std::move(path)), file_(file), thread_([this] { WriteLines(); }) {}

AccessLog::~AccessLog() {
  lines_.Close();
  thread_.join();
  CloseFile(file_);
}

void AccessLog::Add(const AnswerRecord& record) {
  if (lines_.TryPush(AccessLogLine(record)) != platform::Mailbox<std::string>::PushResult::kOk) ++num_dropped_;
}

void AccessLog::Reopen() {
  lines_.PushUrgent({});
}

void AccessLog::WriteLines() {
  // A reader of our standard output that went away is an error of write, not the end of the server.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::vector<std::string> taken;
  std::string text;
  while (lines_.TakeAll(taken, /*wait=*/true)) {
    text.clear();
    for (const std::string& line : taken) {
      if (line.empty()) {
        WriteAll(text);
        text.clear();
        OpenAgain();
      }
      text += line;
    }
    WriteAll(text);
    if (const uint64_t num_dropped = num_dropped_.exchange(0); num_dropped > 0) {
      LogWarning("access log: {} lines were dropped, since {} takes them too slowly", num_dropped, path_);
    }
  }
}

// Where that fails, lines go on into the file that is open.
void AccessLog::OpenAgain() {
  const int file = OpenFile(path_);
  if (file < 0) return LogError("access log: {} cannot be opened again: {}", path_, Reason(errno));
  CloseFile(file_);
  file_ = file;
}

void AccessLog::WriteAll(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file_, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      if (!std::exchange(failing_, true)) LogError("access log: {}: {}; lines are lost", path_, Reason(errno));
      return;
    }
    failing_ = false;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace tenfold::server
