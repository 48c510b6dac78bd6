// SPDX-License-Identifier: MIT
// The same network on unpacked values with tern::reference: what every logit of the packed one has to equal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <tern/pack.hpp>
#include <tern/reference.hpp>

#include "packed_model.hpp"

namespace fashion_mnist {

/// One image at a time. The model has to outlive it.
class reference_network {
public:
    explicit reference_network(const packed_model& model) : model_(model) {
        for (std::size_t i = 0; i < layer_count; ++i) filters_[i] = unpack(model.conv[i].weights);
        fc_ = unpack(model.fc.weights);
    }

    void run(const std::uint8_t* image, float* logits) const {
        std::vector<std::int8_t> x = block(0, image);
        for (std::size_t i = 1; i < layer_count; ++i) x = block(i, x.data());
        tern::reference::gemm(tern::matrix_view<const std::int8_t>(x.data(), 1, feature_count),
                              tern::matrix_view<const std::int8_t>(fc_.data(), output_count, feature_count),
                              tern::matrix_view<float>(logits, 1, output_count), model_.epilogue(layer_count));
    }

private:
    [[nodiscard]] static std::vector<std::int8_t> unpack(const tern::packed_panels<tern::ternary>& panels) {
        std::vector<std::int8_t> values(panels.outputs * panels.depth());
        require(tern::unpack(panels, tern::matrix_view<std::int8_t>(values.data(), panels.outputs, panels.depth())),
                "unpack");
        return values;
    }

    template <class T>
    [[nodiscard]] std::vector<std::int8_t> block(std::size_t layer, const T* input) const {
        const std::size_t in = extents[layer];
        const std::size_t out = extents[layer + 1];
        const std::size_t c = channels[layer + 1];
        std::vector<float> sums(in * in * c);
        std::vector<std::int8_t> whole(in * in * c);
        std::vector<std::int8_t> pooled(out * out * c);
        const tern::tensor_view<float> y(sums.data(), 1, in, in, c);
        const tern::tensor_view<std::int8_t> t(whole.data(), 1, in, in, c);
        tern::reference::conv2d(tern::tensor_view<const T>(input, 1, in, in, channels[layer]),
                                tern::tensor_view<const std::int8_t>(filters_[layer].data(), c, 3, 3, channels[layer]),
                                tern::square_window(3, 1, 1), y, model_.epilogue(layer));
        tern::reference::ternarize(y.pixels(), model_.conv[layer].thresholds(), t.pixels());
        tern::reference::max_pool2d(t, tern::square_window(2, 2),
                                    tern::tensor_view<std::int8_t>(pooled.data(), 1, out, out, c));
        return pooled;
    }

    const packed_model& model_;
    std::array<std::vector<std::int8_t>, layer_count> filters_;
    std::vector<std::int8_t> fc_;
};

}  // namespace fashion_mnist
