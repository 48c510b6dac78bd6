// SPDX-License-Identifier: MIT
// expect: tern::unpack writes integers; epilogue.hpp reconstructs real numbers
#include <tern/pack.hpp>

#ifdef TERN_WRONG
using value = float;
#else
using value = std::int8_t;
#endif

tern::status f(const tern::packed_rows<tern::ternary>& packed, const tern::matrix_view<value>& values);
tern::status f(const tern::packed_rows<tern::ternary>& packed, const tern::matrix_view<value>& values) {
    return tern::unpack(packed, values);
}
