// SPDX-License-Identifier: MIT
// XNOR-Net (Rastegari et al., ECCV 2016, arXiv 1603.05279): binary weights and activations with analytic scales.
//
//     weights       wq = scale * sign(w),  scale = mean |w|, one a filter (row); sign(0) = +1
//     activations   xq = scale * sign(x),  scale = mean |x|, one a row (a pixel, a patch)
//
// Gradients by the straight-through estimator d sign / dw := [|w| <= 1], g = dL/dwq:
//
//     rule::constant        dL/dw_i = g_i scale [|w_i| <= 1]
//     rule::differentiated  + sign(w_i) / n * sum_j g_j sign(w_j)       the derivative with the scale as a function of
//     w
//     rule::paper           + g_i / n                                   the formula that the paper prints
//     activations           dL/dx = g [|x| <= 1], for g = dL / d sign(x)
//
// XNOR-Net++ (Bulat and Tzimiropoulos, arXiv 1909.13863) learns one scale of the product instead, factored as
//
//     y[p][c] = channel[c] * row[h] * column[w] * acc[p][c]             p = (image * height + h) * width + w
//
// without `row` and `column` (null: all 1) it is one scale a channel; `row` of height * width numbers with width 1 is a
// scale a pixel. The sign that XNOR-Net++ multiplies is xnor's with scale 1. As an epilogue the factors are the
// weights' scale per channel and the activations' scale per row (`row_scales`), with the same bits.
//
// Provenance: XNOR-Net is recalled (BWN, its weights' half, was read in dongyp13/Stochastic-Quantization). The factored
// scale, its first value 1 and the clip at |.| <= 1 are restated by a third-party port; the paper's abstract says that
// one learnt scale replaces two analytic ones. Deviating from XNOR-Net, the scale of a row is not box-filtered: a
// caller who wants the mean over a window passes patches as rows.
#pragma once

#include <tern/quantize/activations.hpp>
#include <tern/quantize/bwn.hpp>
#include <tern/quantize/levels.hpp>

namespace tern::quantize::xnor {

enum class rule : unsigned char { constant, differentiated, paper };

namespace detail {

using namespace tern::quantize::detail;

}  // namespace detail

/// mean |x| of each row, or of the matrix; 0 without elements. For weights and for activations. Sums run in double.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap or bad_value (x is not finite).
template <class Arch = default_arch>
status fit(matrix_view<const float> x, matrix_view<float> scale) noexcept {
    return bwn::fit<Arch>(x, scale);
}

/// scale * sign(x), exact. -0 counts as positive, NaN as negative. The scale may be any number.
/// Returns as `fit`, but x may be anything.
template <class Arch = default_arch>
status forward(matrix_view<const float> x, matrix_view<const float> scale, matrix_view<float> quantized) noexcept {
    return bwn::forward<Arch>(x, scale, quantized);
}

/// sign(x), packed: quantize_binary under this name.
template <class Arch = default_arch, set_bit SetBit>
status forward(matrix_view<const float> x, const mutable_packed_rows<basic_binary<SetBit>>& signs) noexcept {
    return quantize_binary<Arch>(x, signs);
}

/// dL/dw by the rules above; `scale` as `fit` gave it, and the n of the rules are the weights that share it. A NaN
/// weight is outside of [-1, 1] and negative. Sums run in double. Returns as `forward`.
template <class Arch = default_arch>
status backward(matrix_view<const float> w, matrix_view<const float> scale, matrix_view<const float> grad,
                matrix_view<float> grad_w, rule r = rule::differentiated) noexcept {
    const status s =
        detail::first_error(check(w), detail::check_parameter(scale, w.rows), detail::check_same_shape(grad, w),
                            detail::check_same_shape(grad_w, w), detail::apart<1>(grad_w, grad, w, scale));
    if (s != status::ok) return s;
    const auto share = r == rule::constant ? bwn::detail::share::none
                                           : (r == rule::paper ? bwn::detail::share::own : bwn::detail::share::signs);
    bwn::detail::backward_scaled<Arch>(w, scale, grad, grad_w, share);
    return s;
}

/// g [|x| <= 1]; NaN gets none.
template <class Arch = default_arch>
status backward_activations(matrix_view<const float> x, matrix_view<const float> grad,
                            matrix_view<float> grad_x) noexcept {
    return detail::gate<Arch>(x, grad, grad_x, -1.0f, 1.0f);
}

}  // namespace tern::quantize::xnor

namespace tern::quantize::xnor_plus {

/// The factors of XNOR-Net++: `channels`, `height` and `width` numbers; a null pointer stands for ones.
template <class T>
struct factors {
    T* channel = nullptr;
    T* row = nullptr;
    T* column = nullptr;
    size_t height = 1;
    size_t width = 1;

    TERN_INLINE constexpr factors() noexcept {}
    TERN_INLINE constexpr factors(T* channel_, T* row_, T* column_, size_t height_, size_t width_) noexcept
        : channel(channel_), row(row_), column(column_), height(height_), width(width_) {}

