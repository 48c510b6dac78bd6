// SPDX-License-Identifier: MIT
// The table of methods: how weights and activations are quantized in training, each through tern's own forward and
// backward, and what their weights are afterwards.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <torch/torch.h>

#include <tern/quantize/absmean.hpp>
#include <tern/quantize/biscaled.hpp>
#include <tern/quantize/bwn.hpp>
#include <tern/quantize/codebook.hpp>
#include <tern/quantize/dorefa.hpp>
#include <tern/quantize/esb.hpp>
#include <tern/quantize/least_squares.hpp>
#include <tern/quantize/lsq.hpp>
#include <tern/quantize/pact.hpp>
#include <tern/quantize/rtn.hpp>
#include <tern/quantize/slb.hpp>
#include <tern/quantize/srq.hpp>
#include <tern/quantize/stochastic.hpp>
#include <tern/quantize/tga.hpp>
#include <tern/quantize/ttq.hpp>
#include <tern/quantize/twn.hpp>
#include <tern/quantize/wrpn.hpp>
#include <tern/quantize/xnor.hpp>

#include "packed.hpp"

namespace training {

using torch::Tensor;
using tensors = std::vector<Tensor>;
namespace qz = tern::quantize;

inline void require(tern::status s) {
    if (s != tern::status::ok) throw std::runtime_error(std::string("tern: ") + tern::to_string(s));
}

/// A contiguous tensor of two dimensions, and a parameter: a column.
inline tern::matrix_view<const float> in(const Tensor& t) {
    return {t.data_ptr<float>(), static_cast<std::size_t>(t.size(0)), static_cast<std::size_t>(t.numel() / t.size(0))};
}
inline tern::matrix_view<float> out(Tensor& t) {
    return {t.data_ptr<float>(), static_cast<std::size_t>(t.size(0)), static_cast<std::size_t>(t.numel() / t.size(0))};
}
inline std::vector<float> numbers(const Tensor& t) {
    const Tensor c = t.detach().contiguous();
    return {c.data_ptr<float>(), c.data_ptr<float>() + c.numel()};
}

/// x is rows x columns, p the learnt parameters (columns); grads are those of x and of each parameter, zeroed.
struct operation {
    std::function<Tensor(const Tensor& x, const tensors& p)> forward;
    std::function<void(const Tensor& x, const tensors& p, const Tensor& grad, tensors& grads)> backward;
};

struct quantize_function : torch::autograd::Function<quantize_function> {
    static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& p0,
                          const Tensor& p1, const Tensor& p2, const operation* op) {
        const Tensor rows = x.contiguous();
        context->save_for_backward({rows, p0.contiguous(), p1.contiguous(), p2.contiguous()});
        context->saved_data["operation"] = reinterpret_cast<std::int64_t>(op);
        return op->forward(rows, {p0.contiguous(), p1.contiguous(), p2.contiguous()});
    }
    static tensors backward(torch::autograd::AutogradContext* context, const tensors& gradients) {
        const tensors saved = context->get_saved_variables();
        const auto* op = reinterpret_cast<const operation*>(context->saved_data["operation"].toInt());
        const tensors p(saved.begin() + 1, saved.end());
        tensors grads;
        for (const Tensor& t : saved) grads.push_back(torch::zeros_like(t));
        op->backward(saved[0], p, gradients[0].contiguous(), grads);
        grads.emplace_back();
        return grads;
    }
};

/// `op` has to live until the backward pass is over.
inline Tensor quantize(const operation& op, const Tensor& x, const tensors& p) {
    const auto one = [&](std::size_t i) { return i < p.size() ? p[i] : torch::zeros({0}); };
    return quantize_function::apply(x, one(0), one(1), one(2), &op);
}

/// What changes in the course of a training.
struct course {
    double progress = 0.0;  ///< 0 to 1
    bool training = true;
    std::mt19937 random{1};
    int bits = 3;  ///< DropBits: of this step
};

