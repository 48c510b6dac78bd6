// SPDX-License-Identifier: MIT
// Depthwise convolution (cross-correlation): every channel has a filter of its own.
//
//     dst[n][y][x][c] = sum_{ky, kx} input[n][y sy + ky dy - py][x sx + kx dx - px][c] * filters[ky kw + kx][c]
//
// with stride s, dilation d and padding p of `window2d`; a padded tap is a real 0 for every encoding. dst: NHWC.
//
//     bits   input: `packed_tensor` of binary or ternary; filters: `packed_rows` of binary or ternary, one row a tap
//     bytes  input: `tensor_view` of int8; filters: a matrix of int8 -1, 0 and +1, one row a tap
//
// so that filters are a matrix of taps x channels, HWC. Any kernel, stride, dilation and padding; zero sizes included.
//
// Accumulation in int32, exact, bit-identical to `reference::depthwise_conv2d` on every architecture. The taps of a
// filter may be at most 2^31 - 1 (bits) or (2^31 - 1) / 128 (bytes); `overflow` beyond.
// How: a popcount adds along channels, which is of no use here. Bits stay where they are and are added across
// registers, nine taps at a time: 54 instructions of AVX-512 for nine products of 512 channels, and from the five
// planes of the result to bytes. int8 is added up in 16 bits, which 255 taps do not leave, and then in 32.
// Memory: 70 KB of stack (bits; arch::scalar: less than 1 KB), 3 KB (bytes).
// Threads: none are started; `tiles` selects rows of output pixels, counted through all images, and disjoint ranges may
// run side by side.
// Destinations: int32, or any of fused.hpp. There, offsets of weights and activations are not supported: an offset's
// share differs from channel to channel here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tern/arch.hpp>
#include <tern/conv_fused.hpp>
#include <tern/parallel.hpp>

namespace tern {

/// Rows of output pixels in all images.
[[nodiscard]] TERN_INLINE constexpr size_t depthwise_tiles(const window2d& window, size_t images,
                                                           size_t height) noexcept {
    return images * window.y.outputs(height);
}

/// int32 accumulators.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status depthwise_conv2d(const packed_tensor<Lhs>& input, const packed_rows<Rhs>& filters,
                                      const window2d& window, const tensor_view<std::int32_t>& dst,
                                      tiles range = {}) noexcept;
template <class Arch = default_arch>
[[nodiscard]] status depthwise_conv2d(const tensor_view<const std::int8_t>& input,
                                      const matrix_view<const std::int8_t>& filters, const window2d& window,
                                      const tensor_view<std::int32_t>& dst, tiles range = {}) noexcept;

/// Any destination and way there of fused.hpp; a shortcut has one row an output pixel.
template <class Arch = default_arch, class Lhs, class Rhs, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_how<How>, status> depthwise_conv2d(const packed_tensor<Lhs>& input,
                                                                             const packed_rows<Rhs>& filters,
                                                                             const window2d& window,
                                                                             const Destination& dst, const How& how,
                                                                             tiles range = {}) noexcept;
template <class Arch = default_arch, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_how<How>, status> depthwise_conv2d(
    const tensor_view<const std::int8_t>& input, const matrix_view<const std::int8_t>& filters, const window2d& window,
    const Destination& dst, const How& how, tiles range = {}) noexcept;

}  // namespace tern

#include <tern/kernel/depthwise/bytes.hpp>
#include <tern/kernel/depthwise/driver.hpp>

