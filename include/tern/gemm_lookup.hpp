// SPDX-License-Identifier: MIT
// Matrix product of packed activations and ternary weights by table lookup.
//
//     dst[i][j] = sum_{k < depth} lhs[i][k] * rhs[j][k]        i < rows (tokens), j < outputs
//
// The product of gemm.hpp and gemv.hpp, with the same destinations, epilogues, results and statuses, of weights packed
// as `packed_indices`. Activations: binary, binary_set_minus, ternary, unsigned_bits<1..8>, bipolar_bits<1..8>.
//
// Four positions of an activation row select a row of a constant table, and the weights' byte the place in it where
// the sum of the four products stands (two positions and half a byte with 16-byte shuffles). Activations of more than
// two planes are taken two planes at a time; with VBMI up to four at a time, in tables that are made of the activations
// (kernel/lookup/digits.hpp).
// Accumulation in int32, exact, bit-identical to `reference::gemm` on every architecture; the largest depths are those
// of gemm.hpp.
// Cost: one lookup and one addition of bytes for four (two) positions, output and digit of the activations. Constant
// tables with VBMI: 8 KB for ternary, 24 KB for two planes, 2 KB for one; with 16-byte shuffles 4 KB at most; scalar
// 10 KB and 2 KB. Three planes and more with VBMI: two more additions and a shift for three or seven lookups, a table
// of 96 bytes (four shuffles) for every four positions of a row and 4224 outputs, of constants of 1 to 5 KB.
// Memory: on x86 54 to 112 KB of stack with the accumulators, 145 KB with the totals of groups, for the codes of 4032
// (AVX2: 8960, VBMI: 14368) positions of 16 rows; three planes and more with VBMI 225 and 255 KB, for the sums of 8
// rows and 4224 outputs. A single row takes 43 KB at most.
// Threads: none are started; `tiles` selects a range of panels of 64 outputs, and disjoint ranges may run side by side.
#pragma once

#include <tern/gemm.hpp>

namespace tern {

/// Number of tiles of a product with these weights.
[[nodiscard]] TERN_INLINE constexpr size_t tile_count(const packed_indices& rhs) noexcept { return rhs.panels(); }

/// Sums of the weights over groups of `group` positions of depth, for `scale_offset::group_sums`: dst is
/// outputs x ceil(depth / group).
template <class Arch = default_arch>
[[nodiscard]] status group_sums(const packed_indices& weights, size_t group,
                                const matrix_view<std::int32_t>& dst) noexcept {
    status s = check(weights);
    if (s != status::ok) return s;
    s = check(dst);
    if (s != status::ok) return s;
    if (group == 0 || dst.rows != weights.outputs || dst.cols != bits::ceil_div(weights.depth, group))
        return status::bad_shape;
    if (bytes_of(weights).overlaps(bytes_of(dst))) return status::overlap;
    for (size_t m = 0; m < dst.rows; ++m) {
        for (size_t d = 0; d < weights.depth; ++d) {
            std::int32_t& sum = dst(m, d / group);
            sum = (d % group == 0 ? 0 : sum) + weights.value(m, d);
        }
    }
    return status::ok;
}

/// int32 accumulators.
template <class Arch = default_arch, class Lhs>
[[nodiscard]] status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs,
                          const matrix_view<std::int32_t>& dst, tiles range = {}) noexcept;

/// Real numbers.
template <class Arch = default_arch, class Lhs>
[[nodiscard]] status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs, const matrix_view<float>& dst,
                          const scale_offset& epilogue, tiles range = {}) noexcept;

/// The next layer's packed ternary activations.
template <class Arch = default_arch, class Lhs>
[[nodiscard]] status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs,
                          const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue,
                          const thresholds& limits, tiles range = {}) noexcept;

/// Any destination and way there of fused.hpp.
template <class Arch = default_arch, class Lhs, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_how<How>, status> gemm(const packed_rows<Lhs>& lhs,
                                                                 const packed_indices& rhs, const Destination& dst,
                                                                 const How& how, tiles range = {}) noexcept;

}  // namespace tern

#include <tern/kernel/gemm/driver.hpp>
#include <tern/kernel/lookup/digits.hpp>
#include <tern/kernel/lookup/product.hpp>

namespace tern {
namespace detail {

/// By tables of the activations, where that is what an architecture does best, or by constant ones.
template <class Arch, class Lhs, bool OneRow, bool Real>
using of_lookups =
    std::conditional_t<kernel::by_digits<Arch, Lhs>, kernel::digit_product<Arch, Lhs, OneRow, Real>,
                       kernel::lookup_product<Arch, Lhs, OneRow>>;

template <class Lhs>
struct lookup_operands {
    static constexpr size_t largest_product = max_product<Lhs, ternary_index>;
    static constexpr size_t tile_panels = packed_indices::tile_outputs / panel_outputs;

    const packed_rows<Lhs>& lhs;
    const packed_indices& rhs;

    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return lhs.depth; }
    [[nodiscard]] TERN_INLINE bool fit() const noexcept { return lhs.depth == rhs.depth; }

    template <class Arch, class Sink>
    TERN_INLINE void run(size_t first_panel, size_t last_panel, const Sink& sink) const noexcept {
        if (lhs.rows == 1)
            kernel::run_gemm<of_lookups<Arch, Lhs, true, Sink::real>>(lhs, rhs, first_panel, last_panel, sink);
        else
            kernel::run_gemm<of_lookups<Arch, Lhs, false, Sink::real>>(lhs, rhs, first_panel, last_panel, sink);
    }
};

}  // namespace detail

template <class Arch, class Lhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs, const matrix_view<std::int32_t>& dst,
            tiles range) noexcept {
    return detail::product<Arch>(detail::lookup_operands<Lhs>{lhs, rhs}, dst, range);
}

template <class Arch, class Lhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs, const matrix_view<float>& dst,
            const scale_offset& epilogue, tiles range) noexcept {
    return detail::product<Arch>(detail::lookup_operands<Lhs>{lhs, rhs}, dst, epilogue, range);
}

template <class Arch, class Lhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs, const mutable_packed_rows<ternary>& dst,
            const scale_offset& epilogue, const thresholds& limits, tiles range) noexcept {
    return detail::product<Arch>(detail::lookup_operands<Lhs>{lhs, rhs}, dst, epilogue, limits, range);
}

template <class Arch, class Lhs, class Destination, class How>
std::enable_if_t<detail::is_how<How>, status> gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs,
                                                   const Destination& dst, const How& how, tiles range) noexcept {
    return detail::fused_product<Arch>(detail::lookup_operands<Lhs>{lhs, rhs}, dst, how, range);
}

}  // namespace tern
