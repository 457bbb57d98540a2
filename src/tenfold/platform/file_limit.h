// How many files and sockets this process may have open.
#pragma once

#include <cstddef>

namespace tenfold::platform {

// Raises the limit as far as the system lets an ordinary process, and returns what it is then.
size_t RaiseOpenFileLimit();

}  // namespace tenfold::platform
