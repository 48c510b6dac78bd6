// SPDX-License-Identifier: MIT
// SLB, searching for low-bit weights (Yang et al., NeurIPS 2020): a weight is a choice among fixed levels v_0 ..
// v_{K-1}, made by logits A that training moves.
//
//     p_k = softmax_k(temperature * A_k)
//     training    w = sum_k p_k v_k                   `relax`
//     afterwards  w = v[argmax_k A_k]                 `forward`, the first of equals
//     gradient    dL/dA_k = g temperature p_k (v_k - w)
//
// The logits of row i lie one weight behind the other: A of weight (i, j) and level k is logits(i, j * K + k).
// Training raises the temperature, so that p approaches the choice; there is no straight-through estimator.
//
// Levels: -1 and 1, or 2^b numbers from -1 to 1 (`even_levels`), which are (2 k - (2^b - 1)) / (2^b - 1):
// bipolar_bits<b> with scale 1 / (2^b - 1). Or -1, 0, 1: ternary.
//
// Provenance: softmax, levels and the final argmax were read in MindSpore's golden-stick. First logits are not known:
// `fit` is this library's. The paper's state batch norm (statistics of their own for the discrete weights) belongs to
// the network around and is recalled only.
#pragma once

#include <tern/quantize/levels.hpp>
#include <tern/quantize/maths.hpp>

namespace tern::quantize::slb {

/// Most levels of a weight.
inline constexpr size_t most_levels = 16;

/// Ascending levels that the caller keeps.
struct level_set {
    const float* data = nullptr;
    size_t count = 0;

    TERN_INLINE constexpr level_set() noexcept {}
    TERN_INLINE constexpr level_set(const float* data_, size_t count_) noexcept : data(data_), count(count_) {}
};

/// Writes (2 k - (2^bits - 1)) / (2^bits - 1), k = 0 .. 2^bits - 1, `bits` 1 to 4.
[[nodiscard]] TERN_INLINE constexpr level_set even_levels(int bits, float* to) noexcept {
    const int top = (1 << bits) - 1;
    for (int k = 0; k <= top; ++k) to[k] = static_cast<float>(2 * k - top) / static_cast<float>(top);
    return {to, static_cast<size_t>(top) + 1};
}

namespace detail {

using namespace tern::quantize::detail;

[[nodiscard]] TERN_INLINE status check_levels(const level_set& v) noexcept {
    if (v.data == nullptr) return status::null_pointer;
    if (v.count < 2 || v.count > most_levels) return status::unsupported;
    for (size_t k = 0; k < v.count; ++k) {
        if (!finite(v.data[k]) || (k > 0 && !(v.data[k] > v.data[k - 1]))) return status::bad_value;
    }
    return status::ok;
}

template <class T>
[[nodiscard]] TERN_INLINE status check_logits(const matrix_view<T>& logits, size_t rows, size_t cols,
                                              const level_set& v) noexcept {
    size_t wide = 0;
    if (!multiply(cols, v.count, wide)) return status::overflow;
    return logits.rows != rows || logits.cols != wide ? status::bad_shape : check(logits);
}

[[nodiscard]] TERN_INLINE constexpr bool is_temperature(float t) noexcept { return t > 0.0f && finite(t); }

/// The first of the largest; NaN is never chosen, and level 0 where there is nothing else.
[[nodiscard]] TERN_INLINE size_t choice(const float* a, size_t count) noexcept {
    size_t best = 0;
    for (size_t k = 1; k < count; ++k) {
        if (a[k] > a[best] || !(a[best] == a[best])) best = k;
    }
    return a[best] == a[best] ? best : 0;
}

/// p of one weight and its value. A NaN logit has p = 0; infinite ones share everything. Returns w.
[[nodiscard]] TERN_INLINE double relax(const float* a, const level_set& v, double temperature, double* p) noexcept {
    const double most = double{a[choice(a, v.count)]};
    double sum = 0.0;
    for (size_t k = 0; k < v.count; ++k) {
        const double above = double{a[k]} - most;  // infinity - infinity is NaN
        p[k] = a[k] != a[k] ? 0.0 : (double{a[k]} == most ? 1.0 : normal::exponential(temperature * above));
        sum += p[k];
    }
    double w = 0.0;
    for (size_t k = 0; k < v.count; ++k) {
        p[k] = sum > 0.0 ? p[k] / sum : (k == 0 ? 1.0 : 0.0);
        w += p[k] * double{v.data[k]};
    }
    return w;
}

}  // namespace detail

/// First logits of float weights: A_k = -sharpness (w - v_k)^2, so that the nearest level is chosen.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap, unsupported (number of levels) or
/// bad_value (a weight, the levels' order, a sharpness that is not positive and finite).
template <class Arch = default_arch>
status fit(matrix_view<const float> w, level_set v, matrix_view<float> logits, float sharpness = 1.0f) noexcept {
    const status s = detail::first_error(detail::check_levels(v), check(w),
                                         detail::check_logits(logits, w.rows, w.cols, v), detail::apart<1>(logits, w));
    if (s != status::ok) return s;
    if (!detail::is_temperature(sharpness) || !kernel::all_finite<Arch>(w)) return status::bad_value;
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t j = 0; j < w.cols; ++j) {
            for (size_t k = 0; k < v.count; ++k) {
                const float d = w(i, j) - v.data[k];
                logits(i, j * v.count + k) = -sharpness * d * d;
            }
        }
    }
    return s;
}

