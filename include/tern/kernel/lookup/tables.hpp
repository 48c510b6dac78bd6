// SPDX-License-Identifier: MIT
// Tables of a product by lookup, constants of the library.
//
// A row belongs to the values v_i of some positions of one digit of the activations, a place in it to an index of the
// weights (ternary_index, or one of its halves), and what stands there is
//
//     sum_i v_i w_i + bias        bias = positions * largest |v|, so that no entry is negative
//
// `code` of a row, Positions = 4 or 2, from the bit planes of a digit:
//     plane p of position i is bit Positions * p + i;
//     four trits are a number in base 3 instead: digit 0 is value 0, 1 is -1, 2 is +1 (81 rows instead of 256).
#pragma once

#include <tern/layout.hpp>

namespace tern::kernel {

/// A digit of an encoding: `Planes` neighbouring planes. `Centred`: b = 0 .. 2^Planes - 1 of several planes counts from
/// its middle, so that sums are smaller; see lookup_digits.
template <class Encoding, int Planes, bool Centred = false>
struct lookup_digit {
    static_assert(Planes >= 1 && Planes <= 4, "tern: a lookup digit is one to four planes");
    static constexpr int planes = Planes;
    static constexpr bool trits = Encoding::has_mask && Encoding::has_sign;
    static constexpr std::int32_t middle = Centred && Planes > 1 ? 1 << (Planes - 1) : 0;
    static constexpr std::int32_t max_abs = trits ? 1 : Centred && Planes > 1 ? middle : (1 << Planes) - 1;

    /// Value of one position, given its bit of each plane.
    [[nodiscard]] static TERN_INLINE constexpr std::int32_t value(std::uint32_t bits) noexcept {
        if constexpr (trits) return Encoding::decode(bits);
        if constexpr (Centred || Encoding::has_mask) return static_cast<std::int32_t>(bits) - middle;
        const std::int32_t signed_digit = 2 * static_cast<std::int32_t>(bits) - max_abs;
        return Encoding::sign_bit == set_bit::plus ? signed_digit : -signed_digit;
    }
};

/// `Bias`: of the entries; more than this digit needs where digits with larger ones share its sums. `HighBytes`: 0, or
/// of each row what is behind its first 64 bytes stands behind the last row, as so many bytes: nothing is kept of a row
/// that has no entries.
template <class Digit, int Positions, int Bias, size_t HighBytes = 0>
struct lookup_table {
    static_assert(Positions == 4 || Positions == 2);
    static_assert(Bias >= Digit::max_abs * Positions && 2 * Bias <= 255);
    static constexpr bool base3 = Digit::trits && Positions == 4;
    static constexpr size_t rows = base3 ? 81 : size_t{1} << (Positions * Digit::planes);
    static constexpr size_t row_bytes = Positions == 2 ? 16 : HighBytes == 0 ? 128 : 64;
    static constexpr size_t places = Positions == 4 ? 81 : 9;

    alignas(64) std::uint8_t bytes[rows * (row_bytes + HighBytes)];

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
                const bool high = HighBytes != 0 && place >= row_bytes;
                t.bytes[high ? rows * row_bytes + row * HighBytes + place - row_bytes : row * row_bytes + place] =
                    static_cast<std::uint8_t>(sum);
            }
        }
        return t;
    }
};

/// A constant only where it is used.
template <class Table>
inline constexpr Table lookup_table_of = Table::make();

/// The rows of a table, and the second parts of them where they stand apart.
struct table_rows {
    const std::uint8_t* first;
    const std::uint8_t* second;
};
template <class Table>
[[nodiscard]] TERN_INLINE table_rows table_rows_of() noexcept {
    const std::uint8_t* const first = lookup_table_of<Table>.bytes;
    return {first, first + Table::rows * Table::row_bytes};
}

/// How an activation encoding falls into digits of at most `MostPlanes` planes, all about as large, the lowest first.
///
/// Digits of several planes are b - middle, or b where one plane remains, of which
///     unsigned:  v = sum_d 2^first_d b_d
///     bipolar:   v = 2 sum_d 2^first_d b_d - (2^k - 1)
/// and the middles that are left out, times a weight each, are a multiple of the sum of the weights.
template <class Encoding, int MostPlanes>
struct lookup_digits {
    static constexpr bool trits = lookup_digit<Encoding, 1>::trits;
    static constexpr size_t count = trits ? 1 : bits::ceil_div(Encoding::planes, MostPlanes);
    static constexpr int per_digit = static_cast<int>(bits::ceil_div(Encoding::planes, count));
    static constexpr bool centred = !trits && per_digit > 1;

    [[nodiscard]] static TERN_INLINE constexpr int first_plane(size_t d) noexcept { return static_cast<int>(d) * per_digit; }
    [[nodiscard]] static TERN_INLINE constexpr int planes(size_t d) noexcept {
        const int left = Encoding::planes - first_plane(d);
        return left < per_digit ? left : per_digit;
    }
    template <size_t D>
    using digit = lookup_digit<Encoding, planes(D), centred>;
    static constexpr std::int32_t max_abs = digit<0>::max_abs;

    /// The power of two by which sums of a digit count.
    [[nodiscard]] static TERN_INLINE constexpr int shift(size_t d) noexcept {
        return first_plane(d) + (centred && Encoding::has_sign ? 1 : 0);
    }
    /// The multiple of the sum of the weights that the digits leave out.
    [[nodiscard]] static TERN_INLINE constexpr std::uint32_t left_out() noexcept {
        if (!centred) return 0;
        std::uint32_t middles = 0;
        for (size_t d = 0; d < count; ++d)
            if (planes(d) > 1) middles += std::uint32_t{1} << (first_plane(d) + planes(d) - 1);
        return Encoding::has_sign ? 2 * middles - ((1u << Encoding::planes) - 1) : middles;
    }

    /// The table of digit d, of one bias for all.
    template <int Positions, size_t HighBytes>
    [[nodiscard]] static TERN_INLINE table_rows table(size_t d) noexcept {
        constexpr int bias = max_abs * Positions;
        if constexpr (Encoding::planes % per_digit != 0)
            if (d + 1 == count) return table_rows_of<lookup_table<digit<count - 1>, Positions, bias, HighBytes>>();
        static_cast<void>(d);
        return table_rows_of<lookup_table<digit<0>, Positions, bias, HighBytes>>();
    }
};

/// sums[i] *= factor and to[i] += sums[i], modulo 2^32: what digits leave out is `left_out` times sums of weights.
template <size_t N>
TERN_INLINE void scale_sums(std::int32_t* sums, std::uint32_t factor) noexcept {
    for (size_t i = 0; i < N; ++i) sums[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(sums[i]) * factor);
}
template <size_t N>
TERN_INLINE void add_sums(std::int32_t* to, const std::int32_t* sums) noexcept {
    for (size_t i = 0; i < N; ++i)
        to[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(to[i]) + static_cast<std::uint32_t>(sums[i]));
}

}  // namespace tern::kernel
