// SPDX-License-Identifier: MIT
// The activations' side of a low-bit product: float rows become what the kernels read, in one step.
//
//     quantize_int8      -127 .. 127 and a scale, absmax a row or a tensor
//     quantize_binary    -1, +1                  packed
//     quantize_ternary   -1, 0, +1               packed, two thresholds
//     quantize_bits      0 .. 2^K - 1            packed, unsigned_bits<K>, a given scale
//                        odd numbers to 2^K - 1  packed, bipolar_bits<K>, a given scale
//
// x is rows x columns; columns are the depth of the product. Results are the same bits on every architecture and
// compiler, equal to reference/quantize.hpp: every operation on floats is named below, is IEEE-754 binary32 in the
// default rounding mode, and no product meets an addition. Compilers are not allowed to relax that (-ffast-math).
// All but quantize_ternary, quantize_binary and bipolar_bits also give the same where subnormal numbers are flushed.
//
// Values are not looked at beforehand, so no x is an error: NaN and infinity have the meaning that each function says.
// Everything else is checked first; on any status but `ok` nothing is written.
// Cost: x is read once, twice by quantize_int8 (the second time from cache, where a row, or with one scale the tensor,
// fits). Threads: none are started; rows are independent, except for quantize_int8 with one scale for the tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <tern/arch.hpp>
#include <tern/epilogue.hpp>
#include <tern/layout.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

namespace tern::quantize {

/// Magnitudes below count as zero where a scale is made of them; scales below are refused. So is what is above
/// 1 / smallest_scale.
inline constexpr float smallest_scale = 0x1p-100f;

/// Eight-bit activations by their largest magnitude: BitNet b1.58's, with epsilon = 1e-5.
///
///     m = max(max |x|, epsilon), scale = m / 127, q = round_half_even(x * (127 / m)) in [-127, 127]
///
/// `scale` is `per_tensor(&s)` or `per_channel(s, x.rows)`; x is about scale * q, off by half a scale and a rounding of
/// x * (127 / m). Both quotients and the product are rounded to float.
/// m < 2^-100, a row of zeros among them, gives scale 1 and zeros. NaN gives 0 and does not count for m. Infinity
/// counts as the largest finite float and gives +-127.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap (of outputs with x or each other) or
/// bad_value (epsilon is negative or not finite).
/// Source: BitNet b1.58 (arXiv 2402.17764) quantizes activations per token to [-Q_b, Q_b]; 127, epsilon and rounding
/// are those of the released code, which also allows -128.
template <class Arch = default_arch>
status quantize_int8(matrix_view<const float> x, matrix_view<std::int8_t> q, matrix_view<float> scale,
                     float epsilon = 0.0f) noexcept;

/// +1 where x >= 0, else -1: -0 gives +1 and NaN gives -1.
/// Returns bad_layout, bad_shape, bad_stride, null_pointer, bad_alignment, overflow or overlap.
template <class Arch = default_arch, set_bit SetBit>
status quantize_binary(matrix_view<const float> x, const mutable_packed_rows<basic_binary<SetBit>>& q) noexcept;

/// +1 where x > upper, else -1 where x < lower, else 0. A threshold is one for all (`tern::per_tensor`) or one a
/// column of x (`tern::per_channel`); none: -1/2 and +1/2, RTN's T(x).
/// At a threshold and for NaN (of x or a threshold): 0.
/// Returns as quantize_binary; bad_stride also for thresholds with a stride above 1, overlap also of q with thresholds.
template <class Arch = default_arch>
status quantize_ternary(matrix_view<const float> x, const thresholds& limits,
                        const mutable_packed_rows<ternary>& q) noexcept;

/// q = round_half_even(x * (1 / scale)), clamped to 0 .. 2^K - 1. The quotient and the product are rounded to float,
/// so q may differ by one from that of x / scale. NaN gives 0.
/// Returns as quantize_binary; bad_value for a scale outside [2^-100, 2^100].
template <class Arch = default_arch, int K>
status quantize_bits(matrix_view<const float> x, float scale, const mutable_packed_rows<unsigned_bits<K>>& q) noexcept;

/// The nearest odd number to x / scale in [-(2^K - 1), 2^K - 1]; even ones go up, so that K = 1 is quantize_binary.
///
///     q = 2 floor(x * (1/2 / scale)) + 1, clamped
///
/// The quotient and the product are rounded to float. NaN gives the lowest level. Returns as for unsigned_bits.
template <class Arch = default_arch, int K>
status quantize_bits(matrix_view<const float> x, float scale, const mutable_packed_rows<bipolar_bits<K>>& q) noexcept;

}  // namespace tern::quantize

#include <tern/kernel/quantize/activations.hpp>

