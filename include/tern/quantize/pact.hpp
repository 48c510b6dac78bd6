// SPDX-License-Identifier: MIT
// PACT, parameterized clipping activation (Choi et al., arXiv 1805.06085): k-bit activations with a learnt clip.
//
//     y  = min(max(x, 0), alpha)
//     yq = level * step,  step = alpha / (2^k - 1),  level = round_half_even(y / step) in 0 .. 2^k - 1
//
// Straight-through through the rounding, g = dL/dyq, sums over what shares alpha:
//
//     dL/dx     = g [0 <= x < alpha]
//     dL/dalpha = sum g [x >= alpha] + decay * alpha
//
// `decay` is the derivative's factor of an L2 penalty decay / 2 * alpha^2. Deploys as unsigned_bits<k> with scale
// `step`. y / step is computed as x * (1 / step), each rounded to float, in both forward functions alike.
//
// Provenance: forward, gradients, the penalty, one alpha a layer and its first value 8 were read in the documentation
// and code of IntelLabs/distiller. Which neighbour a tie goes to was not; half to even is PyTorch's and ours. PACT
// takes DoReFa's weights (dorefa.hpp).
#pragma once

#include <tern/quantize/levels.hpp>

namespace tern::quantize::pact {

/// The value of alpha that training starts from.
inline constexpr float first_alpha = 8.0f;

namespace detail {

using namespace tern::quantize::detail;

[[nodiscard]] TERN_INLINE float step_of(float alpha, int bits) noexcept {
    return alpha / static_cast<float>((1 << bits) - 1);
}

[[nodiscard]] TERN_INLINE status check_operands(const matrix_view<const float>& x,
                                                const matrix_view<const float>& alpha, int bits) noexcept {
    const status s = first_error(check(x), check_parameter(alpha, x.rows));
    if (s != status::ok) return s;
    if (bits < 1 || bits > 8) return status::unsupported;
    return check_values(alpha, [&](float a) TERN_INLINE_LAMBDA { return is_step(step_of(a, bits)); });
}

}  // namespace detail

/// yq. `alpha` is per tensor or per row; `bits` 1 to 8. NaN and what is not above 0 give 0, infinity gives alpha's
/// level. Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap, unsupported (bits) or
/// bad_value (a step outside [2^-100, 2^100], so alpha is positive); nothing is written then.
template <class Arch = default_arch>
status forward(matrix_view<const float> x, matrix_view<const float> alpha, int bits,
               matrix_view<float> quantized) noexcept {
    const status s = detail::first_error(detail::check_operands(x, alpha, bits), detail::check_same_shape(quantized, x),
                                         detail::apart<1>(quantized, x, alpha));
    if (s != status::ok) return s;
    for (size_t i = 0; i < x.rows; ++i) {
        const float step = detail::step_of(detail::of_row(alpha, i), bits);
        detail::round_row<Arch>(x.row(i), quantized.row(i), x.cols, 1.0f / step, unsigned_levels(bits), step);
    }
    return s;
}

/// The same levels, packed; their scale is `alpha / (2^K - 1)`, rounded to float.
template <class Arch = default_arch, int K>
status forward(matrix_view<const float> x, matrix_view<const float> alpha,
               const mutable_packed_rows<unsigned_bits<K>>& levels) noexcept {
    const status s = detail::first_error(detail::check_operands(x, alpha, K), detail::check_rows<Arch>(x, levels),
                                         detail::apart<1>(levels, x, alpha));
    if (s != status::ok || x.empty()) return s;
    for (size_t i = 0; i < x.rows; ++i) {
        const float step = detail::step_of(detail::of_row(alpha, i), K);
        detail::pack_levels_row<Arch, K>(x.row(i), x.cols, 1.0f / step, unsigned_levels(K), levels.target_row(i),
                                         levels.plane_stride);
    }
    return s;
}

/// The gradients at the head of this file; NaN gets and gives none. Sums run in double. Returns as `forward`.
template <class Arch = default_arch>
status backward(matrix_view<const float> x, matrix_view<const float> alpha, matrix_view<const float> grad,
                matrix_view<float> grad_x, matrix_view<float> grad_alpha, float decay = 0.0f) noexcept {
    const status s = detail::first_error(
        detail::check_operands(x, alpha, 1), detail::check_same_shape(grad, x), detail::check_same_shape(grad_x, x),
        detail::check_same_shape(grad_alpha, alpha), detail::apart<2>(grad_x, grad_alpha, grad, x, alpha));
    if (s != status::ok) return s;
    using leaf = kernel::real<Arch>;
    for (size_t g = 0; g < alpha.rows; ++g) *grad_alpha.row(g) = decay * *alpha.row(g);
    double sum = 0.0;
    for (size_t i = 0; i < x.rows; ++i) {
        const float clip = detail::of_row(alpha, i);
        const float* const from = x.row(i);
        const float* const g = grad.row(i);
        kernel::map_row<Arch>(
            from, g, grad_x.row(i), x.cols, [&](typename leaf::reg v, typename leaf::reg d) TERN_INLINE_LAMBDA {
                const auto zero = leaf::set(0.0f);
                const auto inside = leaf::both(leaf::not_below(v, zero), leaf::above(leaf::set(clip), v));
                return leaf::select(inside, d, zero);
            });
        if (alpha.rows != 1) sum = 0.0;
        for (size_t j = 0; j < x.cols; ++j) sum += from[j] >= clip ? double{g[j]} : 0.0;
        detail::of_row(grad_alpha, i) = static_cast<float>(sum + double{decay} * double{clip});
    }
    return s;
}

}  // namespace tern::quantize::pact
