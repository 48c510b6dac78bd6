// SPDX-License-Identifier: MIT
// Absmean, the weights of BitNet b1.58 (Ma et al., arXiv 2402.17764): w ~ scale * t, one scale for the matrix, or one a
// row.
//
//     scale = mean |w| + epsilon
//     t     = round(w / scale) clipped to [-1, 1]   =   +1 if w > scale / 2, -1 if w < -scale / 2, else 0
//
// The comparison is with scale / 2 rounded to float (exact but for subnormal scales): no quotient is rounded, and ties
// give 0, as rounding half to even does.
// Gradient: the identity, dL/dw = dL/d(scale * t); neither t nor scale is differentiated.
//
// Where this was read: scale and rounding are the paper's formulas, recalled; its epsilon has no value there, and that
// of the released training code, recalled too, is 1e-5 and a lower bound of the mean. Both are choices of the caller
// here: epsilon is added. Per row is an extension.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/quantize/bwn.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/quantize/packing.hpp>
#include <tern/quantize/twn.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

namespace tern::quantize::absmean {
namespace detail {

using namespace tern::quantize::detail;

template <class Arch>
[[nodiscard]] TERN_INLINE float scale_of(const matrix_view<const float>& w, float epsilon) noexcept {
    return bwn::detail::scale_of<Arch>(w) + epsilon;
}

[[nodiscard]] TERN_INLINE constexpr kernel::row_limits limits_of(float scale) noexcept {
    return {-0.5f * scale, 0.5f * scale};
}

[[nodiscard]] TERN_INLINE status check_scales(const matrix_view<const float>& w,
                                              const matrix_view<const float>& scale) noexcept {
    const status s = first_error(check(w), check_parameter(scale, w.rows));
    if (s != status::ok) return s;
    for (size_t g = 0; g < scale.rows; ++g) {
        if (*scale.row(g) < 0.0f) return status::bad_value;
    }
    return status::ok;
}

template <class Arch, class Destination>
[[nodiscard]] TERN_INLINE status quantize_into(const matrix_view<const float>& w, const matrix_view<float>& scale,
                                               const Destination& to, float epsilon) noexcept {
    if (!(epsilon >= 0.0f) || !finite(epsilon)) return status::bad_value;
    return bwn::detail::quantize_by<Arch>(
        w, scale, to, [&](const matrix_view<const float>& v) TERN_INLINE_LAMBDA { return scale_of<Arch>(v, epsilon); },
        [&](size_t i) TERN_INLINE_LAMBDA { return limits_of(of_row(scale, i)); });
}

template <class Arch, class Destination>
[[nodiscard]] TERN_INLINE status forward_into(const matrix_view<const float>& w, const matrix_view<const float>& scale,
                                              const Destination& to) noexcept {
    const status s = check_scales(w, scale);
    if (s != status::ok) return s;
    return pack_by<Arch>(
        w, to, [&](size_t i) TERN_INLINE_LAMBDA { return limits_of(of_row(scale, i)); }, scale);
}

}  // namespace detail

/// scale = mean |w| + epsilon, `per_tensor(&x)` or `per_channel(x, w.rows)`.
///
/// Requires finite weights. Sums as kernel/quantize/weights.hpp says, the mean and the sum with epsilon rounded to
/// float: the same bits on every architecture. Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow,
/// overlap or bad_value (a weight or epsilon is not finite, or epsilon is negative); nothing is written then.
template <class Arch = default_arch>
status fit(matrix_view<const float> w, matrix_view<float> scale, float epsilon = 0.0f) noexcept {
    if (!(epsilon >= 0.0f) || !detail::finite(epsilon)) return status::bad_value;
    const status s = bwn::fit<Arch>(w, scale);
    if (s != status::ok) return s;
    for (size_t g = 0; g < scale.rows; ++g) *scale.row(g) += epsilon;
    return status::ok;
}

/// Values -1, 0, +1. Exact; ties, NaN weights and NaN scales give 0. Returns as `fit`; bad_value for a negative scale.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> scale, matrix_view<std::int8_t> values) noexcept {
    const status s = detail::first_error(detail::check_scales(w, scale), detail::check_same_shape(values, w));
    if (s != status::ok) return s;
    if (detail::overlap(w, values) || detail::overlap(scale, values)) return status::overlap;
    for (size_t i = 0; i < w.rows; ++i) {
        const float half = 0.5f * detail::of_row(scale, i);
        kernel::ternary_row<Arch>(w.row(i), w.cols, -half, half, values.row(i));
    }
    return status::ok;
}

/// quantized = scale * t. Exact.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> scale, matrix_view<float> quantized) noexcept {
    const status s = detail::first_error(detail::check_scales(w, scale), detail::check_same_shape(quantized, w));
    if (s != status::ok) return s;
    if (detail::overlap(w, quantized) || detail::overlap(scale, quantized)) return status::overlap;
    for (size_t i = 0; i < w.rows; ++i) {
        const float step = detail::of_row(scale, i);
        kernel::choose_row<Arch>(w.row(i), w.cols, -0.5f * step, 0.5f * step, -step, 0.0f, step, quantized.row(i));
    }
    return status::ok;
}

/// The values as packed rows, or as panels of weights (`to`): what `pack_rows` and `pack_panels` make of them.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> scale,
               const mutable_packed_rows<ternary>& q) noexcept {
    return detail::forward_into<Arch>(w, scale, q);
}

template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> scale, const panel_memory<ternary>& to) noexcept {
    return detail::forward_into<Arch>(w, scale, to);
}

/// `fit` and `forward` at once: the same bits as one after the other. Nothing is looked at beforehand, so no w is an
/// error: weights that are not all finite have a NaN as scale and zeros as values.
template <class Arch = default_arch>
status quantize(matrix_view<const float> w, matrix_view<float> scale, const mutable_packed_rows<ternary>& q,
                float epsilon = 0.0f) noexcept {
    return detail::quantize_into<Arch>(w, scale, q, epsilon);
}

template <class Arch = default_arch>
status quantize(matrix_view<const float> w, matrix_view<float> scale, const panel_memory<ternary>& to,
                float epsilon = 0.0f) noexcept {
    return detail::quantize_into<Arch>(w, scale, to, epsilon);
}

/// grad_w = grad, or as twn::backward with another estimator.
template <class Arch = default_arch>
status backward(matrix_view<const float> w, matrix_view<const float> grad, matrix_view<float> grad_w,
                twn::ste estimator = twn::ste::identity) noexcept {
    return twn::backward<Arch>(w, grad, grad_w, estimator);
}

}  // namespace tern::quantize::absmean
