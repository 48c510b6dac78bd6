// SPDX-License-Identifier: MIT
// x86 registers of floats that are added, subtracted or left alone (simd/signed_adds.hpp).
#pragma once

#include <tern/simd/signed_adds.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_AVX2

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

struct avx2_signed_adds {
    using codes = __m256i;
    using floats = __m256;
    struct choice {
        __m256 flip;
        __m256 keep;
    };
    static constexpr std::size_t width = 8;

    static TERN_INLINE codes load(const void* from) noexcept {
        return _mm256_loadu_si256(static_cast<const __m256i*>(from));
    }
    static TERN_INLINE floats zero() noexcept { return _mm256_setzero_ps(); }
    static TERN_INLINE floats broadcast(float x) noexcept { return _mm256_set1_ps(x); }
    static TERN_INLINE void store(float* to, floats x) noexcept { _mm256_storeu_ps(to, x); }
    template <int Shift>
    static TERN_INLINE choice choose(codes c) noexcept {
        const __m256i high = _mm256_slli_epi32(c, 30 - Shift);   // set: not -1
        const __m256i low = _mm256_slli_epi32(c, 31 - Shift);    // set: 0
        return {_mm256_castsi256_ps(_mm256_andnot_si256(high, _mm256_set1_epi32(static_cast<int>(0x80000000u)))),
                _mm256_castsi256_ps(_mm256_srai_epi32(low, 31))};
    }
    static TERN_INLINE floats add(floats sum, choice c, floats x) noexcept {
        return _mm256_add_ps(sum, _mm256_andnot_ps(c.keep, _mm256_xor_ps(x, c.flip)));
    }
};

#if TERN_HAS_AVX512

struct avx512_signed_adds {
    using codes = __m512i;
    using floats = __m512;
    struct choice {
        __mmask16 plus;
        __mmask16 minus;
    };
    static constexpr std::size_t width = 16;

    static TERN_INLINE codes load(const void* from) noexcept { return _mm512_loadu_si512(from); }
    static TERN_INLINE floats zero() noexcept { return _mm512_setzero_ps(); }
    static TERN_INLINE floats broadcast(float x) noexcept { return _mm512_set1_ps(x); }
    static TERN_INLINE void store(float* to, floats x) noexcept { _mm512_storeu_ps(to, x); }
    template <int Shift>
    static TERN_INLINE choice choose(codes c) noexcept {
        const __m512i both = _mm512_set1_epi32(static_cast<int>(3u << Shift));
        const __m512i plus = _mm512_set1_epi32(static_cast<int>(2u << Shift));
        return {_mm512_cmpeq_epi32_mask(_mm512_and_si512(c, both), plus), _mm512_testn_epi32_mask(c, both)};
    }
    static TERN_INLINE floats add(floats sum, choice c, floats x) noexcept {
        sum = _mm512_mask_add_ps(sum, c.plus, sum, x);
        return _mm512_mask_sub_ps(sum, c.minus, sum, x);
    }
};

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_AVX2
