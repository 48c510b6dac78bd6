// SPDX-License-Identifier: MIT
// BWN, binary weight networks (Rastegari et al., XNOR-Net, arXiv 1603.05279): w ~ scale * b, b in {-1, +1}, one scale
// for each filter (row) or for the whole matrix.
//
//     b     = +1 if w >= 0, else -1
//     scale = mean |w|                 over the n weights that share it
//
// Both are least-squares: no other signs and no other scale are closer to w.
//
// Gradients, with g = dL/d(scale * b):
//
//     estimator::identity   dL/dw = g
//     estimator::clipped    dL/dw = g [|w| <= 1]
//     estimator::scaled     dL/dw_i = g_i scale [|w_i| <= 1] + b_i / n sum_j g_j b_j
//
// `scaled` is the derivative of scale(w) * clip(w, -1, 1) with b in the place of the clip: that through the scale, too.
//
// Where this was read. Signs (sign(0) = +1), scale and the identity gradient: code released by the authors of
// Stochastic Quantization (dongyp13/Stochastic-Quantization), which calls it BWN. The clip and `scaled` are derived
// here; the XNOR-Net paper has a similar formula, which was not at hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <tern/arch.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/quantize/packing.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

namespace tern::quantize::bwn {

enum class estimator : unsigned char {
    identity,  ///< passes unchanged
    clipped,   ///< passes where |w| <= 1
    scaled     ///< the derivative of a clipped sign times the scale, through both
};

namespace detail {

using namespace tern::quantize::detail;

template <class Arch>
[[nodiscard]] float scale_of(const matrix_view<const float>& w) noexcept {
    if (w.empty()) return 0.0f;
    const double n = static_cast<double>(w.rows) * static_cast<double>(w.cols);
    const auto mean = static_cast<float>(kernel::sum_terms<Arch, simd::term::magnitude>(w, 0.0) / n);
    return finite(mean) ? mean : std::numeric_limits<float>::quiet_NaN();
}

/// What a weight gets through the scale: b_i / n sum_j g_j b_j, or g_i / n.
enum class share : unsigned char { none, signs, own };

/// dL/dw_i = g_i scale [|w_i| <= 1] + that share, in double.
template <class Arch>
void backward_scaled(const matrix_view<const float>& w, const matrix_view<const float>& scale,
                     const matrix_view<const float>& grad, const matrix_view<float>& grad_w, share through) noexcept {
    for (size_t g = 0; g < scale.rows; ++g) {
        const matrix_view<const float> x = group_of(w, scale, g), y = group_of(grad, scale, g);
        const matrix_view<float> to = group_of(grad_w, scale, g);
        const double n = static_cast<double>(x.rows) * static_cast<double>(x.cols);
        double sum = 0.0;
        for (size_t i = 0; i < x.rows && through == share::signs; ++i)
            for (size_t j = 0; j < x.cols; ++j) sum += x(i, j) >= 0.0f ? double{y(i, j)} : -double{y(i, j)};
        for (size_t i = 0; i < x.rows; ++i) {
            for (size_t j = 0; j < x.cols; ++j) {
                const double one = double{y(i, j)};
                double total = x(i, j) >= -1.0f && x(i, j) <= 1.0f ? one * double{*scale.row(g)} : 0.0;
                if (through == share::signs) total += (x(i, j) >= 0.0f ? sum : -sum) / n;
                if (through == share::own) total += one / n;
                to(i, j) = static_cast<float>(total);
            }
        }
    }
}

/// Scales by groups of rows, scale_of(view).
template <class ScaleOf>
TERN_INLINE void fit_groups(const matrix_view<const float>& w, const matrix_view<float>& scale,
                            const ScaleOf& scale_of) noexcept {
    for (size_t g = 0; g < scale.rows; ++g) *scale.row(g) = scale_of(group_of(w, scale, g));
}

template <class Arch, set_bit SetBit, class Destination, class... Views>
[[nodiscard]] TERN_INLINE status pack(const matrix_view<const float>& w, const Destination& to,
                                      const Views&... others) noexcept {
    return pack_by<Arch>(
        w, to, [](size_t) TERN_INLINE_LAMBDA { return kernel::row_signs<SetBit>(); }, others...);
}

/// Scales by scale_of(view) and values by encoder_of(row), into packed rows or panels. One scale a row: the rows are
/// read again while they are in the cache.
template <class Arch, class Destination, class ScaleOf, class EncoderOf>
[[nodiscard]] TERN_INLINE status quantize_by(const matrix_view<const float>& w, const matrix_view<float>& scale,
                                             const Destination& to, const ScaleOf& scale_of,
                                             const EncoderOf& encoder_of) noexcept {
    const status s = first_error(check(w), check_parameter(scale, w.rows));
    if (s != status::ok) return s;
    if (overlap(w, scale)) return status::overlap;
    const auto fill = [&](const auto& target) TERN_INLINE_LAMBDA {
        const bool each = scale.rows == w.rows && !w.empty();
        if (!each) fit_groups(w, scale, scale_of);
        kernel::pack_groups<Arch>(
            w, target,
            [&](size_t first, size_t rows) TERN_INLINE_LAMBDA {
                for (size_t i = first; each && i < first + rows; ++i)
                    *scale.row(i) = scale_of(matrix_view<const float>(w.row(i), 1, w.cols, w.stride));
            },
            encoder_of, [](size_t, size_t, const kernel::group_tally&) TERN_INLINE_LAMBDA {});
    };
    return fill_target(w, to, fill, scale);
}

template <class Arch, set_bit SetBit, class Destination>
[[nodiscard]] TERN_INLINE status quantize_into(const matrix_view<const float>& w, const matrix_view<float>& scale,
                                               const Destination& to) noexcept {
    return quantize_by<Arch>(
        w, scale, to, [](const matrix_view<const float>& v) TERN_INLINE_LAMBDA { return scale_of<Arch>(v); },
        [](size_t) TERN_INLINE_LAMBDA { return kernel::row_signs<SetBit>(); });
}

}  // namespace detail

/// scale = mean |w|, `per_tensor(&x)` or `per_channel(x, w.rows)`; 0 for no weights.
///
/// Requires finite weights. Sums as kernel/quantize/weights.hpp says: the same bits on every architecture. Returns
/// bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap or bad_value (a weight is not finite); nothing
/// is written then.
template <class Arch = default_arch>
status fit(matrix_view<const float> w, matrix_view<float> scale) noexcept {
    const status s = detail::first_error(check(w), detail::check_parameter(scale, w.rows));
    if (s != status::ok) return s;
    if (detail::overlap(w, scale)) return status::overlap;
    if (!kernel::all_finite<Arch>(w)) return status::bad_value;
    detail::fit_groups(w, scale,
                       [](const matrix_view<const float>& v) TERN_INLINE_LAMBDA { return detail::scale_of<Arch>(v); });
    return status::ok;
}

/// values[i][j] = +1 if w[i][j] >= 0, else -1: -0 gives +1, NaN -1. Returns as `fit`, without its look at the weights.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<std::int8_t> values) noexcept {
    const status s = detail::first_error(check(w), detail::check_same_shape(values, w));
    if (s != status::ok) return s;
    if (detail::overlap(w, values)) return status::overlap;
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t j = 0; j < w.cols; ++j) values(i, j) = w(i, j) >= 0.0f ? std::int8_t{1} : std::int8_t{-1};
    }
    return status::ok;
}

