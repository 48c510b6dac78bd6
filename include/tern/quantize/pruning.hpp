// SPDX-License-Identifier: MIT
// PE-wise structured pruning with weight penalty clipping (He et al., "Harmonious coexistence of structured weight
// pruning and ternarization", AAAI 2020): weights that a processing element consumes together are one group; a penalty
// draws whole groups to zero, they are removed, the rest is ternarized.
//
//     penalty = lambda * sum_g min(||w_g||_2, d),   d = c * mean_g ||w_g||_2           d is refreshed, say, every epoch
//     gradient: lambda w_g / ||w_g||_2  where  0 < ||w_g||_2 < d, else 0
//
// Groups stronger than d feel nothing ("clipping"), so the penalty does not shrink what stays.
// A group: `group_rows` rows (outputs) times `group_cols` columns (depth) of w; groups at the edges are smaller. A
// processing element of this library's layouts takes 16 outputs x 32 positions, {16, 32}.
//
// Where this was read. Groups, pruning before ternarization and a group penalty that stops above a self-adapting
// threshold: the paper's abstract. Its formula was not found: the one above is an assumption, derived here, its
// gradient too.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/epilogue.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/quantize/packing.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

namespace tern::quantize::pruning {

/// Rows and columns of the weights that one processing element takes at a time.
struct group_shape {
    size_t rows = panel_outputs;
    size_t cols = word_bits;

    TERN_INLINE constexpr group_shape() noexcept {}
    TERN_INLINE constexpr group_shape(size_t rows_, size_t cols_) noexcept : rows(rows_), cols(cols_) {}

    [[nodiscard]] TERN_INLINE constexpr size_t down(size_t all) const noexcept { return bits::ceil_div(all, rows); }
    [[nodiscard]] TERN_INLINE constexpr size_t across(size_t all) const noexcept { return bits::ceil_div(all, cols); }
};

namespace detail {

using namespace tern::quantize::detail;

[[nodiscard]] TERN_INLINE status check_groups(const matrix_view<const float>& w, const group_shape& shape,
                                              const matrix_view<const float>& norms) noexcept {
    if (shape.rows == 0 || shape.cols == 0) return status::bad_shape;
    const status s = first_error(check(w), check(norms));
    if (s != status::ok) return s;
    return norms.rows == shape.down(w.rows) && norms.cols == shape.across(w.cols) ? status::ok : status::bad_shape;
}

}  // namespace detail

/// norms[a][b] = ||w_g||_2 of the group in row a and column b of groups: ceil(rows / group rows) x ceil(cols / group
/// cols). Sums in double, one rounding to float. Infinite and NaN weights make theirs so.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow or overlap; nothing is written then.
template <class Arch = default_arch>
status group_norms(matrix_view<const float> w, group_shape shape, matrix_view<float> norms) noexcept {
    const status s = detail::check_groups(w, shape, norms);
    if (s != status::ok) return s;
    if (detail::overlap(w, norms)) return status::overlap;
    for (size_t a = 0; a < norms.rows; ++a) {
        for (size_t b = 0; b < norms.cols; ++b) {
            double total = 0.0;
            const size_t first = b * shape.cols;
            const size_t count = w.cols - first < shape.cols ? w.cols - first : shape.cols;
            for (size_t i = a * shape.rows; i < w.rows && i < (a + 1) * shape.rows; ++i)
                total += kernel::sum_terms<Arch, simd::term::square>(w.row(i) + first, count, 0.0);
            norms(a, b) =
                total == total ? static_cast<float>(tern::detail::square_root(total)) : static_cast<float>(total);
        }
    }
    return status::ok;
}

/// d = factor * mean of the norms, 0 for none.
template <class Arch = default_arch>
[[nodiscard]] float clipping_threshold(matrix_view<const float> norms, float factor) noexcept {
    if (norms.empty()) return 0.0f;
    const double n = static_cast<double>(norms.rows) * static_cast<double>(norms.cols);
    return static_cast<float>(static_cast<double>(factor) * kernel::sum_terms<Arch, simd::term::value>(norms, 0.0) / n);
}

/// lambda * sum_g min(||w_g||, d)
template <class Arch = default_arch>
[[nodiscard]] double penalty(matrix_view<const float> norms, float d, float lambda) noexcept {
    double total = 0.0;
    for (size_t a = 0; a < norms.rows; ++a)
        for (size_t b = 0; b < norms.cols; ++b) total += static_cast<double>(norms(a, b) < d ? norms(a, b) : d);
    return static_cast<double>(lambda) * total;
}

/// grad_w += lambda w_g / ||w_g|| where 0 < ||w_g|| < d: added to the gradient of the loss that is there.
/// `norms` from `group_norms`. Returns as it; d and lambda have to be finite (bad_value).
template <class Arch = default_arch>
status add_penalty_gradient(matrix_view<const float> w, group_shape shape, matrix_view<const float> norms, float d,
                            float lambda, matrix_view<float> grad_w) noexcept {
    const status s = detail::first_error(detail::check_groups(w, shape, norms), detail::check_same_shape(grad_w, w));
    if (s != status::ok) return s;
    if (detail::overlaps_any(bytes_of(grad_w), w, norms)) return status::overlap;
    if (!detail::finite(d) || !detail::finite(lambda)) return status::bad_value;
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t b = 0; b < norms.cols; ++b) {
            const float norm = norms(i / shape.rows, b);
            if (!(norm > 0.0f && norm < d)) continue;
            const float factor = lambda / norm;
            const size_t end = w.cols - b * shape.cols < shape.cols ? w.cols : (b + 1) * shape.cols;
            for (size_t j = b * shape.cols; j < end; ++j) grad_w(i, j) += factor * w(i, j);
        }
    }
    return status::ok;
}

/// Sets the weights of every group whose norm is below `limit` to 0; `kept` is the number of groups that stay.
/// Ternarized, they are zero words of both planes. NaN norms stay. Returns as `group_norms`.
template <class Arch = default_arch>
status prune(matrix_view<float> w, group_shape shape, matrix_view<const float> norms, float limit,
             size_t& kept) noexcept {
    const status s = detail::check_groups(w, shape, norms);
    if (s != status::ok) return s;
    if (detail::overlap(w, norms)) return status::overlap;
    kept = 0;
    for (size_t a = 0; a < norms.rows; ++a) {
        for (size_t b = 0; b < norms.cols; ++b) {
            if (!(norms(a, b) < limit)) {
                ++kept;
                continue;
            }
            for (size_t i = a * shape.rows; i < w.rows && i < (a + 1) * shape.rows; ++i)
                for (size_t j = b * shape.cols; j < w.cols && j < (b + 1) * shape.cols; ++j) w(i, j) = 0.0f;
        }
    }
    return status::ok;
}

}  // namespace tern::quantize::pruning
