// SPDX-License-Identifier: MIT
// x86 registers of bytes for lookups straight from panels of one bit plane.
//   width         bytes of a register
//   lanes         its 32-bit lanes
//   interleave    byte k of every lane of four registers, side by side in register k: every 128 bits hold those of four
//                 lanes of the first register, then of the second, the third and the fourth
//   nibbles       the lower and the upper half of each byte
//   row           16 bytes of a table, in every 128 bits
//   look_up       the bytes of a row that a register of nibbles selects, in registers or in memory; `add` adds them
//   fold          adds the bytes to `width` 16-bit sums: the even ones first, each with 256 times its neighbour
//   codes         the 32 nibbles of four words, a byte each; with a second plane, its nibbles in the higher bits
//   spread        `width` such sums as numbers: to[i] gets those of the lanes of register i of `interleave`
#pragma once

#include <tern/simd/x86.hpp>

#if TERN_HAS_SSE4

namespace tern::simd {

/// Rows are short: 128 bits for all of them.
struct x86_nibbles {
    static TERN_INLINE void codes(const std::uint32_t* from, std::uint8_t* to) noexcept {
        const __m128i nibble = _mm_set1_epi8(15);
        const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        put(_mm_and_si128(x, nibble), _mm_and_si128(_mm_srli_epi16(x, 4), nibble), to);
    }
    static TERN_INLINE void codes(const std::uint32_t* from, const std::uint32_t* second, std::uint8_t* to) noexcept {
        const __m128i nibble = _mm_set1_epi8(15);
        const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        const __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(second));
        put(_mm_or_si128(_mm_and_si128(x, nibble), _mm_slli_epi16(_mm_and_si128(y, nibble), 4)),
            _mm_or_si128(_mm_and_si128(_mm_srli_epi16(x, 4), nibble), _mm_andnot_si128(nibble, y)), to);
    }

private:
    static TERN_INLINE void put(__m128i low, __m128i high, std::uint8_t* to) noexcept {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_unpacklo_epi8(low, high));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), _mm_unpackhi_epi8(low, high));
    }
};

struct sse4_nibbles : x86_nibbles {
    using reg = __m128i;
    static constexpr std::size_t width = 16;
    static constexpr std::size_t lanes = 4;

    static TERN_INLINE reg zero() noexcept { return _mm_setzero_si128(); }
    static TERN_INLINE reg load(const void* from) noexcept {
        return _mm_loadu_si128(static_cast<const __m128i*>(from));
    }
    static TERN_INLINE void store(void* to, reg x) noexcept { _mm_storeu_si128(static_cast<__m128i*>(to), x); }
    static TERN_INLINE reg row(const std::uint8_t* from) noexcept {
        return _mm_load_si128(reinterpret_cast<const __m128i*>(from));
    }
    static TERN_INLINE void keep(reg& x) noexcept { pin(x); }
    static TERN_INLINE reg look_up(reg table, reg x) noexcept { return _mm_shuffle_epi8(table, x); }
    static TERN_INLINE void add(reg& sum, reg x) noexcept { add_bytes(sum, x); }
    static TERN_INLINE void fold(std::uint16_t* sums, reg x) noexcept {
        store(sums, _mm_add_epi16(load(sums), x));
        store(sums + width / 2, _mm_add_epi16(load(sums + width / 2), _mm_srli_epi16(x, 8)));
    }
    static TERN_INLINE void interleave(reg (&x)[4]) noexcept {
        // Byte 0 of four lanes, byte 1, ...
        const reg order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        bits::unroll<4>([&](auto i) TERN_INLINE_LAMBDA { x[i] = _mm_shuffle_epi8(x[i], order); });
        const reg ab01 = _mm_unpacklo_epi32(x[0], x[1]);
        const reg ab23 = _mm_unpackhi_epi32(x[0], x[1]);
        const reg cd01 = _mm_unpacklo_epi32(x[2], x[3]);
        const reg cd23 = _mm_unpackhi_epi32(x[2], x[3]);
        x[0] = _mm_unpacklo_epi64(ab01, cd01);
        x[1] = _mm_unpackhi_epi64(ab01, cd01);
        x[2] = _mm_unpacklo_epi64(ab23, cd23);
        x[3] = _mm_unpackhi_epi64(ab23, cd23);
    }
    static TERN_INLINE void nibbles(reg x, reg& low, reg& high) noexcept {
        const reg nibble = _mm_set1_epi8(15);
        low = _mm_and_si128(x, nibble);
        high = _mm_and_si128(_mm_srli_epi16(x, 4), nibble);
    }
    static TERN_INLINE void spread(const std::uint16_t* sums, reg (&to)[4]) noexcept {
        const reg odd = load(sums + width / 2);
        const reg even = _mm_sub_epi16(load(sums), _mm_slli_epi16(odd, 8));
        const reg first = _mm_unpacklo_epi16(even, odd);
        const reg second = _mm_unpackhi_epi16(even, odd);
        to[0] = _mm_unpacklo_epi16(first, zero());
        to[1] = _mm_unpackhi_epi16(first, zero());
        to[2] = _mm_unpacklo_epi16(second, zero());
        to[3] = _mm_unpackhi_epi16(second, zero());
    }
};

