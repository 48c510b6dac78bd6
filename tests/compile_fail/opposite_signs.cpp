// SPDX-License-Identifier: MIT
// expect: tern: operands of opposite sign conventions; transcode one of them first
#include <tern/gemm.hpp>

#ifdef TERN_WRONG
using weights = tern::binary_set_minus;
#else
using weights = tern::binary;
#endif

tern::status f(const tern::packed_rows<tern::binary>& x, const tern::packed_panels<weights>& w,
               const tern::matrix_view<std::int32_t>& dst);
tern::status f(const tern::packed_rows<tern::binary>& x, const tern::packed_panels<weights>& w,
               const tern::matrix_view<std::int32_t>& dst) {
    return tern::gemm(x, w, dst);
}
