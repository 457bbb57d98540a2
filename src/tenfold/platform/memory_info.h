// What this process may use of memory and processors, as the kernel and the cgroup at /sys/fs/cgroup (a container's
// own) state it.
#pragma once

#include <cstddef>

namespace tenfold::platform {

// Memory that can still be used without swapping: the least of MemAvailable and the room left in the cgroup.
size_t AvailableMemoryBytes();

// What of this process is in memory, and the most that ever was, shared pages of mapped files included. Zeros where the
// system does not say.
struct ResidentMemory {
  size_t now_bytes = 0;
  size_t peak_bytes = 0;
};
ResidentMemory ResidentMemoryOfProcess();

// Processors this process may run on: the affinity mask, cut by the cgroup's quota, at least 1.
int NumUsableProcessors();

}  // namespace tenfold::platform
