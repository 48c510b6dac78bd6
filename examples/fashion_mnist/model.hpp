// SPDX-License-Identifier: MIT
// The network in libtorch, for training: tern's quantizers as autograd functions, and the way back to plain numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <torch/torch.h>

#include <tern/quantize/rtn.hpp>
#include <tern/quantize/twn.hpp>

#include "network.hpp"
#include "require.hpp"

namespace fashion_mnist {

/// The input of the network is (pixel / 255 - mean) / deviation, over the training set, as a scale and an offset.
constexpr double input_mean = 0.2860;
constexpr double input_deviation = 0.3530;
constexpr scale_offset_pair input_act{static_cast<float>(1.0 / (255.0 * input_deviation)),
                                      static_cast<float>(-input_mean / input_deviation)};

/// One row per index of the first dimension, over memory without gaps.
template <class T = float>
[[nodiscard]] tern::matrix_view<T> rows_of(const torch::Tensor& t) {
    const auto rows = static_cast<std::size_t>(t.size(0));
    return {t.data_ptr<std::remove_const_t<T>>(), rows, rows == 0 ? 0 : static_cast<std::size_t>(t.numel()) / rows};
}

struct ternary_weights {
    torch::Tensor values;  ///< int8, the shape of the weights
    torch::Tensor scale;   ///< one a filter
};

/// TWN with one threshold and one scale a filter.
[[nodiscard]] inline ternary_weights ternarize(const torch::Tensor& weight) {
    const torch::Tensor w = weight.detach().contiguous();
    torch::Tensor threshold = torch::empty({w.size(0), 1});
    ternary_weights result{torch::empty_like(w, torch::kInt8), torch::empty({w.size(0), 1})};
    require(tern::quantize::twn::fit(rows_of<const float>(w), rows_of(threshold), rows_of(result.scale)));
    require(tern::quantize::twn::forward(rows_of<const float>(w), rows_of<const float>(threshold),
                                         rows_of<std::int8_t>(result.values)));
    return result;
}

struct twn_function : torch::autograd::Function<twn_function> {
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& weight) {
        const torch::Tensor w = weight.contiguous();
        torch::Tensor threshold = torch::empty({w.size(0), 1});
        torch::Tensor scale = torch::empty({w.size(0), 1});
        torch::Tensor quantized = torch::empty_like(w);
        require(tern::quantize::twn::fit(rows_of<const float>(w), rows_of(threshold), rows_of(scale)));
        require(tern::quantize::twn::forward(rows_of<const float>(w), rows_of<const float>(threshold),
                                             rows_of<const float>(scale), rows_of(quantized)));
        context->save_for_backward({w});
        return quantized;
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list gradients) {
        const torch::Tensor w = context->get_saved_variables()[0];
        const torch::Tensor grad = gradients[0].contiguous();
        torch::Tensor grad_w = torch::empty_like(w);
        require(tern::quantize::twn::backward(rows_of<const float>(w), rows_of<const float>(grad), rows_of(grad_w)));
        return {grad_w};
    }
};

/// RTN on activations: one learnt scale and offset a layer.
struct rtn_function : torch::autograd::Function<rtn_function> {
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& input,
                                 const torch::Tensor& scale, const torch::Tensor& offset) {
        const torch::Tensor x = input.contiguous(input.suggest_memory_format());
        torch::Tensor quantized = torch::empty_like(x);
        require(tern::quantize::rtn::forward(rows_of<const float>(x), column<const float>(scale),
                                             column<const float>(offset), rows_of(quantized)));
        context->save_for_backward({x, scale, offset});
        return quantized;
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const torch::Tensor& x = saved[0];
        const torch::Tensor grad = gradients[0].contiguous(x.suggest_memory_format());
        torch::Tensor grad_x = torch::empty_like(x);
        torch::Tensor grad_scale = torch::empty_like(saved[1]);
        torch::Tensor grad_offset = torch::empty_like(saved[2]);
        require(tern::quantize::rtn::backward(rows_of<const float>(x), column<const float>(saved[1]),
                                              column<const float>(saved[2]), rows_of<const float>(grad),
                                              rows_of(grad_x), column<float>(grad_scale), column<float>(grad_offset)));
        return {grad_x, grad_scale, grad_offset};
    }

private:
    template <class T>
    static tern::matrix_view<T> column(const torch::Tensor& t) {
        return tern::quantize::per_tensor<T>(t.data_ptr<float>());
    }
};

/// Ternary weights and activations, or the float twin: the same layers in the same order with float weights and ReLU.
struct model : torch::nn::Module {
    explicit model(bool ternary_) : ternary(ternary_) {
        for (std::size_t i = 0; i < layer_count; ++i) {
            const std::string n = std::to_string(i + 1);
            const auto out = static_cast<std::int64_t>(channels[i + 1]);
            const auto in = static_cast<std::int64_t>(channels[i]);
            weight[i] = register_parameter("conv" + n, torch::empty({out, in, 3, 3}));
            torch::nn::init::kaiming_normal_(weight[i]);
            slope[i] = register_parameter("slope" + n, torch::ones({out}));
            shift[i] = register_parameter("shift" + n, torch::zeros({out}));
            mean[i] = register_buffer("mean" + n, torch::zeros({out}));
            variance[i] = register_buffer("variance" + n, torch::ones({out}));
            if (ternary) {
                act_scale[i] = register_parameter("act_scale" + n, torch::ones({1}));
                act_offset[i] = register_parameter("act_offset" + n, torch::zeros({1}));
            }
        }
        fc_weight = register_parameter("fc", torch::empty({output_count, feature_count}));
        torch::nn::init::kaiming_normal_(fc_weight);
        fc_bias = register_parameter("fc_bias", torch::zeros({output_count}));
    }

