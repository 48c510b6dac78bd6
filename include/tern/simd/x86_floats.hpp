// SPDX-License-Identifier: MIT
// floats.hpp for x86. MAXPS and MINPS answer their second operand where one is NaN.
#pragma once

#include <tern/simd/floats.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_SSE4

// GCC reports the deliberately undefined operands of its own AVX-512 header as if they were the caller's.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

/// What the leaves share: `Leaf` has four-byte lanes in `width`, the others follow.
template <class Leaf>
struct x86_floats {
    static TERN_INLINE std::uint32_t largest(const float* x, std::size_t blocks) noexcept {
        constexpr std::size_t registers = 32 / Leaf::width;
        typename Leaf::integers most[registers];
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA { most[v] = typename Leaf::integers{}; });
        for (std::size_t i = 0; i < blocks; ++i, x += 32) {
            bits::unroll<registers>(
                [&](auto v) TERN_INLINE_LAMBDA { most[v] = Leaf::larger_magnitude(most[v], x + v * Leaf::width); });
        }
        std::uint32_t all[32];
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA { bits::store(all + v * Leaf::width, most[v]); });
        std::uint32_t result = 0;
        for (const std::uint32_t one : all) result = one > result ? one : result;
        return result;
    }
    static TERN_INLINE signs compare(const float* x, const float* lower, const float* upper) noexcept {
        signs s{0, 0};
        bits::unroll<32 / Leaf::width>([&](auto v) TERN_INLINE_LAMBDA {
            constexpr std::size_t at = v * Leaf::width;
            const typename Leaf::reg value = Leaf::load(x + at);
            s.plus |= Leaf::above(value, Leaf::load(upper + at)) << at;
            s.minus |= Leaf::above(Leaf::load(lower + at), value) << at;
        });
        return s;
    }
    static TERN_INLINE signs compare(const float* x, float lower, float upper) noexcept {
        signs s{0, 0};
        bits::unroll<32 / Leaf::width>([&](auto v) TERN_INLINE_LAMBDA {
            constexpr std::size_t at = v * Leaf::width;
            const typename Leaf::reg value = Leaf::load(x + at);
            s.plus |= Leaf::above(value, Leaf::broadcast(upper)) << at;
            s.minus |= Leaf::above(Leaf::broadcast(lower), value) << at;
        });
        return s;
    }
    static TERN_INLINE std::uint32_t not_negative(const float* x) noexcept {
        std::uint32_t mask = 0;
        bits::unroll<32 / Leaf::width>([&](auto v) TERN_INLINE_LAMBDA {
            constexpr std::size_t at = v * Leaf::width;
            mask |= Leaf::not_below(Leaf::load(x + at), Leaf::zero()) << at;
        });
        return mask;
    }
    template <bool Finite>
    static TERN_INLINE void to_bytes(const float* x, float factor, std::int8_t* q) noexcept {
        Leaf::store_bytes(
            q, [&](std::size_t at) TERN_INLINE_LAMBDA { return Leaf::template level<Finite>(x + at, factor); });
    }
    template <std::size_t K, rounding R>
    static TERN_INLINE void to_planes(const float* x, float factor, std::uint32_t (&planes)[K]) noexcept {
        constexpr std::int32_t lowest = R == rounding::down ? -(1 << (K - 1)) : 0;
        constexpr std::int32_t levels = (1 << K) - 1;
        Leaf::template split<K>(
            [&](std::size_t at) TERN_INLINE_LAMBDA {
                return Leaf::template code<R>(x + at, factor, static_cast<float>(lowest),
                                              static_cast<float>(lowest + levels));
            },
            planes);
        // In K bits, adding 2^(K-1) turns the highest over.
        if constexpr (R == rounding::down) planes[K - 1] = ~planes[K - 1];
    }
};

struct sse4_floats : x86_floats<sse4_floats> {
    using reg = __m128;
    using integers = __m128i;
    static constexpr std::size_t width = 4;

