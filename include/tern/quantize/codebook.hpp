// SPDX-License-Identifier: MIT
// Product-quantized codebooks: "And the bit goes down" (Stock et al., ICLR 2020). Weights are cut into blocks of
// `block` consecutive depth positions, and each block is one of k <= 256 centroids: a byte a block.
//
//     w[o][b * block + i] ~ centroids[codes[b][o]][i]
//
// Fit: the error of outputs, not of weights. With the Gram matrix S = mean x_b x_b^T over the blocks of sample inputs,
// ||x (v - c)||^2 in the mean is (v - c)^T S (v - c):
//
//     E step   codes = argmin_c (v - c)^T S (v - c)                 the lowest index of equals
//     M step   c = mean of its blocks
//     empty    the centroid with the most blocks is split in two, c +- split * noise
//
// Gradient, for centroids that are tuned by training: the mean (`gradient::mean`, the authors') or the sum (the
// derivative) of dL/dw over the blocks of a centroid.
//
// Product: for each block of x the k inner products with the centroids, once for all outputs, then a lookup and an
// addition an output: y[o] = sum_b table_b[codes[b][o]], k * block + outputs operations instead of block * outputs.
//
// Provenance: E step, the split of the largest cluster, 256 centroids and the mean were read in the authors' code
// (facebookresearch/kill-the-bits). Their M step multiplies by the pseudo-inverse of x; where S is regular that is the
// mean, elsewhere both minimise the same error. Their noise is 1e-8 times a normal number, lost in a float: here it is
// uniform and `split` a parameter relative to the largest |c|. Layer-by-layer distillation is the caller's training
// loop.
#pragma once

#include <tern/quantize/levels.hpp>
#include <tern/quantize/maths.hpp>

namespace tern::quantize::codebook {

enum class gradient : unsigned char { mean, sum };

/// The doubles that `fit` works with, for k centroids of `block` numbers.
[[nodiscard]] TERN_INLINE constexpr size_t fit_workspace(size_t k, size_t block) noexcept {
    return k * (2 * block + 2);
}
/// The floats that `product` works with.
[[nodiscard]] TERN_INLINE constexpr size_t product_workspace(size_t k, size_t block) noexcept {
    return k * (block + 1);
}

namespace detail {

using namespace tern::quantize::detail;

/// centroids: k x block; codes: depth / block x outputs.
[[nodiscard]] TERN_INLINE status check_codebook(const matrix_view<const float>& centroids,
                                                const matrix_view<const std::uint8_t>& codes, size_t outputs,
                                                size_t depth) noexcept {
    if (centroids.rows == 0 || centroids.rows > 256 || centroids.cols == 0) return status::bad_shape;
    if (depth % centroids.cols != 0 || codes.rows != depth / centroids.cols || codes.cols != outputs)
        return status::bad_shape;
    return first_error(check(centroids), check(codes));
}

template <class Arch>
[[nodiscard]] status check_codes(const matrix_view<const std::uint8_t>& codes, size_t k) noexcept {
    for (size_t b = 0; b < codes.rows; ++b) {
        for (size_t o = 0; o < codes.cols; ++o) {
            if (codes(b, o) >= k) return status::bad_value;
        }
    }
    return status::ok;
}

/// Of the k centroids: S c, c S c, sums of blocks, and their number.
struct fit_state {
    size_t k;
    size_t block;
    double* image;
    double* norm;
    double* sum;
    double* count;

