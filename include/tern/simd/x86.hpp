// SPDX-License-Identifier: MIT
// x86 registers. The only file that includes <immintrin.h>.
#pragma once

#include <tern/simd/scalar.hpp>

#if TERN_HAS_SSE4

// GCC reports the deliberately undefined operands of its own AVX-512 header as if they were the caller's.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

namespace tern::simd {

/// `keep` of the registers below.
template <class Register>
TERN_INLINE void pin(Register& x) noexcept {
#if defined(__GNUC__) && TERN_HAS_AVX512
    asm volatile("" : "+v"(x));
#elif defined(__GNUC__)
    asm volatile("" : "+x"(x));
#else
    static_cast<void>(x);
#endif
}

template <class Register>
TERN_INLINE void pin_logic(Register& x) noexcept {
#if !defined(__clang__)
    pin(x);
#else
    static_cast<void>(x);
#endif
}

/// sum += x. GCC would add into the register of x and copy that back, once for every sum of a tile.
#if defined(__GNUC__) && !defined(__clang__) && TERN_HAS_AVX2
template <class Register>
TERN_INLINE void add_bytes(Register& sum, Register x) noexcept {
    asm("vpaddb %1, %0, %0" : "+v"(sum) : "v"(x));
}
#elif TERN_HAS_AVX2
TERN_INLINE void add_bytes(__m256i& sum, __m256i x) noexcept { sum = _mm256_add_epi8(sum, x); }
#if TERN_HAS_AVX512
TERN_INLINE void add_bytes(__m512i& sum, __m512i x) noexcept { sum = _mm512_add_epi8(sum, x); }
#endif
#endif
#if defined(__clang__) || !TERN_HAS_AVX2
TERN_INLINE void add_bytes(__m128i& sum, __m128i x) noexcept { sum = _mm_add_epi8(sum, x); }
#endif

#if TERN_HAS_AVX2
/// Indices that stay an operand in memory: a compiler would load them once, and spill.
TERN_INLINE __m256i shuffle_from_memory(__m256i table, const std::uint8_t* index) noexcept {
#if defined(__GNUC__)
    __m256i found;
    asm("vpshufb %2, %1, %0" : "=x"(found) : "x"(table), "m"(*reinterpret_cast<const __m256i_u*>(index)));
    return found;
#else
    return _mm256_shuffle_epi8(table, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index)));
#endif
}
#endif

/// 128 bits. Bits are counted by looking up both nibbles of every byte.
struct sse4_lanes {
    using reg = __m128i;
    static constexpr std::size_t width = 4;
    static constexpr std::size_t fold_every = 31;

    static TERN_INLINE reg zero() noexcept { return _mm_setzero_si128(); }
    static TERN_INLINE reg load(const std::uint32_t* from) noexcept {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    }
    static TERN_INLINE reg broadcast(std::uint32_t x) noexcept { return _mm_set1_epi32(static_cast<int>(x)); }
    static TERN_INLINE void store(std::int32_t* to, reg x) noexcept {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), x);
    }
    static TERN_INLINE reg and_(reg a, reg b) noexcept { return _mm_and_si128(a, b); }
    static TERN_INLINE reg xor_(reg a, reg b) noexcept { return _mm_xor_si128(a, b); }
    static TERN_INLINE reg and_not(reg a, reg b) noexcept { return _mm_andnot_si128(b, a); }
    static TERN_INLINE reg and_xor(reg mask, reg a, reg b) noexcept { return and_(mask, xor_(a, b)); }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return _mm_add_epi32(a, b); }
    static TERN_INLINE reg sub(reg a, reg b) noexcept { return _mm_sub_epi32(a, b); }
    static TERN_INLINE reg or_(reg a, reg b) noexcept { return _mm_or_si128(a, b); }
    static TERN_INLINE reg shift_left(reg x, int n) noexcept { return _mm_sll_epi32(x, _mm_cvtsi32_si128(n)); }
    static TERN_INLINE reg shift_right(reg x, int n) noexcept { return _mm_srl_epi32(x, _mm_cvtsi32_si128(n)); }
    static TERN_INLINE reg count(reg x) noexcept {
        const reg table = _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
        const reg nibble = _mm_set1_epi8(15);
        const reg low = _mm_shuffle_epi8(table, and_(x, nibble));
        const reg high = _mm_shuffle_epi8(table, and_(_mm_srli_epi16(x, 4), nibble));
        return _mm_add_epi8(low, high);
    }
    static TERN_INLINE reg fold(reg x) noexcept {
        return _mm_madd_epi16(_mm_maddubs_epi16(x, _mm_set1_epi8(1)), _mm_set1_epi16(1));
    }
    static TERN_INLINE void keep(reg& x) noexcept { pin(x); }
    static TERN_INLINE void keep_logic(reg& x) noexcept { pin_logic(x); }
};

#if TERN_HAS_AVX2

/// The same in 256 bits.
struct avx2_lanes {
    using reg = __m256i;
    static constexpr std::size_t width = 8;
    static constexpr std::size_t fold_every = 31;

