// SPDX-License-Identifier: MIT
// The network that every method trains: three 3x3 convolutions with max-pooling and batch norm, one fully connected
// layer. All four layers have the method's weights, all hidden activations its activations; the pixels are 8-bit.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tern/quantize/xnor.hpp>

#include "methods.hpp"

namespace training {

constexpr std::size_t conv_count = 3;
constexpr std::int64_t image_size = 28;
constexpr std::int64_t class_count = 10;
constexpr float pixel_scale = 1.0f / 255.0f;
constexpr std::int64_t sizes[] = {28, 14, 7, 3};  ///< of the images in front of each layer

/// XNOR-Net++'s factors behind a convolution: x is pixels x channels, p channel, row and column.
inline operation factor_operation(std::int64_t size) {
    const auto n = static_cast<std::size_t>(size);
    const auto factors = [n](const tensors& p) {
        return qz::xnor_plus::factors<const float>(p[0].data_ptr<float>(), p[1].data_ptr<float>(),
                                                   p[2].data_ptr<float>(), n, n);
    };
    return {[=](const Tensor& x, const tensors& p) {
                Tensor y = torch::empty_like(x);
                require(qz::xnor_plus::forward(in(x), factors(p), out(y)));
                return y;
            },
            [=](const Tensor& x, const tensors& p, const Tensor& g, tensors& grads) {
                require(qz::xnor_plus::backward(
                    in(x), factors(p), in(g), out(grads[0]),
                    {grads[1].data_ptr<float>(), grads[2].data_ptr<float>(), grads[3].data_ptr<float>(), n, n}));
            }};
}

struct network : torch::nn::Module {
    /// `warm`: a float network of the same width to start from, or none. Its weights become the latent ones, and its
    /// batch norms and bias are taken over.
    network(method how_, std::int64_t base, std::shared_ptr<course> time_, const network* warm = nullptr)
        : how(std::move(how_)),
          time(std::move(time_)),
          width(base * how.widening),
          channels{1, 16 * width, 32 * width, 64 * width} {
        torch::NoGradGuard guard;
        for (std::size_t l = 0; l <= conv_count; ++l) {
            const std::string n = std::to_string(l);
            const bool last = l == conv_count;
            const std::int64_t depth = 9 * channels[l];  // windows of 3 x 3, and 3 x 3 pixels are left at the end
            const std::int64_t outputs = last ? class_count : channels[l + 1];
            const Tensor w = warm != nullptr
                                 ? warm->latent[l].clone()
                                 : torch::randn({outputs, depth}) * std::sqrt(2.0 / static_cast<double>(depth));
            latent.push_back(register_parameter("weight" + n, how.weights.op ? how.weights.latent(w) : w));
            weight_parameters.push_back(all("weight" + n + "_", how.weights.parameters(w)));
            if (last) break;
            const auto first = [&](tensors network::*numbers, double value) {
                return warm != nullptr ? (warm->*numbers)[l].clone() : torch::full({outputs}, value);
            };
            slope.push_back(register_parameter("slope" + n, first(&network::slope, 1.0)));
            shift.push_back(register_parameter("shift" + n, first(&network::shift, 0.0)));
            mean.push_back(register_buffer("mean" + n, torch::zeros({outputs})));
            variance.push_back(register_buffer("variance" + n, torch::ones({outputs})));
            activation_parameters.push_back(all("activation" + n + "_", how.activations.parameters()));
            if (!how.output_factors) continue;
            factors.push_back(all("factor" + n + "_", {torch::ones({outputs}) / std::sqrt(static_cast<double>(depth)),
                                                       torch::ones({sizes[l]}), torch::ones({sizes[l]})}));
            factor_operations.push_back(std::make_unique<operation>(factor_operation(sizes[l])));
        }
        bias = register_parameter("bias", warm != nullptr ? warm->bias.clone() : torch::zeros({class_count}));
        // Some methods have weights of the size of 1: without a batch norm behind them, the scores would start far too
        // large. Their size is that of the float network's: 1 for float weights as they start.
        const Tensor w = weight(conv_count);
        const Tensor square = warm != nullptr ? (warm->gain * warm->latent[conv_count]).square().mean()
                                              : torch::tensor(2.0f / static_cast<float>(w.size(1)));
        gain = register_parameter("gain", (square / w.square().mean()).sqrt().reshape({1}));
    }

