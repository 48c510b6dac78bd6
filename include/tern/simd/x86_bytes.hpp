// SPDX-License-Identifier: MIT
// Dot products of bytes on x86: vpmaddubsw into 16-bit sums, or vpdpbusd.
#pragma once

#include <tern/simd/bytes.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_SSE4

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

// Sums in the lanes that the arithmetic has: GCC copies accumulators that change their type between two instructions.
#if defined(__GNUC__)
using sums_16x8 = short __attribute__((vector_size(16)));
using sums_16x16 = short __attribute__((vector_size(32)));
using sums_16x32 = short __attribute__((vector_size(64)));
using sums_32x16 = int __attribute__((vector_size(64)));
#else
using sums_16x8 = __m128i;
using sums_16x16 = __m256i;
using sums_16x32 = __m512i;
using sums_32x16 = __m512i;
#endif

/// A register that is loaded once: left to itself, GCC reads codes again for each of their fields.
template <class Reg>
TERN_INLINE Reg keep_in_register(Reg r) noexcept {
#if defined(__GNUC__) && !defined(__clang__)
#if TERN_HAS_AVX512
    asm("" : "+v"(r));
#else
    asm("" : "+x"(r));
#endif
#endif
    return r;
}

/// What all of them share. A pair of products is at most 2 * (2^Bits - 1) * 128 in magnitude: 42 pairs with codes, 127
/// with bits fit 16 bits.
struct x86_bytes {
    static constexpr bool moves_fields = true;
    static constexpr bool transposes = true;
    template <int Bits>
    static constexpr std::size_t fold_every = 32767 / (256 * ((1 << Bits) - 1));

    /// to[4 j + i] = from[8 i + j], i < 4, j < 8.
    static TERN_INLINE void transpose(const std::int8_t* from, std::int8_t* to) noexcept {
        const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 16));
        const __m128i low = _mm_unpacklo_epi8(a, _mm_srli_si128(a, 8));
        const __m128i high = _mm_unpacklo_epi8(b, _mm_srli_si128(b, 8));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_unpacklo_epi16(low, high));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), _mm_unpackhi_epi16(low, high));
    }
};

/// 128 bits.
struct sse4_bytes : x86_bytes {
    using codes = __m128i;
    using activations = __m128i;
    using sums = sums_16x8;
    using reg = __m128i;
    static constexpr std::size_t width = 4;
    static constexpr bool many_registers = false;

    static TERN_INLINE reg load(const void* from) noexcept {
        return keep_in_register(_mm_loadu_si128(static_cast<const __m128i*>(from)));
    }
    static TERN_INLINE reg splat(std::uint8_t byte) noexcept { return _mm_set1_epi8(static_cast<char>(byte)); }
    static TERN_INLINE reg broadcast(const std::int8_t* from) noexcept {
        return _mm_set1_epi32(bits::load<std::int32_t>(from));
    }
    static TERN_INLINE reg bit_activations(const std::int8_t* from, std::size_t j) noexcept {
        return broadcast(from + 4 * j);
    }
    static TERN_INLINE reg load_bytes(const std::int8_t* from) noexcept { return load(from); }
    static TERN_INLINE sums zero() noexcept { return sums(_mm_setzero_si128()); }
    template <int Bits, int Shift>
    static TERN_INLINE reg field(reg c) noexcept {
        return _mm_and_si128(Shift == 0 ? c : _mm_srli_epi16(c, Shift), _mm_set1_epi8((1 << Bits) - 1));
    }
    static TERN_INLINE sums dot(sums s, reg c, reg a) noexcept {
        return sums(_mm_add_epi16(reg(s), _mm_maddubs_epi16(c, a)));
    }
    template <int Shift>
    static TERN_INLINE reg fold(sums s) noexcept {
        return _mm_madd_epi16(reg(s), _mm_set1_epi16(1));
    }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return _mm_add_epi32(a, b); }
    static TERN_INLINE void fill(std::int32_t* to, std::int32_t x) noexcept {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_set1_epi32(x));
    }
    static TERN_INLINE void add_to(std::int32_t* to, reg s) noexcept {
        auto* const at = reinterpret_cast<__m128i*>(to);
        _mm_storeu_si128(at, _mm_add_epi32(_mm_loadu_si128(at), s));
    }
    static TERN_INLINE std::int32_t total(reg s) noexcept {
        s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
        s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
        return _mm_cvtsi128_si32(s);
    }
};

#if TERN_HAS_AVX2

/// 256 bits.
struct avx2_bytes : x86_bytes {
    using codes = __m256i;
    using activations = __m256i;
    using sums = sums_16x16;
    using reg = __m256i;
    static constexpr std::size_t width = 8;
    static constexpr bool many_registers = false;

