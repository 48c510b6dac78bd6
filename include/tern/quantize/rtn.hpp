// SPDX-License-Identifier: MIT
// RTN, reparameterized ternary network (AAAI 2020, 34(04):4780-4787, arXiv 1912.02057): a ternary value with a
// learnable scale and offset, for weights and for activations.
//
//     T(u) = +1 if u > 1/2, -1 if u < -1/2, else 0
//     xq   = scale * T(u) + offset
//
// Two readings of u, and with them two gradients (g = dL/dxq, t = T(u), sums over what shares the parameter):
//
//                      variant::fixed            variant::normalized
//     u                x                         (x - offset) / scale
//     dL/dx            g scale [|x| <= 1]        g [|u| <= 1]
//     dL/dscale        sum g t                   sum g (t - u [|u| <= 1])
//     dL/doffset       sum g                     sum g [|u| > 1]
//
// Both follow from the straight-through estimator dT/du := [|u| <= 1].
//
// Where this was read. Scale and offset that are learnt for a fixed ternary vector, without the vanishing gradient of a
// clipped estimator, are the paper's abstract, and `fixed` matches it: no clip stands in the gradients of scale and
// offset. The paper's own definition of T, its threshold, the initialisation of scale and offset and how many share
// one were not found: the threshold 1/2 (rounding of the clipped value) is an assumption, `normalized` is an
// alternative modelled on LSQ, and gradients and fit are derived here and tested by finite differences.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

#include <tern/kernel/quantize/weights.hpp>