#if TERN_HAS_AVX2

struct avx2_nibbles : x86_nibbles {
    using reg = __m256i;
    static constexpr std::size_t width = 32;
    static constexpr std::size_t lanes = 8;

    static TERN_INLINE reg zero() noexcept { return _mm256_setzero_si256(); }
    static TERN_INLINE reg load(const void* from) noexcept {
        return _mm256_loadu_si256(static_cast<const __m256i*>(from));
    }
    static TERN_INLINE void store(void* to, reg x) noexcept { _mm256_storeu_si256(static_cast<__m256i*>(to), x); }
    static TERN_INLINE reg row(const std::uint8_t* from) noexcept {
        return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(from)));
    }
    static TERN_INLINE void keep(reg& x) noexcept { pin(x); }
    static TERN_INLINE reg look_up(reg table, reg x) noexcept {
        reg found = _mm256_shuffle_epi8(table, x);
        pin(found);
        return found;
    }
    static TERN_INLINE reg look_up(reg table, const std::uint8_t* x) noexcept {
        reg found = shuffle_from_memory(table, x);
        pin(found);
        return found;
    }
    static TERN_INLINE void add(reg& sum, reg x) noexcept {
        add_bytes(sum, x);
        pin(sum);
    }
    static TERN_INLINE void fold(std::uint16_t* sums, reg x) noexcept {
        store(sums, _mm256_add_epi16(load(sums), x));
        store(sums + width / 2, _mm256_add_epi16(load(sums + width / 2), _mm256_srli_epi16(x, 8)));
    }
    static TERN_INLINE void interleave(reg (&x)[4]) noexcept {
        // Byte 0 of four lanes, byte 1, ...
        const reg order = _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,  //
                                           0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        bits::unroll<4>([&](auto i) TERN_INLINE_LAMBDA { x[i] = _mm256_shuffle_epi8(x[i], order); });
        const reg ab01 = _mm256_unpacklo_epi32(x[0], x[1]);
        const reg ab23 = _mm256_unpackhi_epi32(x[0], x[1]);
        const reg cd01 = _mm256_unpacklo_epi32(x[2], x[3]);
        const reg cd23 = _mm256_unpackhi_epi32(x[2], x[3]);
        x[0] = _mm256_unpacklo_epi64(ab01, cd01);
        x[1] = _mm256_unpackhi_epi64(ab01, cd01);
        x[2] = _mm256_unpacklo_epi64(ab23, cd23);
        x[3] = _mm256_unpackhi_epi64(ab23, cd23);
    }
    static TERN_INLINE void nibbles(reg x, reg& low, reg& high) noexcept {
        const reg nibble = _mm256_set1_epi8(15);
        low = _mm256_and_si256(x, nibble);
        high = _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble);
    }
    static TERN_INLINE void spread(const std::uint16_t* sums, reg (&to)[4]) noexcept {
        const reg odd = load(sums + width / 2);
        const reg even = _mm256_sub_epi16(load(sums), _mm256_slli_epi16(odd, 8));
        const reg first = _mm256_unpacklo_epi16(even, odd);
        const reg second = _mm256_unpackhi_epi16(even, odd);
        to[0] = _mm256_unpacklo_epi16(first, zero());
        to[1] = _mm256_unpackhi_epi16(first, zero());
        to[2] = _mm256_unpacklo_epi16(second, zero());
        to[3] = _mm256_unpackhi_epi16(second, zero());
    }
};

