// SPDX-License-Identifier: MIT
// Sums of signed bytes chosen by bits, looked up in tables of 16-bit entries: vpermi2w.
#pragma once

#include <tern/simd/x86_bytes.hpp>

#if TERN_HAS_AVX512

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

/// 32 outputs in 16-bit lanes, those of two panels by turns. Sixteen positions of depth take three lookups, by 6, 5 and
/// 5 bits, in tables of 64, 32 and 32 sums.
struct avx512_tables {
    using reg = __m512i;
    using sums = sums_16x32;
    static constexpr std::size_t table_entries = 128;  ///< of 16 positions

    /// Bits 0 .. 15 or 16 .. 31 of sixteen words each of two panels. Loads from two bytes beside, because a shift would
    /// take the units of lookups; what is there of other words stays unread.
    static TERN_INLINE reg low(const std::uint32_t* a, const std::uint32_t* b) noexcept {
        return _mm512_mask_loadu_epi16(_mm512_loadu_si512(a), odd, reinterpret_cast<const char*>(b) - 2);
    }
    static TERN_INLINE reg high(const std::uint32_t* a, const std::uint32_t* b) noexcept {
        return _mm512_mask_loadu_epi16(_mm512_loadu_si512(b), ~odd, reinterpret_cast<const char*>(a) + 2);
    }
    /// A shift to the right, by units that lookups do not need.
    template <int Bits>
    static TERN_INLINE reg next(reg bits) noexcept {
        return _mm512_mulhi_epu16(bits, _mm512_set1_epi16(1 << (16 - Bits)));
    }
    static TERN_INLINE reg load(const std::int16_t* from) noexcept {
        return keep_in_register(_mm512_loadu_si512(from));
    }
    /// Sums that begin at a number; it lies twice in the 32 bits, whose broadcast takes no arithmetic unit.
    static TERN_INLINE sums begin(const std::int32_t& twice) noexcept { return sums(_mm512_set1_epi32(twice)); }
    /// The entries that the lowest six bits of each lane choose, or the lowest five.
    static TERN_INLINE reg look_up(reg bits, reg first, reg second) noexcept {
#if defined(__GNUC__) && !defined(__clang__)
        asm volatile("vpermi2w %2, %1, %0" : "+v"(bits) : "v"(first), "v"(second));  // or a table is copied each time
        return bits;
#else
        reg found = _mm512_permutex2var_epi16(first, bits, second);
        pin(found);
        return found;
#endif
    }
    static TERN_INLINE reg look_up(reg bits, reg table) noexcept {
        reg found = _mm512_permutexvar_epi16(bits, table);
        pin(found);
        return found;
    }
    static TERN_INLINE sums add(sums s, reg found) noexcept {
        sums sum = sums(_mm512_add_epi16(reg(s), found));
        pin(sum);
        return sum;
    }
    /// to[0 .. 31] = twice the sums of the outputs of one panel, then of the other, and `start` or what is there.
    static TERN_INLINE void store(std::int32_t* to, sums s, bool add, std::int32_t start) noexcept {
        store_lanes(to, first(s), add, start, 0xffffu);
        store_lanes(to + 16, second(s), add, start, 0xffffu);
    }
    /// The first `lanes` of them.
    static TERN_INLINE void store_first(std::int32_t* to, sums s, bool add, std::int32_t start,
                                        std::size_t lanes) noexcept {
        const std::uint32_t there = lanes < 32 ? (std::uint32_t{1} << lanes) - 1 : ~std::uint32_t{0};
        store_lanes(to, first(s), add, start, static_cast<__mmask16>(there));
        store_lanes(to + 16, second(s), add, start, static_cast<__mmask16>(there >> 16));
    }
    /// The three tables of sixteen activations: entry e of a table is the sum of those whose bit is set in e.
    static TERN_INLINE void build(const std::int8_t* x, std::int16_t* to) noexcept {
        // Every activation twice in 32 bits: a broadcast of 32 bits from memory takes no arithmetic unit.
        const reg wide = _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
        alignas(64) std::int32_t pairs[16];
        _mm512_store_si512(pairs, _mm512_mask_blend_epi16(odd, wide, _mm512_slli_epi32(wide, 16)));
#if defined(__GNUC__)
        asm("" : "+m"(pairs));  // or the compiler shuffles the register instead
#endif
        const reg low = five(pairs);
        _mm512_storeu_si512(to, low);
        _mm512_storeu_si512(to + 32, _mm512_add_epi16(low, all(pairs[5])));
        _mm512_storeu_si512(to + 64, five(pairs + 6));
        _mm512_storeu_si512(to + 96, five(pairs + 11));
    }

private:
    static constexpr __mmask32 odd = 0xaaaaaaaau;

    // Multiplications, because shifts would take the units of lookups.
    static TERN_INLINE reg first(sums s) noexcept { return _mm512_madd_epi16(reg(s), _mm512_set1_epi32(2)); }
    static TERN_INLINE reg second(sums s) noexcept { return _mm512_madd_epi16(reg(s), _mm512_set1_epi32(2 << 16)); }
    static TERN_INLINE void store_lanes(std::int32_t* to, reg x, bool add, std::int32_t start,
                                        __mmask16 lanes) noexcept {
        const __mmask16 old = add ? lanes : __mmask16{0};
        x = _mm512_add_epi32(_mm512_mask_loadu_epi32(all(start), old, to), x);
        if (lanes == 0xffffu)
            _mm512_storeu_si512(to, x);
        else
            _mm512_mask_storeu_epi32(to, lanes, x);
    }
    static TERN_INLINE reg all(std::int32_t x) noexcept { return _mm512_set1_epi32(x); }
    static TERN_INLINE reg five(const std::int32_t* x) noexcept {
        reg t = _mm512_maskz_mov_epi16(0xaaaaaaaau, all(x[0]));
        t = _mm512_mask_add_epi16(t, 0xccccccccu, t, all(x[1]));
        t = _mm512_mask_add_epi16(t, 0xf0f0f0f0u, t, all(x[2]));
        t = _mm512_mask_add_epi16(t, 0xff00ff00u, t, all(x[3]));
        return _mm512_mask_add_epi16(t, 0xffff0000u, t, all(x[4]));
    }
};

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_AVX512
