// SPDX-License-Identifier: MIT
// SQ, stochastic quantization (Dong et al., BMVC 2017, arXiv 1708.01001): in every training step only some of the m
// filters (rows) of a layer are quantized, those with small errors more likely; the share grows to all of them.
//
//     e_i = ||w_i - q_i||_1 / ||w_i||_1                        q = BWN or TWN of every row; 0 where ||w_i|| = 0
//     f_i = 1 / (e_i + 1e-7)
//     p_i ~ 1                    weighting::constant
//           f_i                  weighting::linear, the paper's choice
//           exp(f_i - max f)     weighting::softmax
//           1 / (1 + exp(-f_i))  weighting::sigmoid            all divided by their sum
//     roulette, without replacement: draw v of (0, 1], take the first filter with p_1 + ... + p_j >= v * (sum of those
//     left), put p_j = 0, as often as filters are wanted
//     forward and backward use q_i for the quantized filters and w_i for the rest
//
// Gradient: with respect to the mixed weights, passed to w unchanged (identity, no clip).
//
// Two selections, by name; for three filters and more their distributions differ:
//     selection::paper_inverse   floor(r m) filters to quantize are drawn by p
//     selection::released_real   int((1 - r) m) filters to keep real are drawn by p_i ~ e_i (`weighting` has no say)
//
// Where this was read. The error, TWN and BWN, the hybrid weights in both directions, the schedule and released_real:
// the authors' released code (dongyp13/Stochastic-Quantization). f, the four functions, roulette and paper_inverse: the
// paper as a re-implementation and its report restate it (JonahMiller/Stochastic-Quantization), where the 1e-7 stands
// outside the fraction and so prevents no division by zero; inside it is an assumption. floor(r m) is one, too. The
// released roulette may draw nothing where rounding leaves the last sum below v; here the last filter left is taken
// then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <tern/arch.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/quantize/normal.hpp>
#include <tern/quantize/packing.hpp>
#include <tern/quantize/random.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