namespace tern::quantize {
namespace detail {

template <class Encoding>
[[nodiscard]] TERN_INLINE status check_packing(const matrix_view<const float>& x,
                                               const mutable_packed_rows<Encoding>& q) noexcept {
    const status s = first_error(check(x), check(q));
    if (s != status::ok) return s;
    if (q.rows != x.rows || q.depth != x.cols) return status::bad_shape;
    return bytes_of(x).overlaps(bytes_of(q)) ? status::overlap : status::ok;
}

/// A threshold an element, or one for all, apart from the destination.
[[nodiscard]] TERN_INLINE status check_threshold(const parameter& p, size_t cols, byte_range target) noexcept {
    if (p.data == nullptr) return status::ok;
    if (p.stride > 1) return status::bad_stride;
    if (reinterpret_cast<std::uintptr_t>(p.data) % alignof(float) != 0) return status::bad_alignment;
    return bytes_of(p.data, (p.stride == 0 ? 1 : cols) * sizeof(float)).overlaps(target) ? status::overlap : status::ok;
}

[[nodiscard]] TERN_INLINE constexpr bool is_scale(float scale) noexcept {
    return scale >= smallest_scale && scale <= 1.0f / smallest_scale;
}

/// The rows of `x` that share a scale.
template <class Arch>
void quantize_int8_group(matrix_view<const float> x, matrix_view<std::int8_t> q, float epsilon, float& scale) noexcept {
    float most = epsilon;
    bool finite = true;
    for (size_t i = 0; i < x.rows; ++i) {
        const kernel::magnitude row = kernel::largest_magnitude<Arch>(x.row(i), x.cols);
        most = row.most > most ? row.most : most;
        finite &= row.finite;
    }
    most = most > std::numeric_limits<float>::max() ? std::numeric_limits<float>::max() : most;
    const bool nothing = most < smallest_scale;
    scale = nothing ? 1.0f : most / 127.0f;
    const float factor = nothing ? 1.0f : 127.0f / most;  // below 2^-100, times 1, is nothing as well
    for (size_t i = 0; i < x.rows; ++i) {
        if (finite)
            kernel::quantize_int8_row<Arch, true>(x.row(i), x.cols, factor, q.row(i));
        else
            kernel::quantize_int8_row<Arch, false>(x.row(i), x.cols, factor, q.row(i));
    }
}

}  // namespace detail

template <class Arch>
status quantize_int8(matrix_view<const float> x, matrix_view<std::int8_t> q, matrix_view<float> scale,
                     float epsilon) noexcept {
    const status s =
        detail::first_error(check(x), detail::check_same_shape(q, x), detail::check_parameter(scale, x.rows));
    if (s != status::ok) return s;
    if (detail::overlap(x, q) || detail::overlap(x, scale) || detail::overlap(q, scale)) return status::overlap;
    if (!(epsilon >= 0.0f) || !detail::finite(epsilon)) return status::bad_value;
    for (size_t g = 0; g < scale.rows; ++g)
        detail::quantize_int8_group<Arch>(detail::group_of(x, scale, g), detail::group_of(q, scale, g), epsilon,
                                          *scale.row(g));
    return status::ok;
}

template <class Arch, set_bit SetBit>
status quantize_binary(matrix_view<const float> x, const mutable_packed_rows<basic_binary<SetBit>>& q) noexcept {
    const status s = detail::check_packing(x, q);
    if (s != status::ok || x.empty()) return s;
    for (size_t i = 0; i < x.rows; ++i) kernel::quantize_binary_row<Arch>(x.row(i), x.cols, SetBit, q.target_row(i));
    return s;
}

template <class Arch>
status quantize_ternary(matrix_view<const float> x, const thresholds& limits,
                        const mutable_packed_rows<ternary>& q) noexcept {
    const status s =
        detail::first_error(detail::check_packing(x, q), detail::check_threshold(limits.lower, x.cols, bytes_of(q)),
                            detail::check_threshold(limits.upper, x.cols, bytes_of(q)));
    if (s != status::ok || x.empty()) return s;
    for (size_t i = 0; i < x.rows; ++i)
        kernel::quantize_ternary_row<Arch>(x.row(i), x.cols, limits, q.target_row(i), q.target_row(i) + q.plane_stride);
    return s;
}

template <class Arch, int K>
status quantize_bits(matrix_view<const float> x, float scale, const mutable_packed_rows<unsigned_bits<K>>& q) noexcept {
    const status s = detail::check_packing(x, q);
    if (s != status::ok) return s;
    if (!detail::is_scale(scale)) return status::bad_value;
    for (size_t i = 0; i < q.rows && !x.empty(); ++i)
        kernel::quantize_bits_row<Arch, size_t{K}, simd::rounding::half_even>(x.row(i), x.cols, 1.0f / scale,
                                                                              q.target_row(i), q.plane_stride);
    return s;
}

template <class Arch, int K>
status quantize_bits(matrix_view<const float> x, float scale, const mutable_packed_rows<bipolar_bits<K>>& q) noexcept {
    const status s = detail::check_packing(x, q);
    if (s != status::ok) return s;
    if (!detail::is_scale(scale)) return status::bad_value;
    for (size_t i = 0; i < q.rows && !x.empty(); ++i)
        kernel::quantize_bits_row<Arch, size_t{K}, simd::rounding::down>(x.row(i), x.cols, 0.5f / scale,
                                                                         q.target_row(i), q.plane_stride);
    return s;
}

}  // namespace tern::quantize
