// SPDX-License-Identifier: MIT
// streams.hpp for x86.
#pragma once

#include <tern/simd/streams.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_AVX2

// GCC reports the deliberately undefined operands of its own AVX-512 header as if they were the caller's.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

/// What the leaves share: `Leaf` has four-byte lanes in `width` and half as many doubles.
template <class Leaf, std::size_t Width>
struct x86_streams {
    static constexpr std::size_t block = 16;
    static constexpr std::size_t registers = block / Width;
    static constexpr std::size_t wide_registers = 2 * registers;

    static TERN_INLINE auto zero() noexcept {
        typename Leaf::sums total;
        bits::unroll<wide_registers>([&](auto v) TERN_INLINE_LAMBDA { total.s[v] = Leaf::no_sum(); });
        return total;
    }
    template <term T, class Sums>
    static TERN_INLINE void add(Sums& total, const float* x, double p) noexcept {
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
            const auto chosen = Leaf::template chosen<T>(x + v * Width, p);
            total.s[2 * v] += Leaf::template widened<T>(Leaf::low(chosen), p);
            total.s[2 * v + 1] += Leaf::template widened<T>(Leaf::high(chosen), p);
        });
    }
    static TERN_INLINE void prefetch(const float* x) noexcept {
        _mm_prefetch(reinterpret_cast<const char*>(x), _MM_HINT_T1);
    }
    static TERN_INLINE auto load(const double* from) noexcept {
        typename Leaf::sums total;
        std::memcpy(total.s, from, sizeof total.s);
        return total;
    }
    template <class Sums>
    static TERN_INLINE void store(const Sums& total, double* to) noexcept {
        std::memcpy(to, total.s, sizeof total.s);
    }

    static TERN_INLINE void choose(const float* x, float lower, float upper, float low, float middle, float high,
                                   float* to) noexcept {
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
            Leaf::choose_register(x + v * Width, lower, upper, low, middle, high, to + v * Width);
        });
    }
    static TERN_INLINE void gate(const float* x, float low, float high, const float* gradient, float factor,
                                 float* to) noexcept {
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
            Leaf::gate_register(x + v * Width, low, high, gradient + v * Width, factor, to + v * Width);
        });
    }
};

struct avx2_streams : x86_streams<avx2_streams, 8> {
    struct sums {
        __m256d s[wide_registers];
    };
    static TERN_INLINE __m256d no_sum() noexcept { return _mm256_setzero_pd(); }
    static TERN_INLINE __m128 low(__m256 x) noexcept { return _mm256_castps256_ps128(x); }
    static TERN_INLINE __m128 high(__m256 x) noexcept { return _mm256_extractf128_ps(x, 1); }
    template <term T>
    static TERN_INLINE __m256 chosen(const float* x, double p) noexcept {
        const __m256 value = _mm256_loadu_ps(x);
        const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), value);
        if constexpr (T == term::above || T == term::count) {
            const __m256 above = _mm256_cmp_ps(size, _mm256_set1_ps(static_cast<float>(p)), _CMP_GT_OQ);
            return _mm256_and_ps(above, T == term::count ? _mm256_set1_ps(1.0f) : size);
        }
        return T == term::magnitude ? size : value;
    }
    template <term T>
    static TERN_INLINE __m256d widened(__m128 x, double p) noexcept {
        const __m256d value = _mm256_cvtps_pd(x);
        if constexpr (T != term::distance && T != term::square) return value;
        const __m256d d = _mm256_sub_pd(value, _mm256_set1_pd(p));
        return T == term::square ? _mm256_mul_pd(d, d) : _mm256_andnot_pd(_mm256_set1_pd(-0.0), d);
    }
    static TERN_INLINE void choose_register(const float* x, float lower, float upper, float low, float middle,
                                            float high, float* to) noexcept {
        const __m256 value = _mm256_loadu_ps(x);
        const __m256 not_above = _mm256_blendv_ps(_mm256_set1_ps(middle), _mm256_set1_ps(low),
                                                  _mm256_cmp_ps(value, _mm256_set1_ps(lower), _CMP_LT_OQ));
        _mm256_storeu_ps(to, _mm256_blendv_ps(not_above, _mm256_set1_ps(high),
                                              _mm256_cmp_ps(value, _mm256_set1_ps(upper), _CMP_GT_OQ)));
    }
    static TERN_INLINE void gate_register(const float* x, float low, float high, const float* gradient, float factor,
                                          float* to) noexcept {
        const __m256 value = _mm256_loadu_ps(x);
        const __m256 inside = _mm256_and_ps(_mm256_cmp_ps(value, _mm256_set1_ps(low), _CMP_GE_OQ),
                                            _mm256_cmp_ps(value, _mm256_set1_ps(high), _CMP_LE_OQ));
        _mm256_storeu_ps(to, _mm256_and_ps(inside, _mm256_mul_ps(_mm256_loadu_ps(gradient), _mm256_set1_ps(factor))));
    }
};

