// SPDX-License-Identifier: MIT
// x86 registers of bytes for lookups straight from panels of one bit plane.
//   width         bytes of a register
//   lanes         its 32-bit lanes
//   interleave    byte k of every lane of four registers, side by side in register k: lane l becomes
//                 (first_l, second_l, third_l, fourth_l)
//   nibbles       the lower and the upper half of each byte
//   row           16 bytes of a table, in every 128 bits
//   look_up       adds the bytes of a row that a register of nibbles selects
//   fold          adds the bytes to `width` 16-bit sums: the even ones first, each with 256 times its neighbour
//   spread        `width` such sums as numbers: to[i] gets those of byte i of every lane
#pragma once

#include <tern/simd/x86.hpp>

#if TERN_HAS_SSE4

namespace tern::simd {

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

struct sse4_nibbles {
    using reg = __m128i;
    static constexpr std::size_t width = 16;
    static constexpr std::size_t lanes = 4;

    static TERN_INLINE reg zero() noexcept { return _mm_setzero_si128(); }
    static TERN_INLINE reg load(const void* from) noexcept { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
    static TERN_INLINE void store(void* to, reg x) noexcept { _mm_storeu_si128(static_cast<__m128i*>(to), x); }
    static TERN_INLINE reg row(const std::uint8_t* from) noexcept {
        return _mm_load_si128(reinterpret_cast<const __m128i*>(from));
    }
    static TERN_INLINE void keep(reg& x) noexcept { pin(x); }
    static TERN_INLINE void look_up(reg& sum, reg table, reg x) noexcept {
        add_bytes(sum, _mm_shuffle_epi8(table, x));
    }
    static TERN_INLINE void fold(std::uint16_t* sums, reg x) noexcept {
        store(sums, _mm_add_epi16(load(sums), x));
        store(sums + width / 2, _mm_add_epi16(load(sums + width / 2), _mm_srli_epi16(x, 8)));
    }
    static TERN_INLINE void interleave(reg (&x)[4]) noexcept {
        const reg ac0 = _mm_blend_epi16(x[0], _mm_slli_epi32(x[2], 16), 0xaa);
        const reg ac1 = _mm_blend_epi16(_mm_srli_epi32(x[0], 16), x[2], 0xaa);
        const reg bd0 = _mm_blend_epi16(x[1], _mm_slli_epi32(x[3], 16), 0xaa);
        const reg bd1 = _mm_blend_epi16(_mm_srli_epi32(x[1], 16), x[3], 0xaa);
        const reg odd = _mm_set1_epi16(static_cast<short>(-256));
        x[0] = _mm_blendv_epi8(ac0, _mm_slli_epi16(bd0, 8), odd);
        x[1] = _mm_blendv_epi8(_mm_srli_epi16(ac0, 8), bd0, odd);
        x[2] = _mm_blendv_epi8(ac1, _mm_slli_epi16(bd1, 8), odd);
        x[3] = _mm_blendv_epi8(_mm_srli_epi16(ac1, 8), bd1, odd);
    }
    static TERN_INLINE void nibbles(reg x, reg& low, reg& high) noexcept {
        const reg nibble = _mm_set1_epi8(15);
        low = _mm_and_si128(x, nibble);
        high = _mm_and_si128(_mm_srli_epi16(x, 4), nibble);
    }
    static TERN_INLINE void spread(const std::uint16_t* sums, reg (&to)[4]) noexcept {
        const reg odd = load(sums + width / 2);
        const reg even = _mm_sub_epi16(load(sums), _mm_slli_epi16(odd, 8));
        const reg low = _mm_set1_epi32(0xffff);
        to[0] = _mm_and_si128(even, low);
        to[1] = _mm_and_si128(odd, low);
        to[2] = _mm_srli_epi32(even, 16);
        to[3] = _mm_srli_epi32(odd, 16);
    }
};

#if TERN_HAS_AVX2

struct avx2_nibbles {
    using reg = __m256i;
    static constexpr std::size_t width = 32;
    static constexpr std::size_t lanes = 8;

