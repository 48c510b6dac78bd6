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

/// 128 bits. A pair of products is at most 2 * 3 * 128 = 768 in magnitude, so 42 of them fit 16 bits.
struct sse4_bytes {
    using codes = __m128i;
    using activations = __m128i;
    using sums = __m128i;
    using reg = __m128i;
    static constexpr std::size_t width = 4;
    static constexpr std::size_t fold_every = 42;

    static TERN_INLINE reg load(const void* from) noexcept {
        return _mm_loadu_si128(static_cast<const __m128i*>(from));
    }
    static TERN_INLINE reg splat(std::uint8_t byte) noexcept { return _mm_set1_epi8(static_cast<char>(byte)); }
    static TERN_INLINE reg broadcast(const std::int8_t* from) noexcept {
        return _mm_set1_epi32(bits::load<std::int32_t>(from));
    }
    static TERN_INLINE reg load_bytes(const std::int8_t* from) noexcept { return load(from); }
    static TERN_INLINE reg zero() noexcept { return _mm_setzero_si128(); }
    template <int Bits, int Shift>
    static TERN_INLINE reg field(reg c) noexcept {
        return _mm_and_si128(Shift == 0 ? c : _mm_srli_epi16(c, Shift), _mm_set1_epi8((1 << Bits) - 1));
    }
    static TERN_INLINE reg dot(reg s, reg c, reg a) noexcept { return _mm_add_epi16(s, _mm_maddubs_epi16(c, a)); }
    template <int Shift>
    static TERN_INLINE reg fold(reg s) noexcept {
        return _mm_madd_epi16(s, _mm_set1_epi16(1));
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

/// 256 bits, likewise.
struct avx2_bytes {
    using codes = __m256i;
    using activations = __m256i;
    using sums = __m256i;
    using reg = __m256i;
    static constexpr std::size_t width = 8;
    static constexpr std::size_t fold_every = 42;

    static TERN_INLINE reg load(const void* from) noexcept {
        return _mm256_loadu_si256(static_cast<const __m256i*>(from));
    }
    static TERN_INLINE reg splat(std::uint8_t byte) noexcept { return _mm256_set1_epi8(static_cast<char>(byte)); }
    static TERN_INLINE reg broadcast(const std::int8_t* from) noexcept {
        return _mm256_set1_epi32(bits::load<std::int32_t>(from));
    }
    static TERN_INLINE reg load_bytes(const std::int8_t* from) noexcept { return load(from); }
    static TERN_INLINE reg zero() noexcept { return _mm256_setzero_si256(); }
    template <int Bits, int Shift>
    static TERN_INLINE reg field(reg c) noexcept {
        return _mm256_and_si256(Shift == 0 ? c : _mm256_srli_epi16(c, Shift), _mm256_set1_epi8((1 << Bits) - 1));
    }
    static TERN_INLINE reg dot(reg s, reg c, reg a) noexcept {
        return _mm256_add_epi16(s, _mm256_maddubs_epi16(c, a));
    }
    template <int Shift>
    static TERN_INLINE reg fold(reg s) noexcept {
        return _mm256_madd_epi16(s, _mm256_set1_epi16(1));
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

/// 512 bits, likewise.
struct avx512_bytes {
    using codes = __m512i;
    using activations = __m512i;
    using sums = __m512i;
    using reg = __m512i;
    static constexpr std::size_t width = 16;
    static constexpr std::size_t fold_every = 42;

    static TERN_INLINE reg load(const void* from) noexcept { return _mm512_loadu_si512(from); }
    static TERN_INLINE reg splat(std::uint8_t byte) noexcept { return _mm512_set1_epi8(static_cast<char>(byte)); }
    static TERN_INLINE reg broadcast(const std::int8_t* from) noexcept {
        return _mm512_set1_epi32(bits::load<std::int32_t>(from));
    }
    static TERN_INLINE reg load_bytes(const std::int8_t* from) noexcept { return load(from); }
    static TERN_INLINE reg zero() noexcept { return _mm512_setzero_si512(); }
    template <int Bits, int Shift>
    static TERN_INLINE reg field(reg c) noexcept {
        return _mm512_and_si512(Shift == 0 ? c : _mm512_srli_epi16(c, Shift), _mm512_set1_epi8((1 << Bits) - 1));
    }
    static TERN_INLINE reg dot(reg s, reg c, reg a) noexcept {
        return _mm512_add_epi16(s, _mm512_maddubs_epi16(c, a));
    }
    template <int Shift>
    static TERN_INLINE reg fold(reg s) noexcept {
        return _mm512_madd_epi16(s, _mm512_set1_epi16(1));
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
    static constexpr std::size_t fold_every = 16384;

    // GCC copies every accumulator of vpdpbusd twice when its lanes change their type on the way.
#if defined(__GNUC__)
    using sums = int __attribute__((vector_size(64)));
#else
    using sums = __m512i;
#endif

    /// Loaded once: left to itself, GCC reads the codes again for each of their fields.
    static TERN_INLINE reg load(const void* from) noexcept {
        reg c = _mm512_loadu_si512(from);
#if defined(__GNUC__) && !defined(__clang__)
        asm("" : "+v"(c));
#endif
        return c;
    }
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
