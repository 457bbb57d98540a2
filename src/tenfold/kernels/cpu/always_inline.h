// TENFOLD_INLINE: for the parts of a micro-kernel that must be inlined before the compiler decides where its arrays of
// registers live; inlined or unrolled later, they are copied through the stack.
#pragma once

#define TENFOLD_INLINE __attribute__((always_inline))
