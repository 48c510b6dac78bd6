// SPDX-License-Identifier: MIT
// expect: tern::buffer holds plain numbers
#include <tern/buffer.hpp>

#ifdef TERN_WRONG
struct element {
    element() noexcept;
};
#else
using element = float;
#endif

tern::size_t f(const tern::buffer<element>& b);
tern::size_t f(const tern::buffer<element>& b) { return b.size(); }
