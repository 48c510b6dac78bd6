// SPDX-License-Identifier: MIT
// full_adder.hpp on x86: any function of three bits is one instruction of AVX-512.
#pragma once

#include <tern/simd/full_adder.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_SSE4

namespace tern::simd {

full_adder<sse4_lanes> full_adder_of(arch::sse4) noexcept;

#if TERN_HAS_AVX2
full_adder<avx2_lanes> full_adder_of(arch::avx2) noexcept;
#endif

#if TERN_HAS_AVX512

struct avx512_full_adder : avx512_lanes {
    static TERN_INLINE reg sum(reg a, reg b, reg c) noexcept { return _mm512_ternarylogic_epi32(a, b, c, 0x96); }
    static TERN_INLINE reg carry(reg a, reg b, reg c) noexcept { return _mm512_ternarylogic_epi32(a, b, c, 0xe8); }
    static TERN_INLINE reg borrow(reg a, reg b, reg c) noexcept { return _mm512_ternarylogic_epi32(a, b, c, 0x8e); }
};

avx512_full_adder full_adder_of(arch::avx512) noexcept;

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd

#endif  // TERN_HAS_SSE4
