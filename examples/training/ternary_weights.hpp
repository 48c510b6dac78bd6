// SPDX-License-Identifier: MIT
// Weights of -1, 0, 1 or of signs alone, times scales; and stochastic quantization over any of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include <tern/quantize/absmean.hpp>
#include <tern/quantize/bwn.hpp>
#include <tern/quantize/least_squares.hpp>
#include <tern/quantize/stochastic.hpp>
#include <tern/quantize/tga.hpp>
#include <tern/quantize/ttq.hpp>
#include <tern/quantize/twn.hpp>
#include <tern/quantize/xnor.hpp>

#include "method.hpp"

namespace training {

/// A threshold and a scale a filter by `fit(w, threshold, scale)`, then TWN's forward and backward.
template <class Fit>
weight_method thresholded_weights(Fit fit) {
    const auto fitted = [fit](source w) {
        tensors p = detail::columns(2, w.rows);
        require(fit(w, out(p[0]), out(p[1])));
        return p;
    };
    weight_method m;
    m.bits = std::log2(3.0);
    m.op = shape_keeping(
        [fitted](source w, const tensors&, target y) {
            const tensors p = fitted(w);
            return qz::twn::forward(w, in(p[0]), in(p[1]), y);
        },
        [](source w, const tensors&, source g, targets d) { return qz::twn::backward(w, g, d[0]); });
    detail::finish_as_one_term(m, [fitted](const Tensor& w, const tensors&) { return numbers(fitted(in(w))[1]); });
    return m;
}

inline weight_method twn_weights() {
    return thresholded_weights([](source w, target threshold, target scale) {  //
        return qz::twn::fit(w, threshold, scale);
    });
}

inline weight_method least_squares_weights() {
    return thresholded_weights([](source w, target threshold, target scale) {
        std::vector<tern::word> scratch(qz::least_squares::scratch_words(w.rows, w.cols, false));
        return qz::least_squares::fit(w, threshold, scale, scratch.data(), scratch.size());
    });
}

/// BWN: signs and a scale a filter.
inline weight_method bwn_weights() {
    const auto fitted = [](source w) {
        Tensor scale = detail::columns(1, w.rows)[0];
        require(qz::bwn::fit(w, out(scale)));
        return scale;
    };
    weight_method m;
    m.bits = 1;
    m.op = shape_keeping([fitted](source w, const tensors&, target y) { return qz::bwn::forward(w, in(fitted(w)), y); },
                         [fitted](source w, const tensors&, source g, targets d) {
                             return qz::bwn::backward(w, in(fitted(w)), g, d[0]);
                         });
    detail::finish_as_one_term(m, [fitted](const Tensor& w, const tensors&) { return numbers(fitted(in(w))); });
    return m;
}

/// BitNet b1.58's, a scale a layer.
inline weight_method absmean_weights() {
    const auto fitted = [](source w) {
        Tensor scale = detail::columns(1)[0];
        require(qz::absmean::fit(w, out(scale), 1e-5f));
        return scale;
    };
    weight_method m;
    m.bits = std::log2(3.0);
    m.op = shape_keeping(
        [fitted](source w, const tensors&, target y) { return qz::absmean::forward(w, in(fitted(w)), y); },
        [](source w, const tensors&, source g, targets d) { return qz::absmean::backward(w, g, d[0]); });
    detail::finish_as_one_term(m, [fitted](const Tensor& w, const tensors&) { return numbers(fitted(in(w))); });
    return m;
}

/// One learnt threshold a layer; both gradients in one step, where the authors alternate.
inline weight_method tga_weights() {
    const auto fitted = [](source w, const Tensor& delta) {
        tensors p = detail::columns(3);
        require(qz::tga::fit(w, in(delta), out(p[0]), out(p[1]), out(p[2])));
        return p;
    };
    weight_method m;
    m.bits = std::log2(3.0);
    m.parameters = [](const Tensor& w) {
        tensors delta = detail::columns(1);
        require(qz::tga::initialize(in(w), out(delta[0])));
        return delta;
    };
    m.op = shape_keeping(
        [fitted](source w, const tensors& p, target y) {
            const tensors f = fitted(w, p[0]);
            return qz::tga::forward(w, in(f[0]), in(f[1]), in(f[2]), y);
        },
        [](source w, const tensors& p, source g, targets d) {
            return qz::tga::backward(w, in(p[0]), g, d[0], d[1], qz::tga::tails::upper, 1e-3f);
        });
    detail::finish_as_one_term(m,
                               [fitted](const Tensor& w, const tensors& p) { return numbers(fitted(in(w), p[0])[2]); });
    return m;
}

/// Both scales are learnt, one of each a layer; the threshold follows the weights.
inline weight_method ttq_weights() {
    const auto fitted = [](source w) {
        tensors p = detail::columns(3);
        require(qz::ttq::fit(w, out(p[2]), out(p[0]), out(p[1])));
        return p;
    };
    weight_method m;
    m.bits = std::log2(3.0);
    m.parameters = [fitted](const Tensor& w) {
        const tensors p = fitted(in(w));
        return tensors{p[0], p[1]};
    };
    m.op = shape_keeping([fitted](source w, const tensors& p,
                                  target y) { return qz::ttq::forward(w, in(fitted(w)[2]), in(p[0]), in(p[1]), y); },
                         [fitted](source w, const tensors& p, source g, targets d) {
                             return qz::ttq::backward(w, in(fitted(w)[2]), in(p[0]), in(p[1]), g, d[0], d[1], d[2]);
                         });
    m.finish = [op = m.op](const Tensor& w, const tensors& p) {
        const Tensor q = op->forward(w, p);
        layer_weights result;
        result.terms.push_back(detail::term_of(q.gt(0).to(torch::kFloat), {1.0f}));
        result.terms.push_back(detail::term_of(q.lt(0).to(torch::kFloat), {1.0f}));
        const auto outputs = result.terms[0].outputs;
        result.terms[0].scale = detail::for_outputs(numbers(p[0]), outputs);
        result.terms[1].scale = detail::for_outputs(numbers(-p[1]), outputs);
        return result;
    };
    return m;
}

/// XNOR-Net's weights; `plain`: without the scale (XNOR-Net++, whose factors come behind).
inline weight_method binary_weights(bool plain) {
    const auto fitted = [plain](source w) {
        Tensor scale = torch::ones({static_cast<std::int64_t>(w.rows), 1});
        if (!plain) require(qz::xnor::fit(w, out(scale)));
        return scale;
    };
    const auto rule = plain ? qz::xnor::rule::constant : qz::xnor::rule::differentiated;
    weight_method m;
    m.bits = 1;
    m.op =
        shape_keeping([fitted](source w, const tensors&, target y) { return qz::xnor::forward(w, in(fitted(w)), y); },
                      [fitted, rule](source w, const tensors&, source g, targets d) {
                          return qz::xnor::backward(w, in(fitted(w)), g, d[0], rule);
                      });
    detail::finish_as_one_term(m, [fitted](const Tensor& w, const tensors&) { return numbers(fitted(in(w))); });
    return m;
}

/// Stochastic quantization over another method: the share of quantized filters is 50, 75, 87.5 and 100 % in the four
/// quarters of the training. The paper starts each stage from the last one's weights with a new schedule of rates; here
/// all four share one.
inline weight_method stochastic_weights(const weight_method& base, const std::shared_ptr<course>& time) {
    weight_method m = base;
    m.op = std::make_shared<operation>(
        operation{[time, op = base.op](const Tensor& w, const tensors& p) {
                      Tensor q = op->forward(w, p);
                      constexpr double shares[] = {0.5, 0.75, 0.875};
                      const auto stage = static_cast<std::size_t>(std::min(time->progress * 4.0, 3.0));
                      if (!time->training || stage == 3) return q;
                      const auto rows = static_cast<std::size_t>(w.size(0));
                      std::vector<double> error(rows), scratch(rows);
                      std::vector<std::uint8_t> chosen(rows);
                      require(qz::stochastic::errors(in(w), in(q), {error.data(), rows, 1}));
                      require(qz::stochastic::select({error.data(), rows, 1}, shares[stage], time->random,
                                                     {chosen.data(), rows, 1}, {scratch.data(), rows, 1}));
                      Tensor y = torch::empty_like(w);
                      require(qz::stochastic::mix(in(w), in(q), {chosen.data(), rows, 1}, out(y)));
                      return y;
                  },
                  [](const Tensor&, const tensors&, const Tensor& g, tensors& grads) {
                      require(qz::stochastic::backward(in(g), out(grads[0])));
                  }});
    return m;
}

}  // namespace training