namespace tern {
namespace detail {

[[nodiscard]] TERN_INLINE byte_range bytes_of_input(const tensor_view<const std::int8_t>& v) noexcept {
    return bytes_of(v.pixels());
}
template <class Encoding>
[[nodiscard]] TERN_INLINE byte_range bytes_of_input(const packed_tensor<Encoding>& v) noexcept {
    return bytes_of(v.pixels);
}
[[nodiscard]] TERN_INLINE constexpr size_t channels_of(const tensor_view<const std::int8_t>& v) noexcept {
    return v.channels;
}
template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr size_t channels_of(const packed_tensor<Encoding>& v) noexcept {
    return v.channels();
}

[[nodiscard]] TERN_INLINE constexpr size_t width_of_filters(const matrix_view<const std::int8_t>& v) noexcept {
    return v.cols;
}
template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr size_t width_of_filters(const packed_rows<Encoding>& v) noexcept {
    static_assert(Encoding::digits == 1 && Encoding::has_sign,
                  "tern::depthwise_conv2d: filters are packed binary or ternary");
    return v.depth;
}

/// What both kinds of operands share. `channels`, `pixels`: of the destination.
template <class Input, class Filters, class Destination>
[[nodiscard]] TERN_INLINE status check_depthwise(const Input& input, const Filters& filters, const window2d& window,
                                                 const Destination& dst, size_t channels, byte_range bytes,
                                                 size_t max_product, tiles range) noexcept {
    status s = check(input);
    if (s == status::ok) s = check(filters);
    if (s == status::ok) s = check(window, input.height, input.width);
    if (s != status::ok) return s;
    if (filters.rows / window.x.kernel != window.y.kernel || filters.rows % window.x.kernel != 0 ||
        width_of_filters(filters) != channels || channels != channels_of(input) || dst.images != input.images ||
        dst.height != window.y.outputs(input.height) || dst.width != window.x.outputs(input.width) ||
        range.first > range.last)
        return status::bad_shape;
    if (!accumulator_fits(filters.rows, max_product)) return status::overflow;
    return bytes.overlaps(bytes_of_input(input)) || bytes.overlaps(bytes_of(filters)) ? status::overlap : status::ok;
}

template <class Arch, class Input, class Filters, class Destination, class Sink>
TERN_INLINE void run_depthwise(const Input& input, const Filters& filters, const window2d& window,
                               const Destination& dst, tiles range, const Sink& sink) noexcept {
    const size_t rows = dst.images * dst.height;
    const size_t last = range.last < rows ? range.last : rows;
    if (range.first < last && dst.width != 0 && channels_of(input) != 0)
        kernel::run_depthwise<Arch>(input, filters, window, range.first, last, sink);
}

template <class Arch, class Input, class Filters>
[[nodiscard]] TERN_INLINE status depthwise_int32(const Input& input, const Filters& filters, const window2d& window,
                                                 const tensor_view<std::int32_t>& dst, size_t max_product,
                                                 tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok)
        s = check_depthwise(input, filters, window, dst, dst.channels, bytes_of(dst.pixels()), max_product, range);
    if (s == status::ok) run_depthwise<Arch>(input, filters, window, dst, range, kernel::int32_sink{dst.pixels()});
    return s;
}

template <class Arch, class Input, class Filters, class Destination, class How>
[[nodiscard]] TERN_INLINE status depthwise_fused(const Input& input, const Filters& filters, const window2d& window,
                                                 const Destination& dst, const How& how, size_t max_product,
                                                 tiles range) noexcept {
    const auto pixels = pixels_of(dst);
    status s = check_tensor(dst);
    if (s == status::ok)
        s = check_depthwise(input, filters, window, dst, width_of(pixels), bytes_of(pixels), max_product, range);
    if (s == status::ok) s = check_how(how, pixels.rows, width_of(pixels), filters.rows, max_product, bytes_of(pixels));
    if (s == status::ok && (has_groups(how) || has_offsets(how))) s = status::unsupported;
    if (s == status::ok) run_depthwise<Arch>(input, filters, window, dst, range, kernel::sink_of<Arch>(pixels, how));
    return s;
}

}  // namespace detail

template <class Arch, class Lhs, class Rhs>
status depthwise_conv2d(const packed_tensor<Lhs>& input, const packed_rows<Rhs>& filters, const window2d& window,
                        const tensor_view<std::int32_t>& dst, tiles range) noexcept {
    return detail::depthwise_int32<Arch>(input, filters, window, dst, 1, range);
}

template <class Arch>
status depthwise_conv2d(const tensor_view<const std::int8_t>& input, const matrix_view<const std::int8_t>& filters,
                        const window2d& window, const tensor_view<std::int32_t>& dst, tiles range) noexcept {
    return detail::depthwise_int32<Arch>(input, filters, window, dst, 128, range);
}

template <class Arch, class Lhs, class Rhs, class Destination, class How>
std::enable_if_t<detail::is_how<How>, status> depthwise_conv2d(const packed_tensor<Lhs>& input,
                                                               const packed_rows<Rhs>& filters, const window2d& window,
                                                               const Destination& dst, const How& how,
                                                               tiles range) noexcept {
    return detail::depthwise_fused<Arch>(input, filters, window, dst, how, 1, range);
}

template <class Arch, class Destination, class How>
std::enable_if_t<detail::is_how<How>, status> depthwise_conv2d(const tensor_view<const std::int8_t>& input,
                                                               const matrix_view<const std::int8_t>& filters,
                                                               const window2d& window, const Destination& dst,
                                                               const How& how, tiles range) noexcept {
    return detail::depthwise_fused<Arch>(input, filters, window, dst, how, 128, range);
}

}  // namespace tern
