// What the machine and this process use of memory and processors, as the kernel and the cgroup state it.
#pragma once

#include <cstddef>

namespace tenfold::platform {

// Memory that can still be used without swapping: the least of MemAvailable and the room left in the cgroup.
size_t AvailableMemoryBytes();

// Peak resident memory of this process so far.
size_t PeakResidentBytes();

// Processors this process may run on: the affinity mask, cut by the cgroup's quota, at least 1.
int NumUsableProcessors();

}  // namespace tenfold::platform
