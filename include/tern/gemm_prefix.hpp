// SPDX-License-Identifier: MIT
// Nested sub-networks: from one packed weight, the network of its first channels (dynamic inference with TGA's authors'
// nested ternary networks in mind). Nothing is packed again and nothing is copied.
//
// First outputs: a panel does not depend on how many follow it, so `prefix` is a view, and every product takes it.
// First inputs (the prefix of outputs of the layer before): panels are as long as the whole depth, so a view cannot say
// it; `gemm_prefix` multiplies a part of every panel.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/epilogue.hpp>
#include <tern/gemm.hpp>
#include <tern/layout.hpp>
#include <tern/parallel.hpp>

#include <tern/kernel/gemm/prefix.hpp>

namespace tern {

/// The weights of the first `outputs` outputs; all of them where there are no more.
template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr packed_panels<Encoding> prefix(const packed_panels<Encoding>& weights,
                                                                   size_t outputs) noexcept {
    packed_panels<Encoding> view = weights;
    view.outputs = outputs < weights.outputs ? outputs : weights.outputs;
    return view;
}

/// The activations of the first `depth` positions; all of them where there are no more. Their last word may hold bits
/// behind `depth`, so it has to be a multiple of 32 where it cuts (`gemm_prefix` says so, too).
template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr packed_rows<Encoding> prefix_depth(const packed_rows<Encoding>& activations,
                                                                       size_t depth) noexcept {
    return {activations.data, activations.rows, depth < activations.depth ? depth : activations.depth,
            activations.row_stride, activations.plane_stride};
}

namespace detail {

template <class Lhs, class Rhs>
struct prefix_operands {
    static constexpr size_t largest_product = max_product<Lhs, Rhs>;
    static constexpr size_t tile_panels = 1;

    const packed_rows<Lhs>& lhs;
    const packed_panels<Rhs>& rhs;

    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return lhs.depth; }
    [[nodiscard]] TERN_INLINE bool fit() const noexcept {
        return rhs.taps == 1 &&
               (lhs.depth == rhs.tap_depth || (lhs.depth < rhs.tap_depth && lhs.depth % word_bits == 0));
    }

    template <class Arch, class Sink>
    TERN_INLINE void run(size_t first_panel, size_t last_panel, const Sink& sink) const noexcept {
        kernel::run_gemm<kernel::prefix_product<Arch, Lhs, Rhs>>(lhs, rhs, first_panel, last_panel, sink);
    }
};

}  // namespace detail

/// dst[i][j] = sum_{k < lhs.depth} lhs[i][k] * rhs[j][k]: as `gemm`, but the weights may be deeper than the
/// activations, whose depth is then a multiple of 32 (else bad_shape).
///
/// Sums of weights that an epilogue needs are counted anew, from the weights of the prefix. A group of `scale_offset`
/// has its scales, and `group_sums`, as for weights of lhs.depth.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status gemm_prefix(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs,
                                 const matrix_view<std::int32_t>& dst, tiles range = {}) noexcept {
    return detail::product<Arch>(detail::prefix_operands<Lhs, Rhs>{lhs, rhs}, dst, range);
}

template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status gemm_prefix(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs,
                                 const matrix_view<float>& dst, const scale_offset& epilogue,
                                 tiles range = {}) noexcept {
    return detail::product<Arch>(detail::prefix_operands<Lhs, Rhs>{lhs, rhs}, dst, epilogue, range);
}

}  // namespace tern
