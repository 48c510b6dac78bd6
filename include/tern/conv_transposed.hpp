// SPDX-License-Identifier: MIT
// Transposed convolution, the gradient of conv2d with respect to its input, of packed activations and filters:
//
//     dst[n][y][x][o] = sum over iy sy + ky dy - py = y, ix sx + kx dx - px = x and c of
//                       input[n][iy][ix][c] * filters[o][ky][kx][c]
//
// with stride s, dilation d and padding p of `window2d`, whose padding cuts off the border of the result; groups as in
// conv.hpp. filters are OHWI as there: outputs first, and taps not mirrored.
// dst: images x height x width with height = `window_axis::transposed_outputs(input height)` or up to max(sy, dy) - 1
// more, likewise the width; what is more is the output padding, behind the last row and column.
//
// How: outputs that are a multiple of the stride apart share their taps, and each such phase is a convolution of stride
// 1 with some taps of the kernel. No zeros are multiplied, except where taps share words (`packed_panels::dense_taps`).
// Exactness, accumulators, epilogues, tiles and statuses are those of conv2d; `window2d::pad_value` has to be 0.
#pragma once

#include <tern/conv.hpp>

namespace tern {

/// int32 accumulators.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status conv2d_transposed(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                                       const window2d& window, const tensor_view<std::int32_t>& dst,
                                       tiles range = {}) noexcept;

/// Real numbers, bit-identical to `reference::conv2d_transposed`.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status conv2d_transposed(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                                       const window2d& window, const tensor_view<float>& dst,
                                       const scale_offset& epilogue, tiles range = {}) noexcept;

/// The next layer's packed ternary activations.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status conv2d_transposed(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                                       const window2d& window, const mutable_packed_tensor<ternary>& dst,
                                       const scale_offset& epilogue, const thresholds& limits,
                                       tiles range = {}) noexcept;

namespace detail {

/// Whether `outputs` positions can come out of a transposed axis. The window has been checked.
[[nodiscard]] TERN_INLINE constexpr bool fits_transposed(const window_axis& w, size_t input, size_t outputs) noexcept {
    if (input == 0) return outputs == 0;
    size_t reach = 0;
    constexpr size_t limit = static_cast<size_t>(-1) / 8;
    if (!multiply(input - 1, w.stride, reach) || reach > limit || outputs > limit) return false;
    const size_t most = (w.stride > w.dilation ? w.stride : w.dilation) - 1;
    const size_t least = w.transposed_outputs(input);
    return outputs >= least && outputs <= w.transposed_outputs(input, most);
}

template <class Lhs, class Rhs>
struct transposed_operands {
    static constexpr size_t largest_product = max_product<Lhs, Rhs>;

    const packed_tensor<Lhs>& input;
    const packed_panels<Rhs>& filters;
    const window2d& window;
    size_t height;
    size_t width;

    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return filters.depth(); }
    [[nodiscard]] TERN_INLINE status check_shape(const conv_target& dst) const noexcept {
        status s = check_filters(input, filters, window, dst);
        if (s != status::ok) return s;
        if (window.pad_value != 0) return status::unsupported;
        return fits_transposed(window.y, input.height, dst.height) && fits_transposed(window.x, input.width, dst.width)
                   ? status::ok
                   : status::bad_shape;
    }
    template <class Arch, class Sink>
    TERN_INLINE void run(tiles range, const Sink& sink) const noexcept {
        const kernel::conv_tiling tiling(input.images * height * width, tile_count(filters));
        for (size_t y = 0; y < window.y.stride && y < height; ++y)
            for (size_t x = 0; x < window.x.stride && x < width; ++x) {
                kernel::conv_geometry g;
                g.y = kernel::conv_axis::transposed(window.y, input.height, height, y);
                g.x = kernel::conv_axis::transposed(window.x, input.width, width, x);
                g.images = input.images;
                g.groups = window.groups;
                tiling.for_each_part(range, [&](const kernel::conv_part& part) TERN_INLINE_LAMBDA {
                    kernel::run_plane_conv<Arch>(input, filters, g, part, sink);
                });
            }
    }
};

}  // namespace detail

template <class Arch, class Lhs, class Rhs>
status conv2d_transposed(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
                         const tensor_view<std::int32_t>& dst, tiles range) noexcept {
    return detail::convolve<Arch>(
        detail::transposed_operands<Lhs, Rhs>{input, filters, window, dst.height, dst.width}, dst, range);
}

template <class Arch, class Lhs, class Rhs>
status conv2d_transposed(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
                         const tensor_view<float>& dst, const scale_offset& epilogue, tiles range) noexcept {
    return detail::convolve<Arch>(
        detail::transposed_operands<Lhs, Rhs>{input, filters, window, dst.height, dst.width}, dst, epilogue, range);
}

template <class Arch, class Lhs, class Rhs>
status conv2d_transposed(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
                         const mutable_packed_tensor<ternary>& dst, const scale_offset& epilogue,
                         const thresholds& limits, tiles range) noexcept {
    return detail::convolve<Arch>(
        detail::transposed_operands<Lhs, Rhs>{input, filters, window, dst.height, dst.width}, dst, epilogue, limits,
        range);
}

}  // namespace tern
