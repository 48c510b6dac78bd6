// SPDX-License-Identifier: MIT
// Two-dimensional convolution (cross-correlation) of packed activations with packed filters:
//
//     dst[n][y][x][o] = sum_{ky, kx, c} input[n][y sy + ky dy - py][x sx + kx dx - px][c] * filters[o][ky][kx][c]
//
// with stride s, dilation d and padding p of `window2d`. A padded tap is a real 0 for every encoding, also for those
// that have no code for 0, and for every epilogue: the sums of the affine product run over the taps inside the image.
//
// input: `packed_tensor`, NHWC, packed along channels. filters: `pack_panels(OHWI filters, ..., taps = kernel height *
// kernel width)`. dst: NHWC. Operand pairs, exactness and accumulators as in gemm.hpp; the depth that bounds the
// accumulator is kernel height * kernel width * channels. No im2col buffer, no allocation.
// Threads: none are started; `tiles` selects some of `conv2d_tiles(filters, dst)`, and disjoint ranges may run side by
// side: each writes a stretch of pixels, but for parts of the first block and the last.
//
// Groups (`window2d::groups`): output o reads the channels of group o / (outputs / groups); filters are OHWI with the
// channels of a group, any number of them. A multiple of 32 is fastest, and so are groups of whole panels of 16
// outputs. One-padding (`window2d::pad_value`): a padded tap holds -1 or +1 instead, and is summed like any other.
//
// How: tiles of output pixels, through rows, borders and images alike, run the register tile of the matrix product over
// a table of pixel pointers, one stretch of depth a tap. Filters of few channels (`packed_panels::dense_taps`) share
// words between taps; there the bits of a window are first gathered side by side.
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

/// Number of tiles of a convolution, also of those of conv_bytes.hpp, conv_fused.hpp and conv_transposed.hpp: blocks of
/// about 64 pixels of `dst` times the panels of the filters, panel after panel and then block after block.
template <class Filters, class Destination>
[[nodiscard]] constexpr size_t conv2d_tiles(const Filters& filters, const Destination& dst) noexcept;

/// Along lines: tensors of height 1, and otherwise any of the operands, destinations and epilogues above (and of
/// conv_bytes.hpp). For groups and one-padding: conv2d with `line_window`.
template <class Arch = default_arch, class Input, class Filters, class Destination, class... More>
[[nodiscard]] status conv1d(const Input& input, const Filters& filters, const window_axis& window,
                            const Destination& dst, const More&... more) noexcept;

}  // namespace tern

#include <tern/kernel/conv/planes.hpp>

namespace tern {
namespace detail {

/// Whether `channels` and `outputs` are `groups` times as many as a group has.
[[nodiscard]] TERN_INLINE constexpr bool fits_groups(size_t groups, size_t group_channels, size_t channels,
                                                     size_t outputs) noexcept {
    return groups != 0 && channels % groups == 0 && channels / groups == group_channels && outputs % groups == 0;
}

/// What a check has to know of a destination.
struct conv_target {
    size_t images;
    size_t height;
    size_t width;
    size_t channels;
    byte_range bytes;
    tiles range;
};

template <class Lhs, class Rhs>
[[nodiscard]] TERN_INLINE status check_filters(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                                               const window2d& window, const conv_target& dst) noexcept {
    status s = check(input);
    if (s == status::ok) s = check(filters);
    if (s == status::ok) s = check(window, input.height, input.width);
    if (s != status::ok) return s;
    if (!fits_groups(window.groups, filters.tap_depth, input.channels(), filters.outputs) ||
        filters.taps / window.x.kernel != window.y.kernel || filters.taps % window.x.kernel != 0 ||
        dst.images != input.images || dst.channels != filters.outputs || dst.range.first > dst.range.last)
        return status::bad_shape;
    if (dst.bytes.overlaps(bytes_of(input.pixels)) || dst.bytes.overlaps(bytes_of(filters))) return status::overlap;
    return status::ok;
}

/// Operands of a convolution: what conv_bytes.hpp and conv_transposed.hpp have others of.
template <class Lhs, class Rhs>
struct plane_conv_operands {
    static constexpr size_t largest_product = max_product<Lhs, Rhs>;