    static TERN_INLINE reg zero() noexcept { return _mm256_setzero_si256(); }
    static TERN_INLINE reg load(const void* from) noexcept { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
    static TERN_INLINE void store(void* to, reg x) noexcept { _mm256_storeu_si256(static_cast<__m256i*>(to), x); }
    static TERN_INLINE reg row(const std::uint8_t* from) noexcept {
        return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(from)));
    }
    static TERN_INLINE void keep(reg& x) noexcept { pin(x); }
    static TERN_INLINE void look_up(reg& sum, reg table, reg x) noexcept {
        add_bytes(sum, _mm256_shuffle_epi8(table, x));
    }
    static TERN_INLINE void fold(std::uint16_t* sums, reg x) noexcept {
        store(sums, _mm256_add_epi16(load(sums), x));
        store(sums + width / 2, _mm256_add_epi16(load(sums + width / 2), _mm256_srli_epi16(x, 8)));
    }
    static TERN_INLINE void interleave(reg (&x)[4]) noexcept {
        const reg ac0 = _mm256_blend_epi16(x[0], _mm256_slli_epi32(x[2], 16), 0xaa);
        const reg ac1 = _mm256_blend_epi16(_mm256_srli_epi32(x[0], 16), x[2], 0xaa);
        const reg bd0 = _mm256_blend_epi16(x[1], _mm256_slli_epi32(x[3], 16), 0xaa);
        const reg bd1 = _mm256_blend_epi16(_mm256_srli_epi32(x[1], 16), x[3], 0xaa);
        const reg odd = _mm256_set1_epi16(static_cast<short>(-256));
        x[0] = _mm256_blendv_epi8(ac0, _mm256_slli_epi16(bd0, 8), odd);
        x[1] = _mm256_blendv_epi8(_mm256_srli_epi16(ac0, 8), bd0, odd);
        x[2] = _mm256_blendv_epi8(ac1, _mm256_slli_epi16(bd1, 8), odd);
        x[3] = _mm256_blendv_epi8(_mm256_srli_epi16(ac1, 8), bd1, odd);
    }
    static TERN_INLINE void nibbles(reg x, reg& low, reg& high) noexcept {
        const reg nibble = _mm256_set1_epi8(15);
        low = _mm256_and_si256(x, nibble);
        high = _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble);
    }
    static TERN_INLINE void spread(const std::uint16_t* sums, reg (&to)[4]) noexcept {
        const reg odd = load(sums + width / 2);
        const reg even = _mm256_sub_epi16(load(sums), _mm256_slli_epi16(odd, 8));
        const reg low = _mm256_set1_epi32(0xffff);
        to[0] = _mm256_and_si256(even, low);
        to[1] = _mm256_and_si256(odd, low);
        to[2] = _mm256_srli_epi32(even, 16);
        to[3] = _mm256_srli_epi32(odd, 16);
    }
};

#endif  // TERN_HAS_AVX2

#if TERN_HAS_AVX512

struct avx512_nibbles {
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
    static TERN_INLINE void look_up(reg& sum, reg table, reg x) noexcept {
        add_bytes(sum, _mm512_shuffle_epi8(table, x));
    }
    static TERN_INLINE void fold(std::uint16_t* sums, reg x) noexcept {
        store(sums, _mm512_add_epi16(load(sums), x));
        store(sums + width / 2, _mm512_add_epi16(load(sums + width / 2), _mm512_srli_epi16(x, 8)));
    }
    static TERN_INLINE void interleave(reg (&x)[4]) noexcept {
        const reg ac0 = _mm512_mask_blend_epi16(0xaaaaaaaau, x[0], _mm512_slli_epi32(x[2], 16));
        const reg ac1 = _mm512_mask_blend_epi16(0xaaaaaaaau, _mm512_srli_epi32(x[0], 16), x[2]);
        const reg bd0 = _mm512_mask_blend_epi16(0xaaaaaaaau, x[1], _mm512_slli_epi32(x[3], 16));
        const reg bd1 = _mm512_mask_blend_epi16(0xaaaaaaaau, _mm512_srli_epi32(x[1], 16), x[3]);
        const reg odd = _mm512_set1_epi16(static_cast<short>(-256));
        // (odd ? y : x) of each bit
        x[0] = _mm512_ternarylogic_epi32(odd, _mm512_slli_epi16(bd0, 8), ac0, 0xca);
        x[1] = _mm512_ternarylogic_epi32(odd, bd0, _mm512_srli_epi16(ac0, 8), 0xca);
        x[2] = _mm512_ternarylogic_epi32(odd, _mm512_slli_epi16(bd1, 8), ac1, 0xca);
        x[3] = _mm512_ternarylogic_epi32(odd, bd1, _mm512_srli_epi16(ac1, 8), 0xca);
    }
    static TERN_INLINE void nibbles(reg x, reg& low, reg& high) noexcept {
        const reg nibble = _mm512_set1_epi8(15);
        low = _mm512_and_si512(x, nibble);
        high = _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble);
    }
    static TERN_INLINE void spread(const std::uint16_t* sums, reg (&to)[4]) noexcept {
        const reg odd = load(sums + width / 2);
        const reg even = _mm512_sub_epi16(load(sums), _mm512_slli_epi16(odd, 8));
        const reg low = _mm512_set1_epi32(0xffff);
        to[0] = _mm512_and_si512(even, low);
        to[1] = _mm512_and_si512(odd, low);
        to[2] = _mm512_srli_epi32(even, 16);
        to[3] = _mm512_srli_epi32(odd, 16);
    }
};

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd

#endif  // TERN_HAS_SSE4
