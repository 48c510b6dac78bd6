// SPDX-License-Identifier: MIT
// Hidden activations: PACT, DoReFa, WRPN, LSQ, RTN and signs.
#pragma once

#include <cmath>
#include <utility>

#include <tern/quantize/dorefa.hpp>
#include <tern/quantize/lsq.hpp>
#include <tern/quantize/pact.hpp>
#include <tern/quantize/rtn.hpp>
#include <tern/quantize/wrpn.hpp>
#include <tern/quantize/xnor.hpp>

#include "method.hpp"

namespace training {

inline activation_method pact_activations(int bits) {
    activation_method a;
    a.bits = bits;
    a.kind = bits == 8 ? codes::u8 : codes::u2;
    a.positive = 1;
    a.parameters = [] { return tensors{torch::full({1, 1}, 4.0f)}; };
    a.op =
        shape_keeping([bits](source x, const tensors& p, target y) { return qz::pact::forward(x, in(p[0]), bits, y); },
                      [](source x, const tensors& p, source g, targets d) {
                          return qz::pact::backward(x, in(p[0]), g, d[0], d[1], 1e-4f);
                      });
    a.scale_offset = [bits](const tensors& p) {
        return std::make_pair(p[0].item<float>() / static_cast<float>((1 << bits) - 1), 0.0f);
    };
    return a;
}

inline activation_method dorefa_activations() {
    activation_method a;
    a.bits = 2;
    a.kind = codes::u2;
    a.op = shape_keeping(
        [](source x, const tensors&, target y) { return qz::dorefa::forward_activations(x, 2, y); },
        [](source x, const tensors&, source g, targets d) { return qz::dorefa::backward_activations(x, g, d[0]); });
    a.scale_offset = [](const tensors&) { return std::make_pair(1.0f / 3.0f, 0.0f); };
    return a;
}

inline activation_method wrpn_activations() {
    activation_method a = dorefa_activations();
    a.op = shape_keeping(
        [](source x, const tensors&, target y) { return qz::wrpn::forward_activations(x, 2, y); },
        [](source x, const tensors&, source g, targets d) { return qz::wrpn::backward_activations(x, g, d[0]); });
    return a;
}

inline activation_method lsq_activations() {
    constexpr auto levels = qz::unsigned_levels(2);
    activation_method a;
    a.bits = 2;
    a.kind = codes::u2;
    a.positive = 1;
    a.parameters = [] { return tensors{torch::full({1, 1}, 0.7f)}; };
    a.op = shape_keeping(
        [levels](source x, const tensors& p, target y) { return qz::lsq::forward(x, in(p[0]), levels, y); },
        [levels](source x, const tensors& p, source g, targets d) {
            const float scale = qz::lsq::gradient_scale(x.rows * x.cols, levels);
            return qz::lsq::backward(x, in(p[0]), levels, g, d[0], d[1], scale);
        });
    a.scale_offset = [](const tensors& p) { return std::make_pair(p[0].item<float>(), 0.0f); };
    return a;
}

inline activation_method rtn_activations() {
    activation_method a;
    a.bits = std::log2(3.0);
    a.kind = codes::ternary;
    // The offset is stored as it is, the scale is positive; both travel as p[0] and p[1].
    a.positive = 1;
    a.parameters = [] { return tensors{torch::ones({1, 1}), torch::full({1, 1}, 0.5f)}; };
    a.op =
        shape_keeping([](source x, const tensors& p, target y) { return qz::rtn::forward(x, in(p[0]), in(p[1]), y); },
                      [](source x, const tensors& p, source g, targets d) {
                          return qz::rtn::backward(x, in(p[0]), in(p[1]), g, d[0], d[1], d[2]);
                      });
    a.scale_offset = [](const tensors& p) { return std::make_pair(p[0].item<float>(), p[1].item<float>()); };
    return a;
}

inline activation_method sign_activations() {
    activation_method a;
    a.bits = 1;
    a.kind = codes::binary;
    a.padding = 1;
    a.op = shape_keeping(
        [](source x, const tensors&, target y) {
            const float one = 1.0f;
            return qz::xnor::forward(x, qz::per_tensor(&one), y);
        },
        [](source x, const tensors&, source g, targets d) { return qz::xnor::backward_activations(x, g, d[0]); });
    a.scale_offset = [](const tensors&) { return std::make_pair(1.0f, 0.0f); };
    return a;
}

}  // namespace training
