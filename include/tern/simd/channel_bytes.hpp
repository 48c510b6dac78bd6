// SPDX-License-Identifier: MIT
// Products of bytes channel by channel, added up in 16 bits: 32 channels at a time.
#pragma once

#include <cstring>

#include <tern/simd/scalar.hpp>
#include <tern/simd/x86.hpp>

namespace tern::simd {

/// Sums of 32 channels.
///   zero, add   sums += x * w, where w are -1, 0 and +1 of 16 bits each: 255 times at most
///   add_to      32 integers += sums
struct scalar_channel_bytes {
    struct reg {
        std::int16_t lane[32];
    };
    static TERN_INLINE reg zero() noexcept {
        reg r;
        std::memset(&r, 0, sizeof r);
        return r;
    }
    static TERN_INLINE void add(reg& sums, const std::int8_t* x, const std::int16_t* w) noexcept {
        for (int i = 0; i < 32; ++i) sums.lane[i] = static_cast<std::int16_t>(sums.lane[i] + x[i] * w[i]);
    }
    static TERN_INLINE void add_to(std::int32_t* to, const reg& sums) noexcept {
        for (int i = 0; i < 32; ++i) to[i] += sums.lane[i];
    }
};

/// Which of them an architecture uses; only the types matter.
scalar_channel_bytes channel_bytes_of(arch::scalar) noexcept;

#if TERN_HAS_AVX2

struct avx2_channel_bytes {
    struct reg {
        __m256i low;
        __m256i high;
    };
    static TERN_INLINE reg zero() noexcept { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
    static TERN_INLINE __m256i product(const std::int8_t* x, const std::int16_t* w) noexcept {
        return _mm256_mullo_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x))),
                                  _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w)));
    }
    static TERN_INLINE void add(reg& sums, const std::int8_t* x, const std::int16_t* w) noexcept {
        sums.low = _mm256_add_epi16(sums.low, product(x, w));
        sums.high = _mm256_add_epi16(sums.high, product(x + 16, w + 16));
    }
    static TERN_INLINE void add_eight(std::int32_t* to, __m128i sums) noexcept {
        const __m256i old = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(to));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_add_epi32(old, _mm256_cvtepi16_epi32(sums)));
    }
    static TERN_INLINE void add_to(std::int32_t* to, const reg& sums) noexcept {
        add_eight(to, _mm256_castsi256_si128(sums.low));
        add_eight(to + 8, _mm256_extracti128_si256(sums.low, 1));
        add_eight(to + 16, _mm256_castsi256_si128(sums.high));
        add_eight(to + 24, _mm256_extracti128_si256(sums.high, 1));
    }
};

avx2_channel_bytes channel_bytes_of(arch::avx2) noexcept;

#endif  // TERN_HAS_AVX2

#if TERN_HAS_AVX512

struct avx512_channel_bytes {
    using reg = __m512i;

    static TERN_INLINE reg zero() noexcept { return _mm512_setzero_si512(); }
    static TERN_INLINE void add(reg& sums, const std::int8_t* x, const std::int16_t* w) noexcept {
        const __m512i wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
        sums = _mm512_add_epi16(sums, _mm512_mullo_epi16(wide, _mm512_loadu_si512(w)));
    }
    static TERN_INLINE void add_to(std::int32_t* to, reg sums) noexcept {
        const __m512i low = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(sums));
        const __m512i high = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(sums, 1));
        _mm512_storeu_si512(to, _mm512_add_epi32(_mm512_loadu_si512(to), low));
        _mm512_storeu_si512(to + 16, _mm512_add_epi32(_mm512_loadu_si512(to + 16), high));
    }
};

avx512_channel_bytes channel_bytes_of(arch::avx512) noexcept;

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd
