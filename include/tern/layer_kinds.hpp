// SPDX-License-Identifier: MIT
// The kinds of layers that layer.hpp plans: what each reads, how much its weights take, and the operation behind it.
//
// A kind has
//   reads, input, weights           the encoding of activations, and the types of the two operands
//   check(shape)                    what is wrong with a shape
//   outputs(shape)                  channels of the output
//   weight_words(shape)             words of packed weights
//   tiles_of(shape)                 tiles that an executor can share
//   run<Arch>(shape, input, weights, output, how, tiles)
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tern/conv_fused.hpp>
#include <tern/depthwise.hpp>
#include <tern/gemm.hpp>
#include <tern/pool.hpp>

namespace tern {

/// NHWC input, `outputs` channels behind the layer (of no meaning where channels stay what they are), and a window.
struct layer_shape {
    size_t images = 1;
    size_t height = 1;
    size_t width = 1;
    size_t channels = 0;
    size_t outputs = 0;
    window2d window;

    [[nodiscard]] TERN_INLINE constexpr size_t output_height() const noexcept { return window.y.outputs(height); }
    [[nodiscard]] TERN_INLINE constexpr size_t output_width() const noexcept { return window.x.outputs(width); }
    [[nodiscard]] TERN_INLINE constexpr size_t taps() const noexcept { return window.y.kernel * window.x.kernel; }
};

/// Nothing happens to accumulators, largest values and averages.
struct plain {};
/// Pools have no weights.
struct no_weights {};

namespace detail {

/// Conditions of every kind; sizes whose product does not fit are `overflow`.
[[nodiscard]] TERN_INLINE constexpr status check_layer(const layer_shape& s, size_t depth,
                                                       size_t max_product) noexcept {
    const status window = check(s.window, s.height, s.width);
    if (window != status::ok) return window;
    size_t size = 0;
    if (!multiply(s.images, s.height, size) || !multiply(size, s.width, size)) return status::overflow;
    if (!multiply(s.window.y.kernel, s.window.x.kernel, size) || !multiply(size, depth, size) ||
        !accumulator_fits(size, max_product))
        return status::overflow;
    return s.images == 0 || s.output_height() == 0 || s.output_width() == 0 ? status::bad_shape : status::ok;
}

/// op(), or op(how).
template <class How, class Op>
[[nodiscard]] TERN_INLINE status unless_plain(const How& how, const Op& op) noexcept {
    if constexpr (std::is_same_v<How, plain>)
        return op();
    else
        return op(how);
}

}  // namespace detail

/// What a layer reads, and its operands.
template <class Reads, class Input, class Weights>
struct layer_of {
    using reads = Reads;
    using input = Input;
    using weights = Weights;