    [[nodiscard]] TERN_INLINE constexpr size_t h(size_t pixel) const noexcept { return pixel / width % height; }
    [[nodiscard]] TERN_INLINE constexpr size_t w(size_t pixel) const noexcept { return pixel % width; }
    /// row * column of a pixel, rounded to float.
    [[nodiscard]] TERN_INLINE constexpr float of_pixel(size_t pixel) const noexcept {
        return (row == nullptr ? 1.0f : row[h(pixel)]) * (column == nullptr ? 1.0f : column[w(pixel)]);
    }
    [[nodiscard]] TERN_INLINE constexpr float of_channel(size_t c) const noexcept {
        return channel == nullptr ? 1.0f : channel[c];
    }
};

namespace detail {

using namespace tern::quantize::detail;

template <class T>
[[nodiscard]] TERN_INLINE status check_factors(const factors<T>& f, size_t pixels) noexcept {
    size_t image = 0;
    if (!multiply(f.height, f.width, image)) return status::overflow;
    return image == 0 || pixels % image != 0 ? status::bad_shape : status::ok;
}

template <class T>
[[nodiscard]] TERN_INLINE byte_range channels(const factors<T>& f, size_t count) noexcept {
    return f.channel == nullptr ? byte_range{} : bytes_of(f.channel, count * sizeof(T));
}
template <class T>
[[nodiscard]] TERN_INLINE byte_range rows(const factors<T>& f) noexcept {
    return f.row == nullptr ? byte_range{} : bytes_of(f.row, f.height * sizeof(T));
}
template <class T>
[[nodiscard]] TERN_INLINE byte_range columns(const factors<T>& f) noexcept {
    return f.column == nullptr ? byte_range{} : bytes_of(f.column, f.width * sizeof(T));
}

}  // namespace detail

/// scale[p] = row * column, for the activations' scale of an epilogue; `scale` has one number a pixel of all images.
template <class Arch = default_arch>
status row_scales(const factors<const float>& f, matrix_view<float> scale) noexcept {
    const status s = detail::first_error(check(scale), detail::check_factors(f, scale.rows),
                                         detail::apart<1>(scale, detail::rows(f), detail::columns(f)));
    if (s != status::ok) return s;
    if (scale.cols != 1) return status::bad_shape;
    for (size_t p = 0; p < scale.rows; ++p) *scale.row(p) = f.of_pixel(p);
    return s;
}

/// y = channel * float((row * column) * acc): three roundings, those of the epilogue with `row_scales`.
/// acc: int32 accumulators or floats, pixels x channels; the pixels are whole images of height x width.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow or overlap.
template <class Arch = default_arch, class T>
status forward(matrix_view<T> acc, const factors<const float>& f, matrix_view<float> y) noexcept {
    const status s = detail::first_error(
        check(acc), detail::check_same_shape(y, acc), detail::check_factors(f, acc.rows),
        detail::apart<1>(y, acc, detail::channels(f, acc.cols), detail::rows(f), detail::columns(f)));
    if (s != status::ok) return s;
    for (size_t p = 0; p < acc.rows; ++p) {
        const double scale = f.of_pixel(p);
        for (size_t c = 0; c < acc.cols; ++c)
            y(p, c) = f.of_channel(c) * static_cast<float>(scale * static_cast<double>(acc(p, c)));
    }
    return s;
}

/// grad_acc = g channel row column, and the factors' gradients, for those that `grad_factors` has:
/// dL/dchannel[c] = sum_p g acc row column, and so on. `grad_factors` has the height and width of `f`.
/// Sums run in double, in order of pixels. Returns as `forward`.
template <class Arch = default_arch, class T>
status backward(matrix_view<T> acc, const factors<const float>& f, matrix_view<const float> grad,
                matrix_view<float> grad_acc, const factors<float>& grad_factors) noexcept {
    const auto all_channels = detail::channels(grad_factors, acc.cols);
    const status s = detail::first_error(
        check(acc), detail::check_same_shape(grad, acc), detail::check_same_shape(grad_acc, acc),
        detail::check_factors(f, acc.rows),
        detail::apart<4>(grad_acc, all_channels, detail::rows(grad_factors), detail::columns(grad_factors), acc, grad,
                         detail::channels(f, acc.cols), detail::rows(f), detail::columns(f)));
    if (s != status::ok) return s;
    if (grad_factors.height != f.height || grad_factors.width != f.width) return status::bad_shape;
    for (size_t p = 0; p < acc.rows; ++p) {
        for (size_t c = 0; c < acc.cols; ++c) grad_acc(p, c) = grad(p, c) * (f.of_channel(c) * f.of_pixel(p));
    }
    const auto product = [&](size_t p, size_t c)
                             TERN_INLINE_LAMBDA { return double{grad(p, c)} * static_cast<double>(acc(p, c)); };
    for (size_t c = 0; c < acc.cols && grad_factors.channel != nullptr; ++c) {
        double sum = 0.0;
        for (size_t p = 0; p < acc.rows; ++p) sum += product(p, c) * double{f.of_pixel(p)};
        grad_factors.channel[c] = static_cast<float>(sum);
    }
    const auto along = [&](float* to, size_t count, bool rows, const float* other) TERN_INLINE_LAMBDA {
        for (size_t i = 0; i < count && to != nullptr; ++i) {
            double sum = 0.0;
            for (size_t p = 0; p < acc.rows; ++p) {
                if ((rows ? f.h(p) : f.w(p)) != i) continue;
                const double rest = other == nullptr ? 1.0 : double{other[rows ? f.w(p) : f.h(p)]};
                for (size_t c = 0; c < acc.cols; ++c) sum += product(p, c) * rest * double{f.of_channel(c)};
            }
            to[i] = static_cast<float>(sum);
        }
    };
    along(grad_factors.row, f.height, true, f.column);
    along(grad_factors.column, f.width, false, f.row);
    return s;
}

}  // namespace tern::quantize::xnor_plus
