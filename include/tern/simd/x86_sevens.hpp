// SPDX-License-Identifier: MIT
// Sums of signed bytes looked up with vpermi2w.
#pragma once

#include <tern/simd/sevens.hpp>
#include <tern/simd/x86_bytes.hpp>

#if TERN_HAS_AVX512

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

/// Constants of the tables. vpackssdw interleaves the 32-bit sums of two registers, four lanes of each by turns.
struct seven_digits {
    alignas(64) std::int8_t digits[2][64];  ///< three digits of an entry and 0
    alignas(64) std::int32_t start[2][16];  ///< -128 times their sum: activations are made unsigned

    [[nodiscard]] static constexpr seven_digits make() noexcept {
        seven_digits t{};
        for (int entry = 0; entry < 32; ++entry) {
            const int reg = entry % 8 / 4;
            const int lane = entry / 8 * 4 + entry % 4;
            const int v[3] = {entry % 3 - 1, entry / 3 % 3 - 1, entry / 9 % 3 - 1};
            for (int i = 0; i < 3; ++i) t.digits[reg][4 * lane + i] = static_cast<std::int8_t>(v[i]);
            t.start[reg][lane] = -128 * (v[0] + v[1] + v[2]);
        }
        return t;
    }
};
inline constexpr seven_digits seven_constants = seven_digits::make();

/// `Vnni`: whether tables are made with vpdpbusd.
template <bool Vnni>
struct avx512_sevens {
    using reg = __m512i;
    using sums = sums_16x32;
    struct table {
        reg low;
        reg high;
    };
    // Thirty-two registers: sixteen sums, four indices and entries, two of a table.
    static constexpr std::size_t rows = 4;
    static constexpr std::size_t groups = 4;
    static constexpr std::size_t row_groups = 8;
    static constexpr std::size_t block_rows = 32;
    static constexpr std::size_t panels = 264;  // rows of sums are no multiple of a page apart
    static constexpr std::size_t scratch_tiles = 112;

    static TERN_INLINE sums zero() noexcept { return sums(_mm512_setzero_si512()); }
    static TERN_INLINE table load(const std::int16_t* from) noexcept {
        return {keep_in_register(_mm512_loadu_si512(from)), keep_in_register(_mm512_loadu_si512(from + 32))};
    }
    /// A second load costs less than a shift, which competes with the lookups.
    template <int H>
    static TERN_INLINE reg indices(const std::uint8_t* from) noexcept {
        return keep_in_register(_mm512_loadu_si512(from + H));
    }
    // Lookups first and additions later: one after the other, additions take the places of lookups.
#if defined(__GNUC__) && !defined(__clang__)  // told less, it copies sums and indices and runs out of registers
    static TERN_INLINE reg look_up(reg index, const table& t) noexcept {
        reg found = t.low;
        asm volatile("vpermt2w %2, %1, %0" : "+v"(found) : "v"(index), "v"(t.high));
        return found;
    }
    static TERN_INLINE sums add(sums s, reg found) noexcept {
        asm volatile("vpaddw %1, %0, %0" : "+v"(s) : "v"(found));
        return s;
    }
#else
    static TERN_INLINE reg look_up(reg index, const table& t) noexcept {
        reg found = _mm512_permutex2var_epi16(t.low, index, t.high);
        in_order(found);
        return found;
    }
    static TERN_INLINE sums add(sums s, reg found) noexcept {
        sums sum = sums(_mm512_add_epi16(reg(s), found));
        in_order(sum);
        return sum;
    }
#endif
    static TERN_INLINE void store(std::int32_t* to, sums s, bool add) noexcept {
        const __mmask16 old = add ? 0xffffu : 0u;
        _mm512_storeu_si512(to, _mm512_add_epi32(_mm512_maskz_loadu_epi32(old, to), even(s)));
        _mm512_storeu_si512(to + 16, _mm512_add_epi32(_mm512_maskz_loadu_epi32(old, to + 16), odd(s)));
    }
    static TERN_INLINE void store_first(std::int32_t* to, sums s, bool add, std::size_t lanes) noexcept {
        const std::uint32_t there = lanes < 32 ? (std::uint32_t{1} << lanes) - 1 : ~std::uint32_t{0};
        store_lanes(to, even(s), add, static_cast<__mmask16>(there));
        store_lanes(to + 16, odd(s), add, static_cast<__mmask16>(there >> 16));
    }
    static TERN_INLINE void build(const std::int8_t* x, std::int16_t* to) noexcept {
        alignas(32) std::uint8_t positive[32];
        const __m256i offset = _mm256_set1_epi8(static_cast<char>(-128));
        _mm256_store_si256(reinterpret_cast<__m256i*>(positive),
                           _mm256_xor_si256(_mm256_maskz_loadu_epi8(0x0fffffffu, x), offset));
#if defined(__GNUC__)
        asm("" : "+m"(positive));  // a broadcast from memory takes no arithmetic unit
#endif
        bits::unroll<4>([&](auto seven) TERN_INLINE_LAMBDA {
            const std::uint8_t* const from = positive + 7 * seven;
            const reg last = _mm512_set1_epi16(x[7 * seven + 6]);
            const reg first = entries(from);
            const reg second = entries(from + 3);
            std::int16_t* const at = to + 128 * seven;
            _mm512_storeu_si512(at, _mm512_sub_epi16(first, last));
            _mm512_storeu_si512(at + 32, first);
            _mm512_storeu_si512(at + 64, second);
            _mm512_storeu_si512(at + 96, _mm512_add_epi16(second, last));
        });
    }

private:
    static TERN_INLINE reg even(sums s) noexcept { return _mm512_srai_epi32(_mm512_slli_epi32(reg(s), 16), 16); }
    static TERN_INLINE reg odd(sums s) noexcept { return _mm512_srai_epi32(reg(s), 16); }
    static TERN_INLINE void store_lanes(std::int32_t* to, reg x, bool add, __mmask16 lanes) noexcept {
        const __mmask16 old = add ? lanes : __mmask16{0};
        _mm512_mask_storeu_epi32(to, lanes, _mm512_add_epi32(_mm512_maskz_loadu_epi32(old, to), x));
    }
    /// Sums of three activations for all numbers; the byte behind them meets zeros.
    static TERN_INLINE reg entries(const std::uint8_t* x) noexcept {
        const reg three = _mm512_set1_epi32(bits::load<std::int32_t>(x));
        return _mm512_packs_epi32(sum(0, three), sum(1, three));
    }
    static TERN_INLINE reg sum(int half, reg x) noexcept {
        const reg start = _mm512_load_si512(seven_constants.start[half]);
        const reg digits = _mm512_load_si512(seven_constants.digits[half]);
#if TERN_HAS_AVX512_VNNI
        if constexpr (Vnni) return _mm512_dpbusd_epi32(start, x, digits);
#endif
        return _mm512_add_epi32(start, _mm512_madd_epi16(_mm512_maddubs_epi16(x, digits), _mm512_set1_epi16(1)));
    }
    template <class Reg>
    static TERN_INLINE void in_order(Reg& r) noexcept {
#if defined(__GNUC__)
        asm volatile("" : "+v"(r));
#endif
    }
};

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_AVX512