    [[nodiscard]] static TERN_INLINE constexpr size_t outputs(const layer_shape& s) noexcept { return s.outputs; }
};

/// A layer whose channels stay what they are.
template <class Encoding, class Weights>
struct channelwise_of : layer_of<Encoding, packed_tensor<Encoding>, Weights> {
    [[nodiscard]] static TERN_INLINE constexpr size_t outputs(const layer_shape& s) noexcept { return s.channels; }
};

/// Convolutions of any operands, with `TileOutputs` outputs a tile.
template <class Reads, class Input, class Weights, size_t TileOutputs>
struct convolution_of : layer_of<Reads, Input, Weights> {
    [[nodiscard]] static TERN_INLINE constexpr size_t tiles_of(const layer_shape& s) noexcept {
        const size_t pixels = s.images * s.output_height() * s.output_width();
        return kernel::conv_tiling(pixels, bits::ceil_div(s.outputs, TileOutputs)).count();
    }
    template <class Arch, class Output, class How>
    [[nodiscard]] static TERN_INLINE status run(const layer_shape& s, const Input& in, const Weights& w,
                                                const Output& out, const How& how, tiles range) noexcept {
        return detail::unless_plain(how, [&](const auto&... h) TERN_INLINE_LAMBDA {
            return conv2d<Arch>(in, w, s.window, out, h..., range);
        });
    }
};

/// Convolution; weights: `packed_panels<Rhs>` of all taps.
template <class Lhs, class Rhs>
struct conv2d_of : convolution_of<Lhs, packed_tensor<Lhs>, packed_panels<Rhs>, panel_outputs> {
    [[nodiscard]] static TERN_INLINE constexpr status check(const layer_shape& s) noexcept {
        return detail::check_layer(s, s.channels, detail::max_product<Lhs, Rhs>);
    }
    [[nodiscard]] static TERN_INLINE constexpr size_t weight_words(const layer_shape& s) noexcept {
        return panels_words<Rhs>(s.outputs, s.taps(), s.channels);
    }
};

/// Convolution of bytes; weights: `packed_codes`, `packed_trits` or `packed_panels<binary>` of one tap, as
/// conv_bytes.hpp wants them. For networks' first layers: pixels go in as they are.
template <class Filters>
struct byte_conv2d_of
    : convolution_of<unsigned_bits<8>, byte_tensor, Filters,
                     std::is_same_v<Filters, packed_codes> ? packed_codes::tile_outputs : panel_outputs> {
    [[nodiscard]] static TERN_INLINE constexpr status check(const layer_shape& s) noexcept {
        if (s.window.groups == 0 || s.channels % s.window.groups != 0) return status::bad_shape;
        return detail::check_layer(s, s.channels / s.window.groups, 255);
    }
    /// Codes and trits take a multiple of four bytes.
    [[nodiscard]] static TERN_INLINE constexpr size_t weight_words(const layer_shape& s) noexcept {
        const size_t depth = s.taps() * (s.channels / s.window.groups);
        if constexpr (std::is_same_v<Filters, packed_codes>)
            return codes_bytes(s.outputs, depth) / sizeof(word);
        else if constexpr (std::is_same_v<Filters, packed_trits>)
            return trits_bytes(s.outputs, depth) / sizeof(word);
        else
            return panels_words<binary>(s.outputs, 1, depth);
    }
};

/// Depthwise convolution; weights: `packed_rows<Rhs>`, one row a tap.
template <class Lhs, class Rhs>
struct depthwise_of : channelwise_of<Lhs, packed_rows<Rhs>> {
    [[nodiscard]] static TERN_INLINE constexpr status check(const layer_shape& s) noexcept {
        return detail::check_layer(s, 1, 1);
    }
    [[nodiscard]] static TERN_INLINE constexpr size_t weight_words(const layer_shape& s) noexcept {
        return rows_words<Rhs>(s.taps(), s.channels);
    }
    [[nodiscard]] static TERN_INLINE constexpr size_t tiles_of(const layer_shape& s) noexcept {
        return depthwise_tiles(s.window, s.images, s.height);
    }
    template <class Arch, class Output, class How>
    [[nodiscard]] static TERN_INLINE status run(const layer_shape& s, const packed_tensor<Lhs>& in,
                                                const packed_rows<Rhs>& w, const Output& out, const How& how,
                                                tiles range) noexcept {
        return detail::unless_plain(how, [&](const auto&... h) TERN_INLINE_LAMBDA {
            return depthwise_conv2d<Arch>(in, w, s.window, out, h..., range);
        });
    }
};

/// Fully connected: every image is one pixel, one row of a product; weights: `packed_panels<Rhs>`.
template <class Lhs, class Rhs>
struct connected_of : layer_of<Lhs, packed_tensor<Lhs>, packed_panels<Rhs>> {
    [[nodiscard]] static TERN_INLINE constexpr status check(const layer_shape& s) noexcept {
        if (s.height != 1 || s.width != 1 || s.taps() != 1) return status::bad_shape;
        return conv2d_of<Lhs, Rhs>::check(s);
    }
    [[nodiscard]] static TERN_INLINE constexpr size_t weight_words(const layer_shape& s) noexcept {
        return conv2d_of<Lhs, Rhs>::weight_words(s);
    }
    [[nodiscard]] static TERN_INLINE constexpr size_t tiles_of(const layer_shape& s) noexcept {
        return bits::ceil_div(s.outputs, panel_outputs);
    }
    template <class Arch, class Output, class How>
    [[nodiscard]] static TERN_INLINE status run(const layer_shape&, const packed_tensor<Lhs>& in,
                                                const packed_panels<Rhs>& w, const Output& out, const How& how,
                                                tiles range) noexcept {
        return detail::unless_plain(how, [&](const auto&... h) TERN_INLINE_LAMBDA {
            return gemm<Arch>(in.pixels, w, detail::pixels_of(out), h..., range);
        });
    }
};

/// What both pools share.
template <class Encoding>
struct pool_of : channelwise_of<Encoding, no_weights> {
    [[nodiscard]] static TERN_INLINE constexpr status check(const layer_shape& s) noexcept {
        const status found = detail::check_layer(s, 1, static_cast<size_t>(Encoding::max_abs));
        if (found != status::ok) return found;
        return detail::always_inside(s.window.y, s.height) && detail::always_inside(s.window.x, s.width)
                   ? status::ok
                   : status::bad_shape;
    }
    [[nodiscard]] static TERN_INLINE constexpr size_t weight_words(const layer_shape&) noexcept { return 0; }
    [[nodiscard]] static TERN_INLINE constexpr size_t tiles_of(const layer_shape& s) noexcept {
        return pool_tiles(s.window, s.images, s.height);
    }
};

template <class Encoding>
struct max_pool_of : pool_of<Encoding> {
    template <class Arch>
    [[nodiscard]] static TERN_INLINE status run(const layer_shape& s, const packed_tensor<Encoding>& in, no_weights,
                                                const mutable_packed_tensor<Encoding>& out, plain,
                                                tiles range) noexcept {
        return max_pool2d<Arch>(in, s.window, out, range);
    }
};

/// To floats, or as sums to int32.
template <class Encoding>
struct average_pool_of : pool_of<Encoding> {
    template <class Arch>
    [[nodiscard]] static TERN_INLINE status run(const layer_shape& s, const packed_tensor<Encoding>& in, no_weights,
                                                const tensor_view<float>& out, plain,
                                                tiles range) noexcept {
        return average_pool2d<Arch>(in, s.window, out, range);
    }
    template <class Arch>
    [[nodiscard]] static TERN_INLINE status run(const layer_shape& s, const packed_tensor<Encoding>& in, no_weights,
                                                const tensor_view<std::int32_t>& out, plain,
                                                tiles range) noexcept {
        return sum_pool2d<Arch>(in, s.window, out, range);
    }
};

}  // namespace tern
