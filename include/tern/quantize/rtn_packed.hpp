// SPDX-License-Identifier: MIT
// RTN straight to packed words, and its start. Formulas and provenance: rtn.hpp.
//
// Deployment. Weights w = g_w t_w + b_w (one scale and offset a tensor or an output) and activations x = g_x t_x + b_x:
// pack both with `forward`, weights into panels, activations into rows, and give the scales and offsets to `gemm`:
//
//     tern::scale_offset e;
//     e.weights = {tern::per_channel(scale), tern::per_channel(offset)};
//     e.activations = {tern::per_tensor(g_x), tern::per_tensor(b_x)};
//     tern::gemm(x, w, dst, e);
//
// which computes the four terms of epilogue.hpp from the integer products of the RTN encoding. In a convolution a
// padded tap is a real 0, not b_x; conv.hpp counts accordingly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <tern/arch.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/quantize/packing.hpp>
#include <tern/quantize/rtn.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

namespace tern::quantize::rtn {
namespace detail {

/// Floats in order, NaN left out: number 0 is -infinity. -0 comes before +0.
[[nodiscard]] TERN_INLINE float float_of_rank(std::uint32_t rank) noexcept {
    constexpr std::uint32_t infinity = 0x7f800000u;
    const std::uint32_t number = rank <= infinity ? 0x80000000u | (infinity - rank) : rank - infinity - 1u;
    return bits::load<float>(&number);
}

inline constexpr std::uint32_t last_rank = 2u * 0x7f800000u + 1u;

/// The rows' limits for one scale and offset: x > upper, x < lower say the same as T((x - offset) / scale) with its two
/// roundings. That is monotone in x, so bisection finds the first and the last x with T = 0.
[[nodiscard]] TERN_INLINE kernel::row_limits limits_of(float scale, float offset, variant v) noexcept {
    if (v == variant::fixed) return {-0.5f, 0.5f};
    const bool opposite = scale < 0.0f;
    const int above = opposite ? -1 : 1;
    const auto side = [&](std::uint32_t rank) TERN_INLINE_LAMBDA {
        return above * ternarize(argument(float_of_rank(rank), scale, offset, v));
    };
    std::uint32_t first = 0;  // side -1, or the first 0
    std::uint32_t end = last_rank;
    while (first < end) {
        const std::uint32_t middle = first + (end - first) / 2;
        if (side(middle) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    std::uint32_t last = first == 0 ? 0 : first - 1;
    end = last_rank;
    while (last < end) {  // the last that is not above
        const std::uint32_t middle = last + (end - last + 1) / 2;
        if (side(middle) > 0)
            end = middle - 1;
        else
            last = middle;
    }
    return {float_of_rank(first), float_of_rank(last), opposite};
}

template <class Arch, class Destination>
[[nodiscard]] TERN_INLINE status forward_into(const matrix_view<const float>& x, const matrix_view<const float>& scale,
                                              const matrix_view<const float>& offset, const Destination& to,
                                              variant v) noexcept {
    const status s = check_operands(x, scale, offset, v);
    if (s != status::ok) return s;
    const auto limits = [&](size_t i) TERN_INLINE_LAMBDA { return limits_of(of_row(scale, i), of_row(offset, i), v); };
    return pack_by<Arch>(x, to, limits, scale, offset);
}

}  // namespace detail

/// T(u) as packed rows (activations), or as panels of weights (`to`): what `pack_rows` and `pack_panels` make of the
/// values of `forward`, ties, NaN and rounding of u included.
///
/// One pass over x; `normalized` finds the limits of every row first, by 64 evaluations of T. Statuses are those of
/// `forward` and of packing.
template <class Arch = default_arch>
status forward(matrix_view<const float> x, matrix_view<const float> scale, matrix_view<const float> offset,
               const mutable_packed_rows<ternary>& q, variant v = variant::fixed) noexcept {
    return detail::forward_into<Arch>(x, scale, offset, q, v);
}

template <class Arch = default_arch>
status forward(matrix_view<const float> x, matrix_view<const float> scale, matrix_view<const float> offset,
               const panel_memory<ternary>& to, variant v = variant::fixed) noexcept {
    return detail::forward_into<Arch>(x, scale, offset, to, v);
}

/// Scale and offset to start learning from, and the values that belong to them.
///
///     fixed        t = T(x), then scale and offset by least squares
///     normalized   offset = mean x, scale = 1.4 mean |x - mean x| (TWN's threshold doubled); then `rounds` times
///                  t = T((x - offset) / scale) and least squares, each of which cannot raise the squared error but for
///                  rounding (Lloyd's iteration)
///
/// Requires finite x. `scale` and `offset` are both `per_tensor` or both `per_channel`. Where all x that share them are
/// equal, scale is 1. Returns as `fit`; on bad_value nothing is written. Derived here, not the paper's.
template <class Arch = default_arch>
status initialize(matrix_view<const float> x, matrix_view<std::int8_t> values, matrix_view<float> scale,
                  matrix_view<float> offset, variant v = variant::fixed, int rounds = 8) noexcept {
    const status s =
        detail::first_error(check(x), detail::check_same_shape(values, x), detail::check_parameter(scale, x.rows),
                            detail::check_parameter(offset, x.rows));
    if (s != status::ok) return s;
    if (scale.rows != offset.rows) return status::bad_shape;
    if (detail::overlaps_any(bytes_of(values), x, scale, offset) || detail::overlaps_any(bytes_of(x), scale, offset) ||
        detail::overlap(scale, offset))
        return status::overlap;
    if (!kernel::all_finite<Arch>(x)) return status::bad_value;
    for (size_t g = 0; g < scale.rows; ++g) {
        float& step = *scale.row(g);
        float& centre = *offset.row(g);
        step = 1.0f;
        centre = 0.0f;
        const matrix_view<const float> part = detail::group_of(x, scale, g);
        const matrix_view<std::int8_t> t = detail::group_of(values, scale, g);
        const matrix_view<const float> step_view{&step, 1, 1};
        const matrix_view<const float> centre_view{&centre, 1, 1};
        if (v == variant::normalized && !part.empty()) {
            const double n = static_cast<double>(part.rows) * static_cast<double>(part.cols);
            const double mean = kernel::sum_terms<Arch, simd::term::value>(part, 0.0) / n;
            const auto spread =
                static_cast<float>(1.4 * (kernel::sum_terms<Arch, simd::term::distance>(part, mean) / n));
            centre = static_cast<float>(mean);
            step = spread > 0.0f ? spread : 1.0f;
        }
        for (int round = 0; round == 0 || (v == variant::normalized && round < rounds); ++round) {
            status state = forward<Arch>(part, step_view, centre_view, t, v);
            if (state == status::ok) state = fit<Arch>(part, t, {&step, 1, 1}, {&centre, 1, 1});
            if (state != status::ok) return state;  // cannot happen: everything was checked
            if (step == 0.0f) step = 1.0f;
        }
        if (v == variant::normalized) {
            const status state = forward<Arch>(part, step_view, centre_view, t, v);
            if (state != status::ok) return state;
        }
    }
    return status::ok;
}

}  // namespace tern::quantize::rtn
