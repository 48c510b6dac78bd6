// SPDX-License-Identifier: MIT
// Gradients of every method as they are used in training against torch autograd, in double, on the same formula.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#define DOCTEST_CONFIG_NO_SHORT_MACRO_NAMES  // libtorch has a CHECK of its own
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "network.hpp"

namespace {

using namespace training;

using formula = std::function<Tensor(const Tensor& x, const tensors& p)>;

/// Straight through: the value of `hard`, the slope of `soft`.
Tensor through(const Tensor& soft, const Tensor& hard) { return soft + (hard - soft).detach(); }
Tensor rounded(const Tensor& y) { return through(y, y.round()); }

double relative_error(const Tensor& got, const Tensor& wanted) {
    const Tensor want = wanted.defined() ? wanted.detach() : torch::zeros_like(got, torch::kDouble);
    const double largest = want.abs().max().item<double>();
    const Tensor size = want.abs().clamp_min(std::max(1e-3 * largest, 1e-12));
    return ((got.to(torch::kDouble) - want).abs() / size).max().item<double>();
}

/// `values`: whether the formula's value is that of forward, too.
void check(const std::string& name, const operation& op, const Tensor& x, const tensors& p, const formula& same,
           bool values = true) {
    const Tensor xf = x.clone().requires_grad_();
    const Tensor xd = x.to(torch::kDouble).requires_grad_();
    tensors pf, pd;
    for (const Tensor& one : p) {
        pf.push_back(one.clone().requires_grad_());
        pd.push_back(one.to(torch::kDouble).requires_grad_());
    }
    const Tensor y = quantize(op, xf, pf);
    const Tensor z = same(xd, pd);
    const Tensor g = torch::randn(y.sizes());
    (y * g).sum().backward();
    (z * g.to(torch::kDouble)).sum().backward();
    DOCTEST_INFO(name);
    if (values) DOCTEST_CHECK((y.to(torch::kDouble) - z).abs().max().item<double>() < 1e-5);
    DOCTEST_CHECK(relative_error(xf.grad(), xd.grad()) <= 1e-4);
    for (std::size_t i = 0; i < p.size(); ++i) DOCTEST_CHECK(relative_error(pf[i].grad(), pd[i].grad()) <= 1e-4);
}

Tensor weights() {
    torch::manual_seed(7);
    return torch::randn({6, 45});
}

}  // namespace

DOCTEST_TEST_CASE("activations against autograd") {
    torch::manual_seed(3);
    const Tensor x = torch::randn({1, 300}) * 2.0;
    const Tensor alpha = torch::full({1, 1}, 1.7f);
    const auto pact = [](int bits) {
        return [bits](const Tensor& v, const tensors& p) {
            const double top = (1 << bits) - 1;
            const Tensor y = torch::min(torch::relu(v), p[0]);
            const Tensor step = (p[0] / top).detach();
            return through(y, (y / step).round() * step);
        };
    };
    // The method's penalty of alpha is no part of its output: here it is left out.
    for (const int bits : {2, 8}) {
        activation_method a = pact_activations(bits);
        const operation plain{a.op->forward,
                              [bits](const Tensor& v, const tensors& p, const Tensor& g, tensors& grads) {
                                  require(qz::pact::backward(in(v), in(p[0]), in(g), out(grads[0]), out(grads[1])));
                              }};
        check("pact", plain, x, {alpha}, pact(bits));
    }
    check("dorefa", *dorefa_activations().op, x, {},
          [](const Tensor& v, const tensors&) { return rounded(v.clamp(0, 1) * 3.0) / 3.0; });
    const double scale = 1.0 / std::sqrt(300.0 * 3.0);
    check("lsq", *lsq_activations().op, x, {torch::full({1, 1}, 0.61f)}, [scale](const Tensor& v, const tensors& p) {
        const Tensor step = through(p[0] * scale, p[0]);
        return rounded((v / step).clamp(0, 3)) * step;
    });
    check("rtn", *rtn_activations().op, x, {torch::full({1, 1}, 0.9f), torch::full({1, 1}, 0.3f)},
          [](const Tensor& v, const tensors& p) { return rounded(v.clamp(-1, 1)) * p[0] + p[1]; });
    check("sign", *sign_activations().op, x, {},
          [](const Tensor& v, const tensors&) { return through(v.clamp(-1, 1), v.sign()); });
}

