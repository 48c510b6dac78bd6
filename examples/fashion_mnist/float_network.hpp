// SPDX-License-Identifier: MIT
// The float twin, as one writes it without a framework: im2col and a matrix product, from OpenBLAS where it was found.
// One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "network.hpp"

#if TERN_EXAMPLE_OPENBLAS
#include <cblas.h>

// Not in every cblas.h that may be installed beside the library.
extern "C" void openblas_set_num_threads(int);
#endif

namespace fashion_mnist {

namespace detail {

#if TERN_EXAMPLE_OPENBLAS

constexpr const char* float_gemm_name = "OpenBLAS";

inline void use_one_thread() { openblas_set_num_threads(1); }

/// c (m x n) = a (m x k) b (k x n), all row-major without gaps.
inline void float_gemm(std::size_t m, std::size_t n, std::size_t k, const float* a, const float* b, float* c) {
    const auto rows = static_cast<int>(m);
    const auto cols = static_cast<int>(n);
    const auto depth = static_cast<int>(k);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, cols, depth, 1.0f, a, depth, b, cols, 0.0f, c, cols);
}

#else

constexpr const char* float_gemm_name = "plain C++";

inline void use_one_thread() {}

/// c (m x n) = a (m x k) b (k x n), all row-major without gaps. Sums of 4 x 32 stay in registers; the compiler makes
/// vectors of the innermost loops.
inline void float_gemm(std::size_t m, std::size_t n, std::size_t k, const float* a, const float* b, float* c) {
    constexpr std::size_t high = 4;
    constexpr std::size_t wide = 32;
    for (std::size_t j = 0; j < n; j += wide) {
        const std::size_t cols = std::min(wide, n - j);
        for (std::size_t i = 0; i < m; i += high) {
            const std::size_t rows = std::min(high, m - i);
            float sums[high][wide] = {};
            if (rows == high && cols == wide) {
                for (std::size_t p = 0; p < k; ++p)
                    for (std::size_t r = 0; r < high; ++r)
                        for (std::size_t s = 0; s < wide; ++s) sums[r][s] += a[(i + r) * k + p] * b[p * n + j + s];
            } else {
                for (std::size_t p = 0; p < k; ++p)
                    for (std::size_t r = 0; r < rows; ++r)
                        for (std::size_t s = 0; s < cols; ++s) sums[r][s] += a[(i + r) * k + p] * b[p * n + j + s];
            }
            for (std::size_t r = 0; r < rows; ++r) std::copy_n(sums[r], cols, c + (i + r) * n + j);
        }
    }
}

#endif

}  // namespace detail

/// Up to `batch` images at a time. Allocates when it is made and never again. The network has to outlive it.
class float_runner {
public:
    float_runner(const float_network& network, std::size_t batch) : network_(network), batch_(batch) {
        detail::use_one_thread();
        input_.resize(image_size * image_size);
        std::size_t largest_window = 0;
        std::size_t largest_sum = 0;
        std::size_t largest_output = 0;
        for (std::size_t i = 0; i < layer_count; ++i) {
            const std::size_t pixels = extents[i] * extents[i];
            largest_window = std::max(largest_window, pixels * 9 * channels[i]);
            largest_sum = std::max(largest_sum, pixels * channels[i + 1]);
            largest_output = std::max(largest_output, extents[i + 1] * extents[i + 1] * channels[i + 1]);
            weights_[i] = transposed(network.conv[i].weight, channels[i + 1], 9 * channels[i]);
        }
        fc_ = transposed(network.fc_weight, output_count, feature_count);
        windows_.resize(largest_window);
        sums_.resize(largest_sum);
        output_.resize(largest_output);
        features_.resize(batch * feature_count);
    }

    /// images: count x 28 x 28 bytes, logits: count x 10, count <= batch.
    void run(const std::uint8_t* images, std::size_t count, float* logits) {
        if (count > batch_) throw std::logic_error("float_runner: more images than a batch");
        for (std::size_t n = 0; n < count; ++n) {
            const std::uint8_t* image = images + n * input_.size();
            const scale_offset_pair act = network_.act;
            for (std::size_t i = 0; i < input_.size(); ++i) {
                input_[i] = static_cast<float>(image[i]) * act.scale + act.offset;
            }
            const float* x = input_.data();
            for (std::size_t i = 0; i < layer_count; ++i) {
                float* const to = i + 1 < layer_count ? output_.data() : features_.data() + n * feature_count;
                block(i, x, to);
                x = to;
            }
        }
        detail::float_gemm(count, output_count, feature_count, features_.data(), fc_.data(), logits);
        for (std::size_t n = 0; n < count; ++n) {
            for (std::size_t o = 0; o < output_count; ++o) logits[n * output_count + o] += network_.fc_bias[o];
        }
    }

private:
    [[nodiscard]] static std::vector<float> transposed(const std::vector<float>& from, std::size_t rows,
                                                       std::size_t cols) {
        std::vector<float> to(from.size());
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t c = 0; c < cols; ++c) to[c * rows + r] = from[r * cols + c];
        return to;
    }

    /// One row a pixel: its 3 x 3 neighbours, all channels, zeros outside the image.
    void gather_windows(const float* x, std::size_t extent, std::size_t c) {
        float* to = windows_.data();
        for (std::size_t y = 0; y < extent; ++y) {
            for (std::size_t px = 0; px < extent; ++px) {
                for (std::size_t ky = 0; ky < 3; ++ky) {
                    const std::size_t first = px == 0 ? 1 : 0;
                    const std::size_t last = px + 1 == extent ? 2 : 3;
                    if (y + ky == 0 || y + ky > extent) {
                        std::fill_n(to, 3 * c, 0.0f);
                    } else {
                        std::fill_n(to, first * c, 0.0f);
                        std::copy_n(x + ((y + ky - 1) * extent + px + first - 1) * c, (last - first) * c,
                                    to + first * c);
                        std::fill_n(to + last * c, (3 - last) * c, 0.0f);
                    }
                    to += 3 * c;
                }
            }
        }
    }

    /// Convolution, max-pool, batch norm, ReLU.
    void block(std::size_t layer, const float* x, float* to) {
        const std::size_t in = extents[layer];
        const std::size_t out = extents[layer + 1];
        const std::size_t c = channels[layer + 1];
        const auto& conv = network_.conv[layer];
        gather_windows(x, in, channels[layer]);
        detail::float_gemm(in * in, c, 9 * channels[layer], windows_.data(), weights_[layer].data(), sums_.data());
        for (std::size_t y = 0; y < out; ++y) {
            for (std::size_t px = 0; px < out; ++px, to += c) {
                const float* top = sums_.data() + (2 * y * in + 2 * px) * c;
                const float* bottom = top + in * c;
                for (std::size_t o = 0; o < c; ++o) {
                    const float largest = std::max(std::max(top[o], top[o + c]), std::max(bottom[o], bottom[o + c]));
                    to[o] = std::max(conv.bn_scale[o] * largest + conv.bn_shift[o], 0.0f);
                }
            }
        }
    }

    const float_network& network_;
    std::size_t batch_;
    std::array<std::vector<float>, layer_count> weights_;  ///< depth x outputs
    std::vector<float> fc_;
    std::vector<float> input_, windows_, sums_, output_, features_;
};

}  // namespace fashion_mnist
