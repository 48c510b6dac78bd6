// SPDX-License-Identifier: MIT
// Data-free quantization (Nagel et al., ICCV 2019): weights made easier to quantize, and the mean error of their
// outputs taken back, without training and without data.
//
// Cross-layer equalization. Channel i is row i of w1 and, between them a ReLU, the columns tap * channels + i of w2
// (OHWI):
//
//     s_i = sqrt(r2_i / r1_i),  r1_i = max |w1 row i|,  r2_i = max |w2 columns i|       1 where a range is 0
//     w1 row i *= s_i,  bias1_i *= s_i,  w2 columns i /= s_i                            both ranges become sqrt(r1 r2)
//
// Bias absorption. What a channel's batch norm (shift beta, scale gamma) keeps above 0 by three deviations passes the
// ReLU anyway and may as well be added behind it:
//
//     c_i = max(0, beta_i - 3 |gamma_i|),  bias1 -= c,  beta -= c,  bias2 += W2 c
//
// Bias correction. bias -= (Wq - W) E[x], E[relu(N(beta, gamma^2))] = gamma phi(beta / gamma) + beta Phi(beta / gamma).
//
// Everything is in place and exact up to one rounding to float of each number (W2 c and sums: double, rounded once).
// Chains of layers are equalized pair by pair, over and over until the factors are near 1. Not here: depthwise layers,
// whose ranges are three in a row. Where a window is padded with zeros, absorption and correction are off at the
// border.
//
// Provenance: formulas from a re-implementation (jakc4103/DFQ), whose s is the reciprocal of the paper's. |gamma| is
// ours.
#pragma once

#include <tern/quantize/levels.hpp>
#include <tern/quantize/maths.hpp>

