#include "tenfold/platform/memory_info.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#include <sched.h>

namespace tenfold::platform {
namespace {

// Reads the first number of a file, or nothing where the file is absent or says "max".
size_t ReadNumber(const char* path, size_t otherwise) {
  std::ifstream file(path);
  size_t value = 0;
  return file >> value ? value : otherwise;
}

size_t MemAvailableBytes() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  size_t value_kib = 0;
  while (file >> key >> value_kib >> unit) {
    if (key == "MemAvailable:") return value_kib * 1024;
  }
  return static_cast<size_t>(sysconf(_SC_AVPHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

size_t AvailableMemoryBytes() {
  constexpr size_t kNoLimit = std::numeric_limits<size_t>::max();
  const size_t limit = ReadNumber("/sys/fs/cgroup/memory.max", kNoLimit);
  const size_t used = ReadNumber("/sys/fs/cgroup/memory.current", 0);
  const size_t cgroup_room = limit == kNoLimit ? kNoLimit : limit - std::min(limit, used);
  return std::min(MemAvailableBytes(), cgroup_room);
}

ResidentMemory ResidentMemoryOfProcess() {
  std::ifstream file("/proc/self/status");
  ResidentMemory memory;
  for (std::string line; std::getline(file, line);) {
    // "VmRSS:     1234 kB"
    if (line.starts_with("VmRSS:")) memory.now_bytes = std::stoull(line.substr(6)) * 1024;
    if (line.starts_with("VmHWM:")) memory.peak_bytes = std::stoull(line.substr(6)) * 1024;
  }
  return memory;
}

int NumUsableProcessors() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  int num = sched_getaffinity(0, sizeof(mask), &mask) == 0 ? CPU_COUNT(&mask)
                                                           : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  std::ifstream quota_file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (quota_file >> quota >> period && period > 0) num = std::min(num, static_cast<int>(std::ceil(quota / period)));
  return std::max(num, 1);
}

}  // namespace tenfold::platform
