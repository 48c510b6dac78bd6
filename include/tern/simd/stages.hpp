// SPDX-License-Identifier: MIT
// Sixteen real numbers between reconstruction and destination, and sixteen accumulators against their limits. Every
// version computes the same bits: see fused.hpp.
#pragma once

#include <tern/simd/floats.hpp>
#include <tern/simd/reals.hpp>

namespace tern::simd {

/// Sixteen numbers in memory, for architectures whose compilers make good code of plain loops.
///   add          z = float(z + scale r), in double
///   bend         z = z < 0 ? slope z : z
///   clamp        NaN stays
///   not_below    bit i: z[i] >= limit[i], false for NaN
///   levels       z * factor, clamped (NaN becomes low), rounded
struct stages : reals {
    TERN_INLINE explicit stages(const reals& from) noexcept : reals(from) {}

    TERN_INLINE void add(const float* r, const float* scale) noexcept {
        for (int i = 0; i < 16; ++i)
            y[i] = static_cast<float>(static_cast<double>(y[i]) +
                                      static_cast<double>(scale[i]) * static_cast<double>(r[i]));
    }
    TERN_INLINE void bend(const float* slope) noexcept {
        for (int i = 0; i < 16; ++i) y[i] = y[i] < 0.0f ? y[i] * slope[i] : y[i];
    }
    TERN_INLINE void clamp(float low, float high) noexcept {
        for (int i = 0; i < 16; ++i) {
            const float above = y[i] < low ? low : y[i];
            y[i] = above > high ? high : above;
        }
    }
    [[nodiscard]] TERN_INLINE std::uint32_t not_below(const float* limit) const noexcept {
        std::uint32_t mask = 0;
        for (int i = 0; i < 16; ++i) mask |= (y[i] >= limit[i] ? 1u : 0u) << i;
        return mask;
    }
    template <rounding R>
    TERN_INLINE void levels(const float* factor, float low, float high, std::int32_t* to) const noexcept {
        for (int i = 0; i < 16; ++i) {
            const float p = clamped(y[i] * factor[i], low, high);
            const std::int32_t magnitude = R == rounding::half_even ? round_half_even(p < 0.0f ? -p : p) : 0;
            to[i] = R == rounding::down ? round_down(p) : (p < 0.0f ? -magnitude : magnitude);
        }
    }
};

/// Bits of integers below and above their limits.
struct outside {
    std::uint32_t below;
    std::uint32_t above;

    TERN_INLINE outside(std::uint32_t below_, std::uint32_t above_) noexcept : below(below_), above(above_) {}
};

/// Integers against the second or third of three pairs of limits where a bit says so, else the first.
template <class Integers>
struct chosen_limits {
    static TERN_INLINE outside outside_of(const std::int32_t* a, const std::int32_t (&lower)[3][16],
                                          const std::int32_t (&upper)[3][16], std::uint32_t second,
                                          std::uint32_t third) noexcept {
        const std::uint32_t first = ~(second | third);
        return {(Integers::above(lower[0], a) & first) | (Integers::above(lower[1], a) & second) |
                    (Integers::above(lower[2], a) & third),
                (Integers::above(a, upper[0]) & first) | (Integers::above(a, upper[1]) & second) |
                    (Integers::above(a, upper[2]) & third)};
    }
};

/// Sixteen integers in memory: comparisons, bit planes, bytes.
struct integers : chosen_limits<integers> {
    static TERN_INLINE std::uint32_t above(const std::int32_t* a, const std::int32_t* limit) noexcept {
        std::uint32_t mask = 0;
        for (int i = 0; i < 16; ++i) mask |= (a[i] > limit[i] ? 1u : 0u) << i;
        return mask;
    }
    template <int P>
    static TERN_INLINE std::uint32_t plane(const std::int32_t* a) noexcept {
        std::uint32_t mask = 0;
        for (int i = 0; i < 16; ++i) mask |= (static_cast<std::uint32_t>(a[i]) >> P & 1u) << i;
        return mask;
    }
};

/// Which of them an architecture uses; only the types matter.
stages stages_of(arch::scalar) noexcept;
integers integers_of(arch::scalar) noexcept;

#if TERN_HAS_AVX2

struct avx2_integers : chosen_limits<avx2_integers> {
    static TERN_INLINE __m256i load(const std::int32_t* a) noexcept {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
    }
    static TERN_INLINE std::uint32_t signs(__m256i low, __m256i high) noexcept {
        return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(low))) |
               static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(high))) << 8;
    }
    static TERN_INLINE std::uint32_t above(const std::int32_t* a, const std::int32_t* limit) noexcept {
        return signs(_mm256_cmpgt_epi32(load(a), load(limit)), _mm256_cmpgt_epi32(load(a + 8), load(limit + 8)));
    }
    template <int P>
    static TERN_INLINE std::uint32_t plane(const std::int32_t* a) noexcept {
        return signs(_mm256_slli_epi32(load(a), 31 - P), _mm256_slli_epi32(load(a + 8), 31 - P));
    }
};

