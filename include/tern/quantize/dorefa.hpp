// SPDX-License-Identifier: MIT
// DoReFa-Net (Zhou et al., arXiv 1606.06160): k-bit weights and activations.
//
//     quantize_k(r) = round_half_even((2^k - 1) r) / (2^k - 1)
//     activations   xq = quantize_k(min(max(x, 0), 1))
//     weights       wq = 2 quantize_k(r) - 1,  r = tanh(w) / (2 m) + 1/2,  m = max |tanh w| over the matrix
// The paper's one-bit weights are another formula, mean |w| sign(w): that is xnor.hpp with one scale for the tensor.
//
// Straight-through through the rounding, g = dL/dxq:
//
//     activations   dL/dx = g [0 <= x <= 1]
//     weights       dL/dw = g (1 - tanh(w)^2) / m                       `maximum::constant`
//                   and, at the weight w_i where |tanh w| is largest (the first of equals), minus
//                   sign(w_i) (1 - tanh(w_i)^2) / m^2 * sum_j g_j tanh(w_j)        `maximum::differentiated`
//
// Deployment: with q = round_half_even((2^k - 1) r), wq = (2 q - (2^k - 1)) / (2^k - 1): `bipolar_bits<k>` with scale
// 1 / (2^k - 1). Activations are `unsigned_bits<k>` with the same scale.
//
// Provenance: the weights' formula for k > 1 was read in IntelLabs/distiller (where PACT uses it). The one-bit rule,
// the clip of the activations and its gradient are recalled. Whether the maximum carries a gradient depends on the
// implementation; both are here. The paper's quantized gradients are not.
#pragma once

#include <tern/quantize/levels.hpp>
#include <tern/quantize/maths.hpp>

namespace tern::quantize::dorefa {

/// What the gradient does with m.
enum class maximum : unsigned char { constant, differentiated };

namespace detail {

using namespace tern::quantize::detail;

struct largest {
    double value = 0.0;
    size_t row = 0;
    size_t col = 0;

    TERN_INLINE constexpr largest() noexcept {}
};

/// tanh grows with |w|, so the largest |tanh w| belongs to the largest |w|.
template <class Arch>
[[nodiscard]] largest find_largest(matrix_view<const float> w) noexcept {
    float most = -1.0f;
    largest at;
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t j = 0; j < w.cols; ++j) {
            const float a = w(i, j) < 0.0f ? -w(i, j) : w(i, j);
            if (a > most) {
                most = a;
                at.row = i;
                at.col = j;
            }
        }
    }
    at.value = most > 0.0f ? maths::tanh(double{most}) : 0.0;
    return at;
}

/// q of one weight. Zeros alone (m = 0) lie in the middle, a tie: they go to the even code.
template <class Arch>
[[nodiscard]] TERN_INLINE std::int32_t code_of(float w, double m, std::int32_t top) noexcept {
    const double r = m > 0.0 ? maths::tanh(double{w}) / (2.0 * m) + 0.5 : 0.5;
    const double y = r * top;
    const auto whole = static_cast<std::int32_t>(y);
    const double left = y - whole;
    return whole + (left > 0.5 || (left == 0.5 && (whole & 1) != 0) ? 1 : 0);
}

[[nodiscard]] TERN_INLINE status check_bits(int bits) noexcept {
    return bits < 1 || bits > 8 ? status::unsupported : status::ok;
}

template <class Arch>
[[nodiscard]] status check_weights(const matrix_view<const float>& w) noexcept {
    const status s = check(w);
    if (s != status::ok) return s;
    return kernel::all_finite<Arch>(w) ? s : status::bad_value;
}

}  // namespace detail

/// xq, `bits` 1 to 8: level * (1 / (2^bits - 1)), a rounded product. NaN gives 0.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap or unsupported; nothing is written
/// then.
template <class Arch = default_arch>
status forward_activations(matrix_view<const float> x, int bits, matrix_view<float> quantized) noexcept {
    const status s = detail::first_error(check(x), detail::check_same_shape(quantized, x), detail::check_bits(bits),
                                         detail::apart<1>(quantized, x));
    if (s != status::ok) return s;
    const level_range levels = unsigned_levels(bits);
    const auto top = static_cast<float>(levels.high);
    for (size_t i = 0; i < x.rows; ++i)
        detail::round_row<Arch>(x.row(i), quantized.row(i), x.cols, top, levels, 1.0f / top);
    return s;
}

