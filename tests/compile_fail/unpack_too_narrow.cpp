// SPDX-License-Identifier: MIT
// expect: tern::unpack: the element type cannot hold the encoding's values
#include <tern/pack.hpp>

#ifdef TERN_WRONG
using value = std::int8_t;
#else
using value = std::uint8_t;
#endif

tern::status f(const tern::packed_rows<tern::unsigned_bits<8>>& packed, const tern::matrix_view<value>& values);
tern::status f(const tern::packed_rows<tern::unsigned_bits<8>>& packed, const tern::matrix_view<value>& values) {
    return tern::unpack(packed, values);
}