/// The weights of training. p and their sum are computed in double. Statuses as `fit`; bad_value for a temperature that
/// is not positive and finite. Logits may be anything: NaN has probability 0, all NaN gives v_0.
template <class Arch = default_arch>
status relax(matrix_view<const float> logits, level_set v, float temperature, matrix_view<float> w) noexcept {
    const status s = detail::first_error(detail::check_levels(v), check(w),
                                         detail::check_logits(logits, w.rows, w.cols, v), detail::apart<1>(w, logits));
    if (s != status::ok) return s;
    if (!detail::is_temperature(temperature)) return status::bad_value;
    double p[most_levels];
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t j = 0; j < w.cols; ++j)
            w(i, j) = static_cast<float>(detail::relax(logits.row(i) + j * v.count, v, double{temperature}, p));
    }
    return s;
}

/// The chosen levels. Exact.
template <class Arch = default_arch>
status forward(matrix_view<const float> logits, level_set v, matrix_view<float> w) noexcept {
    const status s = detail::first_error(detail::check_levels(v), check(w),
                                         detail::check_logits(logits, w.rows, w.cols, v), detail::apart<1>(w, logits));
    if (s != status::ok) return s;
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t j = 0; j < w.cols; ++j) w(i, j) = v.data[detail::choice(logits.row(i) + j * v.count, v.count)];
    }
    return s;
}

namespace detail {

template <class Arch, class Encoding>
[[nodiscard]] status pack_choices(const matrix_view<const float>& logits, const mutable_packed_rows<Encoding>& w,
                                  size_t count, const std::uint32_t* codes) noexcept {
    const status s = first_error(check(logits), check(w), apart<1>(w, logits));
    if (s != status::ok) return s;
    if (logits.rows != w.rows || logits.cols % count != 0 || logits.cols / count != w.depth) return status::bad_shape;
    for (size_t i = 0; i < w.rows && w.depth != 0; ++i) {
        const float* const a = logits.row(i);
        kernel::pack_codes_row<Arch, Encoding::planes>(w.depth, w.target_row(i), w.plane_stride, [&](size_t j) {
            const size_t k = choice(a + j * count, count);
            return codes == nullptr ? static_cast<std::uint32_t>(k) : codes[k];
        });
    }
    return s;
}

}  // namespace detail

/// The choices among 2^B even levels, packed: code k is level k.
template <class Arch = default_arch, int B>
status forward(matrix_view<const float> logits, const mutable_packed_rows<bipolar_bits<B>>& w) noexcept {
    return detail::pack_choices<Arch>(logits, w, size_t{1} << B, nullptr);
}

/// The choices among -1, 0 and 1, packed.
template <class Arch = default_arch>
status forward(matrix_view<const float> logits, const mutable_packed_rows<ternary>& w) noexcept {
    constexpr std::uint32_t codes[] = {ternary::encode(-1), ternary::encode(0), ternary::encode(1)};
    return detail::pack_choices<Arch>(logits, w, 3, codes);
}

/// dL/dA, for g = dL/dw of `relax`. Returns as `relax`.
template <class Arch = default_arch>
status backward(matrix_view<const float> logits, level_set v, float temperature, matrix_view<const float> grad,
                matrix_view<float> grad_logits) noexcept {
    const status s =
        detail::first_error(detail::check_levels(v), check(grad), detail::check_logits(logits, grad.rows, grad.cols, v),
                            detail::check_same_shape(grad_logits, logits), detail::apart<1>(grad_logits, logits, grad));
    if (s != status::ok) return s;
    if (!detail::is_temperature(temperature)) return status::bad_value;
    double p[most_levels];
    for (size_t i = 0; i < grad.rows; ++i) {
        for (size_t j = 0; j < grad.cols; ++j) {
            const double w = detail::relax(logits.row(i) + j * v.count, v, double{temperature}, p);
            const double g = double{grad(i, j)} * double{temperature};
            for (size_t k = 0; k < v.count; ++k)
                grad_logits(i, j * v.count + k) = static_cast<float>(g * p[k] * (double{v.data[k]} - w));
        }
    }
    return s;
}

}  // namespace tern::quantize::slb
