// SPDX-License-Identifier: MIT
// TTQ, trained ternary quantization (Zhu et al., ICLR 2017, arXiv 1612.01064): ternary weights with two learnt scales,
// one for the positive and one for the negative weights of a layer (or of each row).
//
//     wq = +plus where w > threshold, -minus where w < -threshold, else 0
//     threshold = fraction * max |w|
//
// Gradients, g = dL/dwq, sums over what shares the scale:
//
//     dL/dplus = sum g [w > threshold]       dL/dminus = -sum g [w < -threshold]
//     dL/dw    = g plus | g | g minus        above | between | below the thresholds
//
// the last from the surrogate whose slope is `plus`, 1 and `minus` in the three parts. The threshold carries none.
//
// Deployment. The levels are not evenly spaced: with the 0/1 planes P and M of the positive and negative weights,
//
//     wq . x = plus (P . x) - minus (M . x) = (plus + minus) / 2 (t . x) + (plus - minus) / 2 (|t| . x)
//
// two integer products; `forward` writes t as ternary rows, or P and M as unsigned_bits<1> rows.
//
// Provenance: recalled, no source was at hand. The factor 0.05 and the gradient of w are the paper's as remembered; the
// paper prints dL/dminus without the sign, here it is the derivative of the forward function. Both scales start as the
// mean of |w| on their side, which is this library's choice (the least-squares values).
#pragma once

#include <tern/quantize/levels.hpp>

namespace tern::quantize::ttq {

namespace detail {

using namespace tern::quantize::detail;

[[nodiscard]] TERN_INLINE constexpr bool not_negative(float t) noexcept { return t >= 0.0f && finite(t); }
[[nodiscard]] TERN_INLINE constexpr bool is_finite(float t) noexcept { return finite(t); }

[[nodiscard]] TERN_INLINE status check_parameters(const matrix_view<const float>& w,
                                                  const matrix_view<const float>& threshold,
                                                  const matrix_view<const float>& plus,
                                                  const matrix_view<const float>& minus) noexcept {
    status s = first_error(check(w), check_parameter(threshold, w.rows), check_parameter(plus, w.rows),
                           check_parameter(minus, w.rows));
    if (s != status::ok) return s;
    if (plus.rows != minus.rows) return status::bad_shape;
    s = check_values(threshold, [](float t) TERN_INLINE_LAMBDA { return not_negative(t); });
    if (s != status::ok) return s;
    const auto good = [](float t) TERN_INLINE_LAMBDA { return is_finite(t); };
    return first_error(check_values(plus, good), check_values(minus, good));
}

}  // namespace detail

/// Threshold and first scales. `threshold` is per tensor or per channel, and so are `plus` and `minus` together.
/// A side without weights has scale 0. Requires finite weights. Sums run in double, row by row.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap or bad_value (a weight, or a fraction
/// outside [0, 1)); nothing is written then.
template <class Arch = default_arch>
status fit(matrix_view<const float> w, matrix_view<float> threshold, matrix_view<float> plus, matrix_view<float> minus,
           float fraction = 0.05f) noexcept {
    status s = detail::first_error(check(w), detail::check_parameter(threshold, w.rows),
                                   detail::check_parameter(plus, w.rows), detail::check_parameter(minus, w.rows));
    if (s != status::ok) return s;
    if (plus.rows != minus.rows) return status::bad_shape;
    s = detail::apart<3>(threshold, plus, minus, w);
    if (s != status::ok) return s;
    if (!(fraction >= 0.0f && fraction < 1.0f) || !kernel::all_finite<Arch>(w)) return status::bad_value;
    for (size_t g = 0; g < threshold.rows; ++g)
        *threshold.row(g) = fraction * kernel::largest_of<Arch>(detail::group_of(w, threshold, g));
    const size_t rows = detail::group_rows(plus, w.rows);
    for (size_t g = 0; g < plus.rows; ++g) {
        double sum[2] = {0.0, 0.0};
        size_t count[2] = {0, 0};
        for (size_t i = g * rows; i < (g + 1) * rows; ++i) {
            const float limit = detail::of_row(threshold, i);
            for (size_t j = 0; j < w.cols; ++j) {
                const float x = w(i, j);
                if (!(x > limit) && !(x < -limit)) continue;
                const size_t side = x > 0.0f ? 0 : 1;
                sum[side] += x > 0.0f ? double{x} : -double{x};
                ++count[side];
            }
        }
        *plus.row(g) = count[0] == 0 ? 0.0f : static_cast<float>(sum[0] / static_cast<double>(count[0]));
        *minus.row(g) = count[1] == 0 ? 0.0f : static_cast<float>(sum[1] / static_cast<double>(count[1]));
    }
    return status::ok;
}

/// wq. Exact: plus, -minus or 0. A weight at a threshold and NaN give 0, infinity is beyond it.
/// Returns as `fit`; bad_value for a threshold that is negative or not finite, or a scale that is not finite.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> threshold, matrix_view<const float> plus,
               matrix_view<const float> minus, matrix_view<float> quantized) noexcept {
    const status s =
        detail::first_error(detail::check_parameters(w, threshold, plus, minus), detail::check_same_shape(quantized, w),
                            detail::apart<1>(quantized, w, threshold, plus, minus));
    if (s != status::ok) return s;
    using leaf = kernel::real<Arch>;
    for (size_t i = 0; i < w.rows; ++i) {
        const float limit = detail::of_row(threshold, i);
        const float above = detail::of_row(plus, i);
        const float below = -detail::of_row(minus, i);
        kernel::map_row<Arch>(w.row(i), quantized.row(i), w.cols, [&](typename leaf::reg x) TERN_INLINE_LAMBDA {
            const auto low = leaf::select(leaf::above(leaf::set(-limit), x), leaf::set(below), leaf::set(0.0f));
            return leaf::select(leaf::above(x, leaf::set(limit)), leaf::set(above), low);
        });
    }
    return s;
}

