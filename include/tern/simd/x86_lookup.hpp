// SPDX-License-Identifier: MIT
// x86 registers of bytes for products by lookup (simd/lookup.hpp says what they offer).
#pragma once

#include <tern/simd/lookup.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_SSE4

// GCC reports the deliberately undefined operands of its own AVX-512 header as if they were the caller's.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

/// 128 bits. PSHUFB looks up 16 places, enough for the nine of two weights. What was widened: sums of both bytes of 16
/// bits, the higher 256 times, modulo 2^16; and sums of the higher.
struct sse4_lookup {
    using reg = __m128i;
    static constexpr std::size_t width = 16;
    static constexpr int positions = 2;
    static constexpr int digit_planes = 2;
    static constexpr std::size_t code_bytes = 1;
    static constexpr std::size_t high_bytes = 0;
    static constexpr std::size_t expand_words = 1;

    static TERN_INLINE reg zero() noexcept { return _mm_setzero_si128(); }
    static TERN_INLINE reg load(const void* from) noexcept {
        return _mm_loadu_si128(static_cast<const __m128i*>(from));
    }
    static TERN_INLINE void store(void* to, reg x) noexcept { _mm_storeu_si128(static_cast<__m128i*>(to), x); }
    static TERN_INLINE reg load_index(const std::uint8_t* from) noexcept { return load(from); }
    template <std::size_t N>
    static TERN_INLINE void add_row(reg (&sums)[N], const std::uint8_t* row, const reg (&index)[N]) noexcept {
        const reg table = load(row);
        bits::unroll<N>([&](auto j) TERN_INLINE_LAMBDA {
            sums[j] = _mm_add_epi8(sums[j], _mm_shuffle_epi8(table, index[j]));
        });
    }
    static TERN_INLINE void widen(std::uint8_t* state, reg x) noexcept {
        store(state, _mm_add_epi16(load(state), x));
        store(state + width, _mm_add_epi16(load(state + width), _mm_srli_epi16(x, 8)));
    }
    static TERN_INLINE void finish(const std::uint8_t* state, std::uint16_t bias, int shift, bool add,
                                   const std::int32_t* from, std::int32_t* to) noexcept {
        const reg b = _mm_set1_epi16(static_cast<short>(bias));
        const reg higher = load(state + width);
        const reg even = _mm_sub_epi16(_mm_sub_epi16(load(state), _mm_slli_epi16(higher, 8)), b);
        const reg odd = _mm_sub_epi16(higher, b);
        const reg first = _mm_unpacklo_epi16(even, odd);
        const reg second = _mm_unpackhi_epi16(even, odd);
        put(to, _mm_cvtepi16_epi32(first), shift, add, from);
        put(to + 4, _mm_cvtepi16_epi32(_mm_srli_si128(first, 8)), shift, add, from + 4);
        put(to + 8, _mm_cvtepi16_epi32(second), shift, add, from + 8);
        put(to + 12, _mm_cvtepi16_epi32(_mm_srli_si128(second, 8)), shift, add, from + 12);
    }
    static TERN_INLINE reg expand(const std::uint32_t* from) noexcept {
        reg x = _mm_cvtepu8_epi32(_mm_cvtsi32_si128(static_cast<int>(*from)));
        x = _mm_and_si128(_mm_or_si128(x, _mm_slli_epi32(x, 12)), _mm_set1_epi32(0x000f000f));
        return _mm_and_si128(_mm_or_si128(x, _mm_slli_epi32(x, 6)), _mm_set1_epi32(0x03030303));
    }
    static TERN_INLINE reg code(reg a) noexcept { return _mm_slli_epi16(a, 4); }
    static TERN_INLINE reg code(reg a, reg b) noexcept {
        return _mm_or_si128(_mm_slli_epi16(a, 4), _mm_slli_epi16(b, 6));
    }
    /// x / 9 = 57 x >> 9 for x <= 80; of two bytes at once, the higher one: (256 x + y) 7282 >> 24. Nine times that is
    /// looked up: one instruction instead of two.
    static TERN_INLINE void split(reg x, reg& low, reg& high) noexcept {
        const reg even = _mm_srli_epi16(_mm_maddubs_epi16(x, _mm_set1_epi16(57)), 9);
        const reg odd = _mm_mulhi_epu16(x, _mm_set1_epi16(7282));
        high = _mm_blendv_epi8(even, odd, _mm_set1_epi16(-256));
        low = _mm_sub_epi8(x, _mm_shuffle_epi8(nines(), high));
    }
    static TERN_INLINE reg nines() noexcept {
        return _mm_setr_epi8(0, 9, 18, 27, 36, 45, 54, 63, 72, 0, 0, 0, 0, 0, 0, 0);
    }

private:
    static TERN_INLINE void put(std::int32_t* to, reg x, int shift, bool add, const std::int32_t* from) noexcept {
        x = _mm_sll_epi32(x, _mm_cvtsi32_si128(shift));
        store(to, add ? _mm_add_epi32(x, load(from)) : x);
    }
};

