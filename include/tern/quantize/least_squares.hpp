// SPDX-License-Identifier: MIT
// The ternary weights that are closest to the float ones, exactly: scale * t with the least sum (w - scale * t)^2 over
// all t in {-1, 0, +1}^n and all scales.
//
// For a support K the best signs are those of w and the best scale is the mean of |w| over K; the error is then
// sum w^2 - (sum_K |w|)^2 / |K|. For a given |K| = k the largest magnitudes are best, so with magnitudes sorted,
// m_1 >= m_2 >= ..., S_k = m_1 + ... + m_k:
//
//     k* = argmax_k S_k^2 / k,    scale = S_k* / k*,    threshold = m_{k* + 1}  (0 if k* = n)
//
// and t = +1 where w > threshold, -1 where w < -threshold, as in twn.hpp, whose `forward` and `backward` serve. Equal
// magnitudes are never divided: between the ends of a run of equal m, S_k^2 / k is convex in k. Of several k that are
// equally good the smallest is taken.
//
// On normal weights threshold = 0.612003 deviations, scale = 1.224006, density 54.05 %, error 0.190174 (TWN's 0.7 mean
// |w|: 0.191625).
// Cost: a radix sort of the magnitudes, O(n), and one pass; linear where the textbook's sort is O(n log n).
// Derived here; the condition threshold = scale / 2 at the optimum is known (least squares binary quantization).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <tern/arch.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/quantize/packing.hpp>
#include <tern/quantize/twn.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

namespace tern::quantize::least_squares {

/// Words of scratch memory that `fit` needs: two for each weight that shares a threshold.
[[nodiscard]] TERN_INLINE constexpr size_t scratch_words(size_t rows, size_t cols, bool per_tensor) noexcept {
    return 2 * cols * (per_tensor ? rows : (rows != 0 ? 1 : 0));
}

namespace detail {

using namespace tern::quantize::detail;

/// Ascending, by bytes from the lowest. `other`: as much room. The result lies in `keys`.
template <class Arch>
void sort(std::uint32_t* keys, std::uint32_t* other, size_t n) noexcept {
    for (int shift = 0; shift < 32; shift += 8) {  // four times, so that the last result is back in `keys`
        size_t starts[256] = {};
        for (size_t i = 0; i < n; ++i) ++starts[keys[i] >> shift & 255u];
        size_t start = 0;
        for (size_t& one : starts) {
            const size_t count = one;
            one = start;
            start += count;
        }
        for (size_t i = 0; i < n; ++i) other[starts[keys[i] >> shift & 255u]++] = keys[i];
        std::uint32_t* const sorted = other;
        other = keys;
        keys = sorted;
    }
}

/// Magnitudes are ordered as their bits.
template <class Arch>
void fit_group(const matrix_view<const float>& w, std::uint32_t* scratch, float& threshold, float& scale) noexcept {
    const size_t n = w.rows * w.cols;
    size_t at = 0;
    for (size_t i = 0; i < w.rows; ++i)
        for (size_t j = 0; j < w.cols; ++j) scratch[at++] = bits::load<std::uint32_t>(w.row(i) + j) & 0x7fffffffu;
    sort<Arch>(scratch, scratch + n, n);
    double sum = 0.0;
    double best = 0.0;
    double best_sum = 0.0;
    size_t best_count = 0;
    for (size_t k = 1; k <= n; ++k) {
        const std::uint32_t one = scratch[n - k];
        if (one == 0) break;  // zeros add nothing
        sum += static_cast<double>(bits::load<float>(&one));
        if (k < n && scratch[n - k - 1] == one) continue;
        const double gain = sum / static_cast<double>(k) * sum;
        if (gain > best) {
            best = gain;
            best_sum = sum;
            best_count = k;
        }
    }
    const std::uint32_t outside = best_count < n ? scratch[n - 1 - best_count] : 0;
    threshold = bits::load<float>(&outside);
    scale = best_count == 0 ? 0.0f : static_cast<float>(best_sum / static_cast<double>(best_count));
}

}  // namespace detail

/// Threshold and scale of least squared error, for each row or for the matrix: both `per_tensor` or both `per_channel`.
///
/// `scratch`: `scratch_words` words. Exact but for the rounding of the sums in double (two supports whose errors differ
/// by less than 1e-15 of sum w^2 may be taken for equal). All-zero weights and no weights give 0 and 0.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, buffer_size, overlap or bad_value (a weight is
/// not finite); nothing but scratch is written then.
template <class Arch = default_arch>
status fit(matrix_view<const float> w, matrix_view<float> threshold, matrix_view<float> scale, word* scratch,
           size_t scratch_size) noexcept {
    const status s = twn::detail::check_parameters(w, threshold, scale);
    if (s != status::ok) return s;
    if (threshold.rows != scale.rows) return status::bad_shape;
    const size_t rows = detail::group_rows(threshold, w.rows);
    const size_t needed = 2 * rows * w.cols;
    if (needed != 0 && !w.empty()) {
        if (scratch == nullptr) return status::null_pointer;
        if (reinterpret_cast<std::uintptr_t>(scratch) % alignof(word) != 0) return status::bad_alignment;
        if (scratch_size < needed) return status::buffer_size;
        if (detail::overlaps_any(bytes_of(scratch, needed * sizeof(word)), w, threshold, scale)) return status::overlap;
    }
    if (!kernel::all_finite<Arch>(w)) return status::bad_value;
    for (size_t g = 0; g < threshold.rows; ++g) {
        if (w.empty())
            *threshold.row(g) = *scale.row(g) = 0.0f;
        else
            detail::fit_group<Arch>(detail::group_of(w, threshold, g), scratch, *threshold.row(g), *scale.row(g));
    }
    return status::ok;
}

}  // namespace tern::quantize::least_squares
