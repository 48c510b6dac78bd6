// SPDX-License-Identifier: MIT
#include "packed.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <variant>

#include <tern/buffer.hpp>
#include <tern/gemm.hpp>
#include <tern/quantize/codebook.hpp>

#include "../fashion_mnist/require.hpp"
#include "../fashion_mnist/safetensors.hpp"

namespace training {
namespace {

namespace safetensors = fashion_mnist::safetensors;
using fashion_mnist::require;

template <class Encoding>
tern::packed_matrix<Encoding> pack_values(const weight_term& w, std::int32_t low) {
    std::vector<std::int16_t> values = w.values;
    for (std::int16_t& v : values) v = static_cast<std::int16_t>(v - low);
    auto packed = tern::pack<Encoding>(tern::matrix_view<const std::int16_t>{values.data(), w.outputs, w.depth});
    require(packed.state);
    return packed;
}

template <class Encoding, class Weights>
void multiply(const activation_codes& x, const Weights& weights, tern::matrix_view<std::int32_t> dst) {
    const auto rows =
        tern::pack_rows<Encoding>(tern::matrix_view<const std::int16_t>{x.values.data(), x.rows, x.depth});
    require(rows.state);
    require(tern::gemm(rows, weights, dst));
}

}  // namespace

struct packed_term::memory {
    std::variant<tern::packed_matrix<tern::binary>, tern::packed_matrix<tern::ternary>,
                 tern::packed_matrix<tern::unsigned_bits<1>>, tern::packed_matrix<tern::bipolar_bits<2>>,
                 tern::packed_matrix<tern::unsigned_bits<2>>, tern::packed_matrix<tern::unsigned_bits<3>>,
                 tern::packed_matrix<tern::unsigned_bits<4>>, tern::packed_matrix<tern::unsigned_bits<8>>>
        weights;
    std::size_t outputs = 0;
    std::size_t depth = 0;
};

packed_term::packed_term(const weight_term& w) : memory_(std::make_unique<memory>()) {
    memory_->outputs = w.outputs;
    memory_->depth = w.depth;
    if (w.values.empty()) throw std::runtime_error("a layer has no weights");
    const auto [least, most] = std::minmax_element(w.values.begin(), w.values.end());
    const bool odd = std::all_of(w.values.begin(), w.values.end(), [](std::int16_t v) { return v % 2 != 0; });
    const auto set = [&](auto packed, const char* name) {
        memory_->weights = std::move(packed);
        encoding_ = name;
    };
    const int range = *most - *least;
    const int largest = std::max<int>(*most, -*least);
    if (odd && largest == 1) {
        set(pack_values<tern::binary>(w, 0), "binary");
    } else if (*least >= 0 && *most <= 1) {
        set(pack_values<tern::unsigned_bits<1>>(w, 0), "unsigned_bits<1>");
    } else if (largest <= 1) {
        set(pack_values<tern::ternary>(w, 0), "ternary");
    } else if (odd && largest <= 3) {
        set(pack_values<tern::bipolar_bits<2>>(w, 0), "bipolar_bits<2>");
    } else if (range <= 255) {
        low_ = *least;
        if (range <= 3)
            set(pack_values<tern::unsigned_bits<2>>(w, low_), "unsigned_bits<2>");
        else if (range <= 7)
            set(pack_values<tern::unsigned_bits<3>>(w, low_), "unsigned_bits<3>");
        else if (range <= 15)
            set(pack_values<tern::unsigned_bits<4>>(w, low_), "unsigned_bits<4>");
        else
            set(pack_values<tern::unsigned_bits<8>>(w, low_), "unsigned_bits<8>");
    } else {
        throw std::runtime_error("weights need more than eight bits");
    }
}

packed_term::~packed_term() = default;
packed_term::packed_term(packed_term&&) noexcept = default;
packed_term& packed_term::operator=(packed_term&&) noexcept = default;

std::vector<std::int32_t> packed_term::product(const activation_codes& x) const {
    std::vector<std::int32_t> acc(x.rows * memory_->outputs);
    const tern::matrix_view<std::int32_t> dst{acc.data(), x.rows, memory_->outputs};
    std::visit(
        [&](const auto& weights) {
            switch (x.kind) {
                case codes::u8: return multiply<tern::unsigned_bits<8>>(x, weights, dst);
                case codes::u2: return multiply<tern::unsigned_bits<2>>(x, weights, dst);
                case codes::ternary: return multiply<tern::ternary>(x, weights, dst);
                case codes::binary: return multiply<tern::binary>(x, weights, dst);
            }
        },
        memory_->weights);
    // sum (v - low) x + low sum x
    for (std::size_t r = 0; r < x.rows && low_ != 0; ++r) {
        std::int32_t sum = 0;
        for (std::size_t d = 0; d < x.depth; ++d) sum += x.values[r * x.depth + d];
        for (std::size_t o = 0; o < memory_->outputs; ++o) acc[r * memory_->outputs + o] += low_ * sum;
    }
    return acc;
}

std::vector<std::uint32_t> packed_term::words() const {
    return std::visit(
        [&](const auto& weights) {
            using encoding = typename std::decay_t<decltype(weights)>::encoding;
            const std::size_t count = tern::panels_words<encoding>(memory_->outputs, 1, memory_->depth);
            return std::vector<std::uint32_t>(weights.data, weights.data + count);
        },
        memory_->weights);
}

packed_layer::packed_layer(layer_weights weights) : weights_(std::move(weights)) {
    for (const weight_term& term : weights_.terms) terms_.emplace_back(term);
}

packed_layer::result packed_layer::run(const activation_codes& x) const {
    result r;
    if (terms_.empty()) {
        const codebook_weights& w = weights_.codebook;
        std::vector<float> numbers(x.values.size());
        for (std::size_t i = 0; i < numbers.size(); ++i)
            numbers[i] = x.scale * static_cast<float>(x.values[i]) + x.offset;
        const std::size_t k = w.centroids.size() / w.block;
        std::vector<float> y(x.rows * w.outputs), workspace(tern::quantize::codebook::product_workspace(k, w.block));
        require(tern::quantize::codebook::product({numbers.data(), x.rows, x.depth}, {w.centroids.data(), k, w.block},
                                                  {w.codes.data(), w.depth / w.block, w.outputs},
                                                  {y.data(), x.rows, w.outputs}, workspace.data(), workspace.size()));
        r.values.assign(y.begin(), y.end());
        return r;
    }
    r.values.assign(x.rows * weights_.terms[0].outputs, 0.0);
    for (std::size_t t = 0; t < terms_.size(); ++t) {
        const weight_term& w = weights_.terms[t];
        r.accumulators.push_back(terms_[t].product(x));
        for (std::size_t i = 0; i < x.rows; ++i) {
            double sum_x = double{x.offset} * static_cast<double>(x.depth);
            for (std::size_t d = 0; d < x.depth; ++d) sum_x += double{x.scale} * x.values[i * x.depth + d];
            for (std::size_t o = 0; o < w.outputs; ++o) {
                double sum_w = 0.0;
                for (std::size_t d = 0; d < w.depth && x.offset != 0.0f; ++d) sum_w += w.values[o * w.depth + d];
                double& y = r.values[i * w.outputs + o];
                y += double{w.scale[o]} *
                     (double{x.scale} * r.accumulators[t][i * w.outputs + o] + double{x.offset} * sum_w);
                if (!w.offset.empty()) y += double{w.offset[o]} * sum_x;
            }
        }
    }
    return r;
}

std::size_t packed_layer::bytes() const {
    std::size_t total = weights_.codebook.codes.size() + weights_.codebook.centroids.size() * sizeof(float);
    for (const packed_term& term : terms_) total += term.words().size() * sizeof(std::uint32_t);
    return total;
}

void export_layers(const std::string& path, const std::string& method, const std::vector<packed_layer>& layers) {
    safetensors::file file;
    file.metadata["method"] = method;
    for (std::size_t l = 0; l < layers.size(); ++l) {
        for (std::size_t t = 0; t < layers[l].terms().size(); ++t) {
            const std::string name = "layer" + std::to_string(l) + ".term" + std::to_string(t);
            const weight_term& w = layers[l].weights().terms[t];
            const auto words = layers[l].terms()[t].words();
            file.metadata[name + ".encoding"] = layers[l].terms()[t].encoding();
            file.metadata[name + ".shape"] = std::to_string(w.outputs) + " " + std::to_string(w.depth);
            file.put(name + ".words", {words.size()}, words);
            file.put(name + ".scale", {w.scale.size()}, w.scale);
            if (!w.offset.empty()) file.put(name + ".offset", {w.offset.size()}, w.offset);
        }
        const codebook_weights& w = layers[l].weights().codebook;
        if (w.block == 0) continue;
        const std::string name = "layer" + std::to_string(l) + ".";
        file.put(name + "centroids", {w.centroids.size() / w.block, w.block}, w.centroids);
        file.put(name + "codes", {w.depth / w.block, w.outputs}, w.codes);
    }
    safetensors::write(path, file);
}

}  // namespace training
