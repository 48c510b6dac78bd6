// SPDX-License-Identifier: MIT
// The shape of the adder trees, which the Verilog and the area model share.
#pragma once

#include <cstddef>

#include <tern/pe/unit.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

/// Signals that a leaf counts: six in three 6-input LUTs; or three pairs, which are six signals too, in two.
inline constexpr size_t bit_leaf = 6;
inline constexpr size_t pair_leaf = 3;

/// Lanes of the left half of a tree over n > leaf: the most full leaves that are a power of two of them and not all.
[[nodiscard]] constexpr size_t left_part(size_t n, size_t leaf) noexcept {
    size_t part = leaf;
    while (2 * part < n) part *= 2;
    return part;
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
