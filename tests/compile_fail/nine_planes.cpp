// SPDX-License-Identifier: MIT
// expect: tern::unsigned_bits<K>: K is 1 to 8 planes
#include <tern/encoding.hpp>

#ifdef TERN_WRONG
constexpr int planes = 9;
#else
constexpr int planes = 8;
#endif

static_assert(tern::unsigned_bits<planes>::valid(1));