namespace tern::quantize::equalize {

namespace detail {

using namespace tern::quantize::detail;

/// One number a channel, or nothing (null, whatever its shape).
template <class T>
[[nodiscard]] TERN_INLINE status check_vector(const matrix_view<T>& v, size_t channels) noexcept {
    if (v.data == nullptr) return status::ok;
    return v.rows != channels || v.cols != 1 ? status::bad_shape : check(v);
}

template <class T>
[[nodiscard]] TERN_INLINE byte_range bytes_if(const matrix_view<T>& v) noexcept {
    return v.data == nullptr ? byte_range{} : bytes_of(v);
}

[[nodiscard]] TERN_INLINE float scaled(float x, double factor) noexcept {
    return static_cast<float>(double{x} * factor);
}

}  // namespace detail

/// One step. w1: channels x anything; w2: outputs x (taps * channels); scale: channels x 1, s is written there; bias1:
/// channels x 1, or null for none. Whatever else scales with the channels of layer 1 (beta and gamma of its batch norm)
/// is the caller's to multiply by s. The largest factor is limited to 2^20 either way.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap or bad_value (a weight is not finite).
template <class Arch = default_arch>
status cross_layer(matrix_view<float> w1, matrix_view<float> bias1, matrix_view<float> w2,
                   matrix_view<float> scale) noexcept {
    const size_t channels = w1.rows;
    const status s = detail::first_error(check(w1), check(w2), detail::check_vector(bias1, channels), check(scale),
                                         detail::apart<4>(w1, w2, scale, detail::bytes_if(bias1)));
    if (s != status::ok) return s;
    if (scale.rows != channels || scale.cols != 1 || (channels == 0 ? w2.cols != 0 : w2.cols % channels != 0))
        return status::bad_shape;
    if (!kernel::all_finite<Arch>(w1) || !kernel::all_finite<Arch>(w2)) return status::bad_value;
    for (size_t i = 0; i < channels; ++i) {
        const double r1 = double{kernel::largest_magnitude<Arch>(w1.row(i), w1.cols).most};
        double r2 = 0.0;
        for (size_t o = 0; o < w2.rows; ++o) {
            for (size_t j = i; j < w2.cols; j += channels) {
                const double a = maths::absolute(double{w2(o, j)});
                r2 = a > r2 ? a : r2;
            }
        }
        double factor = r1 > 0.0 && r2 > 0.0 ? maths::square_root(r2 / r1) : 1.0;
        factor = factor > 0x1p20 ? 0x1p20 : (factor < 0x1p-20 ? 0x1p-20 : factor);
        *scale.row(i) = static_cast<float>(factor);
        factor = double{*scale.row(i)};
        for (size_t j = 0; j < w1.cols; ++j) w1(i, j) = detail::scaled(w1(i, j), factor);
        if (bias1.data != nullptr) *bias1.row(i) = detail::scaled(*bias1.row(i), factor);
        for (size_t o = 0; o < w2.rows; ++o) {
            for (size_t j = i; j < w2.cols; j += channels) w2(o, j) = detail::scaled(w2(o, j), 1.0 / factor);
        }
    }
    return s;
}

/// E[max(x, 0)] of a normal x with mean beta and deviation |gamma|.
[[nodiscard]] TERN_INLINE double expected_relu(double beta, double gamma) noexcept {
    const double deviation = maths::absolute(gamma);
    if (!(deviation > 0.0)) return beta > 0.0 ? beta : 0.0;
    const double a = beta / deviation;
    return deviation * normal::density(a) + beta * normal::upper_tail(-a);
}

/// Moves c from layer 1 to layer 2. beta, gamma, bias1: channels x 1 (bias1 may be null: then the batch norm's beta is
/// the bias); w2: outputs x (taps * channels); bias2: outputs x 1. Returns as above.
template <class Arch = default_arch>
status absorb_bias(matrix_view<float> beta, matrix_view<const float> gamma, matrix_view<float> bias1,
                   matrix_view<const float> w2, matrix_view<float> bias2) noexcept {
    const size_t channels = beta.rows;
    const status s =
        detail::first_error(check(beta), detail::check_same_shape(gamma, beta), detail::check_vector(bias1, channels),
                            check(w2), check(bias2), detail::apart<3>(beta, bias2, detail::bytes_if(bias1), gamma, w2));
    if (s != status::ok) return s;
    if (beta.cols != 1 || bias2.cols != 1 || bias2.rows != w2.rows ||
        (channels == 0 ? w2.cols != 0 : w2.cols % channels != 0))
        return status::bad_shape;
    if (!kernel::all_finite<Arch>(beta) || !kernel::all_finite<Arch>(gamma) || !kernel::all_finite<Arch>(w2))
        return status::bad_value;
    const auto excess = [&](size_t i) TERN_INLINE_LAMBDA {
        const double c = double{*beta.row(i)} - 3.0 * maths::absolute(double{*gamma.row(i)});
        return c > 0.0 ? c : 0.0;
    };
    for (size_t o = 0; o < w2.rows; ++o) {
        double sum = double{*bias2.row(o)};
        for (size_t j = 0; j < w2.cols; ++j) sum += double{w2(o, j)} * excess(j % channels);
        *bias2.row(o) = static_cast<float>(sum);
    }
    for (size_t i = 0; i < channels; ++i) {
        const double c = excess(i);
        if (bias1.data != nullptr) *bias1.row(i) = static_cast<float>(double{*bias1.row(i)} - c);
        *beta.row(i) = static_cast<float>(double{*beta.row(i)} - c);
    }
    return s;
}

/// bias[o] -= sum_j (quantized[o][j] - w[o][j]) * expected[j % channels], `expected`: channels x 1, the mean input.
template <class Arch = default_arch>
status correct_bias(matrix_view<const float> w, matrix_view<const float> quantized, matrix_view<const float> expected,
                    matrix_view<float> bias) noexcept {
    const status s = detail::first_error(check(w), detail::check_same_shape(quantized, w), check(expected), check(bias),
                                         detail::apart<1>(bias, w, quantized, expected));
    if (s != status::ok) return s;
    if (bias.rows != w.rows || bias.cols != 1 || expected.cols != 1 ||
        (expected.rows == 0 ? w.cols != 0 : w.cols % expected.rows != 0))
        return status::bad_shape;
    if (!kernel::all_finite<Arch>(w) || !kernel::all_finite<Arch>(quantized) || !kernel::all_finite<Arch>(expected))
        return status::bad_value;
    for (size_t o = 0; o < w.rows; ++o) {
        double sum = double{*bias.row(o)};
        for (size_t j = 0; j < w.cols; ++j)
            sum -= (double{quantized(o, j)} - double{w(o, j)}) * double{*expected.row(j % expected.rows)};
        *bias.row(o) = static_cast<float>(sum);
    }
    return s;
}

}  // namespace tern::quantize::equalize
