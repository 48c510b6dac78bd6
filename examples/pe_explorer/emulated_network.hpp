// SPDX-License-Identifier: MIT
// The Fashion-MNIST network on emulated arrays: every product runs step by step as in the hardware; thresholds,
// max-pool and logits are those of the host.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <tern/buffer.hpp>
#include <tern/pe/activity.hpp>
#include <tern/pe/run.hpp>
#include <tern/reference.hpp>

#include "../fashion_mnist/packed_model.hpp"

namespace pe_explorer {

namespace pe = tern::pe;
namespace fm = fashion_mnist;

/// One array a layer: pixels are integers of nine bits, everything behind them is ternary.
class emulated_network {
public:
    static constexpr std::size_t layers = fm::layer_count + 1;

    emulated_network(const fm::packed_model& model, const pe::array (&arrays)[layers]) : model_(model) {
        for (std::size_t i = 0; i < layers; ++i) {
            arrays_[i] = arrays[i];
            const auto& panels = i < fm::layer_count ? model.conv[i].weights : model.fc.weights;
            weights_[i] =
                tern::pack_rows<tern::ternary>(static_cast<const tern::packed_panels<tern::ternary>&>(panels));
            require(weights_[i].state == tern::status::ok, "weights");
            tap_sums_[i] = sums_of_taps(panels);
        }
    }

    void run(const std::uint8_t* image, float* logits) {
        std::vector<std::int16_t> pixels(image, image + fm::image_size * fm::image_size);
        std::vector<std::int8_t> x = convolve(0, pixels);
        for (std::size_t i = 1; i < fm::layer_count; ++i) x = convolve(i, x);
        std::vector<std::int32_t> sums(fm::output_count);
        multiply(fm::layer_count, x, 1, sums);
        const tern::scale_offset e = model_.epilogue(fm::layer_count);
        for (std::size_t o = 0; o < fm::output_count; ++o) {
            tern::reference::affine_sums s;
            s.product = sums[o];
            s.weights = tap_sums_[fm::layer_count][o];
            s.depth = static_cast<std::int32_t>(fm::feature_count);
            logits[o] = tern::reference::finish(e, 0.0 + tern::reference::affine_product(e, s, 0, o, 0), o);
        }
        ++images_;
    }

    [[nodiscard]] std::uint64_t overflows() const { return overflows_; }
    [[nodiscard]] std::size_t images() const { return images_; }
    /// Picojoules of the lanes of the ternary layers by exact activity, a frame.
    [[nodiscard]] double exact_pj(std::size_t layer) const {
        return images_ == 0 ? 0 : exact_pj_[layer] / static_cast<double>(images_);
    }
    /// Share of non-zeros among a layer's activations.
    [[nodiscard]] double density(std::size_t layer) const {
        return values_[layer] == 0 ? 0.5 : nonzeros_[layer] / values_[layer];
    }

private:
    static void require(bool condition, const std::string& what) {
        if (!condition) throw std::logic_error("emulated_network: " + what);
    }

    /// Sums of the weights of each output and tap.
    [[nodiscard]] static std::vector<std::int32_t> sums_of_taps(const tern::packed_panels<tern::ternary>& w) {
        std::vector<std::int32_t> sums(w.outputs * w.taps);
        for (std::size_t o = 0; o < w.outputs; ++o)
            for (std::size_t d = 0; d < w.depth(); ++d) sums[o * w.taps + d / w.tap_depth] += w.value(o, d);
        return sums;
    }

    template <class T>
    void multiply(std::size_t layer, const std::vector<T>& rows, std::size_t vectors, std::vector<std::int32_t>& sums) {
        const std::size_t depth = rows.size() / vectors;
        const tern::packed_rows<tern::ternary>& w = weights_[layer];
        const tern::matrix_view<std::int32_t> dst(sums.data(), vectors, w.rows);
        const tern::matrix_view<const T> plain(rows.data(), vectors, depth);
        for (const T v : rows) nonzeros_[layer] += v != 0 ? 1.0 : 0.0;
        values_[layer] += static_cast<double>(rows.size());
        pe::run_result r;
        if constexpr (sizeof(T) == 1) {
            const auto packed = tern::pack_rows<tern::ternary>(plain);
            const tern::packed_rows<tern::ternary>& x = packed;
            r = pe::run(arrays_[layer], x, w, dst);
            if (images_ < 2) exact_pj_[layer] += pe::activity(arrays_[layer], x, w).lanes_pj(pe::kind::ternary);
        } else {
            r = pe::run(arrays_[layer], plain, w, dst);
        }
        require(r.possible.ok(), pe::to_string(r.possible.why));
        overflows_ += r.overflows;
    }

    /// 3 x 3 convolution on the array, thresholds, max-pool.
    template <class T>
    [[nodiscard]] std::vector<std::int8_t> convolve(std::size_t layer, const std::vector<T>& x) {
        const std::size_t n = fm::extents[layer];
        const std::size_t c = fm::channels[layer];
        const std::size_t outputs = fm::channels[layer + 1];
        std::vector<T> windows(n * n * 9 * c);
        std::vector<unsigned> inside(n * n);
        for (std::size_t p = 0; p < n * n; ++p) {
            for (std::size_t tap = 0; tap < 9; ++tap) {
                const std::size_t y = p / n + tap / 3, xx = p % n + tap % 3;
                if (y == 0 || xx == 0 || y > n || xx > n) continue;
                inside[p] |= 1u << tap;
                for (std::size_t k = 0; k < c; ++k) windows[(p * 9 + tap) * c + k] = x[((y - 1) * n + xx - 1) * c + k];
            }
        }
        std::vector<std::int32_t> sums(n * n * outputs);
        multiply(layer, windows, n * n, sums);

        const tern::scale_offset e = model_.epilogue(layer);
        const std::size_t half = fm::extents[layer + 1];
        std::vector<std::int8_t> pooled(half * half * outputs, -1);
        for (std::size_t p = 0; p < n * n; ++p) {
            for (std::size_t o = 0; o < outputs; ++o) {
                tern::reference::affine_sums s;
                s.product = sums[p * outputs + o];
                for (std::size_t tap = 0; tap < 9; ++tap)
                    if ((inside[p] >> tap & 1u) != 0) s.weights += tap_sums_[layer][o * 9 + tap];
                const float v = tern::reference::finish(e, 0.0 + tern::reference::affine_product(e, s, 0, o, 0), o);
                const int t = v > model_.conv[layer].upper[o] ? 1 : v < model_.conv[layer].lower[o] ? -1 : 0;
                const std::size_t py = p / n / 2, px = p % n / 2;
                if (py >= half || px >= half) continue;
                std::int8_t& best = pooled[(py * half + px) * outputs + o];
                if (t > best) best = static_cast<std::int8_t>(t);
            }
        }
        return pooled;
    }

    const fm::packed_model& model_;
    pe::array arrays_[layers];
    std::array<tern::packed_activations<tern::ternary>, layers> weights_;
    std::array<std::vector<std::int32_t>, layers> tap_sums_;
    std::uint64_t overflows_ = 0;
    std::size_t images_ = 0;
    double exact_pj_[layers] = {};
    double nonzeros_[layers] = {};
    double values_[layers] = {};
};

}  // namespace pe_explorer
