// SPDX-License-Identifier: MIT
// tern's quantizers as autograd functions of libtorch.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include <tern/status.hpp>
#include <tern/view.hpp>

#include "../fashion_mnist/require.hpp"

namespace training {

using fashion_mnist::require;
using torch::Tensor;
using tensors = std::vector<Tensor>;
using source = tern::matrix_view<const float>;
using target = tern::matrix_view<float>;

/// A contiguous tensor of two dimensions, and a parameter: a column.
inline source in(const Tensor& t) {
    return {t.data_ptr<float>(), static_cast<std::size_t>(t.size(0)), static_cast<std::size_t>(t.numel() / t.size(0))};
}
inline target out(const Tensor& t) {
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

/// What backward writes, as views: [0] of x, the others of the parameters.
struct targets {
    const tensors& grads;
    target operator[](std::size_t i) const { return out(grads[i]); }
};

/// An operation on views whose result has the shape of x: `forward(x, p, y)` and `backward(x, p, grad, grads)` return
/// tern's status.
template <class Forward, class Backward>
std::shared_ptr<operation> shape_keeping(Forward forward, Backward backward) {
    return std::make_shared<operation>(
        operation{[forward](const Tensor& x, const tensors& p) {
                      Tensor y = torch::empty_like(x);
                      require(forward(in(x), p, out(y)));
                      return y;
                  },
                  [backward](const Tensor& x, const tensors& p, const Tensor& grad, tensors& grads) {
                      require(backward(in(x), p, in(grad), targets{grads}));
                  }});
}

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

}  // namespace training