#if TERN_HAS_AVX512

struct avx512_streams : x86_streams<avx512_streams, 16> {
    struct sums {
        __m512d s[wide_registers];
    };
    static TERN_INLINE __m512d no_sum() noexcept { return _mm512_setzero_pd(); }
    static TERN_INLINE __m256 low(__m512 x) noexcept { return _mm512_castps512_ps256(x); }
    static TERN_INLINE __m256 high(__m512 x) noexcept { return _mm512_extractf32x8_ps(x, 1); }
    template <term T>
    static TERN_INLINE __m512 chosen(const float* x, double p) noexcept {
        const __m512 value = _mm512_loadu_ps(x);
        const __m512 size = _mm512_abs_ps(value);
        if constexpr (T == term::above || T == term::count) {
            const __mmask16 above = _mm512_cmp_ps_mask(size, _mm512_set1_ps(static_cast<float>(p)), _CMP_GT_OQ);
            return _mm512_maskz_mov_ps(above, T == term::count ? _mm512_set1_ps(1.0f) : size);
        }
        return T == term::magnitude ? size : value;
    }
    template <term T>
    static TERN_INLINE __m512d widened(__m256 x, double p) noexcept {
        const __m512d value = _mm512_cvtps_pd(x);
        if constexpr (T != term::distance && T != term::square) return value;
        const __m512d d = _mm512_sub_pd(value, _mm512_set1_pd(p));
        return T == term::square ? _mm512_mul_pd(d, d) : _mm512_abs_pd(d);
    }
    static TERN_INLINE void choose_register(const float* x, float lower, float upper, float low, float middle,
                                            float high, float* to) noexcept {
        const __m512 value = _mm512_loadu_ps(x);
        const __m512 not_above = _mm512_mask_blend_ps(_mm512_cmp_ps_mask(value, _mm512_set1_ps(lower), _CMP_LT_OQ),
                                                      _mm512_set1_ps(middle), _mm512_set1_ps(low));
        _mm512_storeu_ps(to, _mm512_mask_blend_ps(_mm512_cmp_ps_mask(value, _mm512_set1_ps(upper), _CMP_GT_OQ),
                                                  not_above, _mm512_set1_ps(high)));
    }
    static TERN_INLINE void gate_register(const float* x, float low, float high, const float* gradient, float factor,
                                          float* to) noexcept {
        const __m512 value = _mm512_loadu_ps(x);
        const __mmask16 inside = _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(value, _mm512_set1_ps(low), _CMP_GE_OQ),
                                                         value, _mm512_set1_ps(high), _CMP_LE_OQ);
        _mm512_storeu_ps(to, _mm512_maskz_mul_ps(inside, _mm512_loadu_ps(gradient), _mm512_set1_ps(factor)));
    }
};

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_AVX2
