// SPDX-License-Identifier: MIT
// expect: tern: weights of more than one digit have no kernel; use binary or ternary
#include <tern/gemm.hpp>

#ifdef TERN_WRONG
using weights = tern::unsigned_bits<4>;
#else
using weights = tern::ternary;
#endif

tern::status f(const tern::packed_rows<tern::ternary>& x, const tern::packed_panels<weights>& w,
               const tern::matrix_view<std::int32_t>& dst);
tern::status f(const tern::packed_rows<tern::ternary>& x, const tern::packed_panels<weights>& w,
               const tern::matrix_view<std::int32_t>& dst) {
    return tern::gemm(x, w, dst);
}