#if TERN_HAS_AVX2

/// 256 bits, the same table row in both halves.
struct avx2_lookup {
    using reg = __m256i;
    static constexpr std::size_t width = 32;
    static constexpr int positions = 2;
    static constexpr int digit_planes = 2;
    static constexpr std::size_t code_bytes = 1;
    static constexpr std::size_t high_bytes = 0;
    static constexpr std::size_t expand_words = 2;

    static TERN_INLINE reg zero() noexcept { return _mm256_setzero_si256(); }
    static TERN_INLINE reg load(const void* from) noexcept {
        return _mm256_loadu_si256(static_cast<const __m256i*>(from));
    }
    static TERN_INLINE void store(void* to, reg x) noexcept { _mm256_storeu_si256(static_cast<__m256i*>(to), x); }
    static TERN_INLINE reg load_index(const std::uint8_t* from) noexcept {
        reg x = load(from);
        pin(x);  // one load, not one in every lookup, and not before its step
        return x;
    }
    template <std::size_t N>
    static TERN_INLINE void add_row(reg (&sums)[N], const std::uint8_t* row, const reg (&index)[N]) noexcept {
        add_row<0>(sums, row, index, [](std::size_t) TERN_INLINE_LAMBDA { return nullptr; });
    }
    /// The first Unloaded indices are operands in memory, `address(j)` each: a compiler would load them once and spill.
    template <std::size_t Unloaded, std::size_t N, class Address>
    static TERN_INLINE void add_row(reg (&sums)[N], const std::uint8_t* row, const reg (&index)[N],
                                    const Address& address) noexcept {
        reg table = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(row)));
        pin(table);
        if constexpr (Unloaded == 0) static_cast<void>(address);
        reg found[N];
        bits::unroll<N>([&](auto j) TERN_INLINE_LAMBDA {
            if constexpr (j < Unloaded)
                found[j] = shuffle_from_memory(table, address(j));
            else
                found[j] = _mm256_shuffle_epi8(table, index[j]);
            pin(found[j]);
        });
        bits::unroll<N>([&](auto j) TERN_INLINE_LAMBDA {
            add_bytes(sums[j], found[j]);
            pin(sums[j]);
        });
    }
    static TERN_INLINE void widen(std::uint8_t* state, reg x) noexcept {
        store(state, _mm256_add_epi16(load(state), x));
        store(state + width, _mm256_add_epi16(load(state + width), _mm256_srli_epi16(x, 8)));
    }
    static TERN_INLINE void finish(const std::uint8_t* state, std::uint16_t bias, int shift, bool add,
                                   const std::int32_t* from, std::int32_t* to) noexcept {
        const reg b = _mm256_set1_epi16(static_cast<short>(bias));
        const reg higher = load(state + width);
        const reg even = _mm256_sub_epi16(_mm256_sub_epi16(load(state), _mm256_slli_epi16(higher, 8)), b);
        const reg odd = _mm256_sub_epi16(higher, b);
        const reg first = _mm256_unpacklo_epi16(even, odd);   // 0 .. 7, 16 .. 23
        const reg second = _mm256_unpackhi_epi16(even, odd);  // 8 .. 15, 24 .. 31
        put(to, _mm256_castsi256_si128(first), shift, add, from);
        put(to + 8, _mm256_castsi256_si128(second), shift, add, from + 8);
        put(to + 16, _mm256_extracti128_si256(first, 1), shift, add, from + 16);
        put(to + 24, _mm256_extracti128_si256(second, 1), shift, add, from + 24);
    }
    static TERN_INLINE reg expand(const std::uint32_t* from) noexcept {
        reg x = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
        x = _mm256_and_si256(_mm256_or_si256(x, _mm256_slli_epi32(x, 12)), _mm256_set1_epi32(0x000f000f));
        return _mm256_and_si256(_mm256_or_si256(x, _mm256_slli_epi32(x, 6)), _mm256_set1_epi32(0x03030303));
    }
    static TERN_INLINE reg code(reg a) noexcept { return _mm256_slli_epi16(a, 4); }
    static TERN_INLINE reg code(reg a, reg b) noexcept {
        return _mm256_or_si256(_mm256_slli_epi16(a, 4), _mm256_slli_epi16(b, 6));
    }
    static TERN_INLINE void split(reg x, reg& low, reg& high) noexcept {
        const reg even = _mm256_srli_epi16(_mm256_maddubs_epi16(x, _mm256_set1_epi16(57)), 9);
        const reg odd = _mm256_mulhi_epu16(x, _mm256_set1_epi16(7282));
        high = _mm256_blendv_epi8(even, odd, _mm256_set1_epi16(-256));
        low = _mm256_sub_epi8(x, _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(sse4_lookup::nines()), high));
    }