DOCTEST_TEST_CASE("weights against autograd") {
    const Tensor w = weights();
    const auto time = std::make_shared<course>();
    check(
        "twn", *twn_weights().op, w, {}, [](const Tensor& v, const tensors&) { return v; }, false);
    check("ttq", *ttq_weights().op, w, {torch::full({1, 1}, 0.8f), torch::full({1, 1}, 1.3f)},
          [](const Tensor& v, const tensors& p) {
              const Tensor limit = (0.05 * v.abs().max()).detach();
              const Tensor above = v.gt(limit).to(torch::kDouble), below = v.lt(-limit).to(torch::kDouble);
              const Tensor moved = v - v.detach();
              return above * (p[0] + p[0].detach() * moved) + below * (p[1].detach() * moved - p[1]) +
                     (1.0 - above - below) * moved;
          });
    check("xnor", *binary_weights(false).op, w, {},
          [](const Tensor& v, const tensors&) { return v.abs().mean(1, true) * through(v.clamp(-1, 1), v.sign()); });
    check("xnor++", *binary_weights(true).op, w, {},
          [](const Tensor& v, const tensors&) { return through(v.clamp(-1, 1), v.sign()); });
    for (const int bits : {2, 4}) {
        check("dorefa", *dorefa_weights(bits).op, w, {}, [bits](const Tensor& v, const tensors&) {
            const double top = (1 << bits) - 1;
            const Tensor r = v.tanh() / (2.0 * v.tanh().abs().max()) + 0.5;
            return 2.0 * rounded(r * top) / top - 1.0;
        });
    }
    const double scale = 1.0 / std::sqrt(6.0 * 45.0);
    check("lsq", *stepped_weights(2, false, false, time).op, w, {torch::full({1, 1}, 0.7f)},
          [scale](const Tensor& v, const tensors& p) {
              const Tensor step = through(p[0] * scale, p[0]);
              return rounded((v / step).clamp(-2, 1)) * step;
          });
    check(
        "srq", *stepped_weights(3, true, false, time).op, w, {torch::full({1, 1}, 0.4f), torch::full({1, 1}, 0.15f)},
        [](const Tensor& v, const tensors& p) {
            const Tensor l = torch::arange(-4, 4, torch::kDouble).reshape({8, 1, 1});
            const Tensor c = ((p[0] * (l + 0.5) - v) / p[1]).sigmoid() - ((p[0] * (l - 0.5) - v) / p[1]).sigmoid();
            return (c * p[0] * l).sum(0) / c.sum(0);
        },
        false);
    check(
        "esb", *esb_weights(4, 1).op, w, {},
        [](const Tensor& v, const tensors&) {
            const qz::esb::format f = qz::esb::make_format(4, 1);
            const Tensor mean = v.detach().mean(1, true), unit = v.detach().std(1, true, true) * double{f.lambda};
            const double limit = f.largest() * double{f.step()};
            return ((v - mean) / unit).clamp(-limit, limit) * unit + mean;
        },
        false);
    check(
        "biscaled", *biscaled_weights(4, 4).op, w, {}, [](const Tensor& v, const tensors&) { return v; }, false);
    const auto unchanged = [](const Tensor& v, const tensors&) { return v; };
    check("bwn", *bwn_weights().op, w, {}, unchanged, false);
    check("absmean", *absmean_weights().op, w, {}, unchanged, false);
    check("least-squares", *least_squares_weights().op, w, {}, unchanged, false);
    check("wrpn", *wrpn_weights(3).op, w, {},
          [](const Tensor& v, const tensors&) { return rounded(v.clamp(-1, 1) * 3.0) / 3.0; });
    // Without the method's clip of the threshold's gradient.
    const operation tga{tga_weights().op->forward,
                        [](const Tensor& v, const tensors& p, const Tensor& g, tensors& grads) {
                            require(qz::tga::backward(in(v), in(p[0]), in(g), out(grads[0]), out(grads[1])));
                        }};
    check("tga", tga, w, {torch::full({1, 1}, 0.6f)}, [](const Tensor& v, const tensors& p) {
        const Tensor mu = v.mean(), s = v.std(true), a = p[0].abs() / s;
        const Tensor density = (-0.5 * a * a).exp() / std::sqrt(2.0 * std::acos(-1.0));
        const Tensor tail_mean = mu + s * density / (0.5 * (a / std::sqrt(2.0)).erfc());
        const Tensor t = (v.gt(mu + p[0]).to(torch::kDouble) - v.lt(mu - p[0]).to(torch::kDouble)).detach();
        return tail_mean * t + (v - v.detach());
    });
    time->progress = 0.3;
    check("slb", *slb_weights(2, time).op, torch::randn({6, 40}), {}, [](const Tensor& v, const tensors&) {
        const Tensor level = (2.0 * torch::arange(0, 4, torch::kDouble) - 3.0) / 3.0;
        const Tensor p = (v.reshape({6, 10, 4}) * std::pow(100.0, 0.3)).softmax(2);
        return (p * level).sum(2);
    });
}

DOCTEST_TEST_CASE("factors behind a product, and centroids, against autograd") {
    torch::manual_seed(5);
    const std::int64_t size = 4;
    check("xnor++ factors", factor_operation(size), torch::randn({2 * size * size, 5}),
          {torch::randn({5}), torch::randn({size}), torch::randn({size})}, [=](const Tensor& y, const tensors& p) {
              const Tensor image =
                  y.reshape({2, size, size, 5}) * p[0] * p[1].reshape({1, size, 1, 1}) * p[2].reshape({1, 1, size, 1});
              return image.reshape({-1, 5});
          });
    const auto time = std::make_shared<course>();
    const weight_method books = codebook_method(time);
    const Tensor w = weights();
    tensors p = books.parameters(w);
    time->progress = 0.6;
    books.epoch(w, p);
    const Tensor codes = p[1].to(torch::kLong);
    const Tensor count = torch::bincount(codes.reshape({-1}), {}, p[0].size(0)).to(torch::kDouble).clamp_min(1.0);
    // The mean over the blocks of a centroid, not the sum.
    check("codebook", *books.op, w, p, [&](const Tensor& v, const tensors& q) {
        const Tensor c = through(q[0] / count.reshape({-1, 1}), q[0]);
        return c.index_select(0, codes.t().reshape({-1})).reshape(v.sizes()) + 0.0 * v + 0.0 * q[1].sum();
    });
}
