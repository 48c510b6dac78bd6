// SPDX-License-Identifier: MIT
// Matrix product of real activations and packed ternary weights: weight-only quantization.
//
//     dst[i][j] = clamp(scale_j * sum_{k < depth} lhs[i][k] * rhs[j][k] + bias_j)        i < rows, j < outputs
//
// lhs: a row-major matrix of float, rows x depth, any stride; nothing behind a row is read. rhs: `packed_codes`. Any
// shape, zero sizes included. A weight of 0 leaves an activation out, be it infinite or NaN.
//
// The sum is that of float additions in order of depth, k = 0, 1, ..., from +0, rounded to nearest each; scale and bias
// take one more rounding, in double, and one to float. So results have the same bits on every architecture and compiler
// and equal `reference::gemm_float`; the error against real arithmetic is that of recursive summation, at most
// (depth - 1) 2^-24 sum |lhs[i][k] rhs[j][k]| to first order.
// Cost: one or two masked additions for 16 outputs and a position (AVX-512); weights are read once for 1 to 4 rows.
// Threads: none are started; `tiles` selects a range of panels of 64 outputs, and disjoint ranges may run side by side.
#pragma once

#include <cstddef>

#include <tern/gemm.hpp>
#include <tern/kernel/floats/codes.hpp>

namespace tern {

/// Of the epilogue, the weights' scale (per tensor or per channel), the bias and the clamp are taken; anything else in
/// it is `unsupported`.
template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const float>& lhs, const packed_codes& rhs, const matrix_view<float>& dst,
                          const scale_offset& epilogue = {}, tiles range = {}) noexcept {
    status s = check(lhs);
    if (s == status::ok) s = check(rhs);
    if (s == status::ok) s = check(dst);
    if (s == status::ok) s = check(epilogue, 0);
    if (s != status::ok) return s;
    if (epilogue.weights.offset.data != nullptr || epilogue.activations.scale.data != nullptr ||
        epilogue.activations.offset.data != nullptr || epilogue.group != 0)
        return status::unsupported;
    if (lhs.cols != rhs.depth || dst.rows != lhs.rows || dst.cols != rhs.outputs || range.first > range.last)
        return status::bad_shape;
    if (bytes_of(dst).overlaps(bytes_of(lhs)) || bytes_of(dst).overlaps(bytes_of(rhs))) return status::overlap;
    const size_t panels = rhs.panels();
    const size_t last = range.last < panels ? range.last : panels;
    if (lhs.rows == 1)
        kernel::run_floats<Arch, 1>(lhs, rhs, range.first, last, epilogue, dst);
    else if (lhs.rows != 0)
        kernel::run_floats<Arch, decltype(kernel::float_config(Arch{}))::rows>(lhs, rhs, range.first, last, epilogue,
                                                                               dst);
    return status::ok;
}

}  // namespace tern
