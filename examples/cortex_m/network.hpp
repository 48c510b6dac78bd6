// SPDX-License-Identifier: MIT
// The ternary network of examples/fashion_mnist for microcontrollers: weights, scales and thresholds where the linker
// put them (flash), and one static array for everything that moves. The first layer multiplies the picture's bytes as they
// are by 2-bit codes (SMLAD where the core has it), in strips of four rows, so that its result before pooling takes 1 KB
// instead of 6; all strips together compute what one call would. The other layers are bit planes.
#pragma once

#include <tern/conv_bytes.hpp>
#include <tern/gemm.hpp>
#include <tern/pack.hpp>
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

/// Pointers to constants, as the PC wrote them.
struct layer {
    const tern::word* panels;  ///< the first layer has codes instead
    const float* scale;
    const float* upper;  ///< thresholds; the last layer has none
    const float* lower;
    float activation_scale;
    float activation_offset;
};

struct model {
    layer layers[cortex_m::layers + 1];
    const std::uint8_t* codes;
    const float* bias;

    [[nodiscard]] tern::packed_codes first_weights() const noexcept { return {codes, channels[1], 9 * channels[0]}; }
    [[nodiscard]] tern::packed_panels<tern::ternary> weights(size_t i) const noexcept {
        return i < cortex_m::layers
                   ? tern::packed_panels<tern::ternary>(layers[i].panels, channels[i + 1], 9, channels[i])
                   : tern::packed_panels<tern::ternary>(layers[i].panels, outputs, features);
    }
    [[nodiscard]] tern::scale_offset epilogue(size_t i) const noexcept {
        tern::scale_offset e;
        e.weights.scale = tern::per_channel(layers[i].scale);
        e.activations = {tern::per_tensor(layers[i].activation_scale), tern::per_tensor(layers[i].activation_offset)};
        e.bias = i < cortex_m::layers ? nullptr : bias;
        return e;
    }
    [[nodiscard]] tern::thresholds thresholds(size_t i) const noexcept {
        return {tern::per_channel(layers[i].lower), tern::per_channel(layers[i].upper)};
    }
};

/// A view of ternary activations, height x width x channels, in the workspace.
[[nodiscard]] inline tern::mutable_packed_tensor<activations> tensor(tern::word* at, size_t height, size_t width,
                                                                     size_t depth) noexcept {
    return {tern::mutable_packed_rows<activations>(at, height * width, depth), 1, height, width};
}

/// Classifies one picture at a time.
template <class Arch = tern::default_arch>
class network {
    // The workspace in words: first a strip beside the first layer's result, then layer after layer, where each
    // writes behind or before what it reads.
    static constexpr size_t strip_rows = 4;
    template <size_t Layer>
    static constexpr size_t pooled_words =
        tern::rows_words<activations>(extents[Layer + 1] * extents[Layer + 1], channels[Layer + 1]);
    template <size_t Layer>
    static constexpr size_t whole_words =
        tern::rows_words<activations>(extents[Layer] * extents[Layer], channels[Layer + 1]);
    static constexpr size_t strip_result_words = tern::rows_words<activations>(strip_rows * image_size, channels[1]);

    static constexpr size_t strip = pooled_words<0>;
    static constexpr size_t second = pooled_words<0>;
    static constexpr size_t second_pooled = second + whole_words<1>;
    static constexpr size_t third = 0;
    static constexpr size_t third_pooled = second_pooled + pooled_words<1>;
    static_assert(third + whole_words<2> <= second_pooled, "the third layer would overwrite what it reads");

    static constexpr size_t larger(size_t a, size_t b) noexcept { return a > b ? a : b; }

public:
    static constexpr size_t workspace_words =
        larger(strip + strip_result_words, third_pooled + pooled_words<2>);

    explicit constexpr network(const model& m) noexcept : model_(m) {}

    /// image: 28 x 28 bytes, logits: 10.
    [[nodiscard]] tern::status run(const std::uint8_t* image, float* logits) noexcept {
        tern::status s = tern::status::ok;
        for (size_t row = 0; row < image_size && s == tern::status::ok; row += strip_rows) s = first_layer(image, row);
        if (s == tern::status::ok) s = block<1>(0, second, second_pooled);
        if (s == tern::status::ok) s = block<2>(second_pooled, third, third_pooled);
        const tern::packed_rows<activations> x(workspace_ + third_pooled, 1, features, tern::depth_words(features),
                                               last_plane_stride);
        if (s == tern::status::ok)
            s = tern::gemm<Arch>(x, model_.weights(layers), tern::matrix_view<float>(logits, 1, outputs),
                                 model_.epilogue(layers));
        return s;
    }

private:
    /// Rows row .. row + 3 of the picture to rows row / 2 and row / 2 + 1 of the pooled result.
    [[nodiscard]] tern::status first_layer(const std::uint8_t* image, size_t row) noexcept {
        const size_t before = row == 0 ? 0 : 1;  // rows of the picture around the strip, or padding
        const size_t after = row + strip_rows == image_size ? 0 : 1;
        const size_t height = before + strip_rows + after;
        const tern::tensor_view<const std::uint8_t> input(image + (row - before) * image_size, 1, height, image_size, 1);
        const auto whole = tensor(workspace_ + strip, strip_rows, image_size, channels[1]);
        const tern::window2d window{{3, 1, 1, 1 - before, 1 - after}, {3, 1, 1, 1, 1}};

        tern::status s = tern::conv2d<Arch>(tern::byte_tensor(input), model_.first_weights(), window, whole,
                                            model_.epilogue(0), model_.thresholds(0));
        auto pooled = tensor(workspace_, strip_rows / 2, extents[1], channels[1]);
        pooled.pixels = rows_from(pooled.pixels, row / 2 * extents[1]);
        if (s == tern::status::ok)
            s = tern::max_pool2d<Arch, activations>(whole, tern::square_window(2, 2), pooled);
        return s;
    }

    [[nodiscard]] static tern::mutable_packed_rows<activations> rows_from(
        const tern::mutable_packed_rows<activations>& v, size_t first) noexcept {
        return {v.target_row(first), v.rows, v.depth, v.row_stride, v.plane_stride};
    }

    template <size_t Layer>
    [[nodiscard]] tern::status block(size_t from, size_t to, size_t to_pooled) noexcept {
        constexpr size_t in = extents[Layer];
        constexpr size_t out = extents[Layer + 1];
        const auto input = tensor(workspace_ + from, in, in, channels[Layer]);
        const auto whole = tensor(workspace_ + to, in, in, channels[Layer + 1]);
        auto pooled = tensor(workspace_ + to_pooled, out, out, channels[Layer + 1]);
        if constexpr (Layer == layers - 1) {
            // The features of a picture have to be one row, so the last planes lie in two arrays without a gap.
            pooled.pixels.row_stride = pooled.pixels.words();
            pooled.pixels.plane_stride = last_plane_stride;
        }
        tern::status s = tern::conv2d<Arch>(tern::packed_tensor<activations>(input), model_.weights(Layer),
                                            tern::square_window(3, 1, 1), whole, model_.epilogue(Layer),
                                            model_.thresholds(Layer));
        if (s == tern::status::ok)
            s = tern::max_pool2d<Arch, activations>(whole, tern::square_window(2, 2), pooled);
        return s;
    }

    static constexpr size_t last_plane_stride = tern::depth_words(features);

    const model& model_;
    static inline tern::word workspace_[workspace_words];
};

}  // namespace cortex_m