/// quantized[i][j] = scale[i] * b: the weights that the quantized network computes with. Exact.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> scale, matrix_view<float> quantized) noexcept {
    const status s =
        detail::first_error(check(w), detail::check_parameter(scale, w.rows), detail::check_same_shape(quantized, w));
    if (s != status::ok) return s;
    if (detail::overlap(w, quantized) || detail::overlap(scale, quantized)) return status::overlap;
    for (size_t i = 0; i < w.rows; ++i) {
        const float step = detail::of_row(scale, i);
        // Above the largest negative number: 0, -0 and all positive ones.
        kernel::choose_row<Arch>(w.row(i), w.cols, 0.0f, -std::numeric_limits<float>::denorm_min(), -step, -step, step,
                                 quantized.row(i));
    }
    return status::ok;
}

/// The values as packed rows, or as panels of weights (`to`): what `pack_rows` and `pack_panels` make of them.
template <class Arch = default_arch, set_bit SetBit>
status forward(matrix_view<const float> w, const mutable_packed_rows<basic_binary<SetBit>>& q) noexcept {
    return detail::pack<Arch, SetBit>(w, q);
}

template <class Arch = default_arch, set_bit SetBit>
status forward(matrix_view<const float> w, const panel_memory<basic_binary<SetBit>>& to) noexcept {
    return detail::pack<Arch, SetBit>(w, to);
}

/// `fit` and `forward` at once: the same bits as one after the other. Nothing is looked at beforehand, so no w is an
/// error: the scale of weights that are not all finite is NaN.
template <class Arch = default_arch, set_bit SetBit>
status quantize(matrix_view<const float> w, matrix_view<float> scale,
                const mutable_packed_rows<basic_binary<SetBit>>& q) noexcept {
    return detail::quantize_into<Arch, SetBit>(w, scale, q);
}

template <class Arch = default_arch, set_bit SetBit>
status quantize(matrix_view<const float> w, matrix_view<float> scale,
                const panel_memory<basic_binary<SetBit>>& to) noexcept {
    return detail::quantize_into<Arch, SetBit>(w, scale, to);
}

/// The gradients at the head of this file. `scale` is what `fit` gave for w; only `estimator::scaled` reads it.
///
/// identity and clipped are exact; scaled is summed in double and rounded once. NaN weights pass the identity, else
/// count as clipped with b = -1. Returns as `forward`; `grad_w` may not share memory with an input.
template <class Arch = default_arch>
status backward(matrix_view<const float> w, matrix_view<const float> scale, matrix_view<const float> grad,
                matrix_view<float> grad_w, estimator e = estimator::identity) noexcept {
    const status s = detail::first_error(check(w), detail::check_parameter(scale, w.rows),
                                         detail::check_same_shape(grad, w), detail::check_same_shape(grad_w, w));
    if (s != status::ok) return s;
    if (detail::overlap(w, grad_w) || detail::overlap(grad, grad_w) || detail::overlap(scale, grad_w))
        return status::overlap;
    if (w.empty()) return status::ok;
    if (e == estimator::identity) {
        for (size_t i = 0; i < w.rows; ++i) std::memcpy(grad_w.row(i), grad.row(i), w.cols * sizeof(float));
        return status::ok;
    }
    if (e == estimator::scaled) {
        detail::backward_scaled<Arch>(w, scale, grad, grad_w, detail::share::signs);
        return status::ok;
    }
    for (size_t i = 0; i < w.rows; ++i)
        kernel::gate_row<Arch>(w.row(i), w.cols, -1.0f, 1.0f, grad.row(i), 1.0f, grad_w.row(i));
    return status::ok;
}

}  // namespace tern::quantize::bwn