    TERN_INLINE fit_state(double* memory, size_t k_, size_t block_) noexcept
        : k(k_), block(block_), image(memory), norm(image + k * block), sum(norm + k), count(sum + k * block) {}
};

template <class Arch>
void prepare(const fit_state& f, matrix_view<const float> centroids, matrix_view<const double> gram) noexcept {
    for (size_t c = 0; c < f.k; ++c) {
        f.norm[c] = 0.0;
        for (size_t i = 0; i < f.block; ++i) {
            double sum = 0.0;
            for (size_t j = 0; j < f.block; ++j) sum += gram(i, j) * double{centroids(c, j)};
            f.image[c * f.block + i] = sum;
            f.norm[c] += sum * double{centroids(c, i)};
        }
    }
}

template <class Arch>
[[nodiscard]] size_t nearest(const fit_state& f, const float* v) noexcept {
    size_t best = 0;
    double least = 0.0;
    for (size_t c = 0; c < f.k; ++c) {
        double distance = f.norm[c];
        for (size_t i = 0; i < f.block; ++i) distance -= 2.0 * double{v[i]} * f.image[c * f.block + i];
        if (c == 0 || distance < least) {
            least = distance;
            best = c;
        }
    }
    return best;
}

/// Gives every empty centroid half of the one with the most blocks.
template <class Arch, class Engine>
void fill_empty(Engine& engine, const fit_state& f, matrix_view<float> centroids, double split) {
    for (size_t c = 0; c < f.k; ++c) {
        if (f.count[c] > 0.0) continue;
        size_t most = 0;
        for (size_t i = 1; i < f.k; ++i) most = f.count[i] > f.count[most] ? i : most;
        double size = 0.0;
        for (size_t i = 0; i < f.block; ++i) {
            const double a = maths::absolute(double{centroids(most, i)});
            size = a > size ? a : size;
        }
        for (size_t i = 0; i < f.block; ++i) {
            const double noise = split * size * (2.0 * uniform(engine) - 1.0);
            centroids(c, i) = static_cast<float>(double{centroids(most, i)} + noise);
            centroids(most, i) = static_cast<float>(double{centroids(most, i)} - noise);
        }
        f.count[c] = f.count[most] = f.count[most] / 2.0;
    }
}

}  // namespace detail

/// S of sample inputs (rows x depth), gram: block x block. Without rows it is the unit matrix, and so is S of the plain
/// k-means: fit weights without data that way. Returns bad_shape, ..., overlap or bad_value (x is not finite).
template <class Arch = default_arch>
status gram_matrix(matrix_view<const float> x, matrix_view<double> gram) noexcept {
    const size_t block = gram.rows;
    const status s = detail::first_error(check(x), check(gram), detail::apart<1>(gram, x));
    if (s != status::ok) return s;
    if (gram.cols != block || block == 0 || x.cols % block != 0) return status::bad_shape;
    if (!kernel::all_finite<Arch>(x)) return status::bad_value;
    const double blocks = static_cast<double>(x.rows) * static_cast<double>(x.cols / block);
    for (size_t i = 0; i < block; ++i) {
        for (size_t j = 0; j < block; ++j) {
            double sum = 0.0;
            for (size_t r = 0; r < x.rows; ++r) {
                for (size_t b = 0; b < x.cols; b += block) sum += double{x(r, b + i)} * double{x(r, b + j)};
            }
            gram(i, j) = blocks > 0.0 ? sum / blocks : (i == j ? 1.0 : 0.0);
        }
    }
    return s;
}

/// Centroids and codes of w (outputs x depth), from random blocks of w, with at most `rounds` E and M steps; it ends
/// when no code changes. codes belong to the centroids that are returned. workspace: `fit_workspace` doubles.
/// Reproducible: the same engine gives the same answer. It may throw only if the engine does.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap, buffer_size or bad_value (w not
/// finite).
template <class Arch = default_arch, class Engine>
status fit(Engine& engine, matrix_view<const float> w, matrix_view<const double> gram, int rounds,
           matrix_view<float> centroids, matrix_view<std::uint8_t> codes, double* workspace, size_t workspace_size,
           double split = 1e-2) {
    const size_t k = centroids.rows;
    const size_t block = centroids.cols;
    const status s = detail::first_error(check(w), detail::check_codebook(centroids, codes, w.rows, w.cols),
                                         check(gram), detail::apart<2>(centroids, codes, w, gram));
    if (s != status::ok) return s;
    if (gram.rows != block || gram.cols != block || w.empty()) return status::bad_shape;
    if (workspace == nullptr) return status::null_pointer;
    if (workspace_size < fit_workspace(k, block)) return status::buffer_size;
    if (!kernel::all_finite<Arch>(w)) return status::bad_value;
    const detail::fit_state f(workspace, k, block);
    for (size_t c = 0; c < k; ++c) {
        const float* const from = w.row(maths::choose(engine, w.rows)) + block * maths::choose(engine, codes.rows);
        for (size_t i = 0; i < block; ++i) centroids(c, i) = from[i];
    }
    for (int round = 0;; ++round) {
        detail::prepare<Arch>(f, centroids, gram);
        bool changed = round == 0;
        for (size_t i = 0; i < k * block; ++i) f.sum[i] = 0.0;
        for (size_t c = 0; c < k; ++c) f.count[c] = 0.0;
        for (size_t o = 0; o < w.rows; ++o) {
            for (size_t b = 0; b < codes.rows; ++b) {
                const float* const v = w.row(o) + b * block;
                const size_t c = detail::nearest<Arch>(f, v);
                changed = changed || codes(b, o) != c;
                codes(b, o) = static_cast<std::uint8_t>(c);
                f.count[c] += 1.0;
                for (size_t i = 0; i < block; ++i) f.sum[c * block + i] += double{v[i]};
            }
        }
        if (!changed || round >= rounds) return s;
        for (size_t c = 0; c < k; ++c) {
            for (size_t i = 0; i < block && f.count[c] > 0.0; ++i)
                centroids(c, i) = static_cast<float>(f.sum[c * block + i] / f.count[c]);
        }
        detail::fill_empty<Arch>(engine, f, centroids, split);
    }
}

/// The weights that codes stand for. Exact. A code without a centroid is a bad_value.
template <class Arch = default_arch>
status forward(matrix_view<const float> centroids, matrix_view<const std::uint8_t> codes,
               matrix_view<float> w) noexcept {
    const status s =
        detail::first_error(check(w), detail::check_codebook(centroids, codes, w.rows, w.cols),
                            detail::apart<1>(w, centroids, codes), detail::check_codes<Arch>(codes, centroids.rows));
    if (s != status::ok) return s;
    for (size_t o = 0; o < w.rows; ++o) {
        for (size_t j = 0; j < w.cols; ++j) w(o, j) = centroids(codes(j / centroids.cols, o), j % centroids.cols);
    }
    return s;
}

/// Gradient of the centroids (k x block), overwritten. A centroid without blocks gets 0. Sums run in double.
template <class Arch = default_arch>
status backward(matrix_view<const std::uint8_t> codes, matrix_view<const float> grad, matrix_view<float> grad_centroids,
                gradient rule = gradient::mean) noexcept {
    const size_t block = grad_centroids.cols;
    const status s = detail::first_error(
        check(grad), detail::check_codebook(grad_centroids, codes, grad.rows, grad.cols),
        detail::apart<1>(grad_centroids, grad, codes), detail::check_codes<Arch>(codes, grad_centroids.rows));
    if (s != status::ok) return s;
    for (size_t c = 0; c < grad_centroids.rows; ++c) {
        for (size_t i = 0; i < block; ++i) {
            double sum = 0.0;
            size_t count = 0;
            for (size_t b = 0; b < codes.rows; ++b) {
                for (size_t o = 0; o < codes.cols; ++o) {
                    if (codes(b, o) != c) continue;
                    sum += double{grad(o, b * block + i)};
                    ++count;
                }
            }
            const double divisor = rule == gradient::mean && count > 0 ? static_cast<double>(count) : 1.0;
            grad_centroids(c, i) = static_cast<float>(sum / divisor);
        }
    }
    return s;
}

/// dst[r][o] = sum_j x[r][j] w[o][j] by lookup, in float: inner products in order of i, sums in order of b. Not
/// bit-identical everywhere, as compilers may fuse a multiplication with an addition; off by at most
/// (block + depth / block) 2^-24 sum |x w|.
/// x: rows x depth, dst: rows x outputs, workspace: `product_workspace` floats. Codes beyond the centroids are a
/// bad_value. Cost a row: k * depth products for the tables, outputs * depth / block lookups; the codes are read once a
/// row.
template <class Arch = default_arch>
status product(matrix_view<const float> x, matrix_view<const float> centroids, matrix_view<const std::uint8_t> codes,
               matrix_view<float> dst, float* workspace, size_t workspace_size) noexcept {
    const size_t k = centroids.rows;
    const size_t block = centroids.cols;
    const status s = detail::first_error(
        check(x), detail::check_codebook(centroids, codes, dst.cols, x.cols), check(dst),
        detail::apart<2>(dst, bytes_of(workspace, workspace_size * sizeof(float)), x, centroids, codes),
        detail::check_codes<Arch>(codes, k));
    if (s != status::ok) return s;
    if (dst.rows != x.rows) return status::bad_shape;
    if (workspace == nullptr) return status::null_pointer;
    if (workspace_size < product_workspace(k, block)) return status::buffer_size;
    float* const table = workspace;
    float* const columns = workspace + k;  // centroids by position: what tables are made of goes along k
    for (size_t c = 0; c < k; ++c) {
        for (size_t i = 0; i < block; ++i) columns[i * k + c] = centroids(c, i);
    }
    using leaf = kernel::real<Arch>;
    for (size_t r = 0; r < x.rows; ++r) {
        float* const y = dst.row(r);
        for (size_t o = 0; o < dst.cols; ++o) y[o] = 0.0f;
        for (size_t b = 0; b < codes.rows; ++b) {
            for (size_t c = 0; c < k; ++c) table[c] = 0.0f;
            for (size_t i = 0; i < block; ++i) {
                const float one = x(r, b * block + i);
                kernel::map_row<Arch>(columns + i * k, table, table, k,
                                      [&](typename leaf::reg v, typename leaf::reg t) TERN_INLINE_LAMBDA {
                                          return leaf::add(t, leaf::multiply(v, leaf::set(one)));
                                      });
            }
            const std::uint8_t* const code = codes.row(b);
            for (size_t o = 0; o < dst.cols; ++o) y[o] += table[code[o]];
        }
    }
    return s;
}

}  // namespace tern::quantize::codebook