/// Weights are outputs x depth. `latent` is what is trained in their place.
struct weight_method {
    double bits = 32.0;
    std::function<Tensor(const Tensor& w)> latent = [](const Tensor& w) { return w; };
    std::function<tensors(const Tensor& latent)> parameters = [](const Tensor&) { return tensors{}; };
    int positive = 0;               ///< how many of the first parameters have to be
    std::shared_ptr<operation> op;  ///< none: float weights
    /// The trained weights as integers; empty terms and no codebook: float.
    std::function<layer_weights(const Tensor& latent, const tensors& p)> finish;
    /// Called before every epoch: may change parameters (a codebook is fitted).
    std::function<void(const Tensor& latent, tensors& p)> epoch = [](const Tensor&, tensors&) {};
};

/// Activations of any shape, seen as one row.
struct activation_method {
    double bits = 32.0;
    codes kind = codes::u8;
    std::function<tensors()> parameters = [] { return tensors{}; };
    int positive = 0;               ///< how many of the first parameters have to be
    std::shared_ptr<operation> op;  ///< none: ReLU in float
    std::function<std::pair<float, float>(const tensors& p)> scale_offset;
    int padding = 0;  ///< the code that stands at the border of an image
};

struct method {
    weight_method weights;
    activation_method activations;
    bool output_factors = false;  ///< XNOR-Net++
    std::int64_t widening = 1;    ///< times as many channels
};

namespace detail {

/// Integers of quantized weights: (wq - offset) / unit, which have to be integers.
inline weight_term term_of(const Tensor& quantized, const std::vector<float>& unit, const std::vector<float>& offset) {
    weight_term t;
    t.outputs = static_cast<std::size_t>(quantized.size(0));
    t.depth = static_cast<std::size_t>(quantized.size(1));
    const std::vector<float> w = numbers(quantized);
    for (std::size_t i = 0; i < w.size(); ++i) {
        const std::size_t o = i / t.depth;
        const double v =
            unit[o] == 0.0f ? 0.0 : (double{w[i]} - (offset.empty() ? 0.0 : double{offset[o]})) / double{unit[o]};
        const double whole = std::nearbyint(v);
        if (!(std::fabs(v - whole) < 1e-3) || std::fabs(whole) > 32767.0)
            throw std::runtime_error("a quantized weight is no multiple of its scale");
        t.values.push_back(static_cast<std::int16_t>(whole));
    }
    t.scale = unit;
    t.offset = offset;
    return t;
}

inline std::shared_ptr<operation> shared(operation op) { return std::make_shared<operation>(std::move(op)); }

inline Tensor column(const Tensor& t, float value) { return torch::full({t.size(0), 1}, value); }
inline std::vector<float> repeated(const Tensor& w, float v) {
    return std::vector<float>(static_cast<std::size_t>(w.size(0)), v);
}

}  // namespace detail

// -- activations --

inline activation_method pact_activations(int bits) {
    activation_method a;
    a.bits = bits;
    a.kind = bits == 8 ? codes::u8 : codes::u2;
    a.positive = 1;
    a.parameters = [] { return tensors{torch::full({1, 1}, 4.0f)}; };
    a.op = detail::shared({[bits](const Tensor& x, const tensors& p) {
                               Tensor y = torch::empty_like(x);
                               require(qz::pact::forward(in(x), in(p[0]), bits, out(y)));
                               return y;
                           },
                           [](const Tensor& x, const tensors& p, const Tensor& g, tensors& grads) {
                               require(qz::pact::backward(in(x), in(p[0]), in(g), out(grads[0]), out(grads[1]), 1e-4f));
                           }});
    a.scale_offset = [bits](const tensors& p) {
        return std::make_pair(p[0].item<float>() / static_cast<float>((1 << bits) - 1), 0.0f);
    };
    return a;
}

inline activation_method dorefa_activations() {
    activation_method a;
    a.bits = 2;
    a.kind = codes::u2;
    a.op = detail::shared({[](const Tensor& x, const tensors&) {
                               Tensor y = torch::empty_like(x);
                               require(qz::dorefa::forward_activations(in(x), 2, out(y)));
                               return y;
                           },
                           [](const Tensor& x, const tensors&, const Tensor& g, tensors& grads) {
                               require(qz::dorefa::backward_activations(in(x), in(g), out(grads[0])));
                           }});
    a.scale_offset = [](const tensors&) { return std::make_pair(1.0f / 3.0f, 0.0f); };
    return a;
}

