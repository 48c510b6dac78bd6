// SPDX-License-Identifier: MIT
// Networks as tables of layers. A layer reads the output of an earlier one, by its place in the table, and may add the
// output of another before its thresholds.
#pragma once

#include <cstddef>
#include <vector>

#include <tern/layer.hpp>

namespace tern_bench {

using std::size_t;

enum class layer_kind { convolution, depthwise, max_pool, average_pool, connected };

struct network_layer {
    const char* name;
    layer_kind kind;
    tern::layer_shape shape;
    int from;           ///< -1: the input of the network
    int shortcut = -1;  ///< -1: none

    /// Those of the taps inside the image.
    [[nodiscard]] double macs() const {
        const auto taps = [](const tern::window_axis& axis, size_t input) {
            size_t total = 0;
            for (size_t o = 0; o < axis.outputs(input); ++o) total += axis.last_tap(o, input) - axis.first_tap(o);
            return static_cast<double>(total);
        };
        const double windows = taps(shape.window.y, shape.height) * taps(shape.window.x, shape.width);
        if (kind == layer_kind::max_pool || kind == layer_kind::average_pool) return 0;
        const size_t each = kind == layer_kind::depthwise ? shape.channels : shape.channels * shape.outputs;
        return windows * static_cast<double>(each);
    }
};

struct network_table {
    const char* name;
    std::vector<network_layer> layers;

    /// WRPN: `factor` times as many channels between the network's input and its classes.
    [[nodiscard]] network_table widened(size_t factor) const {
        network_table wide = *this;
        for (size_t i = 0; i < layers.size(); ++i) {
            if (layers[i].from >= 0) wide.layers[i].shape.channels *= factor;
            if (layers[i].kind != layer_kind::connected) wide.layers[i].shape.outputs *= factor;
        }
        return wide;
    }
};

namespace detail {

inline network_layer convolution(const char* name, size_t size, size_t in, size_t out, size_t kernel, size_t stride,
                                 size_t padding, int from, int shortcut = -1) {
    return {name,
            layer_kind::convolution,
            {1, size, size, in, out, tern::square_window(kernel, stride, padding)},
            from,
            shortcut};
}

inline network_layer pool(const char* name, layer_kind kind, size_t size, size_t channels, size_t kernel, size_t stride,
                          size_t padding, int from) {
    return {name, kind, {1, size, size, channels, channels, tern::square_window(kernel, stride, padding)}, from};
}

inline network_layer connected(size_t in, size_t out, int from) {
    return {"fc", layer_kind::connected, {1, 1, 1, in, out, {}}, from};
}

}  // namespace detail

/// ResNet-18 for images of 224 x 224 x 3 (He et al., 2015, table 1): 1.81 GMAC.
inline network_table resnet18() {
    using detail::connected, detail::convolution, detail::pool;
    network_table net{
        "resnet18",
        {convolution("conv1", 224, 3, 64, 7, 2, 3, -1), pool("pool1", layer_kind::max_pool, 112, 64, 3, 2, 1, 0),
         convolution("conv2_1a", 56, 64, 64, 3, 1, 1, 1), convolution("conv2_1b", 56, 64, 64, 3, 1, 1, 2, 1),
         convolution("conv2_2a", 56, 64, 64, 3, 1, 1, 3), convolution("conv2_2b", 56, 64, 64, 3, 1, 1, 4, 3)}};
    const char* const names[3][5] = {{"conv3_1a", "conv3_1s", "conv3_1b", "conv3_2a", "conv3_2b"},
                                     {"conv4_1a", "conv4_1s", "conv4_1b", "conv4_2a", "conv4_2b"},
                                     {"conv5_1a", "conv5_1s", "conv5_1b", "conv5_2a", "conv5_2b"}};
    for (size_t stage = 0; stage < 3; ++stage) {
        const size_t in = size_t{64} << stage;
        const size_t size = size_t{56} >> stage;
        const int last = static_cast<int>(net.layers.size()) - 1;
        const auto& name = names[stage];
        net.layers.push_back(convolution(name[0], size, in, 2 * in, 3, 2, 1, last));
        net.layers.push_back(convolution(name[1], size, in, 2 * in, 1, 2, 0, last));
        net.layers.push_back(convolution(name[2], size / 2, 2 * in, 2 * in, 3, 1, 1, last + 1, last + 2));
        net.layers.push_back(convolution(name[3], size / 2, 2 * in, 2 * in, 3, 1, 1, last + 3));
        net.layers.push_back(convolution(name[4], size / 2, 2 * in, 2 * in, 3, 1, 1, last + 4, last + 3));
    }
    const int last = static_cast<int>(net.layers.size()) - 1;
    net.layers.push_back(pool("pool5", layer_kind::average_pool, 7, 512, 7, 7, 0, last));
    net.layers.push_back(connected(512, 1000, last + 1));
    return net;
}

/// VGG-9 for CIFAR-10, as the binary networks have it: 2 x 128, 2 x 256, 2 x 512 channels, 1024 - 1024 - 10. The first
/// connected layer is a convolution without padding.
inline network_table vgg9() {
    using detail::connected, detail::convolution, detail::pool;
    network_table net{
        "vgg9",
        {convolution("conv1_1", 32, 3, 128, 3, 1, 1, -1), convolution("conv1_2", 32, 128, 128, 3, 1, 1, 0),
         pool("pool1", layer_kind::max_pool, 32, 128, 2, 2, 0, 1), convolution("conv2_1", 16, 128, 256, 3, 1, 1, 2),
         convolution("conv2_2", 16, 256, 256, 3, 1, 1, 3), pool("pool2", layer_kind::max_pool, 16, 256, 2, 2, 0, 4),
         convolution("conv3_1", 8, 256, 512, 3, 1, 1, 5), convolution("conv3_2", 8, 512, 512, 3, 1, 1, 6),
         pool("pool3", layer_kind::max_pool, 8, 512, 2, 2, 0, 7), convolution("fc1", 4, 512, 1024, 4, 1, 0, 8),
         convolution("fc2", 1, 1024, 1024, 1, 1, 0, 9), connected(1024, 10, 10)}};
    return net;
}

/// DS-CNN for keywords in 49 x 10 features (Zhang et al., 2017, "Hello Edge", the small one): 2.7 MMAC.
inline network_table ds_cnn() {
    using detail::connected;
    network_table net{
        "ds_cnn", {{"conv1", layer_kind::convolution, {1, 49, 10, 1, 64, {{10, 2, 1, 4, 5}, {4, 2, 1, 1, 1}}}, -1}}};
    const char* const names[4][2] = {{"dw1", "pw1"}, {"dw2", "pw2"}, {"dw3", "pw3"}, {"dw4", "pw4"}};
    for (const auto& name : names) {
        const int last = static_cast<int>(net.layers.size()) - 1;
        net.layers.push_back({name[0], layer_kind::depthwise, {1, 25, 5, 64, 64, tern::square_window(3, 1, 1)}, last});
        net.layers.push_back({name[1], layer_kind::convolution, {1, 25, 5, 64, 64, {}}, last + 1});
    }
    const int last = static_cast<int>(net.layers.size()) - 1;
    net.layers.push_back(
        {"pool", layer_kind::average_pool, {1, 25, 5, 64, 64, {{25, 25, 1, 0, 0}, {5, 5, 1, 0, 0}}}, last});
    net.layers.push_back(connected(64, 12, last + 1));
    return net;
}

}  // namespace tern_bench
