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
    static constexpr std::uint32_t digit_weights = (1u << Lhs::digits) - 1u;
};

/// acc[i] += per_output[i] + per_row for 16 outputs, modulo 2^32: parts of a product that fits may pass the range.
template <class Lanes>
TERN_INLINE void add_constants(std::int32_t* acc, const std::uint32_t (&per_output)[panel_outputs],
                               std::uint32_t per_row) noexcept {
    bits::unroll<panel_outputs / Lanes::width>([&](auto j) TERN_INLINE_LAMBDA {
        std::int32_t* const at = acc + j * Lanes::width;
        const auto constant = Lanes::add(Lanes::load(per_output + j * Lanes::width), Lanes::broadcast(per_row));
        Lanes::store(at, Lanes::add(Lanes::load(reinterpret_cast<const std::uint32_t*>(at)), constant));
    });
}

}  // namespace tern::kernel