namespace tern::quantize::stochastic {

enum class weighting : unsigned char { constant, linear, softmax, sigmoid };

enum class selection : unsigned char {
    paper_inverse,  ///< the filters to quantize, likelier the smaller their error
    released_real   ///< the filters to keep real, likelier the larger their error
};

/// The released stages, each trained from the weights of the one before: shares of quantized filters.
inline constexpr double schedule[] = {0.5, 0.75, 0.875, 1.0};
inline constexpr int stages = 4;

namespace detail {

using namespace tern::quantize::detail;

inline constexpr double epsilon = 1e-7;

/// What floor(x) is for x >= 0 that fits.
[[nodiscard]] TERN_INLINE constexpr size_t whole(double x) noexcept { return static_cast<size_t>(x); }

[[nodiscard]] TERN_INLINE status check_vector(const matrix_view<const double>& v, size_t rows) noexcept {
    return v.rows == rows && v.cols == 1 ? check(v) : status::bad_shape;
}

}  // namespace detail

/// How many of `filters` filters are quantized at `ratio` in [0, 1].
[[nodiscard]] TERN_INLINE constexpr size_t quantized_count(size_t filters, double ratio, selection how) noexcept {
    const double m = static_cast<double>(filters);
    return how == selection::paper_inverse ? detail::whole(ratio * m) : filters - detail::whole((1.0 - ratio) * m);
}

/// error[i] = ||w_i - quantized_i||_1 / ||w_i||_1, a column of w.rows doubles. Sums run in double along the row.
/// NaN where a row has a number that is not finite. Returns bad_shape, bad_stride, null_pointer, bad_alignment,
/// overflow or overlap; nothing is written then.
template <class Arch = default_arch>
status errors(matrix_view<const float> w, matrix_view<const float> quantized, matrix_view<double> error) noexcept {
    const status s =
        detail::first_error(check(w), detail::check_same_shape(quantized, w), detail::check_vector(error, w.rows));
    if (s != status::ok) return s;
    if (detail::overlap(w, error) || detail::overlap(quantized, error)) return status::overlap;
    for (size_t i = 0; i < w.rows; ++i) {
        double off = 0.0;
        for (size_t j = 0; j < w.cols; ++j) {
            const double d = static_cast<double>(w(i, j)) - static_cast<double>(quantized(i, j));
            off += d < 0.0 ? -d : d;
        }
        const double size = w.cols == 0 ? 0.0 : kernel::sum_terms<Arch, simd::term::magnitude>(w.row(i), w.cols, 0.0);
        *error.row(i) = size == 0.0 ? 0.0 : (size - size == 0.0 ? off / size : size - size);
    }
    return status::ok;
}

/// probability[i] = p_i of paper_inverse: positive numbers with sum 1. `probability` may be `error`.
/// Returns as `errors`; bad_value for an error that is negative, infinite or NaN.
template <class Arch = default_arch>
status probabilities(matrix_view<const double> error, weighting how, matrix_view<double> probability) noexcept {
    const status s =
        detail::first_error(detail::check_vector(error, error.rows), detail::check_vector(probability, error.rows));
    if (s != status::ok) return s;
    if (probability.data != error.data && detail::overlap(error, probability)) return status::overlap;
    if (probability.data == error.data && probability.stride != error.stride && error.rows > 1) return status::overlap;
    double least = 0.0;  // error, so the largest f
    for (size_t i = 0; i < error.rows; ++i) {
        const double e = *error.row(i);
        if (!(e >= 0.0) || e - e != 0.0) return status::bad_value;
        least = i == 0 || e < least ? e : least;
    }
    const double largest = 1.0 / (least + detail::epsilon);
    double total = 0.0;
    for (size_t i = 0; i < error.rows; ++i) {
        const double f = 1.0 / (*error.row(i) + detail::epsilon);
        double p = 1.0;
        if (how == weighting::linear) p = f;
        if (how == weighting::softmax) p = normal::exponential(f - largest);
        if (how == weighting::sigmoid) p = 1.0 / (1.0 + normal::exponential(-f));
        *probability.row(i) = p;
        total += p;
    }
    for (size_t i = 0; i < error.rows; ++i) *probability.row(i) /= total;
    return status::ok;
}

/// Draws `count` of the filters without replacement, by `weights` (at least 0, any sum), and marks them in `chosen`
/// (1; the rest 0), one byte a filter. When only filters of weight 0 are left, the first of them is taken.
///
/// One number of (0, 1] from `engine` (see random.hpp) a filter drawn, so the same engine draws the same filters
/// everywhere. O(count * filters).
/// Returns bad_shape (also count > filters), bad_stride, null_pointer, bad_alignment, overflow, overlap or bad_value (a
/// weight is negative or not finite); nothing is written then, and nothing drawn.
template <class Arch = default_arch, class Engine>
status roulette(matrix_view<const double> weights, size_t count, Engine& engine,
                matrix_view<std::uint8_t> chosen) noexcept {
    const status s = detail::first_error(detail::check_vector(weights, weights.rows), check(chosen));
    if (s != status::ok) return s;
    if (chosen.rows != weights.rows || chosen.cols != 1 || count > weights.rows) return status::bad_shape;
    if (detail::overlap(weights, chosen)) return status::overlap;
    for (size_t i = 0; i < weights.rows; ++i) {
        const double p = *weights.row(i);
        if (!(p >= 0.0) || p - p != 0.0) return status::bad_value;
    }
    for (size_t i = 0; i < chosen.rows; ++i) *chosen.row(i) = 0;
    for (size_t drawn = 0; drawn < count; ++drawn) {
        double left = 0.0;
        for (size_t i = 0; i < weights.rows; ++i) left += *chosen.row(i) != 0 ? 0.0 : *weights.row(i);
        const double wanted = uniform(engine) * left;
        double sum = 0.0;
        size_t taken = weights.rows;
        for (size_t i = 0; i < weights.rows; ++i) {
            if (*chosen.row(i) != 0) continue;
            const double p = *weights.row(i);
            sum += p;
            if (p > 0.0 || taken == weights.rows) taken = i;
            if (p > 0.0 && sum >= wanted) break;
        }
        *chosen.row(taken) = 1;
    }
    return status::ok;
}

/// Which filters a training step quantizes: quantized[i] = 1, the rest 0, one byte a filter.
///
/// `error` from `errors`; `ratio` in [0, 1], of `schedule`; `scratch`: a column of as many doubles. Returns as
/// `roulette`; bad_value for a ratio outside or an error that is not finite.
template <class Arch = default_arch, class Engine>
status select(matrix_view<const double> error, double ratio, Engine& engine, matrix_view<std::uint8_t> quantized,
              matrix_view<double> scratch, selection how = selection::paper_inverse,
              weighting by = weighting::linear) noexcept {
    if (!(ratio >= 0.0 && ratio <= 1.0)) return status::bad_value;
    if (scratch.rows == error.rows && scratch.data == error.data && error.rows != 0) return status::overlap;
    const size_t count = quantized_count(error.rows, ratio, how);
    if (how == selection::paper_inverse) {
        const status s = probabilities<Arch>(error, by, scratch);
        return s == status::ok ? roulette<Arch>(matrix_view<const double>(scratch), count, engine, quantized) : s;
    }
    const status s = roulette<Arch>(error, error.rows - count, engine, quantized);
    for (size_t i = 0; i < quantized.rows && s == status::ok; ++i) *quantized.row(i) ^= std::uint8_t{1};
    return s;
}

/// mixed_i = quantized_i where chosen[i] is not 0, else w_i: the weights that forward and backward use. At ratio 1 that
/// is `quantized`; bwn.hpp and twn.hpp make packed words of it.
template <class Arch = default_arch>
status mix(matrix_view<const float> w, matrix_view<const float> quantized, matrix_view<const std::uint8_t> chosen,
           matrix_view<float> mixed) noexcept {
    const status s = detail::first_error(check(w), detail::check_same_shape(quantized, w), check(chosen),
                                         detail::check_same_shape(mixed, w));
    if (s != status::ok) return s;
    if (chosen.rows != w.rows || chosen.cols != 1) return status::bad_shape;
    if (detail::overlaps_any(bytes_of(mixed), w, quantized, chosen)) return status::overlap;
    for (size_t i = 0; i < w.rows && w.cols != 0; ++i)
        std::memcpy(mixed.row(i), *chosen.row(i) != 0 ? quantized.row(i) : w.row(i), w.cols * sizeof(float));
    return status::ok;
}

/// grad_w = grad: the gradient of the mixed weights belongs to w unchanged, whether its filter is quantized or not.
template <class Arch = default_arch>
status backward(matrix_view<const float> grad, matrix_view<float> grad_w) noexcept {
    const status s = detail::first_error(check(grad), detail::check_same_shape(grad_w, grad));
    if (s != status::ok) return s;
    if (detail::overlap(grad, grad_w)) return status::overlap;
    for (size_t i = 0; i < grad.rows && grad.cols != 0; ++i)
        std::memcpy(grad_w.row(i), grad.row(i), grad.cols * sizeof(float));
    return status::ok;
}

}  // namespace tern::quantize::stochastic
