// SPDX-License-Identifier: MIT
// TWN, ternary weight networks (Li and Liu, arXiv 1605.04711): w ~ scale * t, t in {-1, 0, +1}, one threshold and one
// scale for each filter (row) or for the whole matrix.
//
//     threshold = 0.7 / n * sum |w|                        over the n weights that share the threshold
//     t         = +1 if w > threshold, -1 if w < -threshold, else 0
//     scale     = mean of |w| where |w| > threshold        over the weights that share the scale; 0 if there is none
//
// The scale is the least-squares one for this t. The factor 0.7 approximates the least-squares threshold.
//
// Where this was read. The rule above with one threshold a filter is the paper's as restated by others (an independent
// re-implementation of Stochastic Quantization and its report); the paper itself was not at hand. Strict comparisons,
// the scale, its 0 for an empty support and `rule::released` were read in code released by the authors of Stochastic
// Quantization (dongyp13/Stochastic-Quantization), whose base quantizer TWN is. So was the identity gradient. The
// clipped gradient was read in the released code of a sibling, elliothe/Ternarized_Neural_Network (arXiv 1807.07948).
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

namespace tern::quantize::twn {

/// How the threshold is taken from the weights that share it.
enum class rule : unsigned char {
    paper,    ///< 0.7 * mean |w|
    released  ///< 0.7 * mean |w - mean w|; the comparison still uses w. The released code shares it by a whole layer
};

/// What the gradient of a quantized weight does to the float weight behind it.
enum class ste : unsigned char {
    identity,  ///< passes unchanged
    clipped    ///< passes where -1 < w < 1, else 0
};

namespace detail {

using namespace tern::quantize::detail;

template <class Arch>
[[nodiscard]] double sum(matrix_view<const float> w) noexcept {
    double total = 0.0;
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t j = 0; j < w.cols; ++j) total += static_cast<double>(w(i, j));
    }
    return total;
}

/// sum |w - centre|
template <class Arch>
[[nodiscard]] double sum_abs(matrix_view<const float> w, double centre) noexcept {
    double total = 0.0;
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t j = 0; j < w.cols; ++j) {
            const double d = static_cast<double>(w(i, j)) - centre;
            total += d < 0.0 ? -d : d;
        }
    }
    return total;
}

[[nodiscard]] TERN_INLINE constexpr int ternarize(float w, float threshold) noexcept {
    return static_cast<int>(w > threshold) - static_cast<int>(w < -threshold);
}

template <class Arch>
[[nodiscard]] float threshold_of(matrix_view<const float> w, rule r) noexcept {
    if (w.empty()) return 0.0f;
    const double n = static_cast<double>(w.rows) * static_cast<double>(w.cols);
    const double centre = r == rule::released ? sum<Arch>(w) / n : 0.0;
    return static_cast<float>(0.7 * (sum_abs<Arch>(w, centre) / n));
}

/// `threshold` serves the rows of `w` from `first` on.
template <class Arch>
[[nodiscard]] float scale_of(matrix_view<const float> w, matrix_view<const float> threshold, size_t first) noexcept {
    double total = 0.0;
    size_t count = 0;
    for (size_t i = 0; i < w.rows; ++i) {
        const float limit = of_row(threshold, first + i);
        for (size_t j = 0; j < w.cols; ++j) {
            const int t = ternarize(w(i, j), limit);
            total += static_cast<double>(w(i, j)) * t;
            count += t != 0 ? 1u : 0u;
        }
    }
    return count == 0 ? 0.0f : static_cast<float>(total / static_cast<double>(count));
}

}  // namespace detail

/// Threshold and scale of float weights.
///
/// `threshold` and `scale` are `per_tensor(&x)` or `per_channel(x, w.rows)`, independently: the paper has one of each a
/// filter, the released code one threshold a layer (with `rule::released`) and one scale a filter.
/// Requires every weight to be finite. Sums run in double, row by row; the result is the same on every compiler that
/// keeps the order of additions.
/// Weights without elements give threshold 0 and scale 0. Equal weights +-c give threshold 0.7 c and scale c; all-zero
/// weights give threshold 0 and scale 0.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap (of the outputs with `w` or with each
/// other; interleaved columns count), bad_value (a weight is infinite or NaN); nothing is written then.
template <class Arch = default_arch>
status fit(matrix_view<const float> w, matrix_view<float> threshold, matrix_view<float> scale,
           rule r = rule::paper) noexcept {
    const status s = detail::first_error(check(w), detail::check_parameter(threshold, w.rows),
                                         detail::check_parameter(scale, w.rows));
    if (s != status::ok) return s;
    if (detail::overlap(w, threshold) || detail::overlap(w, scale) || detail::overlap(threshold, scale)) {
        return status::overlap;
    }
    if (!detail::finite<Arch>(w)) return status::bad_value;

    size_t rows = detail::group_rows(threshold, w.rows);
    for (size_t g = 0; g < threshold.rows; ++g) {
        *threshold.row(g) = detail::threshold_of<Arch>({w.data + g * rows * w.stride, rows, w.cols, w.stride}, r);
    }
    rows = detail::group_rows(scale, w.rows);
    for (size_t g = 0; g < scale.rows; ++g) {
        *scale.row(g) =
            detail::scale_of<Arch>({w.data + g * rows * w.stride, rows, w.cols, w.stride}, threshold, g * rows);
    }
    return status::ok;
}

