// SPDX-License-Identifier: MIT
// What a method is: how weights and activations are quantized in training, and what the weights are afterwards.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "operations.hpp"
#include "packed.hpp"

namespace training {

namespace qz = tern::quantize;

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

/// `values` of each of `count` outputs, or one for all of them.
inline std::vector<float> for_outputs(std::vector<float> values, std::size_t count) {
    if (values.size() == 1) values.assign(count, values[0]);
    return values;
}

/// Integers of quantized weights: (wq - offset) / unit, which have to be integers.
inline weight_term term_of(const Tensor& quantized, const std::vector<float>& unit,
                           const std::vector<float>& offset = {}) {
    weight_term t;
    t.outputs = static_cast<std::size_t>(quantized.size(0));
    t.depth = static_cast<std::size_t>(quantized.size(1));
    t.scale = for_outputs(unit, t.outputs);
    t.offset = offset;
    const std::vector<float> w = numbers(quantized);
    for (std::size_t i = 0; i < w.size(); ++i) {
        const std::size_t o = i / t.depth;
        const double from = offset.empty() ? 0.0 : double{offset[o]};
        const double v = t.scale[o] == 0.0f ? 0.0 : (double{w[i]} - from) / double{t.scale[o]};
        const double whole = std::nearbyint(v);
        if (!(std::fabs(v - whole) < 1e-3) || std::fabs(whole) > 32767.0)
            throw std::runtime_error("a quantized weight is no multiple of its scale");
        t.values.push_back(static_cast<std::int16_t>(whole));
    }
    return t;
}

/// One term: integers times `unit(w, p)`, a number an output or one for all.
template <class Unit>
void finish_as_one_term(weight_method& m, Unit unit) {
    m.finish = [unit, op = m.op](const Tensor& w, const tensors& p) {
        layer_weights result;
        result.terms.push_back(term_of(op->forward(w, p), unit(w, p)));
        return result;
    };
}

/// `count` parameters to be fitted: one number of each for `rows` rows, or for all of them.
inline tensors columns(std::size_t count, std::size_t rows = 1) {
    tensors p;
    for (std::size_t i = 0; i < count; ++i) p.push_back(torch::zeros({static_cast<std::int64_t>(rows), 1}));
    return p;
}

}  // namespace detail
}  // namespace training