    static TERN_INLINE reg zero() noexcept { return _mm_setzero_ps(); }
    static TERN_INLINE reg broadcast(float x) noexcept { return _mm_set1_ps(x); }
    static TERN_INLINE reg load(const float* from) noexcept { return _mm_loadu_ps(from); }
    static TERN_INLINE integers larger_magnitude(integers most, const float* x) noexcept {
        return _mm_max_epi32(most, _mm_and_si128(bits::load<integers>(x), _mm_set1_epi32(0x7fffffff)));
    }
    static TERN_INLINE std::uint32_t above(reg a, reg b) noexcept {
        return static_cast<std::uint32_t>(_mm_movemask_ps(_mm_cmpgt_ps(a, b)));
    }
    static TERN_INLINE std::uint32_t not_below(reg a, reg b) noexcept {
        return static_cast<std::uint32_t>(_mm_movemask_ps(_mm_cmpge_ps(a, b)));
    }
    template <bool Finite>
    static TERN_INLINE __m128i level(const float* x, float factor) noexcept {
        const reg y = _mm_mul_ps(load(x), _mm_set1_ps(factor));
        if constexpr (Finite) return _mm_cvtps_epi32(y);
        const reg number = _mm_and_ps(y, _mm_cmpord_ps(y, y));
        return _mm_cvtps_epi32(_mm_min_ps(_mm_max_ps(number, _mm_set1_ps(-127.0f)), _mm_set1_ps(127.0f)));
    }
    template <rounding R>
    static TERN_INLINE __m128i code(const float* x, float factor, float low, float high) noexcept {
        const reg y = _mm_mul_ps(load(x), _mm_set1_ps(factor));
        const reg inside = _mm_min_ps(_mm_max_ps(y, _mm_set1_ps(low)), _mm_set1_ps(high));
        return _mm_cvtps_epi32(R == rounding::down ? _mm_floor_ps(inside) : inside);
    }
    /// Sixteen integers of a byte each, from `at`.
    template <class Integers>
    static TERN_INLINE __m128i sixteen(const Integers& integers, std::size_t at) noexcept {
        // Signed at first: 0 .. 255 keep their bits, and the second step saturates on neither side.
        const __m128i low = _mm_packs_epi32(integers(at), integers(at + 4));
        const __m128i high = _mm_packs_epi32(integers(at + 8), integers(at + 12));
        const __m128i byte = _mm_set1_epi16(255);
        return _mm_packus_epi16(_mm_and_si128(low, byte), _mm_and_si128(high, byte));
    }
    template <class Integers>
    static TERN_INLINE void store_bytes(std::int8_t* to, const Integers& integers) noexcept {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), sixteen(integers, 0));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), sixteen(integers, 16));
    }
    template <std::size_t K, class Integers>
    static TERN_INLINE void split(const Integers& integers, std::uint32_t (&planes)[K]) noexcept {
        const __m128i low = sixteen(integers, 0);
        const __m128i high = sixteen(integers, 16);
        bits::unroll<K>([&](auto p) TERN_INLINE_LAMBDA {
            planes[p] = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_slli_epi16(low, 7 - static_cast<int>(p)))) |
                        static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_slli_epi16(high, 7 - static_cast<int>(p))))
                            << 16;
        });
    }
};

#if TERN_HAS_AVX2

struct avx2_floats : x86_floats<avx2_floats> {
    using reg = __m256;
    using integers = __m256i;
    static constexpr std::size_t width = 8;