template <class Arch = default_arch, int K>
status forward_activations(matrix_view<const float> x, const mutable_packed_rows<unsigned_bits<K>>& levels) noexcept {
    const status s = detail::first_error(detail::check_rows<Arch>(x, levels), detail::apart<1>(levels, x));
    if (s != status::ok || x.empty()) return s;
    const level_range all = unsigned_levels(K);
    for (size_t i = 0; i < x.rows; ++i)
        detail::pack_levels_row<Arch, K>(x.row(i), x.cols, static_cast<float>(all.high), all, levels.target_row(i),
                                         levels.plane_stride);
    return s;
}

/// dL/dx = g [0 <= x <= 1]; NaN gets none.
template <class Arch = default_arch>
status backward_activations(matrix_view<const float> x, matrix_view<const float> grad,
                            matrix_view<float> grad_x) noexcept {
    return detail::gate<Arch>(x, grad, grad_x, 0.0f, 1.0f);
}

/// wq for k = `bits` in 1 .. 8 by the formula with tanh; r, its product with 2^k - 1 and the code in double, wq then
/// (2 q - (2^k - 1)) * (1 / (2^k - 1)), rounded twice to float.
/// Requires finite weights. Zeros alone give the even one of the two middle codes. Returns also bad_value.
template <class Arch = default_arch>
status forward_weights(matrix_view<const float> w, int bits, matrix_view<float> quantized) noexcept {
    const status s = detail::first_error(detail::check_bits(bits), detail::check_weights<Arch>(w),
                                         detail::check_same_shape(quantized, w), detail::apart<1>(quantized, w));
    if (s != status::ok) return s;
    const double m = detail::find_largest<Arch>(w).value;
    const std::int32_t top = (1 << bits) - 1;
    const float step = 1.0f / static_cast<float>(top);
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t j = 0; j < w.cols; ++j)
            quantized(i, j) = static_cast<float>(2 * detail::code_of<Arch>(w(i, j), m, top) - top) * step;
    }
    return s;
}

/// 2 q - (2^K - 1), packed; its scale is 1 / (2^K - 1) rounded to float.
template <class Arch = default_arch, int K>
status forward_weights(matrix_view<const float> w, const mutable_packed_rows<bipolar_bits<K>>& values) noexcept {
    const status s = detail::first_error(detail::check_weights<Arch>(w), detail::check_rows<Arch>(w, values),
                                         detail::apart<1>(values, w));
    if (s != status::ok || w.empty()) return s;
    const double m = detail::find_largest<Arch>(w).value;
    for (size_t i = 0; i < w.rows; ++i) {
        const float* const from = w.row(i);
        kernel::pack_codes_row<Arch, K>(w.cols, values.target_row(i), values.plane_stride,
                                        [&](size_t j) { return detail::code_of<Arch>(from[j], m, (1 << K) - 1); });
    }
    return s;
}

/// dL/dw, which does not depend on the number of bits. m = 0 (zeros alone) passes g.
template <class Arch = default_arch>
status backward_weights(matrix_view<const float> w, matrix_view<const float> grad, matrix_view<float> grad_w,
                        maximum rule = maximum::differentiated) noexcept {
    const status s = detail::first_error(detail::check_weights<Arch>(w), detail::check_same_shape(grad, w),
                                         detail::check_same_shape(grad_w, w), detail::apart<1>(grad_w, grad, w));
    if (s != status::ok || w.empty()) return s;
    const detail::largest most = detail::find_largest<Arch>(w);
    const double m = most.value;
    double sum = 0.0;
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t j = 0; j < w.cols; ++j) {
            const double t = maths::tanh(double{w(i, j)});
            sum += double{grad(i, j)} * t;
            grad_w(i, j) = m > 0.0 ? static_cast<float>(double{grad(i, j)} * (1.0 - t * t) / m) : grad(i, j);
        }
    }
    if (rule == maximum::differentiated && m > 0.0) {
        const float x = w(most.row, most.col);
        const double slope = (x < 0.0f ? -1.0 : 1.0) * (1.0 - m * m);
        const double own = double{grad(most.row, most.col)} * (1.0 - m * m) / m;
        grad_w(most.row, most.col) = static_cast<float>(own - slope / (m * m) * sum);
    }
    return s;
}

}  // namespace tern::quantize::dorefa
