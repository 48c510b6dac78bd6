// SPDX-License-Identifier: MIT
// The ternary network as it is stored and run: weights in tern's panels, scales, offsets and thresholds beside them.
//
// File, a safetensors file; `layer` is conv1, conv2, conv3 or fc:
//
//     layer.panels       U32 [panels, words of a panel]   tern::packed_panels<tern::ternary>, as they are multiplied
//     layer.scale        F32 [O]
//     convN.upper, convN.lower  F32 [O]                    thresholds, see network.hpp
//     actN.scale_offset  F32 [2]
//     fc.bias            F32 [10]
//     metadata           format, version, layout and encoding (tern's stable numbers), layer.shape (outputs, taps, depth
//                        of a tap), checksum, and what training says
//
// A reader believes nothing: layout, encoding and shapes have to be those of this network, numbers finite, words what
// packing their own values gives (tern::view_panels), and the checksum has to fit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <tern/buffer.hpp>
#include <tern/epilogue.hpp>
#include <tern/pack.hpp>

#include "checksum.hpp"
#include "network.hpp"
#include "require.hpp"

namespace fashion_mnist {

struct packed_layer {
    tern::packed_matrix<tern::ternary> weights;
    std::vector<float> scale;  ///< one an output
};

struct packed_convolution : packed_layer {
    std::vector<float> upper;
    std::vector<float> lower;

    [[nodiscard]] tern::thresholds thresholds() const {
        return {tern::per_channel(lower.data()), tern::per_channel(upper.data())};
    }
};

struct packed_model {
    std::array<packed_convolution, layer_count> conv;
    packed_layer fc;
    std::vector<float> fc_bias;
    std::array<scale_offset_pair, layer_count + 1> act;
    fashion_mnist::metadata metadata;

    /// Reconstruction of a layer's sums; `layer_count` is the fully connected one. Points into this model.
    [[nodiscard]] tern::scale_offset epilogue(std::size_t layer) const {
        const packed_layer& weights = layer < layer_count ? conv[layer] : fc;
        tern::scale_offset e;
        e.weights.scale = tern::per_channel(weights.scale.data());
        e.activations = {tern::per_tensor(act[layer].scale), tern::per_tensor(act[layer].offset)};
        e.bias = layer < layer_count ? nullptr : fc_bias.data();
        return e;
    }
};

namespace detail {

struct layer_shape {
    std::size_t outputs;
    std::size_t taps;
    std::size_t tap_depth;

    [[nodiscard]] std::size_t depth() const { return taps * tap_depth; }
    [[nodiscard]] std::string text() const {
        return std::to_string(outputs) + " " + std::to_string(taps) + " " + std::to_string(tap_depth);
    }
};

[[nodiscard]] constexpr layer_shape conv_panels(std::size_t layer) { return {channels[layer + 1], 9, channels[layer]}; }
constexpr layer_shape fc_panels{output_count, 1, feature_count};

template <class Id>
[[nodiscard]] std::string id_text(Id id) {
    return std::to_string(static_cast<std::uint32_t>(id));
}

[[nodiscard]] inline tern::packed_matrix<tern::ternary> pack_layer(const std::string& name, const layer_shape& shape,
                                                                   const std::vector<std::int8_t>& values) {
    if (values.size() != shape.outputs * shape.depth()) throw std::runtime_error(name + ": shapes do not fit");
    const tern::matrix_view<const std::int8_t> view(values.data(), shape.outputs, shape.depth());
    auto packed = tern::pack<tern::ternary>(view, shape.taps);
    require(packed.state, name);
    return packed;
}

inline void put_layer(safetensors::file& file, const std::string& name, const layer_shape& shape,
                      const packed_layer& layer) {
    const auto& w = layer.weights;
    file.metadata[name + ".shape"] = shape.text();
    file.put(name + ".panels", {w.panels(), w.panel_stride()}, std::vector<std::uint32_t>(w.data, w.data + w.words()));
    file.put(name + ".scale", {shape.outputs}, layer.scale);
}

inline void expect(const safetensors::file& file, const std::string& key, const std::string& value) {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end()) throw std::runtime_error("metadata " + key + " is missing");
    if (found->second != value) throw std::runtime_error("metadata " + key + " is not " + value);
}

inline void get_layer(const safetensors::file& file, const std::string& name, const layer_shape& shape,
                      packed_layer& layer) {
    const std::string tensor = "tensor " + name + ".panels";
    expect(file, name + ".shape", shape.text());
    const tern::packed_panels<tern::ternary> plan(nullptr, shape.outputs, shape.taps, shape.tap_depth);
    const auto words = file.get<std::uint32_t>(name + ".panels", {plan.panels(), plan.panel_stride()});
    tern::packed_panels<tern::ternary> stored;
    const tern::status s = tern::view_panels(words.data(), words.size() * sizeof(tern::word), tern::layout_id::panels,
                                             shape.outputs, shape.taps, shape.tap_depth, stored);
    if (s == tern::status::bad_value) {
        throw std::runtime_error(tensor + ": corrupt, planes, padding and sums do not fit together");
    }
    require(s, tensor);
    layer.weights = tern::pack<tern::ternary>(stored, shape.taps);  // a copy on a 64-byte boundary
    require(layer.weights.state, tensor);
    layer.scale = get_finite(file, name + ".scale", {shape.outputs});
}

}  // namespace detail

