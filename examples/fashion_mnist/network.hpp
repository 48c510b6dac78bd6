// SPDX-License-Identifier: MIT
// The trained networks as plain numbers, without libtorch and without tern: what `train` writes and packing reads.
//
// Both see the same picture, pixel -> scale * pixel + offset, and go through three blocks
//
//     convolution 3x3, zero padding 1, no bias -> max-pool 2x2, stride 2, floor -> batch norm -> activation
//
// (28 -> 14 -> 7 -> 3 pixels, 1 -> 32 -> 64 -> 128 channels) and one fully connected layer over the 3 x 3 x 128
// activations, flattened as (y * 3 + x) * 128 + channel. Padded taps are real zeros. Batch norms have positive slope,
// so they, and the thresholds that replace them, commute with the max-pool.
//
// File, a safetensors file; layers N = 1 .. 3 are the convolutions, `act` 1 .. 4 the inputs of the four layers:
//
//     ternary_network   convN.values  I8  [O, 3, 3, I]   weight = scale[o] * value
//                       convN.scale   F32 [O]
//                       convN.upper   F32 [O]            the activation of a sum y is +1 if y > upper,
//                       convN.lower   F32 [O]            -1 if y < lower, else 0; lower <= upper
//                       actN.scale_offset F32 [2]        the number behind a pixel or a ternary value: scale * v + offset
//                       fc.values     I8  [10, 1152], fc.scale F32 [10], fc.bias F32 [10]
//     float_network     convN.weight  F32 [O, 3, 3, I], convN.bn_scale, convN.bn_shift F32 [O]   relu(scale * y + shift)
//                       act1.scale_offset F32 [2]
//                       fc.weight     F32 [10, 1152], fc.bias F32 [10]
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "safetensors.hpp"

