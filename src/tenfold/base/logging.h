// Logging to standard error through spdlog. Standard output belongs to the program's answers.
//
// Any thread may log. Nothing in a step's hot path does.
#pragma once

#include <string_view>

#include <fmt/format.h>

namespace tenfold {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Messages below `level` are dropped. Default kInfo.
void SetLogLevel(LogLevel level);
void Log(LogLevel level, std::string_view message);

template <class... Args>
void LogInfo(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void LogWarning(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void LogError(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tenfold
