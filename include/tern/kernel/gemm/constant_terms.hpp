// SPDX-License-Identifier: MIT
// The parts of a product that depend on one operand alone: counted once a row or read with the weights, never in the
// inner loop.
#pragma once

#include <tern/layout.hpp>

namespace tern::kernel {

/// sum_q 2^q popcount(mask_q) over some words of one row: what a masked row contributes against outputs without a mask.
template <class Encoding>
TERN_INLINE std::int32_t mask_count(const word* row, size_t plane_stride, size_t words) noexcept {
    static_assert(Encoding::has_mask);
    std::int32_t total = 0;
    for (size_t q = 0; q < size_t{Encoding::digits}; ++q)
        for (size_t w = 0; w < words; ++w) total += bits::popcount(row[q * plane_stride + w]) << q;
    return total;
}

/// Sum of the values of some words of one row that hold `depth` elements.
template <class Encoding>
TERN_INLINE std::int32_t value_sum(const word* row, size_t plane_stride, size_t words, size_t depth) noexcept {
    std::int32_t total = 0;
    for (size_t q = 0; q < size_t{Encoding::digits}; ++q) {
        std::int32_t plus = 0;   // set bits that count +1
        std::int32_t count = 0;  // elements with a mask
        for (size_t w = 0; w < words; ++w) {
            const word first = row[q * plane_stride + w];
            if constexpr (Encoding::has_mask && Encoding::has_sign) {
                count += bits::popcount(first);
                plus += bits::popcount(first & row[plane_stride + w]);
            } else {
                plus += bits::popcount(first);
            }
        }
        if constexpr (Encoding::has_sign && !Encoding::has_mask) count = static_cast<std::int32_t>(depth);
        std::int32_t digit = Encoding::has_sign ? 2 * plus - count : plus;
        if constexpr (Encoding::sign_bit == set_bit::minus) digit = -digit;
        total += digit * (1 << q);
    }
    return total;
}

/// Which constant term a pair of encodings has: popcount(c) of tile.hpp where it is not counted there.
template <class Lhs, class Rhs>
struct constant_term {
    static constexpr bool of_row = Lhs::has_mask && !Rhs::has_mask;
    static constexpr bool of_output = !Lhs::has_mask && Rhs::has_mask;
    static constexpr bool of_depth = !Lhs::has_mask && !Rhs::has_mask;
    static constexpr std::uint32_t lhs_weights = (1u << Lhs::digits) - 1u;
    static constexpr std::uint32_t rhs_weights = (1u << Rhs::digits) - 1u;
    /// sum_p 2^p popcount(mask_p) of an output: kept with the weights as their number of non-zeros or, of several
    /// digits (which have no sign then), as their sum.
    static constexpr bool masks_are_sums = Rhs::digits > 1;
};

}  // namespace tern::kernel
