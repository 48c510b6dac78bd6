// SPDX-License-Identifier: MIT
// The ternary network of examples/fashion_mnist for microcontrollers: weights and limits where the linker put them
// (flash), and one static array for everything that moves. The first layer multiplies the picture's bytes as they are
// by 2-bit codes (SMLAD where the core has it), the others are bit planes. Each runs two rows of its output at a time
// and pools them at once, so that nothing is ever there before pooling but these.
//
// No floating-point number is met before the ten logits. Scales, batch normalisation and thresholds are two integers an
// output (tern/fold.hpp has the idea); since the activations have offsets, an accumulator's share of which depends on
// the taps inside the image, there are nine pairs: for the first, an inner and the last row of pixels, and columns
// likewise.
#pragma once

#include <tern/conv_bytes.hpp>
#include <tern/gemm.hpp>
#include <tern/pool.hpp>

namespace cortex_m {

using tern::size_t;
using activations = tern::ternary;

inline constexpr size_t layers = 3;
inline constexpr size_t image_size = 28;
inline constexpr size_t extents[layers + 1] = {28, 14, 7, 3};
inline constexpr size_t channels[layers + 1] = {1, 32, 64, 128};
inline constexpr size_t features = extents[layers] * extents[layers] * channels[layers];
inline constexpr size_t outputs = 10;

/// 0, 1, 2: the first, an inner, the last of `extent` pixels.
[[nodiscard]] constexpr size_t place(size_t at, size_t extent) noexcept { return at == 0 ? 0 : at + 1 == extent ? 2 : 1; }

/// Pointers to constants, as the PC wrote them. Limits: [3 places of the row][3 of the column][outputs].
struct layer {
    const tern::word* panels;  ///< the first layer has codes instead
    const std::int16_t* lower;
    const std::int16_t* upper;
};

struct model {
    const std::uint8_t* codes;
    layer layers[cortex_m::layers];
    const tern::word* last_panels;
    const float* last_scale;
    const float* bias;
    float activation_scale;  ///< of the last layer
    float activation_offset;

    [[nodiscard]] tern::packed_codes codes_of_first() const noexcept { return {codes, channels[1], 9 * channels[0]}; }
    [[nodiscard]] tern::packed_panels<tern::ternary> weights(size_t i) const noexcept {
        return {layers[i].panels, channels[i + 1], 9, channels[i]};
    }
    [[nodiscard]] tern::packed_panels<tern::ternary> last_weights() const noexcept {
        return {last_panels, outputs, features};
    }
    [[nodiscard]] tern::scale_offset last_epilogue() const noexcept {
        tern::scale_offset e;
        e.weights.scale = tern::per_channel(last_scale);
        e.activations = {tern::per_tensor(activation_scale), tern::per_tensor(activation_offset)};
        e.bias = bias;
        return e;
    }
};

/// +1 above the upper limit, -1 below the lower one, as packed planes. Outputs: a multiple of 32.
template <size_t Outputs>
void ternarize(const std::int32_t* sums, const std::int16_t* lower, const std::int16_t* upper, tern::word* to,
               size_t plane_stride) noexcept {
    constexpr tern::word plus = activations::encode(1);
    constexpr tern::word minus = activations::encode(-1);
    static_assert(Outputs % tern::word_bits == 0 && activations::planes == 2);
    for (size_t w = 0; w < Outputs / tern::word_bits; ++w) {
        tern::word planes[2] = {0, 0};
        for (size_t i = 0; i < tern::word_bits; ++i) {
            const std::int32_t sum = *sums++;
            const tern::word code = sum > *upper++ ? plus : sum < *lower ? minus : 0;
            ++lower;
            planes[0] |= (code & 1u) << i;
            planes[1] |= (code >> 1) << i;
        }
        to[w] = planes[0];
        to[plane_stride + w] = planes[1];
    }
}

/// Classifies one picture at a time.
template <class Arch = tern::default_arch>
class network {
    static constexpr size_t larger(size_t a, size_t b) noexcept { return a > b ? a : b; }
    template <size_t Layer>
    static constexpr size_t pooled_words =
        tern::rows_words<activations>(extents[Layer + 1] * extents[Layer + 1], channels[Layer + 1]);
    template <size_t Layer>
    static constexpr size_t strip_words = tern::rows_words<activations>(2 * extents[Layer], channels[Layer + 1]);
    template <size_t Layer>
    static constexpr size_t row_sums = extents[Layer] * channels[Layer + 1];

