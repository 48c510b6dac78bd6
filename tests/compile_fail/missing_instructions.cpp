// SPDX-License-Identifier: MIT
// expect: tern: this architecture's instructions are not enabled for this translation unit
#include <tern/gemm.hpp>

#ifdef TERN_WRONG
#if TERN_HAS_NEON
using Arch = tern::arch::avx512;
#else
using Arch = tern::arch::neon;
#endif
#else
using Arch = tern::arch::scalar;
#endif

tern::status f(const tern::packed_rows<tern::ternary>& x, const tern::packed_panels<tern::ternary>& w,
               const tern::matrix_view<std::int32_t>& dst);
tern::status f(const tern::packed_rows<tern::ternary>& x, const tern::packed_panels<tern::ternary>& w,
               const tern::matrix_view<std::int32_t>& dst) {
    return tern::gemm<Arch>(x, w, dst);
}