    static TERN_INLINE reg zero() noexcept { return _mm256_setzero_si256(); }
    static TERN_INLINE reg load(const std::uint32_t* from) noexcept {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    }
    static TERN_INLINE reg broadcast(std::uint32_t x) noexcept { return _mm256_set1_epi32(static_cast<int>(x)); }
    static TERN_INLINE void store(std::int32_t* to, reg x) noexcept {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), x);
    }
    static TERN_INLINE reg and_(reg a, reg b) noexcept { return _mm256_and_si256(a, b); }
    static TERN_INLINE reg xor_(reg a, reg b) noexcept { return _mm256_xor_si256(a, b); }
    static TERN_INLINE reg and_not(reg a, reg b) noexcept { return _mm256_andnot_si256(b, a); }
    static TERN_INLINE reg and_xor(reg mask, reg a, reg b) noexcept { return and_(mask, xor_(a, b)); }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return _mm256_add_epi32(a, b); }
    static TERN_INLINE reg sub(reg a, reg b) noexcept { return _mm256_sub_epi32(a, b); }
    static TERN_INLINE reg or_(reg a, reg b) noexcept { return _mm256_or_si256(a, b); }
    static TERN_INLINE reg shift_left(reg x, int n) noexcept { return _mm256_sll_epi32(x, _mm_cvtsi32_si128(n)); }
    static TERN_INLINE reg shift_right(reg x, int n) noexcept { return _mm256_srl_epi32(x, _mm_cvtsi32_si128(n)); }
    static TERN_INLINE reg count(reg x) noexcept {
        const reg table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                           0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
        const reg nibble = _mm256_set1_epi8(15);
        const reg low = _mm256_shuffle_epi8(table, and_(x, nibble));
        const reg high = _mm256_shuffle_epi8(table, and_(_mm256_srli_epi16(x, 4), nibble));
        return _mm256_add_epi8(low, high);
    }
    static TERN_INLINE reg fold(reg x) noexcept {
        return _mm256_madd_epi16(_mm256_maddubs_epi16(x, _mm256_set1_epi8(1)), _mm256_set1_epi16(1));
    }
    static TERN_INLINE void keep(reg& x) noexcept { pin(x); }
    static TERN_INLINE void keep_logic(reg& x) noexcept { pin_logic(x); }
};

#endif  // TERN_HAS_AVX2

#if TERN_HAS_AVX512

/// 512 bits without a population count: the nibble table of AVX2, twice as wide.
struct avx512_lanes {
    using reg = __m512i;
    static constexpr std::size_t width = 16;
    static constexpr std::size_t fold_every = 31;

    static TERN_INLINE reg zero() noexcept { return _mm512_setzero_si512(); }
    static TERN_INLINE reg load(const std::uint32_t* from) noexcept { return _mm512_loadu_si512(from); }
    static TERN_INLINE reg broadcast(std::uint32_t x) noexcept { return _mm512_set1_epi32(static_cast<int>(x)); }
    static TERN_INLINE void store(std::int32_t* to, reg x) noexcept { _mm512_storeu_si512(to, x); }
    static TERN_INLINE reg and_(reg a, reg b) noexcept { return _mm512_and_si512(a, b); }
    static TERN_INLINE reg xor_(reg a, reg b) noexcept { return _mm512_xor_si512(a, b); }
    static TERN_INLINE reg and_not(reg a, reg b) noexcept { return _mm512_ternarylogic_epi32(a, a, b, 0x44); }
    static TERN_INLINE reg and_xor(reg mask, reg a, reg b) noexcept {
        return _mm512_ternarylogic_epi32(mask, a, b, 0x60);
    }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return _mm512_add_epi32(a, b); }
    static TERN_INLINE reg sub(reg a, reg b) noexcept { return _mm512_sub_epi32(a, b); }
    static TERN_INLINE reg or_(reg a, reg b) noexcept { return _mm512_or_si512(a, b); }
    static TERN_INLINE reg shift_left(reg x, int n) noexcept { return _mm512_sll_epi32(x, _mm_cvtsi32_si128(n)); }
    static TERN_INLINE reg shift_right(reg x, int n) noexcept { return _mm512_srl_epi32(x, _mm_cvtsi32_si128(n)); }
    static TERN_INLINE reg count(reg x) noexcept {
        const reg table = _mm512_set4_epi32(0x04030302, 0x03020201, 0x03020201, 0x02010100);
        const reg nibble = _mm512_set1_epi8(15);
        const reg low = _mm512_shuffle_epi8(table, and_(x, nibble));
        const reg high = _mm512_shuffle_epi8(table, and_(_mm512_srli_epi16(x, 4), nibble));
        return _mm512_add_epi8(low, high);
    }
    static TERN_INLINE reg fold(reg x) noexcept {
        return _mm512_madd_epi16(_mm512_maddubs_epi16(x, _mm512_set1_epi8(1)), _mm512_set1_epi16(1));
    }
    static TERN_INLINE void keep(reg& x) noexcept { pin(x); }
    static TERN_INLINE void keep_logic(reg& x) noexcept { pin_logic(x); }
};

#endif  // TERN_HAS_AVX512

#if TERN_HAS_AVX512_VPOPCNTDQ

/// 512 bits with VPOPCNTD: counts are whole numbers from the start.
struct avx512_vpopcntdq_lanes : avx512_lanes {
    static constexpr std::size_t fold_every = 0;

    static TERN_INLINE reg count(reg x) noexcept { return _mm512_popcnt_epi32(x); }
    /// Into the first: GCC would add into the register of the second and copy that back.
    static TERN_INLINE reg add(reg a, reg b) noexcept {
#if defined(__GNUC__) && !defined(__clang__)
        asm("vpaddd %1, %0, %0" : "+v"(a) : "v"(b));
        return a;
#else
        return _mm512_add_epi32(a, b);
#endif
    }
    static TERN_INLINE reg fold(reg x) noexcept { return x; }
};

#endif  // TERN_HAS_AVX512_VPOPCNTDQ

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_SSE4