    // The workspace in words: a row of sums, two rows before pooling, and what the layers leave behind.
    static constexpr size_t strip = larger(row_sums<0>, larger(row_sums<1>, row_sums<2>));
    static constexpr size_t first = strip + larger(strip_words<0>, larger(strip_words<1>, strip_words<2>));
    static constexpr size_t second = first + pooled_words<0>;
    static constexpr size_t third = second + pooled_words<1>;

public:
    static constexpr size_t workspace_words = third + pooled_words<2>;

    explicit constexpr network(const model& m) noexcept : model_(m) {}

    /// image: 28 x 28 bytes, logits: 10.
    [[nodiscard]] tern::status run(const std::uint8_t* image, float* logits) noexcept {
        tern::status s = block<0>(image, first);
        if (s == tern::status::ok) s = block<1>(workspace_ + first, second);
        if (s == tern::status::ok) s = block<2>(workspace_ + second, third);
        const tern::packed_rows<activations> x(workspace_ + third, 1, features, tern::depth_words(features),
                                               last_plane_stride);
        if (s == tern::status::ok)
            s = tern::gemm<Arch>(x, model_.last_weights(), tern::matrix_view<float>(logits, 1, outputs),
                                 model_.last_epilogue());
        return s;
    }

private:
    static constexpr size_t last_plane_stride = tern::depth_words(features);

    /// Convolution, limits, pooling: from a layer's input to its output at `to`.
    template <size_t Layer, class Input>
    [[nodiscard]] tern::status block(const Input* input, size_t to) noexcept {
        constexpr size_t in = extents[Layer];
        constexpr size_t out = extents[Layer + 1];
        constexpr size_t depth = channels[Layer + 1];
        const tern::mutable_packed_tensor<activations> rows{
            tern::mutable_packed_rows<activations>(workspace_ + strip, 2 * in, depth), 1, 2, in};
        tern::mutable_packed_rows<activations> pooled(workspace_ + to, out, depth);
        if constexpr (Layer == layers - 1) {
            // The features of a picture have to be one row, so the last planes lie in two arrays without a gap.
            pooled.row_stride = pooled.words();
            pooled.plane_stride = last_plane_stride;
        }
        tern::status s = tern::status::ok;
        for (size_t y = 0; y < out && s == tern::status::ok; ++y) {
            for (size_t i = 0; i < 2 && s == tern::status::ok; ++i) {
                s = sum_row<Layer>(input, 2 * y + i);
                ternarize_row<Layer>(2 * y + i, rows.pixels, i * in);
            }
            if (s == tern::status::ok)
                s = tern::max_pool2d<Arch, activations>(rows, tern::square_window(2, 2), {pooled, 1, 1, out});
            pooled.data = pooled.target += out * pooled.row_stride;
        }
        return s;
    }

    /// Row y of the convolution.
    template <size_t Layer, class Input>
    [[nodiscard]] tern::status sum_row(const Input* input, size_t y) noexcept {
        constexpr size_t in = extents[Layer];
        const size_t above = y == 0 ? 0 : 1;  // rows of the input, or padding
        const size_t below = y + 1 == in ? 0 : 1;
        const size_t height = above + 1 + below;
        const tern::window2d window{{3, 1, 1, 1 - above, 1 - below}, {3, 1, 1, 1, 1}};
        const tern::tensor_view<std::int32_t> sums(reinterpret_cast<std::int32_t*>(workspace_), 1, 1, in,
                                                   channels[Layer + 1]);
        const size_t from = (y - above) * in;
        if constexpr (Layer == 0) {
            const tern::tensor_view<const std::uint8_t> x(input + from, 1, height, in, 1);
            return tern::conv2d<Arch>(tern::byte_tensor(x), model_.codes_of_first(), window, sums);
        } else {
            tern::packed_rows<activations> x(input, height * in, channels[Layer]);
            x.data += from * x.row_stride;
            return tern::conv2d<Arch>(tern::packed_tensor<activations>(x, 1, height, in), model_.weights(Layer), window,
                                      sums);
        }
    }

    template <size_t Layer>
    void ternarize_row(size_t y, const tern::mutable_packed_rows<activations>& to, size_t pixel) noexcept {
        constexpr size_t in = extents[Layer];
        constexpr size_t depth = channels[Layer + 1];
        const layer& l = model_.layers[Layer];
        for (size_t x = 0; x < in; ++x) {
            const size_t limits = (3 * place(y, in) + place(x, in)) * depth;
            ternarize<depth>(reinterpret_cast<const std::int32_t*>(workspace_) + x * depth, l.lower + limits,
                             l.upper + limits, to.target_row(pixel + x), to.plane_stride);
        }
    }

    const model& model_;
    static inline tern::word workspace_[workspace_words];
};

}  // namespace cortex_m