#endif  // TERN_HAS_AVX2

#if TERN_HAS_AVX512

struct avx512_nibbles : x86_nibbles {
    using reg = __m512i;
    static constexpr std::size_t width = 64;
    static constexpr std::size_t lanes = 16;

    static TERN_INLINE reg zero() noexcept { return _mm512_setzero_si512(); }
    static TERN_INLINE reg load(const void* from) noexcept { return _mm512_loadu_si512(from); }
    static TERN_INLINE void store(void* to, reg x) noexcept { _mm512_storeu_si512(to, x); }
    static TERN_INLINE reg row(const std::uint8_t* from) noexcept {
        return _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(from)));
    }
    static TERN_INLINE void keep(reg& x) noexcept { pin(x); }
    static TERN_INLINE reg look_up(reg table, reg x) noexcept { return _mm512_shuffle_epi8(table, x); }
    static TERN_INLINE void add(reg& sum, reg x) noexcept { add_bytes(sum, x); }
    static TERN_INLINE void fold(std::uint16_t* sums, reg x) noexcept {
        store(sums, _mm512_add_epi16(load(sums), x));
        store(sums + width / 2, _mm512_add_epi16(load(sums + width / 2), _mm512_srli_epi16(x, 8)));
    }
    static TERN_INLINE void interleave(reg (&x)[4]) noexcept {
        // Byte 0 of four lanes, byte 1, ...
        const reg order = _mm512_set4_epi32(0x0f0b0703, 0x0e0a0602, 0x0d090501, 0x0c080400);
        bits::unroll<4>([&](auto i) TERN_INLINE_LAMBDA { x[i] = _mm512_shuffle_epi8(x[i], order); });
        const reg ab01 = _mm512_unpacklo_epi32(x[0], x[1]);
        const reg ab23 = _mm512_unpackhi_epi32(x[0], x[1]);
        const reg cd01 = _mm512_unpacklo_epi32(x[2], x[3]);
        const reg cd23 = _mm512_unpackhi_epi32(x[2], x[3]);
        x[0] = _mm512_unpacklo_epi64(ab01, cd01);
        x[1] = _mm512_unpackhi_epi64(ab01, cd01);
        x[2] = _mm512_unpacklo_epi64(ab23, cd23);
        x[3] = _mm512_unpackhi_epi64(ab23, cd23);
    }
    static TERN_INLINE void nibbles(reg x, reg& low, reg& high) noexcept {
        const reg nibble = _mm512_set1_epi8(15);
        low = _mm512_and_si512(x, nibble);
        high = _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble);
    }
    static TERN_INLINE void spread(const std::uint16_t* sums, reg (&to)[4]) noexcept {
        const reg odd = load(sums + width / 2);
        const reg even = _mm512_sub_epi16(load(sums), _mm512_slli_epi16(odd, 8));
        const reg first = _mm512_unpacklo_epi16(even, odd);
        const reg second = _mm512_unpackhi_epi16(even, odd);
        to[0] = _mm512_unpacklo_epi16(first, zero());
        to[1] = _mm512_unpackhi_epi16(first, zero());
        to[2] = _mm512_unpacklo_epi16(second, zero());
        to[3] = _mm512_unpackhi_epi16(second, zero());
    }
};

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd

#endif  // TERN_HAS_SSE4
