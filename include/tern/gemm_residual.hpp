// SPDX-License-Identifier: MIT
// Matrix product of ternary activations and residual-expanded ternary weights (quantize/residual.hpp):
//
//     dst[i][j] = float(scale_x * sum_k scale[j][k] * D_k),   D_k = sum_{d < depth} x[i][d] t_k[j][d],   k = 1 .. K
//
// The K copies of a weight share their sign plane: x's sign meets it once, and K masks follow, so that K + 1 planes of
// weights are read instead of 2 K. Per 32 positions and pair: one xor, and for each copy two ands, two counts, two
// adds.
//
// D_k in int32, exact; the sum over k in double in order of k, each product in it exact (depth < 2^29), then one
// product with scale_x and one rounding to float: the same bits on every architecture and compiler.
// Threads: none are started; `tiles` selects a range of panels of 16 outputs.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/layout.hpp>
#include <tern/parallel.hpp>
#include <tern/quantize/residual.hpp>

#include <tern/kernel/gemm/residual.hpp>

namespace tern {

/// lhs: rows x depth; rhs: panels of one tap, same depth; dst: rows x outputs; scale: 1 x K or outputs x K.
/// `levels` of the K copies are used, from the first on: fewer are a coarser network in the same memory.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, bad_layout, overlap or overflow (depth of 2^29 and
/// more).
template <class Arch = default_arch, int K>
[[nodiscard]] status gemm_residual(const packed_rows<ternary>& lhs, const packed_panels<nested_ternary<K>>& rhs,
                                   const matrix_view<const float>& scale, float scale_x, const matrix_view<float>& dst,
                                   size_t levels = size_t{K}, tiles range = {}) noexcept {
    status s = check(lhs);
    if (s == status::ok) s = check(rhs);
    if (s == status::ok) s = check(scale);
    if (s == status::ok) s = check(dst);
    if (s != status::ok) return s;
    if (rhs.taps != 1 || lhs.depth != rhs.tap_depth || dst.rows != lhs.rows || dst.cols != rhs.outputs ||
        levels > size_t{K} || scale.cols != size_t{K} || (scale.rows != 1 && scale.rows != rhs.outputs) ||
        range.first > range.last)
        return status::bad_shape;
    if (lhs.depth >= size_t{1} << 29) return status::overflow;
    const byte_range target = bytes_of(dst);
    if (target.overlaps(bytes_of(lhs)) || target.overlaps(bytes_of(rhs)) || target.overlaps(bytes_of(scale)))
        return status::overlap;
    const size_t last = range.last < rhs.panels() ? range.last : rhs.panels();
    for (size_t panel = range.first; panel < last; ++panel)
        kernel::residual_panel<Arch, K>(lhs, rhs, panel, scale, scale_x, levels, dst);
    return status::ok;
}

}  // namespace tern