private:
    static TERN_INLINE void put(std::int32_t* to, __m128i x, int shift, bool add, const std::int32_t* from) noexcept {
        const reg wide = _mm256_sll_epi32(_mm256_cvtepi16_epi32(x), _mm_cvtsi32_si128(shift));
        store(to, add ? _mm256_add_epi32(wide, load(from)) : wide);
    }
};

#endif  // TERN_HAS_AVX2

#if TERN_HAS_AVX512

/// 512 bits without byte permutations: PSHUFB, four times as wide.
struct avx512_lookup {
    using reg = __m512i;
    static constexpr std::size_t width = 64;
    static constexpr int positions = 2;
    static constexpr int digit_planes = 2;
    static constexpr std::size_t code_bytes = 1;
    static constexpr std::size_t high_bytes = 0;
    static constexpr std::size_t expand_words = 4;

    static TERN_INLINE reg zero() noexcept { return _mm512_setzero_si512(); }
    static TERN_INLINE reg load(const void* from) noexcept { return _mm512_loadu_si512(from); }
    static TERN_INLINE void store(void* to, reg x) noexcept { _mm512_storeu_si512(to, x); }
    static TERN_INLINE reg load_index(const std::uint8_t* from) noexcept { return load(from); }
    template <std::size_t N>
    static TERN_INLINE void add_row(reg (&sums)[N], const std::uint8_t* row, const reg (&index)[N]) noexcept {
        const reg table = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(row)));
        bits::unroll<N>([&](auto j) TERN_INLINE_LAMBDA {
            sums[j] = _mm512_add_epi8(sums[j], _mm512_shuffle_epi8(table, index[j]));
        });
    }
    static TERN_INLINE void widen(std::uint8_t* state, reg x) noexcept {
        store(state, _mm512_add_epi16(load(state), x));
        store(state + width, _mm512_add_epi16(load(state + width), _mm512_srli_epi16(x, 8)));
    }
    static TERN_INLINE void finish(const std::uint8_t* state, std::uint16_t bias, int shift, bool add,
                                   const std::int32_t* from, std::int32_t* to) noexcept {
        const reg b = _mm512_set1_epi16(static_cast<short>(bias));
        const reg order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
        const reg higher = load(state + width);
        const reg lower = _mm512_sub_epi16(load(state), _mm512_slli_epi16(higher, 8));
        const reg even = _mm512_permutexvar_epi64(order, _mm512_sub_epi16(lower, b));
        const reg odd = _mm512_permutexvar_epi64(order, _mm512_sub_epi16(higher, b));
        const reg first = _mm512_unpacklo_epi16(even, odd);
        const reg second = _mm512_unpackhi_epi16(even, odd);
        put(to, _mm512_castsi512_si256(first), shift, add, from);
        put(to + 16, _mm512_extracti64x4_epi64(first, 1), shift, add, from + 16);
        put(to + 32, _mm512_castsi512_si256(second), shift, add, from + 32);
        put(to + 48, _mm512_extracti64x4_epi64(second, 1), shift, add, from + 48);
    }
    static TERN_INLINE reg expand(const std::uint32_t* from) noexcept {
        reg x = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
        x = _mm512_and_si512(_mm512_or_si512(x, _mm512_slli_epi32(x, 12)), _mm512_set1_epi32(0x000f000f));
        return _mm512_and_si512(_mm512_or_si512(x, _mm512_slli_epi32(x, 6)), _mm512_set1_epi32(0x03030303));
    }
    static TERN_INLINE reg code(reg a) noexcept { return _mm512_slli_epi16(a, 4); }
    static TERN_INLINE reg code(reg a, reg b) noexcept {
        return _mm512_or_si512(_mm512_slli_epi16(a, 4), _mm512_slli_epi16(b, 6));
    }
    static TERN_INLINE void split(reg x, reg& low, reg& high) noexcept {
        const reg even = _mm512_srli_epi16(_mm512_maddubs_epi16(x, _mm512_set1_epi16(57)), 9);
        const reg odd = _mm512_mulhi_epu16(x, _mm512_set1_epi16(7282));
        high = _mm512_ternarylogic_epi32(_mm512_set1_epi16(-256), odd, even, 0xca);
        low = _mm512_sub_epi8(x, _mm512_shuffle_epi8(_mm512_broadcast_i32x4(sse4_lookup::nines()), high));
    }

private:
    static TERN_INLINE void put(std::int32_t* to, __m256i x, int shift, bool add, const std::int32_t* from) noexcept {
        const reg wide = _mm512_sll_epi32(_mm512_cvtepi16_epi32(x), _mm_cvtsi32_si128(shift));
        store(to, add ? _mm512_add_epi32(wide, load(from)) : wide);
    }
};

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_SSE4
