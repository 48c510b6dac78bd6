// SPDX-License-Identifier: MIT
// The oracle: what every operation computes, written as its formula. Slow, obvious, constexpr, and without a line in
// common with the kernels that are held against it. It works on unpacked values and checks nothing; shapes have to fit
// as each function says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <tern/epilogue.hpp>
#include <tern/view.hpp>
#include <tern/window.hpp>

namespace tern::reference {
// As in arch.hpp: a compiler may vectorise these loops with whatever its flags allow, so their symbols say which.
inline namespace TERN_ISA_NAMESPACE {

/// Integers that the reference multiplies: those whose values int32 can hold.
template <class T>
inline constexpr bool fits_int32 = std::is_integral_v<T> && (std::numeric_limits<T>::digits <= 31);

/// sum_{i < n} lhs[i] rhs[i], which has to fit int32, here and below.
template <class L, class R>
[[nodiscard]] constexpr std::int32_t dot(const L* lhs, const R* rhs, size_t n) noexcept {
    static_assert(fits_int32<L> && fits_int32<R>, "tern: the reference reads integers of at most 32 bits");
    std::int32_t total = 0;
    for (size_t i = 0; i < n; ++i) total += std::int32_t{lhs[i]} * std::int32_t{rhs[i]};
    return total;
}

/// What the affine product needs to know of some positions of depth.
struct affine_sums {
    std::int32_t product = 0;      ///< D = sum t_w t_x
    std::int32_t weights = 0;      ///< S_w = sum t_w
    std::int32_t activations = 0;  ///< S_x = sum t_x
    std::int32_t depth = 0;        ///< n

    /// n more of them.
    template <class L, class R>
    constexpr void add(const L* x, const R* w, size_t n) noexcept {
        static_assert(fits_int32<L> && fits_int32<R>, "tern: the reference reads integers of at most 32 bits");
        affine_sums more;
        for (size_t i = 0; i < n; ++i) {
            more.product += std::int32_t{w[i]} * std::int32_t{x[i]};
            more.weights += std::int32_t{w[i]};
            more.activations += std::int32_t{x[i]};
        }
        product += more.product;
        weights += more.weights;
        activations += more.activations;
        depth += static_cast<std::int32_t>(n);
    }
};

/// g_w u + b_w v of epilogue.hpp. `activation`: row or image.
[[nodiscard]] TERN_INLINE constexpr double affine_product(const scale_offset& e, const affine_sums& s,
                                                          size_t activation, size_t output, size_t group) noexcept {
    const double gw = double{e.weights.scale.at(output, group, 1.0f)};
    const double bw = double{e.weights.offset.at(output, group, 0.0f)};
    const double gx = double{e.activations.scale.at(activation, 0, 1.0f)};
    const double bx = double{e.activations.offset.at(activation, 0, 0.0f)};
    const auto u = static_cast<float>(gx * s.product + bx * s.weights);
    const auto v = static_cast<float>(gx * s.activations + bx * s.depth);
    return gw * double{u} + bw * double{v};
}

/// Bias and clamp. `total`: the groups' shares, added one after the other to +0.
[[nodiscard]] TERN_INLINE constexpr float finish(const scale_offset& e, double total, size_t output) noexcept {
    const float bias = e.bias == nullptr ? 0.0f : e.bias[output];
    const auto y = static_cast<float>(total + double{bias});
    return y < e.clamp_min ? e.clamp_min : (y > e.clamp_max ? e.clamp_max : y);
}

/// dst(i, j) = sum_k lhs(i, k) rhs(j, k). lhs: rows x depth, rhs: outputs x depth, dst: rows x outputs.
template <class L, class R>
constexpr void gemm(const matrix_view<L>& lhs, const matrix_view<R>& rhs,
                    const matrix_view<std::int32_t>& dst) noexcept {
    for (size_t i = 0; i < dst.rows; ++i)
        for (size_t j = 0; j < dst.cols; ++j) dst(i, j) = dot(lhs.row(i), rhs.row(j), lhs.cols);
}

/// The same, reconstructed. `scale_offset::group_sums` is not read: the weights are here.
template <class L, class R>
constexpr void gemm(const matrix_view<L>& lhs, const matrix_view<R>& rhs, const matrix_view<float>& dst,
                    const scale_offset& epilogue) noexcept {
    const size_t depth = lhs.cols;
    const size_t group = epilogue.group == 0 ? depth : epilogue.group;
    for (size_t i = 0; i < dst.rows; ++i) {
        for (size_t j = 0; j < dst.cols; ++j) {
            double total = 0.0;
            for (size_t g = 0; g * group < depth; ++g) {
                const size_t left = depth - g * group;
                affine_sums sums;
                sums.add(lhs.row(i) + g * group, rhs.row(j) + g * group, left < group ? left : group);
                total += affine_product(epilogue, sums, i, j, g);
            }
            dst(i, j) = finish(epilogue, total, j);
        }
    }
}

/// Weight-only quantization: dst(i, j) = clamp(scale_j * sum_k lhs(i, k) rhs(j, k) + bias_j), the sum in float and in
/// order of k. rhs: -1, 0 and +1.
template <class L, class R>
constexpr void gemm_float(const matrix_view<L>& lhs, const matrix_view<R>& rhs, const matrix_view<float>& dst,
                          const scale_offset& epilogue) noexcept {
    for (size_t i = 0; i < dst.rows; ++i) {
        for (size_t j = 0; j < dst.cols; ++j) {
            float sum = 0.0f;
            for (size_t k = 0; k < lhs.cols; ++k) {
                if (rhs(j, k) > 0) sum = sum + lhs(i, k);
                if (rhs(j, k) < 0) sum = sum - lhs(i, k);
            }
            dst(i, j) = finish(epilogue, double{epilogue.weights.scale.at(j, 0, 1.0f)} * double{sum}, j);
        }
    }
}

/// t(i, j) = +1 where y(i, j) > upper[j], else -1 where y(i, j) < lower[j], else 0.
template <class F>
constexpr void ternarize(const matrix_view<F>& y, const thresholds& limits,
                         const matrix_view<std::int8_t>& t) noexcept {
    for (size_t i = 0; i < t.rows; ++i) {
        for (size_t j = 0; j < t.cols; ++j) {
            const float upper = limits.upper.at(j, 0, 0.5f);
            const float lower = limits.lower.at(j, 0, -0.5f);
            t(i, j) = y(i, j) > upper ? std::int8_t{1} : (y(i, j) < lower ? std::int8_t{-1} : std::int8_t{0});
        }
    }
}

/// Calls f(n, y, x) for every pixel.
template <class T, class F>
constexpr void for_each_pixel(const tensor_view<T>& v, const F& f) noexcept {
    for (size_t n = 0; n < v.images; ++n)
        for (size_t y = 0; y < v.height; ++y)
            for (size_t x = 0; x < v.width; ++x) f(n, y, x);
}

/// Calls f(input pixel, ky, kx) for every tap of output pixel (n, y, x) that lies inside the image.
template <class T, class F>
constexpr void for_each_tap(const tensor_view<T>& input, const window2d& window, size_t n, size_t y, size_t x,
                            const F& f) noexcept {
    for (size_t ky = 0; ky < window.y.kernel; ++ky) {
        const size_t padded_y = y * window.y.stride + ky * window.y.dilation;
        if (padded_y < window.y.pad_before || padded_y - window.y.pad_before >= input.height) continue;
        for (size_t kx = 0; kx < window.x.kernel; ++kx) {
            const size_t padded_x = x * window.x.stride + kx * window.x.dilation;
            if (padded_x < window.x.pad_before || padded_x - window.x.pad_before >= input.width) continue;
            f(input.pixel(n, padded_y - window.y.pad_before, padded_x - window.x.pad_before), ky, kx);
        }
    }
}

/// One tap of one output's group of channels. `in`: the pixel, or null where it is padding, all of whose channels are
/// `pad_value` then.
template <class L, class R>
constexpr void add_tap(const L* in, const tensor_view<R>& filters, std::int32_t pad_value, size_t o, size_t ky,
                       size_t kx, size_t groups, affine_sums& sums) noexcept {
    const R* w = filters.pixel(o, ky, kx);
    const size_t first = o / (filters.images / groups) * filters.channels;
    if (in != nullptr) sums.add(in + first, w, filters.channels);
    for (size_t c = 0; in == nullptr && c < filters.channels; ++c) sums.add(&pad_value, w + c, 1);
}

/// The four sums of output o of a window. Padding with 0 is no tap at all.
template <class L, class R>
[[nodiscard]] constexpr affine_sums window_sums(const tensor_view<L>& input, const tensor_view<R>& filters,
                                                const window2d& window, size_t n, size_t y, size_t x,
                                                size_t o) noexcept {
    affine_sums sums;
    for_each_tap(input, window, n, y, x, [&](const L* in, size_t ky, size_t kx) {
        add_tap(in, filters, 0, o, ky, kx, window.groups, sums);
    });
    // With padding that holds a value, the taps that are left.
    for (size_t ky = 0; window.pad_value != 0 && ky < window.y.kernel; ++ky) {
        for (size_t kx = 0; kx < window.x.kernel; ++kx) {
            bool inside = false;
            for_each_tap(input, window, n, y, x, [&](const L*, size_t i, size_t j) {
                inside = inside || (i == ky && j == kx);
            });
            if (!inside)
                add_tap(static_cast<const L*>(nullptr), filters, window.pad_value, o, ky, kx, window.groups, sums);
        }
    }
    return sums;
}

/// dst[n][y][x][o] = sum over the taps (ky, kx) inside the image and the channels c of o's group of
/// input[n][.][.][c] filters[o][ky][kx][c - first of the group].
/// input, dst: NHWC; filters: OHWI, of the window's kernel size, one image an output.
template <class L, class R>
constexpr void conv2d(const tensor_view<L>& input, const tensor_view<R>& filters, const window2d& window,
                      const tensor_view<std::int32_t>& dst) noexcept {
    for_each_pixel(dst, [&](size_t n, size_t y, size_t x) {
        for (size_t o = 0; o < dst.channels; ++o) {
            const affine_sums sums = window_sums(input, filters, window, n, y, x, o);
            dst.pixel(n, y, x)[o] = sums.product;
        }
    });
}

/// The same, reconstructed. All four sums run over the taps inside the image only: a padded tap is a real 0. With
/// `window2d::pad_value` they run over all taps. `scale_offset::group` is not supported.
template <class L, class R>
constexpr void conv2d(const tensor_view<L>& input, const tensor_view<R>& filters, const window2d& window,
                      const tensor_view<float>& dst, const scale_offset& epilogue) noexcept {
    for_each_pixel(dst, [&](size_t n, size_t y, size_t x) {
        for (size_t o = 0; o < dst.channels; ++o) {
            const affine_sums sums = window_sums(input, filters, window, n, y, x, o);
            const double total = 0.0 + affine_product(epilogue, sums, n, o, 0);
            dst.pixel(n, y, x)[o] = finish(epilogue, total, o);
        }
    });
}

/// Calls f(input pixel, ky, kx) for every pair of an input pixel and a tap that meet in output pixel (n, y, x) of a
/// transposed convolution: y = input row * stride + ky * dilation - padding, and x likewise.
template <class T, class F>
constexpr void for_each_transposed_tap(const tensor_view<T>& input, const window2d& window, size_t n, size_t y,
                                       size_t x, const F& f) noexcept {
    for (size_t ky = 0; ky < window.y.kernel; ++ky)
        for (size_t iy = 0; iy < input.height; ++iy)
            for (size_t kx = 0; kx < window.x.kernel; ++kx)
                for (size_t ix = 0; ix < input.width; ++ix)
                    if (iy * window.y.stride + ky * window.y.dilation == y + window.y.pad_before &&
                        ix * window.x.stride + kx * window.x.dilation == x + window.x.pad_before)
                        f(input.pixel(n, iy, ix), ky, kx);
}

/// dst[n][y][x][o] = sum over these pairs and the channels c of o's group.
template <class L, class R>
constexpr void conv2d_transposed(const tensor_view<L>& input, const tensor_view<R>& filters, const window2d& window,
                                 const tensor_view<std::int32_t>& dst) noexcept {
    for_each_pixel(dst, [&](size_t n, size_t y, size_t x) {
        for (size_t o = 0; o < dst.channels; ++o) {
            affine_sums sums;
            for_each_transposed_tap(input, window, n, y, x, [&](const L* in, size_t ky, size_t kx) {
                add_tap(in, filters, 0, o, ky, kx, window.groups, sums);
            });
            dst.pixel(n, y, x)[o] = sums.product;
        }
    });
}

/// The same, reconstructed.
template <class L, class R>
constexpr void conv2d_transposed(const tensor_view<L>& input, const tensor_view<R>& filters, const window2d& window,
                                 const tensor_view<float>& dst, const scale_offset& epilogue) noexcept {
    for_each_pixel(dst, [&](size_t n, size_t y, size_t x) {
        for (size_t o = 0; o < dst.channels; ++o) {
            affine_sums sums;
            for_each_transposed_tap(input, window, n, y, x, [&](const L* in, size_t ky, size_t kx) {
                add_tap(in, filters, 0, o, ky, kx, window.groups, sums);
            });
            const double total = 0.0 + affine_product(epilogue, sums, n, o, 0);
            dst.pixel(n, y, x)[o] = finish(epilogue, total, o);
        }
    });
}

/// dst[n][y][x][c] = max over the taps inside the image of input[n][.][.][c]. Requires at least one such tap.
template <class S, class T>
constexpr void max_pool2d(const tensor_view<S>& input, const window2d& window, const tensor_view<T>& dst) noexcept {
    for_each_pixel(dst, [&](size_t n, size_t y, size_t x) {
        T* const largest = dst.pixel(n, y, x);
        bool first = true;
        for_each_tap(input, window, n, y, x, [&](const S* in, size_t, size_t) {
            for (size_t c = 0; c < dst.channels; ++c)
                if (first || in[c] > largest[c]) largest[c] = in[c];
            first = false;
        });
    });
}

/// dst[n][y][x][c] = sum over the taps inside the image of input[n][.][.][c].
template <class S>
constexpr void sum_pool2d(const tensor_view<S>& input, const window2d& window,
                          const tensor_view<std::int32_t>& dst) noexcept {
    for_each_pixel(dst, [&](size_t n, size_t y, size_t x) {
        for (size_t c = 0; c < dst.channels; ++c) dst.pixel(n, y, x)[c] = 0;
        for_each_tap(input, window, n, y, x, [&](const S* in, size_t, size_t) {
            for (size_t c = 0; c < dst.channels; ++c) dst.pixel(n, y, x)[c] += std::int32_t{in[c]};
        });
    });
}

/// The same, divided by the number of taps inside. Requires at least one.
template <class S>
constexpr void average_pool2d(const tensor_view<S>& input, const window2d& window,
                              const tensor_view<float>& dst) noexcept {
    for_each_pixel(dst, [&](size_t n, size_t y, size_t x) {
        for (size_t c = 0; c < dst.channels; ++c) {
            std::int32_t sum = 0;
            std::int32_t taps = 0;
            for_each_tap(input, window, n, y, x, [&](const S* in, size_t, size_t) {
                sum += std::int32_t{in[c]};
                ++taps;
            });
            dst.pixel(n, y, x)[c] = static_cast<float>(static_cast<double>(sum) / static_cast<double>(taps));
        }
    });
}

/// Every channel with filters of its own: dst[n][y][x][c] = sum over the taps (ky, kx) inside the image of
/// input[n][.][.][c] filters[ky * kernel width + kx][c].
template <class L, class R>
constexpr void depthwise_conv2d(const tensor_view<L>& input, const matrix_view<R>& filters, const window2d& window,
                                const tensor_view<std::int32_t>& dst) noexcept {
    for_each_pixel(dst, [&](size_t n, size_t y, size_t x) {
        for (size_t c = 0; c < dst.channels; ++c) dst.pixel(n, y, x)[c] = 0;
        for_each_tap(input, window, n, y, x, [&](const L* in, size_t ky, size_t kx) {
            const R* const w = filters.row(ky * window.x.kernel + kx);
            for (size_t c = 0; c < dst.channels; ++c) dst.pixel(n, y, x)[c] += std::int32_t{in[c]} * std::int32_t{w[c]};
        });
    });
}

/// The same, reconstructed, over the taps inside the image.
template <class L, class R>
constexpr void depthwise_conv2d(const tensor_view<L>& input, const matrix_view<R>& filters, const window2d& window,
                                const tensor_view<float>& dst, const scale_offset& epilogue) noexcept {
    for_each_pixel(dst, [&](size_t n, size_t y, size_t x) {
        for (size_t c = 0; c < dst.channels; ++c) {
            affine_sums sums;
            for_each_tap(input, window, n, y, x, [&](const L* in, size_t ky, size_t kx) {
                sums.add(in + c, filters.row(ky * window.x.kernel + kx) + c, 1);
            });
            dst.pixel(n, y, x)[c] = finish(epilogue, 0.0 + affine_product(epilogue, sums, n, c, 0), c);
        }
    });
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::reference
