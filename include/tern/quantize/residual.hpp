// SPDX-License-Identifier: MIT
// Statistical weight scaling and residual expansion (He, Gong and Fan, WACV 2019, arXiv 1807.07948): w as the sum of
// several ternary copies of itself with rising thresholds. One copy is statistical weight scaling alone.
//
//     th_k    = factor_k * max |w|                    factor_1 < factor_2 < ...     over the weights that share it
//     t_k     = [w >= th_k] - [w < -th_k]             a tie at +th_k gives +1, one at -th_k gives 0
//     scale_k = mean of |w| where |w| >= th_k
//     w ~ sum_k scale_k t_k
//
// Factors: {0.05}; {0.05, 0.1}; {0.05, 0.1, 0.15, 0.2}. Not an expansion of what is left over, in spite of its name.
//
// The supports are nested, and where two copies are non-zero their signs are equal: `nested_ternary<K>` keeps K mask
// planes and one sign plane, K + 1 bits a weight instead of 2 K, and gemm_residual.hpp multiplies them.
//
// Gradient: each copy's is straight through, clipped, dL/dt_k scale_k := g [-1 < w < 1] with none through scale_k; the
// sum of K copies has K times that. Surrogate: K clip(w, -1, 1).
//
// Where this was read. Thresholds, scales, both ties, factors and the clipped gradient of one copy: the authors'
// released code (elliothe/Ternarized_Neural_Network). There the copies are branches whose outputs are added; that their
// gradients add up to K g follows from it. Sharing the sign plane is derived here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <tern/arch.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/quantize/packing.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

#include <tern/kernel/quantize/nested.hpp>

namespace tern::quantize::residual {

inline constexpr float factors[] = {0.05f, 0.1f, 0.15f, 0.2f};  ///< the first 1, 2 or 4 were used

namespace detail {

using namespace tern::quantize::detail;

/// Parameters are groups x levels: one row for the matrix, or one a row of it.
template <class T>
[[nodiscard]] TERN_INLINE status check_levels(const matrix_view<T>& p, size_t rows, size_t levels) noexcept {
    if (p.cols != levels || levels == 0 || (p.rows != 1 && p.rows != rows)) return status::bad_shape;
    return check(p);
}

[[nodiscard]] TERN_INLINE float below(float x) noexcept { return kernel::next_below(x); }

/// t_1 + ... + t_K for rising thresholds.
[[nodiscard]] TERN_INLINE int level_of(float w, const float* thresholds, size_t levels) noexcept {
    int sum = 0;
    for (size_t k = 0; k < levels; ++k)
        sum += static_cast<int>(w >= thresholds[k]) - static_cast<int>(w < -thresholds[k]);
    return sum;
}

[[nodiscard]] TERN_INLINE status check_rising(const matrix_view<const float>& thresholds) noexcept {
    for (size_t g = 0; g < thresholds.rows; ++g)
        for (size_t k = 0; k < thresholds.cols; ++k)
            if (!(thresholds(g, k) >= (k == 0 ? 0.0f : thresholds(g, k - 1)))) return status::bad_value;
    return status::ok;
}

template <class Arch, int K, class Destination>
[[nodiscard]] TERN_INLINE status forward_into(const matrix_view<const float>& w,
                                              const matrix_view<const float>& thresholds,
                                              const Destination& to) noexcept {
    const status s = first_error(check(w), check_levels(thresholds, w.rows, size_t{K}));
    if (s != status::ok) return s;
    if (check_rising(thresholds) != status::ok) return status::bad_value;
    const auto encoder = [&](size_t i) TERN_INLINE_LAMBDA {
        return kernel::row_nested<K>(thresholds.row(thresholds.rows == 1 ? 0 : i));
    };
    return pack_by<Arch>(w, to, encoder, thresholds);
}

}  // namespace detail

/// Thresholds and scales of `levels` copies: groups x levels each, groups = 1 or w.rows. `level_factors`: rising, in
/// (0, 1].
///
/// Requires finite weights. th_k is rounded to float once, scale_k once from a sum in double. All-zero weights have
/// zeros for both; no weights, too.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap or bad_value; nothing is written then.
template <class Arch = default_arch>
status fit(matrix_view<const float> w, const float* level_factors, size_t levels, matrix_view<float> thresholds,
           matrix_view<float> scales) noexcept {
    const status s = detail::first_error(check(w), detail::check_levels(thresholds, w.rows, levels),
                                         detail::check_levels(scales, w.rows, levels));
    if (s != status::ok) return s;
    if (level_factors == nullptr) return status::null_pointer;
    if (thresholds.rows != scales.rows) return status::bad_shape;
    if (detail::overlaps_any(bytes_of(thresholds), w, scales) || detail::overlap(w, scales)) return status::overlap;
    const byte_range given = bytes_of(level_factors, levels * sizeof(float));
    if (given.overlaps(bytes_of(thresholds)) || given.overlaps(bytes_of(scales))) return status::overlap;
    for (size_t k = 0; k < levels; ++k) {
        const float before = k == 0 ? 0.0f : level_factors[k - 1];
        if (!(level_factors[k] > before && level_factors[k] <= 1.0f)) return status::bad_value;
    }
    if (!kernel::all_finite<Arch>(w)) return status::bad_value;
    const size_t rows = detail::group_rows(thresholds, w.rows);
    for (size_t g = 0; g < thresholds.rows; ++g) {
        const float most = kernel::largest_of<Arch>(detail::group_of(w, thresholds, g));
        for (size_t k = 0; k < levels; ++k) {
            const float threshold = level_factors[k] * most;
            const double limit = static_cast<double>(detail::below(threshold));
            double total = 0.0;
            double count = 0.0;
            for (size_t i = g * rows; i < (g + 1) * rows && w.cols != 0; ++i) {
                total += kernel::sum_terms<Arch, simd::term::above>(w.row(i), w.cols, limit);
                count += kernel::sum_terms<Arch, simd::term::count>(w.row(i), w.cols, limit);
            }
            thresholds(g, k) = threshold;
            scales(g, k) = count > 0.0 ? static_cast<float>(total / count) : 0.0f;
        }
    }
    return status::ok;
}

/// values = t_1 + ... + t_K, in [-K, K]: it says all t_k. Exact; NaN gives 0. bad_value for thresholds that fall, are
/// negative or NaN, or more than 127 levels; else as `fit`, without its look at the weights.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> thresholds,
               matrix_view<std::int8_t> values) noexcept {
    const status s = detail::first_error(check(w), detail::check_levels(thresholds, w.rows, thresholds.cols),
                                         detail::check_same_shape(values, w));
    if (s != status::ok) return s;
    if (detail::overlaps_any(bytes_of(values), w, thresholds)) return status::overlap;
    if (thresholds.cols > 127 || detail::check_rising(thresholds) != status::ok) return status::bad_value;
    for (size_t i = 0; i < w.rows; ++i) {
        const float* const limits = thresholds.row(thresholds.rows == 1 ? 0 : i);
        for (size_t j = 0; j < w.cols; ++j)
            values(i, j) = static_cast<std::int8_t>(detail::level_of(w(i, j), limits, thresholds.cols));
    }
    return status::ok;
}

/// quantized = sum_k scale_k t_k, added in double in order of k, rounded once.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> thresholds, matrix_view<const float> scales,
               matrix_view<float> quantized) noexcept {
    const status s = detail::first_error(check(w), detail::check_levels(thresholds, w.rows, thresholds.cols),
                                         detail::check_levels(scales, w.rows, thresholds.cols),
                                         detail::check_same_shape(quantized, w));
    if (s != status::ok) return s;
    if (thresholds.rows != scales.rows) return status::bad_shape;
    if (detail::overlaps_any(bytes_of(quantized), w, thresholds, scales)) return status::overlap;
    if (detail::check_rising(thresholds) != status::ok) return status::bad_value;
    for (size_t i = 0; i < w.rows; ++i) {
        const size_t g = thresholds.rows == 1 ? 0 : i;
        for (size_t j = 0; j < w.cols; ++j) {
            double sum = 0.0;
            for (size_t k = 0; k < thresholds.cols; ++k) {
                const auto scale = static_cast<double>(scales(g, k));
                sum += w(i, j) >= thresholds(g, k) ? scale : (w(i, j) < -thresholds(g, k) ? -scale : 0.0);
            }
            quantized(i, j) = static_cast<float>(sum);
        }
    }
    return status::ok;
}

/// The values as packed rows, or as panels of weights (`to`): what `pack_rows` and `pack_panels` make of them.
template <class Arch = default_arch, int K>
status forward(matrix_view<const float> w, matrix_view<const float> thresholds,
               const mutable_packed_rows<nested_ternary<K>>& q) noexcept {
    return detail::forward_into<Arch, K>(w, thresholds, q);
}

template <class Arch = default_arch, int K>
status forward(matrix_view<const float> w, matrix_view<const float> thresholds,
               const panel_memory<nested_ternary<K>>& to) noexcept {
    return detail::forward_into<Arch, K>(w, thresholds, to);
}

/// grad_w = levels * grad where -1 < w < 1, else and for NaN 0. One rounding.
template <class Arch = default_arch>
status backward(matrix_view<const float> w, matrix_view<const float> grad, size_t levels,
                matrix_view<float> grad_w) noexcept {
    const status s =
        detail::first_error(check(w), detail::check_same_shape(grad, w), detail::check_same_shape(grad_w, w));
    if (s != status::ok) return s;
    if (detail::overlaps_any(bytes_of(grad_w), w, grad)) return status::overlap;
    const float limit = detail::below(1.0f);
    for (size_t i = 0; i < w.rows && w.cols != 0; ++i)
        kernel::gate_row<Arch>(w.row(i), w.cols, -limit, limit, grad.row(i), static_cast<float>(levels), grad_w.row(i));
    return status::ok;
}

}  // namespace tern::quantize::residual
