// SPDX-License-Identifier: MIT
// Tables of a product by lookup, constants of the library.
//
// A row belongs to the values v_i of some positions of one digit of the activations, a place in it to an index of the
// weights (ternary_index, or one of its halves), and what stands there is
//
//     sum_i v_i w_i + bias        bias = positions * largest |v|, so that no entry is negative
//
// `code` of a row, Positions = 4 or 2, from one or two bit planes of the activations:
//     plane 0 of position i is bit i, plane 1 is bit Positions + i;
//     four trits are a number in base 3 instead: digit 0 is value 0, 1 is -1, 2 is +1 (81 rows instead of 256).
#pragma once

#include <tern/layout.hpp>

namespace tern::kernel {

/// A digit of an encoding: `Planes` neighbouring planes.
template <class Encoding, int Planes>
struct lookup_digit {
    static_assert(Planes == 1 || Planes == 2, "tern: a lookup digit is one or two planes");
    static constexpr int planes = Planes;
    static constexpr bool trits = Encoding::has_mask && Encoding::has_sign;
    static constexpr std::int32_t max_abs = trits ? 1 : (1 << Planes) - 1;

    /// Value of one position, given its bit of each plane.
    [[nodiscard]] static TERN_INLINE constexpr std::int32_t value(std::uint32_t bits) noexcept {
        if constexpr (trits) return Encoding::decode(bits);
        if constexpr (Encoding::has_mask) return static_cast<std::int32_t>(bits);
        const std::int32_t signed_digit = 2 * static_cast<std::int32_t>(bits) - max_abs;
        return Encoding::sign_bit == set_bit::plus ? signed_digit : -signed_digit;
    }
};

/// `Bias`: of the entries; more than this digit needs where digits with larger ones share its sums.
template <class Digit, int Positions, int Bias>
struct lookup_table {
    static_assert(Positions == 4 || Positions == 2);
    static_assert(Bias >= Digit::max_abs * Positions && 2 * Bias <= 255);
    static constexpr bool base3 = Digit::trits && Positions == 4;
    static constexpr size_t rows = base3 ? 81 : size_t{1} << (Positions * Digit::planes);
    static constexpr size_t row_bytes = Positions == 4 ? 128 : 16;
    static constexpr size_t places = Positions == 4 ? 81 : 9;

    alignas(64) std::uint8_t bytes[rows * row_bytes];

    /// Value of position i in the row of `code`.
    [[nodiscard]] static constexpr std::int32_t value(size_t code, int i) noexcept {
        if constexpr (base3) {
            for (int n = 0; n < i; ++n) code /= 3;
            return Digit::value(code % 3 == 2 ? 3u : static_cast<std::uint32_t>(code % 3));
        }
        std::uint32_t of_position = 0;
        for (int p = 0; p < Digit::planes; ++p)
            of_position |= (static_cast<std::uint32_t>(code) >> (p * Positions + i) & 1u) << p;
        return Digit::value(of_position);
    }

    /// Sums of two positions first, and sums of those for four: a compiler counts the steps of a constant.
    [[nodiscard]] static constexpr lookup_table make() noexcept {
        lookup_table t{};
        for (size_t row = 0; row < rows; ++row) {
            std::int32_t pairs[2][9] = {};
            for (int pair = 0; pair < Positions / 2; ++pair) {
                const std::int32_t v0 = value(row, 2 * pair);
                const std::int32_t v1 = value(row, 2 * pair + 1);
                for (std::int32_t w = 0; w < 9; ++w) pairs[pair][w] = v0 * (w % 3 - 1) + v1 * (w / 3 - 1);
            }
            for (size_t place = 0; place < places; ++place) {
                std::int32_t sum = pairs[0][place % 9] + Bias;
                if constexpr (Positions == 4) sum += pairs[1][place / 9];
                t.bytes[row * row_bytes + place] = static_cast<std::uint8_t>(sum);
            }
        }
        return t;
    }
};

/// A constant only where it is used.
template <class Table>
inline constexpr Table lookup_table_of = Table::make();

/// How an activation encoding falls into digits of at most `MostPlanes` planes, the lowest first; a last one of fewer
/// planes may remain.
template <class Encoding, int MostPlanes>
struct lookup_digits {
    static constexpr bool trits = lookup_digit<Encoding, 2>::trits;
    static constexpr int per_digit = trits || (Encoding::planes > 1 && MostPlanes == 2) ? 2 : 1;
    static constexpr size_t count = bits::ceil_div(Encoding::planes, per_digit);
    static constexpr bool odd = Encoding::planes % per_digit != 0;
    static constexpr std::int32_t max_abs = lookup_digit<Encoding, per_digit>::max_abs;

    /// The table of digit d.
    template <int Positions>
    [[nodiscard]] static TERN_INLINE const std::uint8_t* table(size_t d) noexcept {
        constexpr int bias = max_abs * Positions;
        using whole = lookup_table<lookup_digit<Encoding, per_digit>, Positions, bias>;
        if constexpr (odd) {
            using half = lookup_table<lookup_digit<Encoding, 1>, Positions, bias>;
            if (d + 1 == count) return lookup_table_of<half>.bytes;
        }
        if constexpr (!odd) static_cast<void>(d);
        return lookup_table_of<whole>.bytes;
    }
};

}  // namespace tern::kernel
