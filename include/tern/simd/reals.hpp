// SPDX-License-Identifier: MIT
// Sixteen reconstructed outputs: the arithmetic of epilogue.hpp for one row of one panel. Every version computes the
// same bits; see there why fused multiplications do no harm.
#pragma once

#include <tern/simd/scalar.hpp>
#include <tern/simd/x86.hpp>

namespace tern::simd {

/// The weights' side of 16 outputs: y = float((scale u + offset v) + bias), u = float(g_x acc + b_x sums), clamped.
struct output_terms {
    double scale[16];
    double offset[16];
    double sums[16];
    float bias[16];
    float low;
    float high;
};

/// The activations' side of one row: g_x, b_x and v.
struct row_terms {
    double scale;
    double offset;
    double v;
};

/// Sixteen floats in memory, for architectures whose compilers make good code of plain loops.
struct reals {
    float y[16];

    static TERN_INLINE double term(const std::int32_t* acc, const output_terms& w, const row_terms& x, int i) noexcept {
        const auto u = static_cast<double>(static_cast<float>(x.scale * acc[i] + x.offset * w.sums[i]));
        return w.scale[i] * u + w.offset[i] * x.v;
    }
    static TERN_INLINE float finish(double total, const output_terms& w, int i) noexcept {
        const auto sum = static_cast<float>(total + static_cast<double>(w.bias[i]));
        const float above = sum < w.low ? w.low : sum;
        return above > w.high ? w.high : above;
    }
    static TERN_INLINE reals reconstruct(const std::int32_t* acc, const output_terms& w, const row_terms& x) noexcept {
        reals r;
        for (int i = 0; i < 16; ++i) r.y[i] = finish(term(acc, w, x, i), w, i);
        return r;
    }
    TERN_INLINE void store(float* to) const noexcept { std::memcpy(to, y, sizeof y); }
    /// Bit i: y[i] > limit[i]; false where either is NaN.
    [[nodiscard]] TERN_INLINE std::uint32_t above(const float* limit) const noexcept {
        std::uint32_t mask = 0;
        for (int i = 0; i < 16; ++i) mask |= (y[i] > limit[i] ? 1u : 0u) << i;
        return mask;
    }
    /// Bit i: y[i] < limit[i].
    [[nodiscard]] TERN_INLINE std::uint32_t below(const float* limit) const noexcept {
        std::uint32_t mask = 0;
        for (int i = 0; i < 16; ++i) mask |= (y[i] < limit[i] ? 1u : 0u) << i;
        return mask;
    }
};

/// Which of them an architecture uses; only the types matter.
reals reals_of(arch::scalar) noexcept;

#if TERN_HAS_AVX2

struct avx2_reals : reals {
    static TERN_INLINE avx2_reals reconstruct(const std::int32_t* acc, const output_terms& w,
                                              const row_terms& x) noexcept {
        return {reals::reconstruct(acc, w, x)};
    }
    template <int Predicate>
    [[nodiscard]] TERN_INLINE std::uint32_t compare(const float* limit) const noexcept {
        const __m256 low = _mm256_cmp_ps(_mm256_loadu_ps(y), _mm256_loadu_ps(limit), Predicate);
        const __m256 high = _mm256_cmp_ps(_mm256_loadu_ps(y + 8), _mm256_loadu_ps(limit + 8), Predicate);
        return static_cast<std::uint32_t>(_mm256_movemask_ps(low)) |
               static_cast<std::uint32_t>(_mm256_movemask_ps(high)) << 8;
    }
    [[nodiscard]] TERN_INLINE std::uint32_t above(const float* limit) const noexcept {
        return compare<_CMP_GT_OQ>(limit);
    }
    [[nodiscard]] TERN_INLINE std::uint32_t below(const float* limit) const noexcept {
        return compare<_CMP_LT_OQ>(limit);
    }
};

avx2_reals reals_of(arch::avx2) noexcept;

#endif  // TERN_HAS_AVX2

#if TERN_HAS_AVX512

struct avx512_reals {
    __m512 y;

    static TERN_INLINE __m256 half(const std::int32_t* acc, const output_terms& w, const row_terms& x, int i) noexcept {
        const __m512d product = _mm512_mul_pd(
            _mm512_cvtepi32_pd(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(acc + i))), _mm512_set1_pd(x.scale));
        const __m512d shift = _mm512_mul_pd(_mm512_loadu_pd(w.sums + i), _mm512_set1_pd(x.offset));
        const __m512d u = _mm512_cvtps_pd(_mm512_cvtpd_ps(_mm512_add_pd(product, shift)));
        const __m512d term = _mm512_add_pd(_mm512_mul_pd(_mm512_loadu_pd(w.scale + i), u),
                                           _mm512_mul_pd(_mm512_loadu_pd(w.offset + i), _mm512_set1_pd(x.v)));
        return _mm512_cvtpd_ps(_mm512_add_pd(term, _mm512_cvtps_pd(_mm256_loadu_ps(w.bias + i))));
    }
    static TERN_INLINE avx512_reals reconstruct(const std::int32_t* acc, const output_terms& w,
                                                const row_terms& x) noexcept {
        const __m512 sum = _mm512_insertf32x8(_mm512_castps256_ps512(half(acc, w, x, 0)), half(acc, w, x, 8), 1);
        // A NaN comes out of max and min as a number only in the first operand's place.
        return {_mm512_min_ps(_mm512_set1_ps(w.high), _mm512_max_ps(_mm512_set1_ps(w.low), sum))};
    }
    TERN_INLINE void store(float* to) const noexcept { _mm512_storeu_ps(to, y); }
    [[nodiscard]] TERN_INLINE std::uint32_t above(const float* limit) const noexcept {
        return _mm512_cmp_ps_mask(y, _mm512_loadu_ps(limit), _CMP_GT_OQ);
    }
    [[nodiscard]] TERN_INLINE std::uint32_t below(const float* limit) const noexcept {
        return _mm512_cmp_ps_mask(y, _mm512_loadu_ps(limit), _CMP_LT_OQ);
    }
};

avx512_reals reals_of(arch::avx512) noexcept;

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd
