// SPDX-License-Identifier: MIT
// Two-dimensional convolution (cross-correlation) of packed activations with packed filters:
//
//     dst[n][y][x][o] = sum_{ky, kx, c} input[n][y sy + ky dy - py][x sx + kx dx - px][c] * filters[o][ky][kx][c]
//
// with stride s, dilation d and padding p of `window2d`. A padded tap is a real 0 for every encoding, also for those
// that have no code for 0, and for every epilogue: the sums of the affine product run over the taps inside the image.
//
// input: `packed_tensor`, NHWC, packed along channels. filters: `pack_panels(OHWI filters, ..., taps = kernel height *
// kernel width)`. dst: NHWC. Operand pairs, exactness, accumulators and tiles as in gemm.hpp; the depth that bounds
// the accumulator is kernel height * kernel width * channels. No im2col buffer, no allocation.
//
// How: output pixels whose valid taps are the same form a rectangle; inside it tiles of pixels run the register tile
// of the matrix product over a table of pixel pointers, one stretch of depth a tap. Filters of few channels
// (`packed_panels::dense_taps`) share words between taps; there the bits of a window are first gathered side by side.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/gemm.hpp>
#include <tern/window.hpp>

namespace tern {

/// int32 accumulators.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
                            const tensor_view<std::int32_t>& dst, tiles range = {}) noexcept;

/// Real numbers, bit-identical to `reference::conv2d`. The activations' scale and offset may be one an image
/// (`per_channel`); `scale_offset::group` is not supported.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
                            const tensor_view<float>& dst, const scale_offset& epilogue, tiles range = {}) noexcept;

/// The next layer's packed ternary activations.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
                            const mutable_packed_tensor<ternary>& dst, const scale_offset& epilogue,
                            const thresholds& limits, tiles range = {}) noexcept;

}  // namespace tern

#include <tern/kernel/conv/planes.hpp>

namespace tern {
namespace detail {

/// Whether `channels` and `outputs` are `groups` times as many as a group has.
[[nodiscard]] TERN_INLINE constexpr bool fits_groups(size_t groups, size_t group_channels, size_t channels,
                                                     size_t outputs) noexcept {
    return groups != 0 && channels % groups == 0 && channels / groups == group_channels && outputs % groups == 0;
}

template <class Lhs, class Rhs>
[[nodiscard]] TERN_INLINE status check_conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                                              const window2d& window, size_t images, size_t height, size_t width,
                                              size_t channels, byte_range dst, tiles range) noexcept {
    status s = check(input);
    if (s == status::ok) s = check(filters);
    if (s == status::ok) s = check(window, input.height, input.width);
    if (s != status::ok) return s;
    if (!fits_groups(window.groups, filters.tap_depth, input.channels(), filters.outputs) ||
        filters.taps / window.x.kernel != window.y.kernel || filters.taps % window.x.kernel != 0 ||
        images != input.images || height != window.y.outputs(input.height) ||
        width != window.x.outputs(input.width) || channels != filters.outputs || range.first > range.last)
        return status::bad_shape;
    if (window.pad_value != 0 && (Lhs::digits != 1 || !Lhs::has_sign || !Lhs::valid(window.pad_value)))
        return status::unsupported;
    if (!accumulator_fits(filters.depth(), max_product<Lhs, Rhs>)) return status::overflow;
    if (dst.overlaps(bytes_of(input.pixels)) || dst.overlaps(bytes_of(filters))) return status::overlap;
    return status::ok;
}

template <class Lhs, class Rhs>
[[nodiscard]] TERN_INLINE status check_conv2d(const scale_offset& epilogue, size_t depth) noexcept {
    const status s = check(epilogue, depth, max_product<Lhs, Rhs>);
    return s == status::ok && epilogue.group != 0 ? status::unsupported : s;
}

template <class Arch, class Lhs, class Rhs, class Sink>
TERN_INLINE void run_conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
                            tiles range, const Sink& sink) noexcept {
    const size_t last = range.last < filters.panels() ? range.last : filters.panels();
    if (range.first >= last) return;
    kernel::run_plane_conv<Arch>(input, filters,
                                 kernel::conv_geometry::of(window, input.images, input.height, input.width), range.first,
                                 last, sink);
}

}  // namespace detail

template <class Arch, class Lhs, class Rhs>
status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
              const tensor_view<std::int32_t>& dst, tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok)
        s = detail::check_conv2d(input, filters, window, dst.images, dst.height, dst.width, dst.channels,
                                 bytes_of(dst.pixels()), range);
    if (s == status::ok)
        detail::run_conv2d<Arch>(input, filters, window, range, kernel::int32_sink{dst.pixels()});
    return s;
}

template <class Arch, class Lhs, class Rhs>
status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
              const tensor_view<float>& dst, const scale_offset& epilogue, tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok) s = detail::check_conv2d<Lhs, Rhs>(epilogue, filters.depth());
    if (s == status::ok)
        s = detail::check_conv2d(input, filters, window, dst.images, dst.height, dst.width, dst.channels,
                                 bytes_of(dst.pixels()), range);
    if (s == status::ok)
        detail::run_conv2d<Arch>(input, filters, window, range,
                                 kernel::float_sink<Arch>{{epilogue, filters.outputs}, dst.pixels()});
    return s;
}

template <class Arch, class Lhs, class Rhs>
status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
              const mutable_packed_tensor<ternary>& dst, const scale_offset& epilogue, const thresholds& limits,
              tiles range) noexcept {
    status s = check(packed_tensor<ternary>(dst));
    if (s == status::ok) s = detail::check_conv2d<Lhs, Rhs>(epilogue, filters.depth());
    if (s == status::ok)
        s = detail::check_conv2d(input, filters, window, dst.images, dst.height, dst.width, dst.pixels.depth,
                                 bytes_of(dst.pixels), range);
    if (s == status::ok)
        detail::run_conv2d<Arch>(input, filters, window, range,
                                 kernel::ternary_sink<Arch>{{epilogue, filters.outputs}, dst.pixels, limits});
    return s;
}

}  // namespace tern