namespace fashion_mnist {

constexpr std::size_t image_size = 28;
constexpr std::size_t layer_count = 3;
constexpr std::array<std::size_t, layer_count + 1> channels{1, 32, 64, 128};
constexpr std::array<std::size_t, layer_count + 1> extents{28, 14, 7, 3};
constexpr std::size_t feature_count = extents[layer_count] * extents[layer_count] * channels[layer_count];
constexpr std::size_t output_count = 10;

using metadata = std::map<std::string, std::string>;

struct scale_offset_pair {
    float scale = 1.0f;
    float offset = 0.0f;
};

struct ternary_network {
    struct convolution {
        std::vector<std::int8_t> values;
        std::vector<float> scale;
        std::vector<float> upper;
        std::vector<float> lower;
    };
    std::array<convolution, layer_count> conv;
    std::array<scale_offset_pair, layer_count + 1> act;
    std::vector<std::int8_t> fc_values;
    std::vector<float> fc_scale;
    std::vector<float> fc_bias;
    fashion_mnist::metadata metadata;
};

struct float_network {
    struct convolution {
        std::vector<float> weight;
        std::vector<float> bn_scale;
        std::vector<float> bn_shift;
    };
    std::array<convolution, layer_count> conv;
    scale_offset_pair act;
    std::vector<float> fc_weight;
    std::vector<float> fc_bias;
    fashion_mnist::metadata metadata;
};

namespace detail {

[[nodiscard]] inline std::string conv_name(std::size_t layer, const char* what) {
    return "conv" + std::to_string(layer + 1) + "." + what;
}

[[nodiscard]] inline std::string act_name(std::size_t layer) {
    return "act" + std::to_string(layer + 1) + ".scale_offset";
}

[[nodiscard]] inline std::vector<std::size_t> conv_shape(std::size_t layer) {
    return {channels[layer + 1], 3, 3, channels[layer]};
}

inline void put(safetensors::file& file, std::size_t layer, scale_offset_pair act) {
    file.put<float>(act_name(layer), {2}, {act.scale, act.offset});
}

[[nodiscard]] inline scale_offset_pair get(const safetensors::file& file, std::size_t layer) {
    const std::vector<float> pair = file.get<float>(act_name(layer), {2});
    return {pair[0], pair[1]};
}

}  // namespace detail

inline void save_network(const std::string& path, const ternary_network& network) {
    safetensors::file file;
    file.metadata = network.metadata;
    for (std::size_t layer = 0; layer < layer_count; ++layer) {
        const auto& conv = network.conv[layer];
        const std::size_t outputs = channels[layer + 1];
        file.put(detail::conv_name(layer, "values"), detail::conv_shape(layer), conv.values);
        file.put(detail::conv_name(layer, "scale"), {outputs}, conv.scale);
        file.put(detail::conv_name(layer, "upper"), {outputs}, conv.upper);
        file.put(detail::conv_name(layer, "lower"), {outputs}, conv.lower);
    }
    for (std::size_t layer = 0; layer <= layer_count; ++layer) detail::put(file, layer, network.act[layer]);
    file.put("fc.values", {output_count, feature_count}, network.fc_values);
    file.put("fc.scale", {output_count}, network.fc_scale);
    file.put("fc.bias", {output_count}, network.fc_bias);
    safetensors::write(path, file);
}

inline void save_network(const std::string& path, const float_network& network) {
    safetensors::file file;
    file.metadata = network.metadata;
    for (std::size_t layer = 0; layer < layer_count; ++layer) {
        const auto& conv = network.conv[layer];
        const std::size_t outputs = channels[layer + 1];
        file.put(detail::conv_name(layer, "weight"), detail::conv_shape(layer), conv.weight);
        file.put(detail::conv_name(layer, "bn_scale"), {outputs}, conv.bn_scale);
        file.put(detail::conv_name(layer, "bn_shift"), {outputs}, conv.bn_shift);
    }
    detail::put(file, 0, network.act);
    file.put("fc.weight", {output_count, feature_count}, network.fc_weight);
    file.put("fc.bias", {output_count}, network.fc_bias);
    safetensors::write(path, file);
}

/// `load_network<ternary_network>(path)` or `load_network<float_network>(path)`. Throws a std::runtime_error with one
/// line that names the file when a tensor is missing, has another type or shape, or holds what no such network can.
template <class Network>
[[nodiscard]] Network load_network(const std::string& path);

template <>
[[nodiscard]] inline ternary_network load_network<ternary_network>(const std::string& path) {
    const safetensors::file file = safetensors::read(path);
    const auto check_ternary = [](const std::string& name, const std::vector<std::int8_t>& values) {
        for (const std::int8_t v : values) {
            if (v < -1 || v > 1) throw std::runtime_error("tensor " + name + ": a value is not -1, 0 or +1");
        }
    };
    try {
        ternary_network network;
        network.metadata = file.metadata;
        for (std::size_t layer = 0; layer < layer_count; ++layer) {
            auto& conv = network.conv[layer];
            const std::size_t outputs = channels[layer + 1];
            conv.values = file.get<std::int8_t>(detail::conv_name(layer, "values"), detail::conv_shape(layer));
            check_ternary(detail::conv_name(layer, "values"), conv.values);
            conv.scale = file.get<float>(detail::conv_name(layer, "scale"), {outputs});
            conv.upper = file.get<float>(detail::conv_name(layer, "upper"), {outputs});
            conv.lower = file.get<float>(detail::conv_name(layer, "lower"), {outputs});
            for (std::size_t o = 0; o < outputs; ++o) {
                if (!(conv.lower[o] <= conv.upper[o])) {
                    throw std::runtime_error("tensor " + detail::conv_name(layer, "lower") + ": above upper");
                }
            }
        }
        for (std::size_t layer = 0; layer <= layer_count; ++layer) network.act[layer] = detail::get(file, layer);
        network.fc_values = file.get<std::int8_t>("fc.values", {output_count, feature_count});
        check_ternary("fc.values", network.fc_values);
        network.fc_scale = file.get<float>("fc.scale", {output_count});
        network.fc_bias = file.get<float>("fc.bias", {output_count});
        return network;
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(path + ": " + error.what());
    }
}

template <>
[[nodiscard]] inline float_network load_network<float_network>(const std::string& path) {
    const safetensors::file file = safetensors::read(path);
    try {
        float_network network;
        network.metadata = file.metadata;
        for (std::size_t layer = 0; layer < layer_count; ++layer) {
            auto& conv = network.conv[layer];
            const std::size_t outputs = channels[layer + 1];
            conv.weight = file.get<float>(detail::conv_name(layer, "weight"), detail::conv_shape(layer));
            conv.bn_scale = file.get<float>(detail::conv_name(layer, "bn_scale"), {outputs});
            conv.bn_shift = file.get<float>(detail::conv_name(layer, "bn_shift"), {outputs});
        }
        network.act = detail::get(file, 0);
        network.fc_weight = file.get<float>("fc.weight", {output_count, feature_count});
        network.fc_bias = file.get<float>("fc.bias", {output_count});
        return network;
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(path + ": " + error.what());
    }
}

}  // namespace fashion_mnist
