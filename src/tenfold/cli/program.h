// The program `tenfold`: reads the command line, runs one subcommand, turns its outcome into an exit code.
#pragma once

namespace tenfold::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;      // at run time: a file, memory, the network
inline constexpr int kExitWrongUsage = 2;  // an unknown option, a missing or meaningless value

// Answers go to standard output, everything else, errors included, to standard error.
int RunProgram(int argc, const char* const* argv);

}  // namespace tenfold::cli