    /// The first `positive` ones by their magnitude.
    [[nodiscard]] static tensors usable(tensors p, int positive) {
        for (int i = 0; i < positive; ++i)
            p[static_cast<std::size_t>(i)] = p[static_cast<std::size_t>(i)].abs().clamp_min(1e-4);
        return p;
    }
    [[nodiscard]] tensors weight_numbers(std::size_t l) const {
        return usable(weight_parameters[l], how.weights.positive);
    }
    [[nodiscard]] tensors activation_numbers(std::size_t l) const {
        return usable(activation_parameters[l], how.activations.positive);
    }
    /// Quantized, outputs x depth.
    [[nodiscard]] Tensor weight(std::size_t l) const {
        return how.weights.op ? quantize(*how.weights.op, latent[l], weight_numbers(l)) : latent[l];
    }
    [[nodiscard]] Tensor filters(const Tensor& w, std::size_t l) const {
        return w.reshape({w.size(0), 3, 3, channels[l]}).permute({0, 3, 1, 2});
    }
    /// What stands outside of the image that layer l reads.
    [[nodiscard]] float padding(std::size_t l) const {
        if (l == 0 || !how.activations.op) return 0.0f;
        const auto [scale, offset] = how.activations.scale_offset(activation_numbers(l - 1));
        return scale * static_cast<float>(how.activations.padding) + offset;
    }
    [[nodiscard]] static Tensor padded(const Tensor& x, double value) {
        return torch::constant_pad_nd(x, {1, 1, 1, 1}, value);
    }
    [[nodiscard]] Tensor activate(const Tensor& z, std::size_t l) const {
        if (!how.activations.op) return torch::relu(z);
        const Tensor nhwc = z.permute({0, 2, 3, 1}).contiguous();
        return quantize(*how.activations.op, nhwc.reshape({1, nhwc.numel()}), activation_numbers(l))
            .reshape(nhwc.sizes())
            .permute({0, 3, 1, 2});
    }

    /// In NHWC memory, in which libtorch is faster.
    Tensor forward(Tensor x) {
        x = x.contiguous(at::MemoryFormat::ChannelsLast);
        for (std::size_t l = 0; l < conv_count; ++l) {
            const float border = padding(l);
            const Tensor w = filters(weight(l), l);
            Tensor y = border == 0.0f ? torch::conv2d(x, w, {}, 1, 1) : torch::conv2d(padded(x, border), w);
            if (how.output_factors) {
                const Tensor nhwc = y.permute({0, 2, 3, 1}).contiguous();
                y = quantize(*factor_operations[l], nhwc.reshape({-1, nhwc.size(3)}), factors[l])
                        .reshape(nhwc.sizes())
                        .permute({0, 3, 1, 2});
            }
            y = torch::max_pool2d(y, 2, 2);
            y = torch::batch_norm(y, slope[l], shift[l], mean[l], variance[l], is_training(), momentum, epsilon, false);
            x = activate(y, l);
        }
        const Tensor features = x.permute({0, 2, 3, 1}).reshape({x.size(0), -1});
        return torch::linear(features, weight(conv_count)) * gain + bias;
    }

    /// Pool and batch norm of statistics that do not change any more, in double.
    [[nodiscard]] Tensor finish(const Tensor& y, std::size_t l) const {
        const auto wide = [](const Tensor& t) { return t.to(torch::kDouble).reshape({1, -1, 1, 1}); };
        const Tensor pooled = torch::max_pool2d(y, 2, 2);
        return ((pooled - wide(mean[l])) / (wide(variance[l]) + epsilon).sqrt() * wide(slope[l]) + wide(shift[l]))
            .to(torch::kFloat);
    }
    [[nodiscard]] Tensor scaled(const Tensor& y, std::size_t l) const {
        if (!how.output_factors) return y;
        const auto wide = [](const Tensor& t) { return t.to(torch::kDouble); };
        return y * wide(factors[l][0]).reshape({1, -1, 1, 1}) * wide(factors[l][1]).reshape({1, 1, -1, 1}) *
               wide(factors[l][2]).reshape({1, 1, 1, -1});
    }

    static constexpr double epsilon = 1e-5;
    double momentum = 0.1;
    method how;
    std::shared_ptr<course> time;
    std::int64_t width;
    std::array<std::int64_t, conv_count + 1> channels;
    tensors latent, slope, shift, mean, variance;
    std::vector<tensors> weight_parameters, activation_parameters, factors;
    std::vector<std::unique_ptr<operation>> factor_operations;
    Tensor bias, gain;

private:
    tensors all(const std::string& name, tensors p) {
        for (std::size_t i = 0; i < p.size(); ++i) p[i] = register_parameter(name + std::to_string(i), p[i]);
        return p;
    }
};

/// How packed inference compares with the fake-quantized network on a batch, layer by layer.
struct comparison {
    bool quantized = true;            ///< float networks have nothing to compare
    std::int64_t products = 0;        ///< integer accumulators looked at
    std::int64_t wrong_products = 0;  ///< that are not the exact sums
    std::int64_t codes = 0;           ///< activations of the next layers
    std::int64_t ties = 0;            ///< that round another way, at numbers that are the same but for float rounding
    std::int64_t wrong_codes = 0;     ///< that differ for no such reason
    double logit_error = 0.0;

