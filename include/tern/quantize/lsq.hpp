// SPDX-License-Identifier: MIT
// LSQ, learned step size quantization (Esser et al., ICLR 2020, arXiv 1902.08153), of weights and of activations.
//
//     u  = x / step,  level = clamp(round_half_even(u), low, high),  xq = level * step
//
// Straight-through through the rounding, g = dL/dxq, sums over what shares the step:
//
//     dL/dx    = g [low < u < high]
//     dL/dstep = gradient_scale * sum g (level - u [low < u < high])
//
// u is x * (1 / step), each rounded to float, in all functions alike. Levels: `signed_levels(k)` for weights,
// `unsigned_levels(k)` for activations behind a ReLU, `symmetric_levels(2)` is ternary.
//
// Deployment: level - low as unsigned_bits<k>, hence xq = step * code + low * step, an affine operand of the epilogue;
// ternary levels as `ternary`, scale `step`.
//
// Provenance: recalled, no source was at hand: strict comparisons, gradient scale 1 / sqrt(n high) and first step
// 2 mean |x| / sqrt(high). Half to even is ours.
#pragma once

#include <tern/quantize/levels.hpp>
#include <tern/quantize/maths.hpp>

namespace tern::quantize::lsq {

namespace detail {

using namespace tern::quantize::detail;

[[nodiscard]] TERN_INLINE status check_operands(const matrix_view<const float>& x, const matrix_view<const float>& step,
                                                level_range levels) noexcept {
    const status s = first_error(check(x), check_parameter(step, x.rows));
    if (s != status::ok) return s;
    if (!valid(levels)) return status::unsupported;
    return check_values(step, [](float v) TERN_INLINE_LAMBDA { return is_step(v); });
}

}  // namespace detail

/// 1 / sqrt(n high), for the n numbers that share a step.
[[nodiscard]] TERN_INLINE float gradient_scale(size_t n, level_range levels) noexcept {
    const double product = static_cast<double>(n) * levels.high;
    return product > 0.0 ? static_cast<float>(1.0 / maths::square_root(product)) : 1.0f;
}

/// First step: 2 mean |x| / sqrt(high); 1 where that is below 2^-100 (nothing but zeros).
/// Requires finite x. Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap, unsupported
/// (levels) or bad_value; nothing is written then.
template <class Arch = default_arch>
status fit(matrix_view<const float> x, level_range levels, matrix_view<float> step) noexcept {
    const status s = detail::first_error(check(x), detail::check_parameter(step, x.rows), detail::apart<1>(step, x));
    if (s != status::ok) return s;
    if (!detail::valid(levels)) return status::unsupported;
    if (!kernel::all_finite<Arch>(x)) return status::bad_value;
    for (size_t g = 0; g < step.rows; ++g) {
        const matrix_view<const float> part = detail::group_of(x, step, g);
        const double n = static_cast<double>(part.rows) * static_cast<double>(part.cols);
        const double sum = kernel::sum_terms<Arch, simd::term::magnitude>(part, 0.0);
        const double first = n > 0.0 ? 2.0 * sum / n / maths::square_root(levels.high) : 1.0;
        *step.row(g) = first < 0x1p-100 ? 1.0f : (first > 0x1p100 ? 0x1p100f : static_cast<float>(first));
    }
    return s;
}

/// xq. `step` is per tensor or per row. NaN gives 0; infinities give the outermost levels.
/// Returns as `fit`; bad_value for a step outside [2^-100, 2^100].
template <class Arch = default_arch>
status forward(matrix_view<const float> x, matrix_view<const float> step, level_range levels,
               matrix_view<float> quantized) noexcept {
    const status s = detail::first_error(detail::check_operands(x, step, levels),
                                         detail::check_same_shape(quantized, x), detail::apart<1>(quantized, x, step));
    if (s != status::ok) return s;
    for (size_t i = 0; i < x.rows; ++i) {
        const float one = detail::of_row(step, i);
        detail::round_row<Arch>(x.row(i), quantized.row(i), x.cols, 1.0f / one, levels, one);
    }
    return s;
}

/// The codes level - low, packed. `unsupported` where high - low >= 2^K.
template <class Arch = default_arch, int K>
status forward(matrix_view<const float> x, matrix_view<const float> step, level_range levels,
               const mutable_packed_rows<unsigned_bits<K>>& codes) noexcept {
    const status s = detail::first_error(detail::check_operands(x, step, levels), detail::check_rows<Arch>(x, codes),
                                         detail::apart<1>(codes, x, step));
    if (s != status::ok) return s;
    if (levels.high - levels.low >= 1 << K) return status::unsupported;
    for (size_t i = 0; i < x.rows && !x.empty(); ++i)
        detail::pack_levels_row<Arch, K>(x.row(i), x.cols, 1.0f / detail::of_row(step, i), levels, codes.target_row(i),
                                         codes.plane_stride);
    return s;
}

/// Levels -1, 0, +1 (`symmetric_levels(2)`), packed. Other levels are `unsupported`.
template <class Arch = default_arch>
status forward(matrix_view<const float> x, matrix_view<const float> step, level_range levels,
               const mutable_packed_rows<ternary>& values) noexcept {
    const status s = detail::first_error(detail::check_operands(x, step, levels), detail::check_rows<Arch>(x, values),
                                         detail::apart<1>(values, x, step));
    if (s != status::ok) return s;
    if (levels.low != -1 || levels.high != 1) return status::unsupported;
    for (size_t i = 0; i < x.rows && !x.empty(); ++i) {
        const float* const from = x.row(i);
        const float factor = 1.0f / detail::of_row(step, i);
        kernel::pack_codes_row<Arch, 2>(x.cols, values.target_row(i), values.plane_stride, [&](size_t j) {
            return ternary::encode(detail::level_of<Arch>(from[j], factor, levels));
        });
    }
    return s;
}

/// The gradients at the head of this file. NaN gets and gives none. Sums run in double. Returns as `forward`.
template <class Arch = default_arch>
status backward(matrix_view<const float> x, matrix_view<const float> step, level_range levels,
                matrix_view<const float> grad, matrix_view<float> grad_x, matrix_view<float> grad_step,
                float gradient_scale = 1.0f) noexcept {
    const status s = detail::first_error(detail::check_operands(x, step, levels), detail::check_same_shape(grad, x),
                                         detail::check_same_shape(grad_x, x), detail::check_same_shape(grad_step, step),
                                         detail::apart<2>(grad_x, grad_step, grad, x, step));
    if (s != status::ok) return s;
    const auto low = static_cast<float>(levels.low);
    const auto high = static_cast<float>(levels.high);
    for (size_t g = 0; g < step.rows; ++g) *grad_step.row(g) = 0.0f;
    double sum = 0.0;
    for (size_t i = 0; i < x.rows; ++i) {
        const float factor = 1.0f / detail::of_row(step, i);
        if (step.rows != 1) sum = 0.0;
        for (size_t j = 0; j < x.cols; ++j) {
            const float u = x(i, j) * factor;
            const float g = grad(i, j);
            const bool inside = u > low && u < high;
            grad_x(i, j) = inside ? g : 0.0f;
            if (u == u)
                sum += double{g} * (static_cast<double>(detail::level_of<Arch>(x(i, j), factor, levels)) -
                                    (inside ? double{u} : 0.0));
        }
        detail::of_row(grad_step, i) = static_cast<float>(double{gradient_scale} * sum);
    }
    return s;
}

}  // namespace tern::quantize::lsq