namespace tern::quantize::rtn {

enum class variant : unsigned char {
    fixed,      ///< x is ternarized as it is; the range belongs to whatever made x (a batch norm)
    normalized  ///< x is ternarized in units of the scale, around the offset
};

/// T(u). Ties at +-1/2 give 0, and so does NaN.
[[nodiscard]] TERN_INLINE constexpr int ternarize(float u) noexcept {
    return static_cast<int>(u > 0.5f) - static_cast<int>(u < -0.5f);
}

namespace detail {

using namespace tern::quantize::detail;

[[nodiscard]] TERN_INLINE constexpr float argument(float x, float scale, float offset, variant v) noexcept {
    return v == variant::fixed ? x : (x - offset) / scale;
}

[[nodiscard]] TERN_INLINE constexpr bool inside(float u) noexcept { return u >= -1.0f && u <= 1.0f; }

/// The checks that every operation on x with a scale and an offset shares. A zero scale has no normalized argument.
[[nodiscard]] TERN_INLINE status check_operands(const matrix_view<const float>& x,
                                                const matrix_view<const float>& scale,
                                                const matrix_view<const float>& offset, variant v) noexcept {
    const status s = first_error(check(x), check_parameter(scale, x.rows), check_parameter(offset, x.rows));
    if (s != status::ok) return s;
    for (size_t g = 0; g < scale.rows; ++g) {
        if (!finite(*scale.row(g)) || (v == variant::normalized && *scale.row(g) == 0.0f)) return status::bad_value;
    }
    for (size_t g = 0; g < offset.rows; ++g) {
        if (!finite(*offset.row(g))) return status::bad_value;
    }
    return status::ok;
}

/// Least squares over one group, t = values. Without an offset the line goes through the origin.
template <class Arch>
void fit_group(matrix_view<const float> x, matrix_view<const std::int8_t> values, float& scale,
               float* offset) noexcept {
    const double n = static_cast<double>(x.rows) * static_cast<double>(x.cols);
    double sum_x = 0.0;
    double sum_t = 0.0;
    double sum_tt = 0.0;
    for (size_t i = 0; i < x.rows; ++i) {
        for (size_t j = 0; j < x.cols; ++j) {
            const int t = values(i, j);
            sum_x += static_cast<double>(x(i, j));
            sum_t += t;
            sum_tt += t * t;
        }
    }
    const double mean_x = offset != nullptr && !x.empty() ? sum_x / n : 0.0;
    const double mean_t = offset != nullptr && !x.empty() ? sum_t / n : 0.0;
    double covariance = 0.0;
    for (size_t i = 0; i < x.rows; ++i) {
        for (size_t j = 0; j < x.cols; ++j) covariance += (static_cast<double>(x(i, j)) - mean_x) * values(i, j);
    }
    const bool constant = offset != nullptr ? sum_tt == 0.0 || sum_tt * n == sum_t * sum_t : sum_tt == 0.0;
    const double gamma = constant ? 1.0 : covariance / (sum_tt - sum_t * mean_t);
    scale = static_cast<float>(gamma);
    if (offset != nullptr) *offset = static_cast<float>(mean_x - gamma * mean_t);
}

template <class Arch>
[[nodiscard]] status check_fit(matrix_view<const float> x, matrix_view<const std::int8_t> values) noexcept {
    const status s = first_error(check(x), check_same_shape(values, x));
    if (s != status::ok) return s;
    for (size_t i = 0; i < x.rows; ++i) {
        for (size_t j = 0; j < x.cols; ++j) {
            if (values(i, j) < -1 || values(i, j) > 1 || !finite(x(i, j))) return status::bad_value;
        }
    }
    return status::ok;
}

}  // namespace detail

/// Scale and offset that minimise sum (x - (scale * t + offset))^2 for fixed ternary values t.
///
///     scale = cov(x, t) / var(t),  offset = mean x - scale * mean t
///
/// `scale` and `offset` are both `per_tensor(&p)` or both `per_channel(p, x.rows)`. Where t is constant, scale is not
/// determined: it is 1 (a scale of 0 would stop training) and offset = mean x - t. Nothing to fit gives 1 and 0.
/// Requires finite x and values -1, 0, +1. Sums run in double, row by row. The scale is negative where t opposes x.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap (of an output with an input or the
/// other output; interleaved columns count) or bad_value; nothing is written then. Derived here, not the paper's.
template <class Arch = default_arch>
status fit(matrix_view<const float> x, matrix_view<const std::int8_t> values, matrix_view<float> scale,
           matrix_view<float> offset) noexcept {
    const status s =
        detail::first_error(check(x), detail::check_same_shape(values, x), detail::check_parameter(scale, x.rows),
                            detail::check_parameter(offset, x.rows));
    if (s != status::ok) return s;
    if (scale.rows != offset.rows) return status::bad_shape;
    if (detail::overlap(x, scale) || detail::overlap(x, offset) || detail::overlap(values, scale) ||
        detail::overlap(values, offset) || detail::overlap(scale, offset)) {
        return status::overlap;
    }
    if (const status v = detail::check_fit<Arch>(x, values); v != status::ok) return v;
    for (size_t g = 0; g < scale.rows; ++g) {
        detail::fit_group<Arch>(detail::group_of(x, scale, g), detail::group_of(values, scale, g), *scale.row(g),
                                offset.row(g));
    }
    return status::ok;
}

/// The same with the offset held at 0: scale = sum x t / sum t^2, or 1 where all t are 0. For weights.
template <class Arch = default_arch>
status fit(matrix_view<const float> x, matrix_view<const std::int8_t> values, matrix_view<float> scale) noexcept {
    const status s =
        detail::first_error(check(x), detail::check_same_shape(values, x), detail::check_parameter(scale, x.rows));
    if (s != status::ok) return s;
    if (detail::overlap(x, scale) || detail::overlap(values, scale)) return status::overlap;
    if (const status v = detail::check_fit<Arch>(x, values); v != status::ok) return v;
    for (size_t g = 0; g < scale.rows; ++g) {
        detail::fit_group<Arch>(detail::group_of(x, scale, g), detail::group_of(values, scale, g), *scale.row(g),
                                nullptr);
    }
    return status::ok;
}

/// values = T(u). `scale` and `offset` are per tensor or per channel, independently; `fixed` does not look at their
/// values beyond requiring finite ones.
///
/// Exact for `fixed`; `normalized` rounds u twice, to float (a subtraction, a division). NaN x gives 0.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap, bad_value (scale or offset not
/// finite, or a zero scale with `normalized`); nothing is written then.
template <class Arch = default_arch>
status forward(matrix_view<const float> x, matrix_view<const float> scale, matrix_view<const float> offset,
               matrix_view<std::int8_t> values, variant v = variant::fixed) noexcept {
    const status s =
        detail::first_error(detail::check_operands(x, scale, offset, v), detail::check_same_shape(values, x));
    if (s != status::ok) return s;
    if (detail::overlap(x, values) || detail::overlap(scale, values) || detail::overlap(offset, values)) {
        return status::overlap;
    }
    for (size_t i = 0; i < x.rows; ++i) {
        const float step = detail::of_row(scale, i);
        const float centre = detail::of_row(offset, i);
        const float* const from = x.row(i);
        std::int8_t* const to = values.row(i);
        for (size_t j = 0; j < x.cols; ++j) {
            to[j] = static_cast<std::int8_t>(ternarize(detail::argument(from[j], step, centre, v)));
        }
    }
    return status::ok;
}

/// quantized = scale * T(u) + offset: the numbers that the quantized network computes with.
///
/// One rounding, of offset +- scale. NaN x gives the offset. Statuses are those of the other `forward`.
template <class Arch = default_arch>
status forward(matrix_view<const float> x, matrix_view<const float> scale, matrix_view<const float> offset,
               matrix_view<float> quantized, variant v = variant::fixed) noexcept {
    const status s =
        detail::first_error(detail::check_operands(x, scale, offset, v), detail::check_same_shape(quantized, x));
    if (s != status::ok) return s;
    if (detail::overlap(x, quantized) || detail::overlap(scale, quantized) || detail::overlap(offset, quantized)) {
        return status::overlap;
    }
    for (size_t i = 0; i < x.rows; ++i) {
        const float step = detail::of_row(scale, i);
        const float centre = detail::of_row(offset, i);
        const float* const from = x.row(i);
        float* const to = quantized.row(i);
        if (v == variant::fixed) {
            kernel::choose_row<Arch>(from, x.cols, -0.5f, 0.5f, centre - step, centre, centre + step, to);
            continue;
        }
        for (size_t j = 0; j < x.cols; ++j) {
            const int t = ternarize(detail::argument(from[j], step, centre, v));
            to[j] = centre + static_cast<float>(t) * step;
        }
    }
    return status::ok;
}

/// Gradients of x, scale and offset from `grad` = dL/dxq, by the table at the head of this file.
///
/// `grad_scale` has the shape of `scale`, `grad_offset` that of `offset`; both are overwritten. Sums run in double, row
/// by row, over terms that are products of two floats (exact in double), so contraction to FMA changes nothing.
/// A NaN x counts as outside [-1, 1] with t = 0, as in `forward`: it gets no gradient and gives the offset its own.
/// Returns as `forward`; no output may share memory with an input or another output.
template <class Arch = default_arch>
status backward(matrix_view<const float> x, matrix_view<const float> scale, matrix_view<const float> offset,
                matrix_view<const float> grad, matrix_view<float> grad_x, matrix_view<float> grad_scale,
                matrix_view<float> grad_offset, variant v = variant::fixed) noexcept {
    const status s =
        detail::first_error(detail::check_operands(x, scale, offset, v), detail::check_same_shape(grad, x),
                            detail::check_same_shape(grad_x, x), detail::check_same_shape(grad_scale, scale),
                            detail::check_same_shape(grad_offset, offset));
    if (s != status::ok) return s;
    const matrix_view<const float> outputs[] = {grad_x, grad_scale, grad_offset};
    const matrix_view<const float> inputs[] = {x, scale, offset, grad};
    for (size_t i = 0; i < 3; ++i) {
        for (const auto& input : inputs) {
            if (detail::overlap(outputs[i], input)) return status::overlap;
        }
        if (detail::overlap(outputs[i], outputs[(i + 1) % 3])) return status::overlap;
    }

    double scale_sum = 0.0;
    double offset_sum = 0.0;
    for (size_t g = 0; g < grad_scale.rows; ++g) *grad_scale.row(g) = 0.0f;
    for (size_t g = 0; g < grad_offset.rows; ++g) *grad_offset.row(g) = 0.0f;
    for (size_t i = 0; i < x.rows; ++i) {
        const float step = detail::of_row(scale, i);
        const float centre = detail::of_row(offset, i);
        if (scale.rows != 1) scale_sum = 0.0;
        if (offset.rows != 1) offset_sum = 0.0;
        for (size_t j = 0; j < x.cols; ++j) {
            const float u = detail::argument(x(i, j), step, centre, v);
            const float t = static_cast<float>(ternarize(u));
            const float g = grad(i, j);
            const bool inside = detail::inside(u);
            if (v == variant::fixed) {
                grad_x(i, j) = inside ? g * step : 0.0f;
                scale_sum += static_cast<double>(g) * static_cast<double>(t);
                offset_sum += static_cast<double>(g);
            } else {
                grad_x(i, j) = inside ? g : 0.0f;
                scale_sum += static_cast<double>(g) * static_cast<double>(inside ? t - u : t);
                offset_sum += static_cast<double>(inside ? 0.0f : g);
            }
        }
        detail::of_row(grad_scale, i) = static_cast<float>(scale_sum);
        detail::of_row(grad_offset, i) = static_cast<float>(offset_sum);
    }
    return status::ok;
}

}  // namespace tern::quantize::rtn