    static TERN_INLINE reg zero() noexcept { return _mm256_setzero_ps(); }
    static TERN_INLINE reg broadcast(float x) noexcept { return _mm256_set1_ps(x); }
    static TERN_INLINE reg load(const float* from) noexcept { return _mm256_loadu_ps(from); }
    static TERN_INLINE integers larger_magnitude(integers most, const float* x) noexcept {
        return _mm256_max_epi32(most, _mm256_and_si256(bits::load<integers>(x), _mm256_set1_epi32(0x7fffffff)));
    }
    static TERN_INLINE std::uint32_t above(reg a, reg b) noexcept {
        return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)));
    }
    static TERN_INLINE std::uint32_t not_below(reg a, reg b) noexcept {
        return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)));
    }
    template <bool Finite>
    static TERN_INLINE __m256i level(const float* x, float factor) noexcept {
        const reg y = _mm256_mul_ps(load(x), _mm256_set1_ps(factor));
        if constexpr (Finite) return _mm256_cvtps_epi32(y);
        const reg number = _mm256_and_ps(y, _mm256_cmp_ps(y, y, _CMP_ORD_Q));
        return _mm256_cvtps_epi32(
            _mm256_min_ps(_mm256_max_ps(number, _mm256_set1_ps(-127.0f)), _mm256_set1_ps(127.0f)));
    }
    template <rounding R>
    static TERN_INLINE __m256i code(const float* x, float factor, float low, float high) noexcept {
        const reg y = _mm256_mul_ps(load(x), _mm256_set1_ps(factor));
        const reg inside = _mm256_min_ps(_mm256_max_ps(y, _mm256_set1_ps(low)), _mm256_set1_ps(high));
        return _mm256_cvtps_epi32(R == rounding::down ? _mm256_floor_ps(inside) : inside);
    }
    template <class Integers>
    static TERN_INLINE __m256i bytes(const Integers& integers) noexcept {
        const __m256i low = _mm256_packs_epi32(integers(0), integers(8));
        const __m256i high = _mm256_packs_epi32(integers(16), integers(24));
        const __m256i byte = _mm256_set1_epi16(255);
        const __m256i lanes = _mm256_packus_epi16(_mm256_and_si256(low, byte), _mm256_and_si256(high, byte));
        return _mm256_permutevar8x32_epi32(lanes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    }
    template <class Integers>
    static TERN_INLINE void store_bytes(std::int8_t* to, const Integers& integers) noexcept {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes(integers));
    }
    template <std::size_t K, class Integers>
    static TERN_INLINE void split(const Integers& integers, std::uint32_t (&planes)[K]) noexcept {
        const __m256i codes = bytes(integers);
        bits::unroll<K>([&](auto p) TERN_INLINE_LAMBDA {
            planes[p] =
                static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_slli_epi16(codes, 7 - static_cast<int>(p))));
        });
    }
};

#endif  // TERN_HAS_AVX2

#if TERN_HAS_AVX512

/// Comparisons give bits at once, and so does a test of one bit a byte.
struct avx512_floats : x86_floats<avx512_floats> {
    using reg = __m512;
    using integers = __m512i;
    static constexpr std::size_t width = 16;

    static TERN_INLINE reg zero() noexcept { return _mm512_setzero_ps(); }
    static TERN_INLINE reg broadcast(float x) noexcept { return _mm512_set1_ps(x); }
    static TERN_INLINE reg load(const float* from) noexcept { return _mm512_loadu_ps(from); }
    static TERN_INLINE integers larger_magnitude(integers most, const float* x) noexcept {
        return _mm512_max_epi32(most, _mm512_and_si512(bits::load<integers>(x), _mm512_set1_epi32(0x7fffffff)));
    }
    static TERN_INLINE std::uint32_t above(reg a, reg b) noexcept { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
    static TERN_INLINE std::uint32_t not_below(reg a, reg b) noexcept { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
    template <bool Finite>
    static TERN_INLINE __m128i level(const float* x, float factor) noexcept {
        const reg y = _mm512_mul_ps(load(x), _mm512_set1_ps(factor));
        if constexpr (Finite) return _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(y));
        const reg number = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(y, y, _CMP_ORD_Q), y);
        return _mm512_cvtepi32_epi8(
            _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(number, _mm512_set1_ps(-127.0f)), _mm512_set1_ps(127.0f))));
    }
    template <rounding R>
    static TERN_INLINE __m128i code(const float* x, float factor, float low, float high) noexcept {
        const reg y = _mm512_mul_ps(load(x), _mm512_set1_ps(factor));
        const reg inside = _mm512_min_ps(_mm512_max_ps(y, _mm512_set1_ps(low)), _mm512_set1_ps(high));
        if constexpr (R == rounding::down)
            return _mm512_cvtepi32_epi8(_mm512_cvt_roundps_epi32(inside, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC));
        else
            return _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(inside));
    }
    template <class Integers>
    static TERN_INLINE void store_bytes(std::int8_t* to, const Integers& integers) noexcept {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), integers(0));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), integers(16));
    }
    template <std::size_t K, class Integers>
    static TERN_INLINE void split(const Integers& integers, std::uint32_t (&planes)[K]) noexcept {
        const __m256i codes = _mm256_inserti128_si256(_mm256_castsi128_si256(integers(0)), integers(16), 1);
        bits::unroll<K>([&](auto p) TERN_INLINE_LAMBDA {
            planes[p] = _mm256_test_epi8_mask(codes, _mm256_set1_epi8(static_cast<char>(1u << p)));
        });
    }
};

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_SSE4
