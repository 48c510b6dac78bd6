// SPDX-License-Identifier: MIT
// Sums of signed bytes chosen by indices, looked up in tables of 16-bit entries: on `arch::scalar`, and the description
// of what every other leaf offers.
//
// Seven activations x make two tables of 64 entries (54 are used). With v_i = -1, 0 or +1 the digits of an entry's
// number sum_i (v_i + 1) 3^i, 0 .. 26, and b = 0 or 1 the bit above its five bits,
//     table 0:  v_0 x_0 + v_1 x_1 + v_2 x_2 + (b - 1) x_6
//     table 1:  v_0 x_3 + v_1 x_4 + v_2 x_5 +  b      x_6
// so that the entries that the two bytes of a `ternary_seven` choose are the product of seven weights and activations.
#pragma once

#include <tern/simd/scalar.hpp>

namespace tern::simd {

/// 32 outputs at a time.
///   rows, groups   the tile: activation rows, and groups of 32 outputs; row_groups: groups for a single row
///   block_rows     rows that meet weights before these are read again
///   panels         panels of 16 outputs that a product covers at a time (half where results are real)
///   scratch_tiles  tiles, four times `rows` at least, whose tables are kept
///   reg            indices of 32 outputs, in 16-bit lanes of which five or six bits count
///   sums           32 sums of 16 bits; they wrap modulo 2^16
///   table          64 entries
///   indices<H>     byte H of the 16-bit lanes at `from`; the byte behind them may be read
///   look_up        an entry for each lane
///   add            sums and entries
///   store          sums as int32, of the even lanes to[0 .. 15] and of the odd ones to[16 .. 31]; or added to what is
///                  there
///   store_first    the first `lanes` of these 32
///   build          the tables of four times seven activations
struct scalar_sevens {
    struct reg {
        std::uint16_t lane[32];
    };
    using sums = reg;
    using table = const std::int16_t*;
    static constexpr std::size_t rows = 1;
    static constexpr std::size_t groups = 1;
    static constexpr std::size_t row_groups = 1;
    static constexpr std::size_t block_rows = 1;
    static constexpr std::size_t panels = 8;
    static constexpr std::size_t scratch_tiles = 4;

    static TERN_INLINE sums zero() noexcept { return {}; }
    static TERN_INLINE table load(const std::int16_t* from) noexcept { return from; }
    template <int H>
    static TERN_INLINE reg indices(const std::uint8_t* from) noexcept {
        reg r;
        for (std::size_t i = 0; i < 32; ++i) r.lane[i] = from[2 * i + std::size_t{H}] & 63u;
        return r;
    }
    static TERN_INLINE reg look_up(const reg& index, table t) noexcept {
        reg r;
        for (std::size_t i = 0; i < 32; ++i) r.lane[i] = static_cast<std::uint16_t>(t[index.lane[i]]);
        return r;
    }
    static TERN_INLINE sums add(const sums& s, const reg& r) noexcept {
        sums to;
        for (std::size_t i = 0; i < 32; ++i) to.lane[i] = static_cast<std::uint16_t>(s.lane[i] + r.lane[i]);
        return to;
    }
    static TERN_INLINE void store(std::int32_t* to, const sums& s, bool add) noexcept { store_first(to, s, add, 32); }
    static TERN_INLINE void store_first(std::int32_t* to, const sums& s, bool add, std::size_t lanes) noexcept {
        for (std::size_t i = 0; i < lanes; ++i) {
            std::int32_t& at = to[i];
            const std::int32_t sum = static_cast<std::int16_t>(s.lane[i % 16 * 2 + i / 16]);
            const std::uint32_t before = add ? static_cast<std::uint32_t>(at) : 0u;
            at = static_cast<std::int32_t>(before + static_cast<std::uint32_t>(sum));
        }
    }
    static TERN_INLINE void build(const std::int8_t* x, std::int16_t* to) noexcept {
        for (int seven = 0; seven < 4; ++seven, x += 7) {
            for (int h = 0; h < 2; ++h, to += 64) {
                for (int number = 0; number < 32; ++number) {
                    const int sum = (number % 3 - 1) * x[3 * h] + (number / 3 % 3 - 1) * x[3 * h + 1] +
                                    (number / 9 % 3 - 1) * x[3 * h + 2];
                    to[number] = static_cast<std::int16_t>(sum - (h == 0 ? x[6] : 0));
                    to[number + 32] = static_cast<std::int16_t>(sum + (h == 0 ? 0 : x[6]));
                }
            }
        }
    }
};

}  // namespace tern::simd