    const packed_tensor<Lhs>& input;
    const packed_panels<Rhs>& filters;
    const window2d& window;

    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return filters.depth(); }
    [[nodiscard]] TERN_INLINE status check_shape(const conv_target& dst) const noexcept {
        const status s = check_filters(input, filters, window, dst);
        if (s != status::ok && s != status::overlap) return s;
        if (dst.height != window.y.outputs(input.height) || dst.width != window.x.outputs(input.width))
            return status::bad_shape;
        if (window.pad_value != 0 && (Lhs::digits != 1 || !Lhs::has_sign || !Lhs::valid(window.pad_value)))
            return status::unsupported;
        return s;
    }
    template <class Arch, class Sink>
    TERN_INLINE void run(tiles range, const Sink& sink) const noexcept {
        const auto g = kernel::conv_geometry::of(window, input.images, input.height, input.width);
        const kernel::conv_tiling tiling(g.pixels(), tile_count(filters));
        tiling.for_each_part(range, [&](const kernel::conv_part& part) TERN_INLINE_LAMBDA {
            kernel::run_plane_conv<Arch>(input, filters, g, part, sink);
        });
    }
};

template <class Operands>
[[nodiscard]] TERN_INLINE status check_conv(const Operands& o, const conv_target& dst) noexcept {
    const status s = o.check_shape(dst);
    if (s != status::ok && s != status::overlap) return s;
    return accumulator_fits(o.depth(), o.largest_product) ? s : status::overflow;
}

/// A destination as a matrix of one row a pixel.
template <class T>
[[nodiscard]] TERN_INLINE constexpr matrix_view<T> pixels_of(const tensor_view<T>& v) noexcept {
    return v.pixels();
}
template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr const mutable_packed_rows<Encoding>& pixels_of(
    const mutable_packed_tensor<Encoding>& v) noexcept {
    return v.pixels;
}

template <class T>
[[nodiscard]] TERN_INLINE status check_tensor(const tensor_view<T>& v) noexcept {
    return check(v);
}
template <class Encoding>
[[nodiscard]] TERN_INLINE status check_tensor(const mutable_packed_tensor<Encoding>& v) noexcept {
    return check(packed_tensor<Encoding>(v));
}

// The destinations, for operands of any kind: accumulators, and any way of fused.hpp, of which two have short names.

template <class Arch, class Operands>
[[nodiscard]] TERN_INLINE status convolve(const Operands& o, const tensor_view<std::int32_t>& dst,
                                          tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok)
        s = check_conv(o, {dst.images, dst.height, dst.width, dst.channels, bytes_of(dst.pixels()), range});
    if (s == status::ok) o.template run<Arch>(range, kernel::int32_sink{dst.pixels()});
    return s;
}

template <class Arch, class Operands, class Destination, class How>
[[nodiscard]] TERN_INLINE status convolve_fused(const Operands& o, const Destination& dst, const How& how,
                                                tiles range) noexcept {
    const auto pixels = pixels_of(dst);
    status s = check_tensor(dst);
    if (s == status::ok)
        s = check_how(how, pixels.rows, o.filters.outputs, o.depth(), o.largest_product, bytes_of(pixels));
    if (s == status::ok && has_groups(how)) s = status::unsupported;
    if (s == status::ok)
        s = check_conv(o, {dst.images, dst.height, dst.width, width_of(pixels), bytes_of(pixels), range});
    if (s == status::ok) o.template run<Arch>(range, kernel::sink_of<Arch>(pixels, how));
    return s;
}

template <class Arch, class Operands>
[[nodiscard]] TERN_INLINE status convolve(const Operands& o, const tensor_view<float>& dst,
                                          const scale_offset& epilogue, tiles range) noexcept {
    return convolve_fused<Arch>(o, dst, to_float{epilogue}, range);
}

template <class Arch, class Operands>
[[nodiscard]] TERN_INLINE status convolve(const Operands& o, const mutable_packed_tensor<ternary>& dst,
                                          const scale_offset& epilogue, const thresholds& limits,
                                          tiles range) noexcept {
    return convolve_fused<Arch>(o, dst, to_ternary{epilogue, limits}, range);
}

}  // namespace detail

template <class Arch, class Lhs, class Rhs>
status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
              const tensor_view<std::int32_t>& dst, tiles range) noexcept {
    return detail::convolve<Arch>(detail::plane_conv_operands<Lhs, Rhs>{input, filters, window}, dst, range);
}

template <class Arch, class Lhs, class Rhs>
status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
              const tensor_view<float>& dst, const scale_offset& epilogue, tiles range) noexcept {
    return detail::convolve<Arch>(detail::plane_conv_operands<Lhs, Rhs>{input, filters, window}, dst, epilogue, range);
}

template <class Arch, class Lhs, class Rhs>
status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
              const mutable_packed_tensor<ternary>& dst, const scale_offset& epilogue, const thresholds& limits,
              tiles range) noexcept {
    return detail::convolve<Arch>(detail::plane_conv_operands<Lhs, Rhs>{input, filters, window}, dst, epilogue, limits,
                                  range);
}

template <class Filters, class Destination>
constexpr size_t conv2d_tiles(const Filters& filters, const Destination& dst) noexcept {
    return kernel::conv_tiling(dst.images * dst.height * dst.width, tile_count(filters)).count();
}

template <class Arch, class Input, class Filters, class Destination, class... More>
status conv1d(const Input& input, const Filters& filters, const window_axis& window, const Destination& dst,
              const More&... more) noexcept {
    if (input.height != 1 || dst.height != 1) return status::bad_shape;
    return conv2d<Arch>(input, filters, line_window(window), dst, more...);
}

}  // namespace tern
