// SPDX-License-Identifier: MIT
// byte_planes.hpp for x86.
#pragma once

#include <tern/simd/byte_planes.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_SSE4

// GCC reports the deliberately undefined operands of its own AVX-512 header as if they were the caller's.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

struct sse4_byte_planes {
    struct reg {
        __m128i first;
        __m128i second;
    };

    static TERN_INLINE reg zero() noexcept { return {_mm_setzero_si128(), _mm_setzero_si128()}; }
    static TERN_INLINE reg load(const void* from) noexcept { return bits::load<reg>(from); }
    static TERN_INLINE __m128i every(std::uint8_t n) noexcept { return _mm_set1_epi8(static_cast<char>(n)); }
    static TERN_INLINE reg add(reg x, std::uint8_t n) noexcept {
        return {_mm_add_epi8(x.first, every(n)), _mm_add_epi8(x.second, every(n))};
    }
    static TERN_INLINE __m128i faults_of(__m128i x, std::uint8_t limit, std::uint8_t forbidden) noexcept {
        return _mm_or_si128(_mm_subs_epu8(x, every(limit)), _mm_and_si128(x, every(forbidden)));
    }
    static TERN_INLINE void note(reg& faults, reg x, std::uint8_t limit, std::uint8_t forbidden) noexcept {
        faults.first = _mm_or_si128(faults.first, faults_of(x.first, limit, forbidden));
        faults.second = _mm_or_si128(faults.second, faults_of(x.second, limit, forbidden));
    }
    static TERN_INLINE bool any(reg faults) noexcept {
        const __m128i all = _mm_or_si128(faults.first, faults.second);
        return _mm_testz_si128(all, all) == 0;
    }
    template <int P>
    static TERN_INLINE std::uint32_t plane(reg x) noexcept {
        return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_slli_epi16(x.first, 7 - P))) |
               static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_slli_epi16(x.second, 7 - P))) << 16;
    }
};

sse4_byte_planes byte_planes_of(arch::sse4) noexcept;

#if TERN_HAS_AVX2

struct avx2_byte_planes {
    using reg = __m256i;

    static TERN_INLINE reg zero() noexcept { return _mm256_setzero_si256(); }
    static TERN_INLINE reg load(const void* from) noexcept { return bits::load<reg>(from); }
    static TERN_INLINE reg every(std::uint8_t n) noexcept { return _mm256_set1_epi8(static_cast<char>(n)); }
    static TERN_INLINE reg add(reg x, std::uint8_t n) noexcept { return _mm256_add_epi8(x, every(n)); }
    static TERN_INLINE void note(reg& faults, reg x, std::uint8_t limit, std::uint8_t forbidden) noexcept {
        const reg found = _mm256_or_si256(_mm256_subs_epu8(x, every(limit)), _mm256_and_si256(x, every(forbidden)));
        faults = _mm256_or_si256(faults, found);
    }
    static TERN_INLINE bool any(reg faults) noexcept { return _mm256_testz_si256(faults, faults) == 0; }
    template <int P>
    static TERN_INLINE std::uint32_t plane(reg x) noexcept {
        return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_slli_epi16(x, 7 - P)));
    }
};

avx2_byte_planes byte_planes_of(arch::avx2) noexcept;

#endif  // TERN_HAS_AVX2

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_SSE4