    [[nodiscard]] bool equal() const { return wrong_products == 0 && wrong_codes == 0 && logit_error <= 1e-4; }
    void add(const comparison& other) {
        products += other.products;
        wrong_products += other.wrong_products;
        codes += other.codes;
        ties += other.ties;
        wrong_codes += other.wrong_codes;
        logit_error = std::max(logit_error, other.logit_error);
    }
};

namespace detail {

/// Integers of the activations x, N x C x H x W (or N x features), from their floats.
inline Tensor codes_of(const Tensor& x, float scale, float offset) {
    return ((x.to(torch::kDouble) - double{offset}) / double{scale}).round();
}

/// Patches of 3 x 3 pixels as rows, taps by channels, of padded integers.
inline activation_codes rows_of(const Tensor& integers, bool image) {
    activation_codes a;
    Tensor rows = integers;
    if (image) {  // unfold gives N, C, H, W, 3, 3
        const Tensor patches = integers.unfold(2, 3, 1).unfold(3, 3, 1).permute({0, 2, 3, 4, 5, 1});
        rows = patches.reshape({-1, 9 * integers.size(1)});
    }
    rows = rows.to(torch::kShort).contiguous();
    a.rows = static_cast<std::size_t>(rows.size(0));
    a.depth = static_cast<std::size_t>(rows.size(1));
    a.values.assign(rows.data_ptr<std::int16_t>(), rows.data_ptr<std::int16_t>() + rows.numel());
    return a;
}

}  // namespace detail

/// The trained weights of every layer, packed.
inline std::vector<packed_layer> pack_network(const network& net) {
    torch::NoGradGuard guard;
    std::vector<packed_layer> layers;
    for (std::size_t l = 0; l <= conv_count; ++l)
        layers.emplace_back(net.how.weights.finish(net.latent[l].detach().contiguous(), net.weight_numbers(l)));
    return layers;
}

/// Each packed layer reads the activations of the fake-quantized network, so a layer's integers are compared one by
/// one; where no code differs, both networks are the same from end to end. They can differ at ties alone: quantized
/// weights are rounded to float, scale * integer is not. `pixels`: N x 1 x 28 x 28, 0 to 255.
inline comparison compare(const network& net, const std::vector<packed_layer>& layers, const Tensor& pixels) {
    torch::NoGradGuard guard;
    comparison result;
    Tensor x = pixels.to(torch::kFloat) * pixel_scale;
    float scale = pixel_scale, offset = 0.0f;
    for (std::size_t l = 0; l <= conv_count; ++l) {
        const bool last = l == conv_count;
        const int pad = l == 0 ? 0 : net.how.activations.padding;
        if (l != 0) std::tie(scale, offset) = net.how.activations.scale_offset(net.activation_numbers(l - 1));
        Tensor integers = detail::codes_of(x, scale, offset);
        if (last) integers = integers.permute({0, 2, 3, 1}).reshape({x.size(0), -1});
        const Tensor read = last ? integers : network::padded(integers, pad);
        activation_codes a = detail::rows_of(read, !last);
        a.kind = l == 0 ? codes::u8 : net.how.activations.kind;
        a.scale = scale;
        a.offset = offset;
        const packed_layer::result r = layers[l].run(a);
        const std::int64_t outputs = net.latent[l].size(0);

        // The exact sums, in double.
        for (std::size_t t = 0; t < r.accumulators.size(); ++t) {
            const weight_term& term = layers[l].weights().terms[t];
            const Tensor v =
                torch::tensor(at::ArrayRef<std::int16_t>(term.values)).to(torch::kDouble).reshape({outputs, -1});
            const Tensor exact = last ? read.mm(v.t()) : torch::conv2d(read, net.filters(v, l)).permute({0, 2, 3, 1});
            const Tensor acc = torch::tensor(at::ArrayRef<std::int32_t>(r.accumulators[t])).to(torch::kDouble);
            result.products += acc.numel();
            result.wrong_products += acc.ne(exact.reshape({-1})).sum().item<std::int64_t>();
        }

        const Tensor w = net.weight(l).to(torch::kDouble);
        Tensor packed = torch::tensor(at::ArrayRef<double>(r.values), torch::kDouble);
        if (last) {
            const Tensor features = x.to(torch::kDouble).permute({0, 2, 3, 1}).reshape({x.size(0), -1});
            const Tensor difference =
                (packed.reshape({-1, outputs}) - features.mm(w.t())) * net.gain.to(torch::kDouble);
            result.logit_error = difference.abs().max().item<double>();
            break;
        }
        const Tensor y = torch::conv2d(network::padded(x.to(torch::kDouble), net.padding(l)), net.filters(w, l));
        packed = packed.reshape({x.size(0), sizes[l], sizes[l], outputs}).permute({0, 3, 1, 2});
        const Tensor z = net.finish(net.scaled(y, l), l);
        const Tensor near = net.finish(net.scaled(packed, l), l);
        x = net.activate(z, l);
        const Tensor differ = x.ne(net.activate(near, l));
        const Tensor same = (z - near).abs().le(1e-5 * z.abs().clamp_min(1.0));
        result.codes += x.numel();
        result.ties += differ.logical_and(same).sum().item<std::int64_t>();
        result.wrong_codes += differ.logical_and(same.logical_not()).sum().item<std::int64_t>();
    }
    return result;
}

}  // namespace training
