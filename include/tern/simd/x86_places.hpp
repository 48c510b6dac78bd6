// SPDX-License-Identifier: MIT
// x86 registers of bytes with VPERMI2B, whose tables have 128 places: for products by lookup in constant tables
// (simd/lookup.hpp says what they offer) and in tables that are made of the activations (kernel/lookup/digits.hpp).
#pragma once

#include <tern/simd/x86_lookup.hpp>

#if TERN_HAS_AVX512_VPOPCNTDQ

// GCC reports the deliberately undefined operands of its own AVX-512 header as if they were the caller's.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

/// 128 places are enough for the 81 of four weights. Those behind the first 64 are 32 bytes, and zeros: a load of 32
/// bytes costs half of one of 64.
struct avx512_places : avx512_lookup {
    struct table {
        reg low;
        reg high;
    };

    static TERN_INLINE reg load_index(const std::uint8_t* from) noexcept {
        reg x = load(from);
        pin(x);  // one load, not one in every lookup
        return x;
    }
    static TERN_INLINE table load_table(const std::uint8_t* first, const std::uint8_t* second) noexcept {
        reg low = _mm512_load_si512(first);
        reg high = _mm512_zextsi256_si512(_mm256_load_si256(reinterpret_cast<const __m256i*>(second)));
        pin(low);  // registers, not operands in memory, and in this order: compilers that move these loads spill sums
        pin(high);
        return {low, high};
    }
    static TERN_INLINE reg look_up(reg index, const table& t) noexcept {
#if defined(__GNUC__) && !defined(__clang__)
        asm volatile("vpermi2b %2, %1, %0" : "+v"(index) : "v"(t.low), "v"(t.high));  // or a table is copied each time
        return index;
#else
        reg found = _mm512_permutex2var_epi8(t.low, index, t.high);
        pin(found);
        return found;
#endif
    }
    static TERN_INLINE reg add(reg sum, reg x) noexcept {
        add_bytes(sum, x);
        pin(sum);
        return sum;
    }
};

/// Constant tables.
struct avx512_vpopcntdq_lookup : avx512_places {
    static constexpr int positions = 4;
    static constexpr std::size_t code_bytes = 64;
    static constexpr std::size_t high_bytes = 32;
    static constexpr std::size_t expand_words = 8;

    template <std::size_t N>
    static TERN_INLINE void add_row(reg (&sums)[N], const std::uint8_t* row, const std::uint8_t* rest,
                                    const reg (&index)[N]) noexcept {
        const table t = load_table(row, rest);
        // All lookups of a row, then all additions: one after the other in turn, additions take the units that only
        // lookups need, a fifth of the rate.
        reg found[N];
        bits::unroll<N>([&](auto j) TERN_INLINE_LAMBDA { found[j] = look_up(index[j], t); });
        bits::unroll<N>([&](auto j) TERN_INLINE_LAMBDA { sums[j] = add(sums[j], found[j]); });
    }
    static TERN_INLINE reg expand(const std::uint32_t* from) noexcept {
        const reg x = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
        return _mm512_and_si512(_mm512_or_si512(x, _mm512_slli_epi16(x, 4)), _mm512_set1_epi8(15));
    }
    static TERN_INLINE reg code(reg a) noexcept { return a; }
    static TERN_INLINE reg code(reg a, reg b) noexcept { return _mm512_or_si512(a, _mm512_slli_epi16(b, 4)); }
    static TERN_INLINE reg base3(reg mask, reg sign) noexcept {
        // sum_i 3^i bit_i of a nibble
        const reg weights = _mm512_set4_epi32(0x28272524, 0x1f1e1c1b, 0x0d0c0a09, 0x04030100);
        return _mm512_add_epi8(_mm512_shuffle_epi8(weights, mask),
                               _mm512_shuffle_epi8(weights, _mm512_and_si512(mask, sign)));
    }
};

/// Where the two halves of a table's place are found in rows of nine: places 0 .. 63, and 64 .. 80.
struct nine_places {
    alignas(64) std::uint8_t low[96];
    alignas(64) std::uint8_t high[96];

    [[nodiscard]] static constexpr nine_places make() noexcept {
        nine_places t{};
        for (int i = 0; i < 96; ++i) {
            t.low[i] = static_cast<std::uint8_t>(i < 81 ? i % 9 : 128);
            t.high[i] = static_cast<std::uint8_t>(i < 81 ? i / 9 : 128);
        }
        return t;
    }
};
inline constexpr nine_places nine_places_of_tables = nine_places::make();

/// Tables of activations. `widen`, `finish` and `expand` are those of 16-byte shuffles, the latter two positions a
/// byte. For sums in registers, where a compiler would spill: `add_both`, `higher`.
struct avx512_vpopcntdq_digits : avx512_places {
    /// Sums of 16 bits: of both bytes, the higher 256 times; and of the higher.
    static TERN_INLINE reg add_both(reg sum, reg x) noexcept {
#if defined(__GNUC__) && !defined(__clang__)
        asm volatile("vpaddw %1, %0, %0" : "+v"(sum) : "v"(x));  // GCC would add into the register of x
#else
        sum = _mm512_add_epi16(sum, x);
        pin(sum);
#endif
        return sum;
    }
    static TERN_INLINE reg higher(reg x) noexcept {
        reg h = _mm512_srli_epi16(x, 8);
        pin(h);
        return h;
    }
    /// One to four expanded planes as codes, the later in the higher bits.
    template <std::size_t Planes>
    static TERN_INLINE reg code(const reg (&planes)[Planes]) noexcept {
        reg x = planes[0];
        if constexpr (Planes > 1) x = _mm512_or_si512(x, _mm512_slli_epi16(planes[1], 2));
        if constexpr (Planes > 2) x = _mm512_or_si512(x, _mm512_slli_epi16(planes[2], 4));
        if constexpr (Planes > 3) x = _mm512_or_si512(x, _mm512_slli_epi16(planes[3], 6));
        return x;
    }
    /// first[e % 9] + second[e / 9] to low[e], e < 64, and to high[e - 64], e < 81, from two rows of 16 bytes; zeros
    /// behind those.
    static TERN_INLINE void build(const std::uint8_t* first, const std::uint8_t* second, std::uint8_t* low,
                                  std::uint8_t* high) noexcept {
        const nine_places& at = nine_places_of_tables;
        const reg a = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(first)));
        const reg b = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(second)));
        _mm512_store_si512(low, _mm512_add_epi8(_mm512_shuffle_epi8(a, _mm512_load_si512(at.low)),
                                                _mm512_shuffle_epi8(b, _mm512_load_si512(at.high))));
        _mm256_store_si256(reinterpret_cast<__m256i*>(high),
                           _mm256_add_epi8(half(a, at.low + 64), half(b, at.high + 64)));
    }

private:
    static TERN_INLINE __m256i half(reg row, const std::uint8_t* places) noexcept {
        return _mm256_shuffle_epi8(_mm512_castsi512_si256(row),
                                   _mm256_load_si256(reinterpret_cast<const __m256i*>(places)));
    }
};

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_AVX512_VPOPCNTDQ