inline activation_method wrpn_activations() {
    activation_method a = dorefa_activations();
    a.op = detail::shared({[](const Tensor& x, const tensors&) {
                               Tensor y = torch::empty_like(x);
                               require(qz::wrpn::forward_activations(in(x), 2, out(y)));
                               return y;
                           },
                           [](const Tensor& x, const tensors&, const Tensor& g, tensors& grads) {
                               require(qz::wrpn::backward_activations(in(x), in(g), out(grads[0])));
                           }});
    return a;
}

inline activation_method lsq_activations() {
    activation_method a;
    a.bits = 2;
    a.kind = codes::u2;
    a.positive = 1;
    a.parameters = [] { return tensors{torch::full({1, 1}, 0.7f)}; };
    a.op = detail::shared({[](const Tensor& x, const tensors& p) {
                               Tensor y = torch::empty_like(x);
                               require(qz::lsq::forward(in(x), in(p[0]), qz::unsigned_levels(2), out(y)));
                               return y;
                           },
                           [](const Tensor& x, const tensors& p, const Tensor& g, tensors& grads) {
                               const float scale =
                                   qz::lsq::gradient_scale(static_cast<std::size_t>(x.numel()), qz::unsigned_levels(2));
                               require(qz::lsq::backward(in(x), in(p[0]), qz::unsigned_levels(2), in(g), out(grads[0]),
                                                         out(grads[1]), scale));
                           }});
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
    a.op = detail::shared(
        {[](const Tensor& x, const tensors& p) {
             Tensor y = torch::empty_like(x);
             require(qz::rtn::forward(in(x), in(p[0]), in(p[1]), out(y)));
             return y;
         },
         [](const Tensor& x, const tensors& p, const Tensor& g, tensors& grads) {
             require(qz::rtn::backward(in(x), in(p[0]), in(p[1]), in(g), out(grads[0]), out(grads[1]), out(grads[2])));
         }});
    a.scale_offset = [](const tensors& p) { return std::make_pair(p[0].item<float>(), p[1].item<float>()); };
    return a;
}

inline activation_method sign_activations() {
    activation_method a;
    a.bits = 1;
    a.kind = codes::binary;
    a.padding = 1;
    a.op = detail::shared({[](const Tensor& x, const tensors&) {
                               Tensor y = torch::empty_like(x);
                               const float one = 1.0f;
                               require(qz::xnor::forward(in(x), qz::per_tensor(&one), out(y)));
                               return y;
                           },
                           [](const Tensor& x, const tensors&, const Tensor& g, tensors& grads) {
                               require(qz::xnor::backward_activations(in(x), in(g), out(grads[0])));
                           }});
    a.scale_offset = [](const tensors&) { return std::make_pair(1.0f, 0.0f); };
    return a;
}

// -- weights --

/// A threshold and a scale a filter by `fit`, then TWN's forward and backward.
using threshold_fit = std::function<tensors(const Tensor& w)>;

inline weight_method ternary_weights(threshold_fit fit) {
    weight_method m;
    m.bits = std::log2(3.0);
    m.op = detail::shared({[fit](const Tensor& w, const tensors&) {
                               const tensors p = fit(w);
                               Tensor y = torch::empty_like(w);
                               require(qz::twn::forward(in(w), in(p[0]), in(p[1]), out(y)));
                               return y;
                           },
                           [](const Tensor& w, const tensors&, const Tensor& g, tensors& grads) {
                               require(qz::twn::backward(in(w), in(g), out(grads[0])));
                           }});
    m.finish = [fit, op = m.op](const Tensor& w, const tensors& p) {
        layer_weights result;
        result.terms.push_back(detail::term_of(op->forward(w, p), numbers(fit(w)[1]), {}));
        return result;
    };
    return m;
}

