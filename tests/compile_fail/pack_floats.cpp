// SPDX-License-Identifier: MIT
// expect: tern: pack reads integers that int32 can hold; quantize floating-point values first
#include <tern/pack.hpp>

#ifdef TERN_WRONG
using value = float;
#else
using value = std::int16_t;
#endif

tern::status f(const tern::matrix_view<const value>& values, tern::word* words, tern::size_t size);
tern::status f(const tern::matrix_view<const value>& values, tern::word* words, tern::size_t size) {
    tern::packed_panels<tern::ternary> packed;
    return tern::pack_panels<tern::ternary>(values, words, size, packed);
}