    /// Slope of a batch norm and scale of an activation are positive by construction.
    [[nodiscard]] static torch::Tensor positive(const torch::Tensor& t) { return t.abs().clamp_min(1e-3); }

    [[nodiscard]] torch::Tensor quantized(const torch::Tensor& w) const { return ternary ? twn_function::apply(w) : w; }

    /// In NHWC memory: libtorch is faster that way, and the flattened features already lie in the order of the file.
    torch::Tensor forward(torch::Tensor x) {
        constexpr auto nhwc = at::MemoryFormat::ChannelsLast;
        x = x.contiguous(nhwc);
        for (std::size_t i = 0; i < layer_count; ++i) {
            x = torch::conv2d(x, quantized(weight[i]).contiguous(nhwc), {}, 1, 1);
            x = torch::max_pool2d(x, 2, 2);
            x = torch::batch_norm(x, positive(slope[i]), shift[i], mean[i], variance[i], is_training(), momentum,
                                  epsilon, false);
            x = ternary ? rtn_function::apply(x, positive(act_scale[i]), act_offset[i]) : torch::relu(x);
        }
        const torch::Tensor features = x.permute({0, 2, 3, 1}).reshape({x.size(0), feature_count});
        return torch::linear(features, quantized(fc_weight), fc_bias);
    }

    static constexpr double epsilon = 1e-5;
    double momentum = 0.1;  ///< of the statistics of the batch norms
    bool ternary;
    std::array<torch::Tensor, layer_count> weight, slope, shift, mean, variance, act_scale, act_offset;
    torch::Tensor fc_weight, fc_bias;
};
namespace detail {

template <class T>
[[nodiscard]] std::vector<T> numbers(const torch::Tensor& tensor) {
    const torch::Tensor t = tensor.detach().contiguous();
    return {t.data_ptr<T>(), t.data_ptr<T>() + t.numel()};
}

[[nodiscard]] inline torch::Tensor ohwi(const torch::Tensor& oihw) { return oihw.detach().permute({0, 2, 3, 1}); }

/// Batch norm as slope * y + shift, in double.
struct folded_norm {
    torch::Tensor slope;
    torch::Tensor shift;
};

[[nodiscard]] inline folded_norm fold(const model& m, std::size_t i) {
    const torch::Tensor slope = model::positive(m.slope[i]).detach().to(torch::kDouble) /
                                (m.variance[i].to(torch::kDouble) + model::epsilon).sqrt();
    return {slope, m.shift[i].detach().to(torch::kDouble) - slope * m.mean[i].to(torch::kDouble)};
}

}  // namespace detail

/// T(slope * y + shift) compares with +-1/2; so does y with (+-1/2 - shift) / slope, as the slope is positive.
[[nodiscard]] inline ternary_network to_ternary_network(const model& m) {
    ternary_network network;
    network.act[0] = input_act;
    for (std::size_t i = 0; i < layer_count; ++i) {
        const ternary_weights w = ternarize(m.weight[i]);
        const detail::folded_norm norm = detail::fold(m, i);
        auto& conv = network.conv[i];
        conv.values = detail::numbers<std::int8_t>(detail::ohwi(w.values));
        conv.scale = detail::numbers<float>(w.scale);
        conv.upper = detail::numbers<float>(((0.5 - norm.shift) / norm.slope).to(torch::kFloat));
        conv.lower = detail::numbers<float>(((-0.5 - norm.shift) / norm.slope).to(torch::kFloat));
        network.act[i + 1] = {model::positive(m.act_scale[i]).item<float>(), m.act_offset[i].item<float>()};
    }
    const ternary_weights fc = ternarize(m.fc_weight);
    network.fc_values = detail::numbers<std::int8_t>(fc.values);
    network.fc_scale = detail::numbers<float>(fc.scale);
    network.fc_bias = detail::numbers<float>(m.fc_bias);
    return network;
}

[[nodiscard]] inline float_network to_float_network(const model& m) {
    float_network network;
    network.act = input_act;
    for (std::size_t i = 0; i < layer_count; ++i) {
        const detail::folded_norm norm = detail::fold(m, i);
        network.conv[i].weight = detail::numbers<float>(detail::ohwi(m.weight[i]));
        network.conv[i].bn_scale = detail::numbers<float>(norm.slope.to(torch::kFloat));
        network.conv[i].bn_shift = detail::numbers<float>(norm.shift.to(torch::kFloat));
    }
    network.fc_weight = detail::numbers<float>(m.fc_weight);
    network.fc_bias = detail::numbers<float>(m.fc_bias);
    return network;
}

}  // namespace fashion_mnist