avx2_integers integers_of(arch::avx2) noexcept;

#endif  // TERN_HAS_AVX2

#if TERN_HAS_AVX512

struct avx512_stages : avx512_reals {
    TERN_INLINE explicit avx512_stages(const avx512_reals& from) noexcept : avx512_reals(from) {}
    TERN_INLINE explicit avx512_stages(const reals& from) noexcept : avx512_reals{_mm512_loadu_ps(from.y)} {}

    static TERN_INLINE __m256 half(__m256 z, const float* r, const float* scale) noexcept {
        const __m512d product =
            _mm512_mul_pd(_mm512_cvtps_pd(_mm256_loadu_ps(scale)), _mm512_cvtps_pd(_mm256_loadu_ps(r)));
        return _mm512_cvtpd_ps(_mm512_add_pd(_mm512_cvtps_pd(z), product));
    }
    TERN_INLINE void add(const float* r, const float* scale) noexcept {
        const __m256 low = half(_mm512_castps512_ps256(y), r, scale);
        const __m256 high = half(_mm512_extractf32x8_ps(y, 1), r + 8, scale + 8);
        y = _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
    }
    TERN_INLINE void bend(const float* slope) noexcept {
        const __mmask16 negative = _mm512_cmp_ps_mask(y, _mm512_setzero_ps(), _CMP_LT_OQ);
        y = _mm512_mask_mul_ps(y, negative, y, _mm512_loadu_ps(slope));
    }
    TERN_INLINE void clamp(float low, float high) noexcept {
        y = _mm512_min_ps(_mm512_set1_ps(high), _mm512_max_ps(_mm512_set1_ps(low), y));
    }
    [[nodiscard]] TERN_INLINE std::uint32_t not_below(const float* limit) const noexcept {
        return _mm512_cmp_ps_mask(y, _mm512_loadu_ps(limit), _CMP_GE_OQ);
    }
    template <rounding R>
    TERN_INLINE void levels(const float* factor, float low, float high, std::int32_t* to) const noexcept {
        const __m512 product = _mm512_mul_ps(y, _mm512_loadu_ps(factor));
        // A NaN comes out of max as a number only in the first operand's place.
        const __m512 inside = _mm512_min_ps(_mm512_max_ps(product, _mm512_set1_ps(low)), _mm512_set1_ps(high));
        constexpr int mode =
            (R == rounding::down ? _MM_FROUND_TO_NEG_INF : _MM_FROUND_TO_NEAREST_INT) | _MM_FROUND_NO_EXC;
        _mm512_storeu_si512(to, _mm512_cvt_roundps_epi32(inside, mode));
    }
};

struct avx512_integers {
    static TERN_INLINE std::uint32_t above(const std::int32_t* a, const std::int32_t* limit) noexcept {
        return _mm512_cmpgt_epi32_mask(_mm512_loadu_si512(a), _mm512_loadu_si512(limit));
    }
    static TERN_INLINE outside outside_of(const std::int32_t* a, const std::int32_t (&lower)[3][16],
                                          const std::int32_t (&upper)[3][16], std::uint32_t second,
                                          std::uint32_t third) noexcept {
        const auto is_second = static_cast<__mmask16>(second);
        const auto is_third = static_cast<__mmask16>(third);
        const auto chosen = [&](const std::int32_t (&limit)[3][16]) TERN_INLINE_LAMBDA {
            const __m512i two =
                _mm512_mask_mov_epi32(_mm512_loadu_si512(limit[0]), is_second, _mm512_loadu_si512(limit[1]));
            return _mm512_mask_mov_epi32(two, is_third, _mm512_loadu_si512(limit[2]));
        };
        const __m512i x = _mm512_loadu_si512(a);
        return {_mm512_cmplt_epi32_mask(x, chosen(lower)), _mm512_cmpgt_epi32_mask(x, chosen(upper))};
    }
    template <int P>
    static TERN_INLINE std::uint32_t plane(const std::int32_t* a) noexcept {
        return _mm512_test_epi32_mask(_mm512_loadu_si512(a), _mm512_set1_epi32(1 << P));
    }
};

avx512_stages stages_of(arch::avx512) noexcept;
avx512_integers integers_of(arch::avx512) noexcept;

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd
