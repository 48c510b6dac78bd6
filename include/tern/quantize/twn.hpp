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
#include <cstring>
#include <limits>

#include <tern/arch.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/quantize/packing.hpp>
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

/// +1 above the threshold, -1 below its negative.
[[nodiscard]] TERN_INLINE constexpr kernel::row_limits limits_of(float threshold) noexcept {
    return {-threshold, threshold};
}

[[nodiscard]] TERN_INLINE status check_threshold(const matrix_view<const float>& threshold) noexcept {
    for (size_t g = 0; g < threshold.rows; ++g) {
        if (*threshold.row(g) < 0.0f) return status::bad_value;
    }
    return status::ok;
}

/// NaN where a weight is infinite or NaN.
template <class Arch>
[[nodiscard]] float threshold_of(matrix_view<const float> w, rule r) noexcept {
    if (w.empty()) return 0.0f;
    const double n = static_cast<double>(w.rows) * static_cast<double>(w.cols);
    double total = 0.0;
    if (r == rule::paper) {
        total = kernel::sum_terms<Arch, simd::term::magnitude>(w, 0.0);
    } else {
        const double mean = kernel::sum_terms<Arch, simd::term::value>(w, 0.0) / n;
        total = kernel::sum_terms<Arch, simd::term::distance>(w, mean);
    }
    const auto threshold = static_cast<float>(0.7 * (total / n));
    return threshold - threshold == 0.0f ? threshold : std::numeric_limits<float>::quiet_NaN();
}

/// total / count of the support, and NaN for a threshold that is none.
[[nodiscard]] TERN_INLINE float mean_of(double total, double count, float threshold) noexcept {
    return count > 0.0 ? static_cast<float>(total / count) : (threshold == threshold ? 0.0f : threshold);
}

/// `threshold` serves the rows of `w` from `first` on.
template <class Arch>
[[nodiscard]] float scale_of(matrix_view<const float> w, matrix_view<const float> threshold, size_t first) noexcept {
    double total = 0.0;
    double count = 0.0;
    for (size_t i = 0; i < w.rows; ++i) {
        const double limit = static_cast<double>(of_row(threshold, first + i));
        total += kernel::sum_terms<Arch, simd::term::above>(w.row(i), w.cols, limit);
        count += kernel::sum_terms<Arch, simd::term::count>(w.row(i), w.cols, limit);
    }
    return mean_of(total, count, 0.0f);
}

template <class Arch, class Target>
void quantize_to(matrix_view<const float> w, matrix_view<float> threshold, matrix_view<float> scale, rule r,
                 const Target& target) noexcept {
    const bool each = threshold.rows == w.rows && w.cols != 0;  // then rows are read while they are in the cache
    if (!each) {
        for (size_t g = 0; g < threshold.rows; ++g)
            *threshold.row(g) = threshold_of<Arch>(group_of(w, threshold, g), r);
    }
    kernel::partial_sums sums[kernel::group_of_rows];
    double total = 0.0;
    double count = 0.0;
    kernel::pack_groups<Arch>(
        w, target,
        [&](size_t first, size_t rows) TERN_INLINE_LAMBDA {
            for (size_t i = first; i < first + rows; ++i) {
                if (each) *threshold.row(i) = threshold_of<Arch>({w.row(i), 1, w.cols, w.stride}, r);
                sums[i - first] = kernel::partial_sums();
            }
        },
        [&](size_t i) TERN_INLINE_LAMBDA {
            // Rows that have just been summed up are near; others come from memory.
            const size_t next = !each && i + kernel::group_of_rows < w.rows ? kernel::group_of_rows * w.stride : 0;
            return kernel::row_limits_sums(of_row(threshold, i), sums + i % kernel::group_of_rows, next);
        },
        [&](size_t first, size_t rows, const kernel::group_tally& all) TERN_INLINE_LAMBDA {
            for (size_t i = 0; i < rows; ++i) {
                const float limit = of_row(threshold, first + i);
                const auto nonzeros = static_cast<double>(all.rows[i].nonzeros);
                const double row = target.in_sixteens() ? sums[i].total()
                                                        : kernel::sum_terms<Arch, simd::term::above>(
                                                              w.row(first + i), w.cols, static_cast<double>(limit));
                total += row;
                count += nonzeros;
                if (scale.rows == w.rows) *scale.row(first + i) = mean_of(row, nonzeros, limit);
            }
        });
    if (w.cols == 0) {
        for (size_t g = 0; g < scale.rows; ++g) *scale.row(g) = 0.0f;
    } else if (scale.rows == 1 && w.rows != 1) {
        float limit = 0.0f;
        for (size_t g = 0; g < threshold.rows; ++g) limit += *threshold.row(g);
        *scale.row(0) = limit == limit ? mean_of(total, count, 0.0f) : limit;
    }
}

[[nodiscard]] TERN_INLINE status check_parameters(const matrix_view<const float>& w,
                                                  const matrix_view<float>& threshold,
                                                  const matrix_view<float>& scale) noexcept {
    const status s = first_error(check(w), check_parameter(threshold, w.rows), check_parameter(scale, w.rows));
    if (s != status::ok) return s;
    return overlap(w, threshold) || overlap(w, scale) || overlap(threshold, scale) ? status::overlap : status::ok;
}

template <class Arch, class Destination>
[[nodiscard]] TERN_INLINE status forward_into(const matrix_view<const float>& w,
                                              const matrix_view<const float>& threshold,
                                              const Destination& to) noexcept {
    const status s = first_error(check(w), check_parameter(threshold, w.rows));
    if (s != status::ok) return s;
    if (check_threshold(threshold) != status::ok) return status::bad_value;
    return pack_by<Arch>(
        w, to, [&](size_t i) TERN_INLINE_LAMBDA { return limits_of(of_row(threshold, i)); }, threshold);
}

template <class Arch, class Destination>
[[nodiscard]] TERN_INLINE status quantize_into(const matrix_view<const float>& w, const matrix_view<float>& threshold,
                                               const matrix_view<float>& scale, const Destination& to,
                                               rule r) noexcept {
    const status s = check_parameters(w, threshold, scale);
    if (s != status::ok) return s;
    return fill_target(
        w, to, [&](const auto& target) TERN_INLINE_LAMBDA { quantize_to<Arch>(w, threshold, scale, r, target); },
        threshold, scale);
}

}  // namespace detail

/// Threshold and scale of float weights.
///
/// `threshold` and `scale` are `per_tensor(&x)` or `per_channel(x, w.rows)`, independently: the paper has one of each a
/// filter, the released code one threshold a layer (with `rule::released`) and one scale a filter.
/// Requires every weight to be finite. Sums run in double, in the order that kernel/quantize/weights.hpp says: the same
/// bits on every architecture.
/// Weights without elements give threshold 0 and scale 0. Equal weights +-c give threshold 0.7 c and scale c; all-zero
/// weights give threshold 0 and scale 0.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap (of the outputs with `w` or with each
/// other; interleaved columns count), bad_value (a weight is infinite or NaN); nothing is written then.
template <class Arch = default_arch>
status fit(matrix_view<const float> w, matrix_view<float> threshold, matrix_view<float> scale,
           rule r = rule::paper) noexcept {
    const status s = detail::check_parameters(w, threshold, scale);
    if (s != status::ok) return s;
    if (!kernel::all_finite<Arch>(w)) return status::bad_value;

    for (size_t g = 0; g < threshold.rows; ++g)
        *threshold.row(g) = detail::threshold_of<Arch>(detail::group_of(w, threshold, g), r);
    const size_t rows = detail::group_rows(scale, w.rows);
    for (size_t g = 0; g < scale.rows; ++g)
        *scale.row(g) = detail::scale_of<Arch>(detail::group_of(w, scale, g), threshold, g * rows);
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
    if (detail::check_threshold(threshold) != status::ok) return status::bad_value;
    for (size_t i = 0; i < w.rows; ++i) {
        const float limit = detail::of_row(threshold, i);
        kernel::ternary_row<Arch>(w.row(i), w.cols, -limit, limit, values.row(i));
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
    if (detail::check_threshold(threshold) != status::ok) return status::bad_value;
    for (size_t i = 0; i < w.rows; ++i) {
        const float limit = detail::of_row(threshold, i);
        const float step = detail::of_row(scale, i);
        kernel::choose_row<Arch>(w.row(i), w.cols, -limit, limit, -step, 0.0f, step, quantized.row(i));
    }
    return status::ok;
}

/// The values of `forward` as packed rows, or as panels of weights (`to`): what `pack_rows` and `pack_panels` make of
/// them. One pass. Statuses are those of `forward` and of packing.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> threshold,
               const mutable_packed_rows<ternary>& q) noexcept {
    return detail::forward_into<Arch>(w, threshold, q);
}

template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> threshold,
               const panel_memory<ternary>& to) noexcept {
    return detail::forward_into<Arch>(w, threshold, to);
}

/// `fit` and `forward` at once: threshold, scale and packed rows or panels (`to`), the same bits as one after the
/// other.
///
/// The weights are read from memory once with one threshold a row, twice with one for the matrix. Nothing is looked at
/// beforehand, so no w is an error: where a weight that shares a threshold is infinite or NaN, that threshold and every
/// scale that depends on it are NaN and the values 0. Statuses are those of `fit`, but for bad_value, and of packing.
template <class Arch = default_arch>
status quantize(matrix_view<const float> w, matrix_view<float> threshold, matrix_view<float> scale,
                const mutable_packed_rows<ternary>& q, rule r = rule::paper) noexcept {
    return detail::quantize_into<Arch>(w, threshold, scale, q, r);
}

template <class Arch = default_arch>
status quantize(matrix_view<const float> w, matrix_view<float> threshold, matrix_view<float> scale,
                const panel_memory<ternary>& to, rule r = rule::paper) noexcept {
    return detail::quantize_into<Arch>(w, threshold, scale, to, r);
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
    constexpr float below_one = 1.0f - std::numeric_limits<float>::epsilon() / 2.0f;  // its neighbour
    for (size_t i = 0; i < w.rows && w.cols != 0; ++i) {
        if (estimator == ste::identity)
            std::memcpy(grad_w.row(i), grad.row(i), w.cols * sizeof(float));
        else
            kernel::gate_row<Arch>(w.row(i), w.cols, -below_one, below_one, grad.row(i), 1.0f, grad_w.row(i));
    }
    return status::ok;
}

}  // namespace tern::quantize::twn
