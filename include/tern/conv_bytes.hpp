// SPDX-License-Identifier: MIT
// conv2d of signed or unsigned bytes with ternary or binary filters: first layers, and layers whose activations stay in
// eight bits.
//
//     dst[n][y][x][o] = sum over the taps (ky, kx) inside the image and c of
//                       (input[n][y sy + ky dy - py][x sx + kx dx - px][c] - zero_point) * filters[o][ky][kx][c]
//
// A padded tap is a real 0, that is the zero point, exactly. input: NHWC, any pixel stride and alignment; nothing
// behind a pixel is read.
// filters: `packed_codes`, `packed_trits` or `packed_panels<binary>` of one tap, whose depth is kernel height * kernel
// width * channels of a group, in OHWI order: positions follow each other without a gap, so that few channels waste
// nothing. Geometry, groups, epilogues, exactness and statuses are those of conv.hpp (`window2d::pad_value` has to be
// 0); the epilogue's activations are x - zero_point. The largest depth is (2^31 - 1) / largest |x - zero_point|.
// Tiles as there, of 64 outputs (codes) or 16. No im2col buffer, no allocation.
// Sevens are not offered: tables of a window's activations would serve the outputs of its group alone, and a pixel's
// would be made anew for every window that it is in.
// How: windows of some pixels are copied side by side and run the register tile of the matrix product. Three channels
// times codes on AVX-512: one lookup and one addition for 96 products, in tables of the sums that a tap's three weights
// can make of a pixel (kernel/conv/pixel_tables.hpp).
// Memory: up to 140 KB of stack (arch::scalar: 14 KB), most of it for windows of some pixels side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tern/conv.hpp>
#include <tern/gemm_bytes.hpp>

namespace tern {

/// An NHWC tensor of bytes and the value that stands for 0. A `tensor_view` of int8 or uint8 is one with zero point 0.
struct byte_tensor {
    const std::uint8_t* data = nullptr;
    size_t images = 0;
    size_t height = 0;
    size_t width = 0;
    size_t channels = 0;
    size_t pixel_stride = 0;
    bool is_signed = false;
    std::int32_t zero_point = 0;  ///< a value of the tensor's type

    TERN_INLINE byte_tensor(const tensor_view<const std::int8_t>& v, std::int32_t zero = 0) noexcept
        : byte_tensor(reinterpret_cast<const std::uint8_t*>(v.data), v.images, v.height, v.width, v.channels,
                      v.pixel_stride, true, zero) {}
    TERN_INLINE byte_tensor(const tensor_view<std::int8_t>& v, std::int32_t zero = 0) noexcept
        : byte_tensor(tensor_view<const std::int8_t>(v), zero) {}
    TERN_INLINE byte_tensor(const tensor_view<const std::uint8_t>& v, std::int32_t zero = 0) noexcept
        : byte_tensor(v.data, v.images, v.height, v.width, v.channels, v.pixel_stride, false, zero) {}
    TERN_INLINE byte_tensor(const tensor_view<std::uint8_t>& v, std::int32_t zero = 0) noexcept
        : byte_tensor(tensor_view<const std::uint8_t>(v), zero) {}

    [[nodiscard]] TERN_INLINE tensor_view<const std::uint8_t> view() const noexcept {
        return {data, images, height, width, channels, pixel_stride};
    }
    /// The zero point as the kernels see it.
    [[nodiscard]] TERN_INLINE std::int32_t signed_zero() const noexcept { return is_signed ? zero_point : zero_point - 128; }

private:
    TERN_INLINE byte_tensor(const std::uint8_t* data_, size_t images_, size_t height_, size_t width_, size_t channels_,
                            size_t pixel_stride_, bool is_signed_, std::int32_t zero) noexcept
        : data(data_),
          images(images_),
          height(height_),
          width(width_),
          channels(channels_),
          pixel_stride(pixel_stride_),
          is_signed(is_signed_),
          zero_point(zero) {}
};

[[nodiscard]] TERN_INLINE status check(const byte_tensor& v) noexcept {
    const std::int32_t zero = v.signed_zero();
    if (zero < -128 || zero > 127) return status::bad_value;
    return check(v.view());
}

namespace detail {

/// The layout that filters have or convert to; void where convolutions of bytes know none.
template <class Filters>
using byte_filters =
    std::conditional_t<std::is_same_v<byte_layout<Filters>, packed_sevens>, void, byte_layout<Filters>>;
template <class Filters>
inline constexpr bool is_byte_filters = !std::is_void_v<byte_filters<Filters>>;

}  // namespace detail

/// int32 accumulators.
template <class Arch = default_arch, class Filters>
[[nodiscard]] std::enable_if_t<detail::is_byte_filters<Filters>, status> conv2d(
    const byte_tensor& input, const Filters& filters, const window2d& window, const tensor_view<std::int32_t>& dst,
    tiles range = {}) noexcept;

/// Real numbers.
template <class Arch = default_arch, class Filters>
[[nodiscard]] std::enable_if_t<detail::is_byte_filters<Filters>, status> conv2d(
    const byte_tensor& input, const Filters& filters, const window2d& window, const tensor_view<float>& dst,
    const scale_offset& epilogue, tiles range = {}) noexcept;

/// The next layer's packed ternary activations.
template <class Arch = default_arch, class Filters>
[[nodiscard]] std::enable_if_t<detail::is_byte_filters<Filters>, status> conv2d(
    const byte_tensor& input, const Filters& filters, const window2d& window,
    const mutable_packed_tensor<ternary>& dst, const scale_offset& epilogue, const thresholds& limits,
    tiles range = {}) noexcept;

}  // namespace tern

#include <tern/kernel/conv/bytes.hpp>
#include <tern/kernel/conv/pixel_tables.hpp>

namespace tern {
namespace detail {

template <class Arch>
kernel::code_rows_product<Arch> product_of_bytes(const packed_codes&) noexcept;
template <class Arch>
kernel::trits_product<Arch, false> product_of_bytes(const packed_trits&) noexcept;
template <class Arch>
kernel::bits_product<Arch, false> product_of_bytes(const packed_panels<binary>&) noexcept;

[[nodiscard]] TERN_INLINE size_t filter_depth(const packed_codes& v) noexcept { return v.depth; }
[[nodiscard]] TERN_INLINE size_t filter_depth(const packed_trits& v) noexcept { return v.depth; }
[[nodiscard]] TERN_INLINE size_t filter_depth(const packed_panels<binary>& v) noexcept { return v.depth(); }

[[nodiscard]] TERN_INLINE bool one_tap(const packed_codes&) noexcept { return true; }
[[nodiscard]] TERN_INLINE bool one_tap(const packed_trits&) noexcept { return true; }
[[nodiscard]] TERN_INLINE bool one_tap(const packed_panels<binary>& v) noexcept { return v.taps == 1; }

template <class Filters>
struct byte_conv_operands {
    const byte_tensor& input;
    const Filters& filters;
    const window2d& window;
    size_t largest_product;