    static TERN_INLINE reg load(const void* from) noexcept {
        return keep_in_register(_mm256_loadu_si256(static_cast<const __m256i*>(from)));
    }
    static TERN_INLINE reg splat(std::uint8_t byte) noexcept { return _mm256_set1_epi8(static_cast<char>(byte)); }
    static TERN_INLINE reg broadcast(const std::int8_t* from) noexcept {
        return _mm256_set1_epi32(bits::load<std::int32_t>(from));
    }
    static TERN_INLINE reg bit_activations(const std::int8_t* from, std::size_t j) noexcept {
        return broadcast(from + 4 * j);
    }
    static TERN_INLINE reg load_bytes(const std::int8_t* from) noexcept { return load(from); }
    static TERN_INLINE sums zero() noexcept { return sums(_mm256_setzero_si256()); }
    template <int Bits, int Shift>
    static TERN_INLINE reg field(reg c) noexcept {
        return _mm256_and_si256(Shift == 0 ? c : _mm256_srli_epi16(c, Shift), _mm256_set1_epi8((1 << Bits) - 1));
    }
    static TERN_INLINE sums dot(sums s, reg c, reg a) noexcept {
        return sums(_mm256_add_epi16(reg(s), _mm256_maddubs_epi16(c, a)));
    }
    template <int Shift>
    static TERN_INLINE reg fold(sums s) noexcept {
        return _mm256_madd_epi16(reg(s), _mm256_set1_epi16(1));
    }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return _mm256_add_epi32(a, b); }
    static TERN_INLINE void fill(std::int32_t* to, std::int32_t x) noexcept {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_set1_epi32(x));
    }
    static TERN_INLINE void add_to(std::int32_t* to, reg s) noexcept {
        auto* const at = reinterpret_cast<__m256i*>(to);
        _mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at), s));
    }
    static TERN_INLINE std::int32_t total(reg s) noexcept {
        return sse4_bytes::total(_mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1)));
    }
};

#endif  // TERN_HAS_AVX2

#if TERN_HAS_AVX512

/// 512 bits.
struct avx512_bytes : x86_bytes {
    using codes = __m512i;
    using activations = __m512i;
    using sums = sums_16x32;
    using reg = __m512i;
    static constexpr std::size_t width = 16;
    static constexpr bool many_registers = true;

    static TERN_INLINE reg load(const void* from) noexcept { return keep_in_register(_mm512_loadu_si512(from)); }
    static TERN_INLINE reg splat(std::uint8_t byte) noexcept { return _mm512_set1_epi8(static_cast<char>(byte)); }
    static TERN_INLINE reg broadcast(const std::int8_t* from) noexcept {
        return _mm512_set1_epi32(bits::load<std::int32_t>(from));
    }
    static TERN_INLINE reg bit_activations(const std::int8_t* from, std::size_t j) noexcept {
        return broadcast(from + 4 * j);
    }
    static TERN_INLINE reg load_bytes(const std::int8_t* from) noexcept { return load(from); }
    static TERN_INLINE sums zero() noexcept { return sums(_mm512_setzero_si512()); }
    template <int Bits, int Shift>
    static TERN_INLINE reg field(reg c) noexcept {
        return _mm512_and_si512(Shift == 0 ? c : _mm512_srli_epi16(c, Shift), _mm512_set1_epi8((1 << Bits) - 1));
    }
    static TERN_INLINE sums dot(sums s, reg c, reg a) noexcept {
        return sums(_mm512_add_epi16(reg(s), _mm512_maddubs_epi16(c, a)));
    }
    template <int Shift>
    static TERN_INLINE reg fold(sums s) noexcept {
        return _mm512_madd_epi16(reg(s), _mm512_set1_epi16(1));
    }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return _mm512_add_epi32(a, b); }
    static TERN_INLINE void fill(std::int32_t* to, std::int32_t x) noexcept {
        _mm512_storeu_si512(to, _mm512_set1_epi32(x));
    }
    static TERN_INLINE void add_to(std::int32_t* to, reg s) noexcept {
        _mm512_storeu_si512(to, _mm512_add_epi32(_mm512_loadu_si512(to), s));
    }
    static TERN_INLINE std::int32_t total(reg s) noexcept { return _mm512_reduce_add_epi32(s); }
};

#endif  // TERN_HAS_AVX512

#if TERN_HAS_AVX512_VNNI

/// 512 bits with dot products into 32 bits. Fields stay where they are, and their factor 2^Shift is taken off the sum:
/// a call adds at most 4 * 192 * 128 = 98304, so 16384 of them fit.
struct avx512_vnni_bytes : avx512_bytes {
    static constexpr bool moves_fields = false;
    template <int Bits>
    static constexpr std::size_t fold_every = 16384;

    using sums = sums_32x16;

    static TERN_INLINE sums zero() noexcept { return sums(_mm512_setzero_si512()); }
    template <int Bits, int Shift>
    static TERN_INLINE reg field(reg c) noexcept {
        return _mm512_and_si512(c, _mm512_set1_epi32(static_cast<int>(((1u << Bits) - 1u) * (0x01010101u << Shift))));
    }
    static TERN_INLINE sums dot(sums s, reg c, reg a) noexcept { return sums(_mm512_dpbusd_epi32(reg(s), c, a)); }
    template <int Shift>
    static TERN_INLINE reg fold(sums s) noexcept {
        return _mm512_srai_epi32(reg(s), Shift);
    }
};

#endif  // TERN_HAS_AVX512_VNNI

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_SSE4
