// What the processor can do, found at run time.
#pragma once

#include <string>

namespace tenfold::platform {

struct CpuFeatures {
  bool avx2 = false;         // with FMA and F16C
  bool avx512 = false;       // F, BW, DQ, VL
  bool avx512_vnni = false;  // VPDPBUSD on 512 bits
  bool avx512_bf16 = false;  // VDPBF16PS on 512 bits
};

// Asks the processor and the operating system (which must save the wide registers).
CpuFeatures DetectCpuFeatures();

// The processor's name as /proc/cpuinfo states it, for reports.
std::string CpuModelName();

}  // namespace tenfold::platform