inline weight_method twn_weights() {
    return ternary_weights([](const Tensor& w) {
        tensors p{detail::column(w, 0.0f), detail::column(w, 0.0f)};
        require(qz::twn::fit(in(w), out(p[0]), out(p[1])));
        return p;
    });
}

inline weight_method least_squares_weights() {
    return ternary_weights([](const Tensor& w) {
        tensors p{detail::column(w, 0.0f), detail::column(w, 0.0f)};
        std::vector<tern::word> scratch(qz::least_squares::scratch_words(in(w).rows, in(w).cols, false));
        require(qz::least_squares::fit(in(w), out(p[0]), out(p[1]), scratch.data(), scratch.size()));
        return p;
    });
}

/// BWN, a scale a filter; or absmean, a scale a layer.
inline weight_method scaled_weights(bool ternary) {
    weight_method m;
    m.bits = ternary ? std::log2(3.0) : 1.0;
    const auto fit = [ternary](const Tensor& w) {
        Tensor scale = ternary ? torch::zeros({1, 1}) : detail::column(w, 0.0f);
        require(ternary ? qz::absmean::fit(in(w), out(scale), 1e-5f) : qz::bwn::fit(in(w), out(scale)));
        return scale;
    };
    m.op = detail::shared({[=](const Tensor& w, const tensors&) {
                               const Tensor scale = fit(w);
                               Tensor y = torch::empty_like(w);
                               require(ternary ? qz::absmean::forward(in(w), in(scale), out(y))
                                               : qz::bwn::forward(in(w), in(scale), out(y)));
                               return y;
                           },
                           [=](const Tensor& w, const tensors&, const Tensor& g, tensors& grads) {
                               require(ternary ? qz::absmean::backward(in(w), in(g), out(grads[0]))
                                               : qz::bwn::backward(in(w), in(fit(w)), in(g), out(grads[0])));
                           }});
    m.finish = [fit, op = m.op](const Tensor& w, const tensors& p) {
        const Tensor scale = fit(w).expand({w.size(0), 1});
        layer_weights result;
        result.terms.push_back(detail::term_of(op->forward(w, p), numbers(scale), {}));
        return result;
    };
    return m;
}

/// One learnt threshold a layer; both gradients in one step, where the authors alternate.
inline weight_method tga_weights() {
    weight_method m;
    m.bits = std::log2(3.0);
    m.parameters = [](const Tensor& w) {
        Tensor delta = torch::zeros({1, 1});
        require(qz::tga::initialize(in(w), out(delta)));
        return tensors{delta};
    };
    const auto fit = [](const Tensor& w, const Tensor& delta) {
        tensors p{torch::zeros({1, 1}), torch::zeros({1, 1}), torch::zeros({1, 1})};
        require(qz::tga::fit(in(w), in(delta), out(p[0]), out(p[1]), out(p[2])));
        return p;
    };
    m.op = detail::shared({[fit](const Tensor& w, const tensors& p) {
                               const tensors f = fit(w, p[0]);
                               Tensor y = torch::empty_like(w);
                               require(qz::tga::forward(in(w), in(f[0]), in(f[1]), in(f[2]), out(y)));
                               return y;
                           },
                           [](const Tensor& w, const tensors& p, const Tensor& g, tensors& grads) {
                               require(qz::tga::backward(in(w), in(p[0]), in(g), out(grads[0]), out(grads[1]),
                                                         qz::tga::tails::upper, 1e-3f));
                           }});
    m.finish = [fit, op = m.op](const Tensor& w, const tensors& p) {
        layer_weights result;
        const auto unit = detail::repeated(w, fit(w, p[0])[2].item<float>());
        result.terms.push_back(detail::term_of(op->forward(w, p), unit, {}));
        return result;
    };
    return m;
}