[[nodiscard]] inline packed_model pack(const ternary_network& network) {
    packed_model model;
    model.metadata = network.metadata;
    for (std::size_t i = 0; i < layer_count; ++i) {
        const auto& from = network.conv[i];
        auto& to = model.conv[i];
        to.weights = detail::pack_layer(detail::conv_name(i, "values"), detail::conv_panels(i), from.values);
        to.scale = from.scale;
        to.upper = from.upper;
        to.lower = from.lower;
    }
    model.fc.weights = detail::pack_layer("fc.values", detail::fc_panels, network.fc_values);
    model.fc.scale = network.fc_scale;
    model.fc_bias = network.fc_bias;
    model.act = network.act;
    return model;
}

inline void save_model(const std::string& path, const packed_model& model) {
    safetensors::file file;
    file.metadata = model.metadata;
    file.metadata["format"] = "tern";
    file.metadata["version"] = std::to_string(TERN_VERSION_MAJOR) + "." + std::to_string(TERN_VERSION_MINOR) + "." +
                               std::to_string(TERN_VERSION_PATCH);
    file.metadata["layout"] = detail::id_text(tern::layout_id::panels);
    file.metadata["encoding"] = detail::id_text(tern::ternary::id);
    for (std::size_t i = 0; i < layer_count; ++i) {
        detail::put_layer(file, "conv" + std::to_string(i + 1), detail::conv_panels(i), model.conv[i]);
        file.put(detail::conv_name(i, "upper"), {channels[i + 1]}, model.conv[i].upper);
        file.put(detail::conv_name(i, "lower"), {channels[i + 1]}, model.conv[i].lower);
    }
    detail::put_layer(file, "fc", detail::fc_panels, model.fc);
    file.put("fc.bias", {output_count}, model.fc_bias);
    for (std::size_t i = 0; i <= layer_count; ++i) detail::put(file, i, model.act[i]);
    seal(file);
    safetensors::write(path, file);
}

/// Throws a std::runtime_error with one line that names the file when it is missing, damaged or another network's.
[[nodiscard]] inline packed_model load_model(const std::string& path) {
    const safetensors::file file = safetensors::read(path);
    try {
        detail::expect(file, "format", "tern");
        detail::expect(file, "layout", detail::id_text(tern::layout_id::panels));
        detail::expect(file, "encoding", detail::id_text(tern::ternary::id));
        packed_model model;
        model.metadata = file.metadata;
        for (std::size_t i = 0; i < layer_count; ++i) {
            auto& conv = model.conv[i];
            detail::get_layer(file, "conv" + std::to_string(i + 1), detail::conv_panels(i), conv);
            conv.upper = get_finite(file, detail::conv_name(i, "upper"), {channels[i + 1]});
            conv.lower = get_finite(file, detail::conv_name(i, "lower"), {channels[i + 1]});
            for (std::size_t o = 0; o < conv.upper.size(); ++o) {
                if (conv.lower[o] > conv.upper[o]) {
                    throw std::runtime_error("tensor " + detail::conv_name(i, "lower") + ": above upper");
                }
            }
        }
        detail::get_layer(file, "fc", detail::fc_panels, model.fc);
        model.fc_bias = get_finite(file, "fc.bias", {output_count});
        for (std::size_t i = 0; i <= layer_count; ++i) {
            const auto pair = get_finite(file, detail::act_name(i), {2});
            model.act[i] = {pair[0], pair[1]};
        }
        check_seal(file);
        return model;
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(path + ": " + error.what());
    }
}

}  // namespace fashion_mnist
