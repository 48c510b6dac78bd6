// SPDX-License-Identifier: MIT
// Weights of several bits: even levels, elastic significant bits, two scales, a searched level set, a codebook.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

#include <tern/quantize/biscaled.hpp>
#include <tern/quantize/codebook.hpp>
#include <tern/quantize/dorefa.hpp>
#include <tern/quantize/esb.hpp>
#include <tern/quantize/lsq.hpp>
#include <tern/quantize/slb.hpp>
#include <tern/quantize/srq.hpp>
#include <tern/quantize/wrpn.hpp>

#include "method.hpp"

namespace training {

/// The weights have to fill [-1, 1], so they start with deviation 1/2: this program's choice.
inline weight_method wrpn_weights(int bits) {
    weight_method m;
    m.bits = bits;
    m.latent = [](const Tensor& w) { return w * (0.5 / w.std()); };
    m.op = shape_keeping(
        [bits](source w, const tensors&, target y) { return qz::wrpn::forward_weights(w, bits, y); },
        [](source w, const tensors&, source g, targets d) { return qz::wrpn::backward_weights(w, g, d[0]); });
    const std::vector<float> unit{1.0f / static_cast<float>(qz::wrpn::weight_steps(bits))};
    detail::finish_as_one_term(m, [unit](const Tensor&, const tensors&) { return unit; });
    return m;
}

inline weight_method dorefa_weights(int bits) {
    weight_method m;
    m.bits = bits;
    m.op = shape_keeping(
        [bits](source w, const tensors&, target y) { return qz::dorefa::forward_weights(w, bits, y); },
        [](source w, const tensors&, source g, targets d) { return qz::dorefa::backward_weights(w, g, d[0]); });
    const std::vector<float> unit{1.0f / static_cast<float>((1 << bits) - 1)};
    detail::finish_as_one_term(m, [unit](const Tensor&, const tensors&) { return unit; });
    return m;
}

/// LSQ, or SRQ with `noise`, or that with DropBits: evenly spaced levels, one step a layer.
inline weight_method stepped_weights(int bits, bool noise, bool drop, const std::shared_ptr<course>& time) {
    weight_method m;
    m.bits = bits;
    m.positive = noise ? 2 : 1;
    const auto levels = [=] { return qz::signed_levels(drop && time->training ? time->bits : bits); };
    m.parameters = [=](const Tensor& w) {
        tensors step = detail::columns(1);
        require(qz::lsq::fit(in(w), qz::signed_levels(bits), out(step[0])));
        if (noise) step.push_back(step[0] * qz::srq::first_noise);
        return step;
    };
    m.op =
        shape_keeping([=](source w, const tensors& p, target y) { return qz::lsq::forward(w, in(p[0]), levels(), y); },
                      [=](source w, const tensors& p, source g, targets d) {
                          if (noise) return qz::srq::backward(w, in(p[0]), in(p[1]), levels(), g, d[0], d[1], d[2]);
                          const float scale = qz::lsq::gradient_scale(w.rows * w.cols, levels());
                          return qz::lsq::backward(w, in(p[0]), levels(), g, d[0], d[1], scale);
                      });
    detail::finish_as_one_term(m, [](const Tensor&, const tensors& p) { return numbers(p[0]); });
    return m;
}

inline weight_method esb_weights(int bits, int significant) {
    const qz::esb::format f = qz::esb::make_format(bits, significant);
    const auto fitted = [](source w) {
        tensors p = detail::columns(2, w.rows);
        require(qz::esb::fit(w, out(p[0]), out(p[1])));
        return p;
    };
    weight_method m;
    m.bits = bits;
    m.op = shape_keeping(
        [=](source w, const tensors&, target y) {
            const tensors p = fitted(w);
            return qz::esb::forward(w, in(p[0]), in(p[1]), f, y);
        },
        [=](source w, const tensors&, source g, targets d) {
            const tensors p = fitted(w);
            return qz::esb::backward(w, in(p[0]), in(p[1]), f, g, d[0]);
        });
    m.finish = [=, op = m.op](const Tensor& w, const tensors& none) {
        const tensors p = fitted(in(w));
        layer_weights result;
        result.terms.push_back(
            detail::term_of(op->forward(w, none), numbers(p[1] * (f.lambda * f.step())), numbers(p[0])));
        return result;
    };
    return m;
}

inline weight_method biscaled_weights(int bits, int most_shift) {
    const auto fitted = [=](source w) {
        qz::biscaled::format f;
        require(qz::biscaled::fit(w, bits, most_shift, f));
        return f;
    };
    weight_method m;
    m.bits = bits;
    m.op =
        shape_keeping([fitted](source w, const tensors&, target y) { return qz::biscaled::forward(w, fitted(w), y); },
                      [fitted](source w, const tensors&, source g, targets d) {
                          return qz::biscaled::backward(w, fitted(w), g, d[0]);
                      });
    detail::finish_as_one_term(m, [fitted](const Tensor& w, const tensors&) {
        return std::vector<float>{static_cast<float>(std::ldexp(1.0, -fitted(in(w)).fine))};
    });
    return m;
}

/// The latent tensor is one of logits: outputs x (depth * levels). The temperature goes from 1 to 100.
inline weight_method slb_weights(int bits, const std::shared_ptr<course>& time) {
    weight_method m;
    m.bits = bits;
    struct levels {
        float values[16] = {};
        qz::slb::level_set set;
    };
    const auto v = std::make_shared<levels>();
    v->set = qz::slb::even_levels(bits, v->values);
    const auto count = static_cast<std::int64_t>(v->set.count);
    const auto temperature = [time] { return static_cast<float>(std::pow(100.0, time->progress)); };
    m.latent = [=](const Tensor& w) {
        Tensor logits = torch::empty({w.size(0), w.size(1) * count});
        const Tensor unit = (w / w.abs().max()).contiguous();
        require(qz::slb::fit(in(unit), v->set, out(logits), 4.0f));
        return logits;
    };
    m.op = std::make_shared<operation>(
        operation{[=](const Tensor& logits, const tensors&) {
                      Tensor w = torch::empty({logits.size(0), logits.size(1) / count});
                      if (time->training)
                          require(qz::slb::relax(in(logits), v->set, temperature(), out(w)));
                      else
                          require(qz::slb::forward(in(logits), v->set, out(w)));
                      return w;
                  },
                  [=](const Tensor& logits, const tensors&, const Tensor& g, tensors& grads) {
                      require(qz::slb::backward(in(logits), v->set, temperature(), in(g), out(grads[0])));
                  }});
    m.finish = [=](const Tensor& logits, const tensors&) {
        Tensor w = torch::empty({logits.size(0), logits.size(1) / count});
        require(qz::slb::forward(in(logits), v->set, out(w)));
        layer_weights result;
        result.terms.push_back(detail::term_of(w, {1.0f / static_cast<float>(count - 1)}));
        return result;
    };
    return m;
}

/// Float weights for the first half; then a codebook is fitted, and its centroids are trained.
inline weight_method codebook_method(const std::shared_ptr<course>& time) {
    constexpr std::int64_t block = 9;
    weight_method m;
    m.bits = 8.0 / static_cast<double>(block);
    const auto centroids = [](const Tensor& w) { return std::min<std::int64_t>(256, w.numel() / block / 4 + 1); };
    // p[1] holds the codes as floats, so that they are in checkpoints; -1: not fitted yet.
    m.parameters = [=](const Tensor& w) {
        return tensors{torch::zeros({centroids(w), block}), torch::full({w.size(1) / block, w.size(0)}, -1.0f)};
    };
    const auto codes = [](const tensors& p) { return p[1].detach().to(torch::kUInt8).contiguous(); };
    const auto bytes = [](const Tensor& c) {
        return tern::matrix_view<const std::uint8_t>{c.data_ptr<std::uint8_t>(), static_cast<std::size_t>(c.size(0)),
                                                     static_cast<std::size_t>(c.size(1))};
    };
    const auto fitted = [](const tensors& p) { return p[1].data_ptr<float>()[0] >= 0.0f; };
    m.op = std::make_shared<operation>(operation{[=](const Tensor& w, const tensors& p) {
                                                     if (!fitted(p)) return w.clone();
                                                     const Tensor c = codes(p);
                                                     Tensor y = torch::empty_like(w);
                                                     require(qz::codebook::forward(in(p[0]), bytes(c), out(y)));
                                                     return y;
                                                 },
                                                 [=](const Tensor&, const tensors& p, const Tensor& g, tensors& grads) {
                                                     if (!fitted(p)) {
                                                         grads[0].copy_(g);
                                                         return;
                                                     }
                                                     const Tensor c = codes(p);
                                                     require(qz::codebook::backward(bytes(c), in(g), out(grads[1])));
                                                 }});
    m.epoch = [=](const Tensor& w, tensors& p) {
        if (fitted(p) || time->progress < 0.5) return;
        const Tensor rows = w.detach().contiguous();
        Tensor gram = torch::eye(block, torch::kDouble);
        Tensor book = torch::empty_like(p[0]);
        Tensor c = torch::empty(p[1].sizes(), torch::kUInt8);
        std::vector<double> workspace(qz::codebook::fit_workspace(static_cast<std::size_t>(book.size(0)), block));
        require(qz::codebook::fit(
            time->random, in(rows), {gram.data_ptr<double>(), block, block}, 30, out(book),
            {c.data_ptr<std::uint8_t>(), static_cast<std::size_t>(c.size(0)), static_cast<std::size_t>(c.size(1))},
            workspace.data(), workspace.size()));
        torch::NoGradGuard guard;
        p[0].copy_(book);
        p[1].copy_(c.to(torch::kFloat));
    };
    m.finish = [=](const Tensor& w, const tensors& p) {
        layer_weights result;
        codebook_weights& b = result.codebook;
        if (!fitted(p)) throw std::runtime_error("no codebook was fitted: train at least two epochs");
        b.outputs = static_cast<std::size_t>(w.size(0));
        b.depth = static_cast<std::size_t>(w.size(1));
        b.block = block;
        b.centroids = numbers(p[0]);
        const Tensor c = codes(p);
        b.codes.assign(c.data_ptr<std::uint8_t>(), c.data_ptr<std::uint8_t>() + c.numel());
        return result;
    };
    return m;
}

}  // namespace training