/// The weights have to fill [-1, 1], so they start with deviation 1/2: this program's choice.
inline weight_method wrpn_weights(int bits) {
    weight_method m;
    m.bits = bits;
    m.latent = [](const Tensor& w) { return w * (0.5 / w.std()); };
    m.op = detail::shared({[bits](const Tensor& w, const tensors&) {
                               Tensor y = torch::empty_like(w);
                               require(qz::wrpn::forward_weights(in(w), bits, out(y)));
                               return y;
                           },
                           [](const Tensor& w, const tensors&, const Tensor& g, tensors& grads) {
                               require(qz::wrpn::backward_weights(in(w), in(g), out(grads[0])));
                           }});
    m.finish = [bits, op = m.op](const Tensor& w, const tensors& p) {
        layer_weights result;
        const auto unit = detail::repeated(w, 1.0f / static_cast<float>(qz::wrpn::weight_steps(bits)));
        result.terms.push_back(detail::term_of(op->forward(w, p), unit, {}));
        return result;
    };
    return m;
}

/// Stochastic quantization over another method: the share of quantized filters is 50, 75, 87.5 and 100 % in the four
/// quarters of the training. The paper starts each stage from the last one's weights with a new schedule of rates; here
/// all four share one.
inline weight_method stochastic_weights(weight_method base, const std::shared_ptr<course>& time) {
    weight_method m = base;
    m.op = detail::shared({[time, op = base.op](const Tensor& w, const tensors& p) {
                               const Tensor q = op->forward(w, p);
                               constexpr double shares[] = {0.5, 0.75, 0.875, 1.0};
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

/// Both scales are learnt, one of each a layer; the threshold follows the weights.
inline weight_method ttq_weights() {
    weight_method m;
    m.bits = std::log2(3.0);
    const auto fit = [](const Tensor& w) {
        tensors p{torch::zeros({1, 1}), torch::zeros({1, 1}), torch::zeros({1, 1})};
        require(qz::ttq::fit(in(w), out(p[2]), out(p[0]), out(p[1])));
        return p;
    };
    m.parameters = [fit](const Tensor& w) {
        const tensors p = fit(w);
        return tensors{p[0], p[1]};
    };
    m.op = detail::shared({[fit](const Tensor& w, const tensors& p) {
                               Tensor y = torch::empty_like(w);
                               require(qz::ttq::forward(in(w), in(fit(w)[2]), in(p[0]), in(p[1]), out(y)));
                               return y;
                           },
                           [fit](const Tensor& w, const tensors& p, const Tensor& g, tensors& grads) {
                               require(qz::ttq::backward(in(w), in(fit(w)[2]), in(p[0]), in(p[1]), in(g), out(grads[0]),
                                                         out(grads[1]), out(grads[2])));
                           }});
    m.finish = [op = m.op](const Tensor& w, const tensors& p) {
        const Tensor q = op->forward(w, p);
        layer_weights result;
        result.terms.push_back(detail::term_of(q.gt(0).to(torch::kFloat), detail::repeated(w, 1.0f), {}));
        result.terms.push_back(detail::term_of(q.lt(0).to(torch::kFloat), detail::repeated(w, 1.0f), {}));
        result.terms[0].scale = detail::repeated(w, p[0].item<float>());
        result.terms[1].scale = detail::repeated(w, -p[1].item<float>());
        return result;
    };
    return m;
}

/// XNOR-Net's weights; `plain`: without the scale (XNOR-Net++, whose factors come behind).
inline weight_method binary_weights(bool plain) {
    weight_method m;
    m.bits = 1;
    const auto fit = [plain](const Tensor& w) {
        Tensor scale = detail::column(w, 1.0f);
        if (!plain) require(qz::xnor::fit(in(w), out(scale)));
        return scale;
    };
    m.op = detail::shared(
        {[fit](const Tensor& w, const tensors&) {
             Tensor y = torch::empty_like(w);
             require(qz::xnor::forward(in(w), in(fit(w)), out(y)));
             return y;
         },
         [fit, plain](const Tensor& w, const tensors&, const Tensor& g, tensors& grads) {
             require(qz::xnor::backward(in(w), in(fit(w)), in(g), out(grads[0]),
                                        plain ? qz::xnor::rule::constant : qz::xnor::rule::differentiated));
         }});
    m.finish = [fit, op = m.op](const Tensor& w, const tensors& p) {
        layer_weights result;
        result.terms.push_back(detail::term_of(op->forward(w, p), numbers(fit(w)), {}));
        return result;
    };
    return m;
}

inline weight_method dorefa_weights(int bits) {
    weight_method m;
    m.bits = bits;
    m.op = detail::shared({[bits](const Tensor& w, const tensors&) {
                               Tensor y = torch::empty_like(w);
                               require(qz::dorefa::forward_weights(in(w), bits, out(y)));
                               return y;
                           },
                           [](const Tensor& w, const tensors&, const Tensor& g, tensors& grads) {
                               require(qz::dorefa::backward_weights(in(w), in(g), out(grads[0])));
                           }});
    m.finish = [bits, op = m.op](const Tensor& w, const tensors& p) {
        layer_weights result;
        const auto unit = detail::repeated(w, 1.0f / static_cast<float>((1 << bits) - 1));
        result.terms.push_back(detail::term_of(op->forward(w, p), unit, {}));
        return result;
    };
    return m;
}

/// LSQ, or SRQ with `noise`, or that with DropBits: evenly spaced levels, one step a layer.
inline weight_method stepped_weights(int bits, bool noise, bool drop, const std::shared_ptr<course>& time) {
    weight_method m;
    m.bits = bits;
    m.positive = noise ? 2 : 1;
    const auto levels = [=] { return qz::signed_levels(drop && time->training ? time->bits : bits); };
    m.parameters = [=](const Tensor& w) {
        Tensor step = torch::zeros({1, 1});
        require(qz::lsq::fit(in(w), qz::signed_levels(bits), out(step)));
        return noise ? tensors{step, step * qz::srq::first_noise} : tensors{step};
    };
    m.op = detail::shared({[=](const Tensor& w, const tensors& p) {
                               Tensor y = torch::empty_like(w);
                               require(qz::lsq::forward(in(w), in(p[0]), levels(), out(y)));
                               return y;
                           },
                           [=](const Tensor& w, const tensors& p, const Tensor& g, tensors& grads) {
                               if (noise)
                                   return require(qz::srq::backward(in(w), in(p[0]), in(p[1]), levels(), in(g),
                                                                    out(grads[0]), out(grads[1]), out(grads[2])));
                               const auto n = static_cast<std::size_t>(w.numel());
                               require(qz::lsq::backward(in(w), in(p[0]), levels(), in(g), out(grads[0]), out(grads[1]),
                                                         qz::lsq::gradient_scale(n, levels())));
                           }});
    m.finish = [op = m.op](const Tensor& w, const tensors& p) {
        layer_weights result;
        result.terms.push_back(detail::term_of(op->forward(w, p), detail::repeated(w, p[0].item<float>()), {}));
        return result;
    };
    return m;
}

inline weight_method esb_weights(int bits, int significant) {
    weight_method m;
    m.bits = bits;
    const qz::esb::format f = qz::esb::make_format(bits, significant);
    const auto fit = [](const Tensor& w) {
        tensors p{detail::column(w, 0.0f), detail::column(w, 1.0f)};
        require(qz::esb::fit(in(w), out(p[0]), out(p[1])));
        return p;
    };
    m.op = detail::shared({[=](const Tensor& w, const tensors&) {
                               const tensors p = fit(w);
                               Tensor y = torch::empty_like(w);
                               require(qz::esb::forward(in(w), in(p[0]), in(p[1]), f, out(y)));
                               return y;
                           },
                           [=](const Tensor& w, const tensors&, const Tensor& g, tensors& grads) {
                               const tensors p = fit(w);
                               require(qz::esb::backward(in(w), in(p[0]), in(p[1]), f, in(g), out(grads[0])));
                           }});
    m.finish = [=, op = m.op](const Tensor& w, const tensors& p) {
        const tensors fitted = fit(w);
        layer_weights result;
        result.terms.push_back(
            detail::term_of(op->forward(w, p), numbers(fitted[1] * (f.lambda * f.step())), numbers(fitted[0])));
        return result;
    };
    return m;
}

inline weight_method biscaled_weights(int bits, int most_shift) {
    weight_method m;
    m.bits = bits;
    const auto fit = [=](const Tensor& w) {
        qz::biscaled::format f;
        require(qz::biscaled::fit(in(w), bits, most_shift, f));
        return f;
    };
    m.op = detail::shared({[fit](const Tensor& w, const tensors&) {
                               Tensor y = torch::empty_like(w);
                               require(qz::biscaled::forward(in(w), fit(w), out(y)));
                               return y;
                           },
                           [fit](const Tensor& w, const tensors&, const Tensor& g, tensors& grads) {
                               require(qz::biscaled::backward(in(w), fit(w), in(g), out(grads[0])));
                           }});
    m.finish = [fit, op = m.op](const Tensor& w, const tensors& p) {
        layer_weights result;
        const auto unit = static_cast<float>(std::ldexp(1.0, -fit(w).fine));
        result.terms.push_back(detail::term_of(op->forward(w, p), detail::repeated(w, unit), {}));
        return result;
    };
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
    m.op = detail::shared({[=](const Tensor& logits, const tensors&) {
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
        result.terms.push_back(detail::term_of(w, detail::repeated(w, 1.0f / static_cast<float>(count - 1)), {}));
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
    m.op = detail::shared({[=](const Tensor& w, const tensors& p) {
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

/// Every method by its name, in the order of the study.
inline std::vector<std::string> method_names() {
    return {"float", "bwn", "sq-bwn",   "twn",    "sq-twn", "least-squares", "absmean", "tga",
            "ttq",   "rtn", "xnor",     "xnor++", "wrpn",   "wrpn-2x",       "dorefa",  "pact",
            "lsq",   "esb", "biscaled", "slb",    "srq",    "dropbits",      "codebook"};
}

inline method make_method(const std::string& name, const std::shared_ptr<course>& time) {
    if (name == "float") return {};
    if (name == "twn") return {twn_weights(), pact_activations(8)};
    if (name == "bwn") return {scaled_weights(false), pact_activations(8)};
    if (name == "sq-bwn") return {stochastic_weights(scaled_weights(false), time), pact_activations(8)};
    if (name == "sq-twn") return {stochastic_weights(twn_weights(), time), pact_activations(8)};
    if (name == "least-squares") return {least_squares_weights(), pact_activations(8)};
    if (name == "absmean") return {scaled_weights(true), pact_activations(8)};
    if (name == "tga") return {tga_weights(), pact_activations(8)};
    if (name == "wrpn") return {wrpn_weights(2), wrpn_activations()};
    if (name == "wrpn-2x") return {wrpn_weights(2), wrpn_activations(), false, 2};
    if (name == "ttq") return {ttq_weights(), pact_activations(8)};
    if (name == "rtn") return {twn_weights(), rtn_activations()};
    if (name == "xnor") return {binary_weights(false), sign_activations()};
    if (name == "xnor++") return {binary_weights(true), sign_activations(), true};
    if (name == "dorefa") return {dorefa_weights(2), dorefa_activations()};
    if (name == "pact") return {dorefa_weights(2), pact_activations(2)};
    if (name == "lsq") return {stepped_weights(2, false, false, time), lsq_activations()};
    if (name == "esb") return {esb_weights(4, 1), pact_activations(8)};
    if (name == "biscaled") return {biscaled_weights(4, 4), pact_activations(8)};
    if (name == "slb") return {slb_weights(2, time), pact_activations(8)};
    if (name == "srq") return {stepped_weights(3, true, false, time), pact_activations(8)};
    if (name == "dropbits") return {stepped_weights(3, true, true, time), pact_activations(8)};
    if (name == "codebook") return {codebook_method(time), pact_activations(8)};
    std::string all;
    for (const std::string& n : method_names()) all += ' ' + n;
    throw std::runtime_error("no method '" + name + "'; there are" + all);
}

}  // namespace training