/// values[i][j] = +1 if w[i][j] > threshold[i], -1 if w[i][j] < -threshold[i], else 0.
///
/// Exact. A weight at the threshold gives 0, and so does NaN (weight or threshold). A negative threshold is a
/// bad_value. Returns as `fit`, without its look at the weights.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> threshold,
               matrix_view<std::int8_t> values) noexcept {
    const status s =
        detail::first_error(check(w), detail::check_parameter(threshold, w.rows), detail::check_same_shape(values, w));
    if (s != status::ok) return s;
    if (detail::overlap(w, values) || detail::overlap(threshold, values)) return status::overlap;
    for (size_t g = 0; g < threshold.rows; ++g) {
        if (*threshold.row(g) < 0.0f) return status::bad_value;
    }
    for (size_t i = 0; i < w.rows; ++i) {
        const float limit = detail::of_row(threshold, i);
        const float* const from = w.row(i);
        std::int8_t* const to = values.row(i);
        for (size_t j = 0; j < w.cols; ++j) to[j] = static_cast<std::int8_t>(detail::ternarize(from[j], limit));
    }
    return status::ok;
}

/// quantized[i][j] = scale[i] * t, with t as above: the weights that the quantized network computes with.
///
/// Exact: +-scale or 0. Ties, NaN weights, a negative threshold and the statuses are those of the other `forward`.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> threshold, matrix_view<const float> scale,
               matrix_view<float> quantized) noexcept {
    const status s =
        detail::first_error(check(w), detail::check_parameter(threshold, w.rows),
                            detail::check_parameter(scale, w.rows), detail::check_same_shape(quantized, w));
    if (s != status::ok) return s;
    if (detail::overlap(w, quantized) || detail::overlap(threshold, quantized) || detail::overlap(scale, quantized)) {
        return status::overlap;
    }
    for (size_t g = 0; g < threshold.rows; ++g) {
        if (*threshold.row(g) < 0.0f) return status::bad_value;
    }
    for (size_t i = 0; i < w.rows; ++i) {
        const float limit = detail::of_row(threshold, i);
        const float step = detail::of_row(scale, i);
        const float* const from = w.row(i);
        float* const to = quantized.row(i);
        for (size_t j = 0; j < w.cols; ++j) {
            const int t = detail::ternarize(from[j], limit);
            to[j] = t > 0 ? step : (t < 0 ? -step : 0.0f);
        }
    }
    return status::ok;
}

/// grad_w[i][j] = grad[i][j] (identity), or grad[i][j] where -1 < w[i][j] < 1 and 0 elsewhere (clipped).
///
/// A straight-through estimator: `grad` is dL/d(quantized weight), and neither the threshold nor the scale, though
/// both are functions of w, carries a gradient. Exact. A NaN weight passes the identity and is 0 under the clip.
/// Returns as `forward`; `grad_w` may not share memory with `grad` either.
template <class Arch = default_arch>
status backward(matrix_view<const float> w, matrix_view<const float> grad, matrix_view<float> grad_w,
                ste estimator = ste::identity) noexcept {
    const status s =
        detail::first_error(check(w), detail::check_same_shape(grad, w), detail::check_same_shape(grad_w, w));
    if (s != status::ok) return s;
    if (detail::overlap(w, grad_w) || detail::overlap(grad, grad_w)) return status::overlap;
    const bool clip = estimator == ste::clipped;
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t j = 0; j < w.cols; ++j) {
            const bool inside = w(i, j) > -1.0f && w(i, j) < 1.0f;
            grad_w(i, j) = !clip || inside ? grad(i, j) : 0.0f;
        }
    }
    return status::ok;
}

}  // namespace tern::quantize::twn
