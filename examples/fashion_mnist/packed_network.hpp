// SPDX-License-Identifier: MIT
// From pixels to logits on packed words: three times convolution, thresholds and max-pool, then one matrix product.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include <tern/buffer.hpp>
#include <tern/conv.hpp>
#include <tern/gemm.hpp>
#include <tern/pool.hpp>

#include "packed_model.hpp"

namespace fashion_mnist {

/// Up to `batch` images at a time. Allocates when it is made and never again. The model has to outlive it.
template <class Arch = tern::default_arch>
class packed_network {
    using pixels = tern::unsigned_bits<8>;
    using activations = tern::ternary;

public:
    packed_network(const packed_model& model, std::size_t batch)
        : model_(model), batch_(batch), input_(batch * image_size * image_size, 1) {
        for (std::size_t i = 0; i < layer_count; ++i) {
            const std::size_t c = channels[i + 1];
            sums_[i] = {batch * extents[i] * extents[i], c};
            pooled_[i] = {batch * extents[i + 1] * extents[i + 1], c};
        }
        // The features of an image have to be one row, so the last planes lie in two arrays, each without a gap.
        auto& last = pooled_[layer_count - 1];
        last.row_stride = last.words();
        last.plane_stride = last.rows * last.words();
    }

    [[nodiscard]] std::size_t batch() const noexcept { return batch_; }

    /// images: count x 28 x 28 bytes, logits: count x 10, count <= batch.
    void run(const std::uint8_t* images, std::size_t count, float* logits) {
        if (count > batch_) throw std::logic_error("packed_network: more images than a batch");
        auto input = first_rows(input_, count * image_size * image_size);
        require(tern::pack_rows<pixels, Arch>(
            tern::matrix_view<const std::uint8_t>(images, count * image_size * image_size, 1), input));
        tern::packed_tensor<activations> x = block<pixels>(0, {input, count, image_size, image_size});
        for (std::size_t i = 1; i < layer_count; ++i) x = block<activations>(i, x);

        const std::size_t features = tern::depth_words(feature_count);
        const tern::packed_rows<activations> rows(x.pixels.data, count, feature_count, features, x.pixels.plane_stride);
        require(tern::gemm<Arch>(rows, model_.fc.weights, tern::matrix_view<float>(logits, count, output_count),
                                 model_.epilogue(layer_count)));
    }

private:
    template <class Encoding>
    [[nodiscard]] static tern::mutable_packed_rows<Encoding> first_rows(const tern::mutable_packed_rows<Encoding>& rows,
                                                                        std::size_t count) {
        auto part = rows;
        part.rows = count;
        return part;
    }

    /// Batch norm is part of the thresholds, and the thresholds are part of the convolution: it writes packed words.
    template <class Encoding>
    [[nodiscard]] tern::packed_tensor<activations> block(std::size_t layer,
                                                         const tern::packed_tensor<Encoding>& input) {
        const auto& conv = model_.conv[layer];
        const auto tensor = [&](const auto& rows, std::size_t extent) {
            return tern::mutable_packed_tensor<activations>{first_rows(rows, input.images * extent * extent),
                                                            input.images, extent, extent};
        };
        const auto whole = tensor(sums_[layer], extents[layer]);
        const auto pooled = tensor(pooled_[layer], extents[layer + 1]);
        require(tern::conv2d<Arch>(input, conv.weights, tern::square_window(3, 1, 1), whole, model_.epilogue(layer),
                                   conv.thresholds()));
        require(tern::max_pool2d<Arch, activations>(whole, tern::square_window(2, 2), pooled));
        return pooled;
    }

    const packed_model& model_;
    std::size_t batch_;
    tern::packed_activations<pixels> input_;
    std::array<tern::packed_activations<activations>, layer_count> sums_;
    std::array<tern::packed_activations<activations>, layer_count> pooled_;
};

}  // namespace fashion_mnist