    TERN_INLINE byte_conv_operands(const byte_tensor& input_, const Filters& filters_, const window2d& window_) noexcept
        : input(input_), filters(filters_), window(window_), largest_product(255) {
        // |x - z|, x = -128 .. 127; zero points that are no bytes are refused elsewhere.
        const std::int32_t zero = input.signed_zero();
        largest_product = zero >= 0 && zero < 128 ? static_cast<size_t>(128 + zero)
                          : zero < 0 && zero >= -128 ? static_cast<size_t>(zero == -1 ? 128 : 127 - zero)
                                                     : 255;
    }

    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return filter_depth(filters); }
    [[nodiscard]] TERN_INLINE status check_shape(const conv_target& dst) const noexcept {
        status s = check(input);
        if (s == status::ok) s = check(filters);
        if (s == status::ok) s = check(window, input.height, input.width);
        if (s != status::ok) return s;
        size_t taps = 0;
        size_t wanted = 0;
        if (window.groups == 0 || input.channels % window.groups != 0 || filters.outputs % window.groups != 0 ||
            !multiply(window.y.kernel, window.x.kernel, taps) ||
            !multiply(taps, input.channels / window.groups, wanted) || depth() != wanted || !one_tap(filters) ||
            dst.images != input.images || dst.channels != filters.outputs ||
            dst.height != window.y.outputs(input.height) || dst.width != window.x.outputs(input.width) ||
            dst.range.first > dst.range.last)
            return status::bad_shape;
        if (window.pad_value != 0) return status::unsupported;
        if (dst.bytes.overlaps(bytes_of(input.view().pixels())) || dst.bytes.overlaps(bytes_of(filters)))
            return status::overlap;
        return status::ok;
    }
    template <class Arch, class Sink>
    TERN_INLINE void run(tiles range, const Sink& sink) const noexcept {
        using product = decltype(product_of_bytes<Arch>(filters));
        using windows = kernel::byte_windows<product, Filters>;
        const size_t panels = bits::ceil_div(filters.outputs, panel_outputs);
        const size_t each = std::is_same_v<Filters, packed_codes> ? packed_codes::tile_outputs / panel_outputs : 1;
        const kernel::byte_image image(input.data, input.height, input.width, input.channels, input.pixel_stride,
                                       input.is_signed, input.signed_zero());
        const auto g = kernel::conv_geometry::of(window, input.images, input.height, input.width);
        const kernel::conv_tiling tiling(g.pixels(), tile_count(filters));
        tiling.for_each_part(range, [&](const kernel::conv_part& part) TERN_INLINE_LAMBDA {
            const size_t last = part.last_panel * each;
            const kernel::conv_filters shape(filters.outputs, input.channels / window.groups, part.first_panel * each,
                                             last < panels ? last : panels);
#if TERN_HAS_AVX512
            if constexpr (std::is_base_of_v<arch::avx512, Arch> && std::is_same_v<Filters, packed_codes>)
                if (kernel::pixel_tables<Arch>::serves(image, filters, g))
                    return kernel::run_conv<kernel::pixel_tables<Arch>>(image, filters, g, shape, part.first_pixel,
                                                                        part.last_pixel, sink);
#endif
            kernel::run_conv<windows>(image, filters, g, shape, part.first_pixel, part.last_pixel, sink);
        });
    }
};

template <class Filters>
using byte_operands = byte_conv_operands<byte_filters<Filters>>;

}  // namespace detail

template <class Arch, class Filters>
std::enable_if_t<detail::is_byte_filters<Filters>, status> conv2d(const byte_tensor& input, const Filters& filters,
                                                                  const window2d& window,
                                                                  const tensor_view<std::int32_t>& dst,
                                                                  tiles range) noexcept {
    return detail::convolve<Arch>(detail::byte_operands<Filters>{input, filters, window}, dst, range);
}

template <class Arch, class Filters>
std::enable_if_t<detail::is_byte_filters<Filters>, status> conv2d(const byte_tensor& input, const Filters& filters,
                                                                  const window2d& window, const tensor_view<float>& dst,
                                                                  const scale_offset& epilogue, tiles range) noexcept {
    return detail::convolve<Arch>(detail::byte_operands<Filters>{input, filters, window}, dst, epilogue, range);
}

template <class Arch, class Filters>
std::enable_if_t<detail::is_byte_filters<Filters>, status> conv2d(const byte_tensor& input, const Filters& filters,
                                                                  const window2d& window,
                                                                  const mutable_packed_tensor<ternary>& dst,
                                                                  const scale_offset& epilogue,
                                                                  const thresholds& limits, tiles range) noexcept {
    return detail::convolve<Arch>(detail::byte_operands<Filters>{input, filters, window}, dst, epilogue, limits, range);
}

}  // namespace tern