/// t, straight to packed rows; `pack_panels<ternary>` takes them on. Rules and statuses as above.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> threshold,
               const mutable_packed_rows<ternary>& values) noexcept {
    status s = detail::first_error(detail::check_parameters(w, threshold, threshold, threshold),
                                   detail::check_rows<Arch>(w, values), detail::apart<1>(values, w, threshold));
    if (s != status::ok || w.empty()) return s;
    for (size_t i = 0; i < w.rows; ++i) {
        const float upper = detail::of_row(threshold, i);
        const float lower = -upper;
        kernel::quantize_ternary_row<Arch>(w.row(i), w.cols, {tern::per_tensor(lower), tern::per_tensor(upper)},
                                           values.target_row(i), values.target_row(i) + values.plane_stride);
    }
    return s;
}

/// P and M: bit j of row i is set where w[i][j] is above, or below, its threshold.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> threshold,
               const mutable_packed_rows<unsigned_bits<1>>& positive,
               const mutable_packed_rows<unsigned_bits<1>>& negative) noexcept {
    status s = detail::first_error(detail::check_parameters(w, threshold, threshold, threshold),
                                   detail::check_rows<Arch>(w, positive), detail::check_rows<Arch>(w, negative),
                                   detail::apart<2>(positive, negative, w, threshold));
    if (s != status::ok || w.empty()) return s;
    for (size_t i = 0; i < w.rows; ++i) {
        const float* const x = w.row(i);
        const float limit = detail::of_row(threshold, i);
        kernel::pack_codes_row<Arch, 1>(w.cols, positive.target_row(i), 0, [&](size_t j) { return x[j] > limit; });
        kernel::pack_codes_row<Arch, 1>(w.cols, negative.target_row(i), 0, [&](size_t j) { return x[j] < -limit; });
    }
    return s;
}

/// The gradients at the head of this file. grad_plus and grad_minus have the shape of `plus`. Sums run in double.
/// A NaN weight counts as between the thresholds. Returns as `forward`.
template <class Arch = default_arch>
status backward(matrix_view<const float> w, matrix_view<const float> threshold, matrix_view<const float> plus,
                matrix_view<const float> minus, matrix_view<const float> grad, matrix_view<float> grad_w,
                matrix_view<float> grad_plus, matrix_view<float> grad_minus) noexcept {
    const status s =
        detail::first_error(detail::check_parameters(w, threshold, plus, minus), detail::check_same_shape(grad, w),
                            detail::check_same_shape(grad_w, w), detail::check_same_shape(grad_plus, plus),
                            detail::check_same_shape(grad_minus, minus),
                            detail::apart<3>(grad_w, grad_plus, grad_minus, grad, w, threshold, plus, minus));
    if (s != status::ok) return s;
    double above = 0.0;
    double below = 0.0;
    for (size_t g = 0; g < plus.rows; ++g) *grad_plus.row(g) = *grad_minus.row(g) = 0.0f;
    for (size_t i = 0; i < w.rows; ++i) {
        const float limit = detail::of_row(threshold, i);
        if (plus.rows != 1) above = below = 0.0;
        for (size_t j = 0; j < w.cols; ++j) {
            const float x = w(i, j);
            const float g = grad(i, j);
            float slope = 1.0f;
            if (x > limit) {
                slope = detail::of_row(plus, i);
                above += double{g};
            } else if (x < -limit) {
                slope = detail::of_row(minus, i);
                below -= double{g};
            }
            grad_w(i, j) = slope * g;
        }
        detail::of_row(grad_plus, i) = static_cast<float>(above);
        detail::of_row(grad_minus, i) = static_cast<float>(below);
    }
    return s;
}

}  // namespace tern::quantize::ttq
