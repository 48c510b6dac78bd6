// SPDX-License-Identifier: MIT
// WRPN, wide reduced-precision networks (Mishra et al., ICLR 2018, arXiv 1709.01134): few bits for weights and
// activations, and more filters to make up for it.
//
//     activations, k bits:  x^ = round((2^k - 1) clip(x, 0, 1)) / (2^k - 1)                2^k levels
//     weights, k bits:      w^ = round((2^(k-1) - 1) clip(w, -1, 1)) / (2^(k-1) - 1)       2^k - 1 levels, k >= 2
//     round: to nearest, ties to even. NaN becomes 0.
//
// k = 2 weights are ternary: threshold 1/2, scale 1. k = 1 weights have no formula (0/0): use bwn.hpp. k = 1
// activations are {0, 1} with threshold 1/2 (1/2 itself gives 0).
// Gradients: straight through round, none outside the clip:  dL/dx = g [0 <= x <= 1],  dL/dw = g [|w| <= 1].
//
// Deployment on bit planes. Activations: unsigned_bits<k>, scale 1 / (2^k - 1). Weights: `ternary` for k = 2; for k >=
// 3 unsigned_bits<k> that hold q + L, L = 2^(k-1) - 1, with scale 1 / L and offset -1, since (q + L) / L - 1 = q / L
// (`weights_affine`); the epilogue adds the terms of the offset. k^2 products of planes of one count each, instead of
// the k (k - 1) of two counts that a sign and magnitudes would need.
//
// Cost of a layer with f times the filters, relative to 32-bit floats and f = 1: f^2 (bits_x + bits_w) / 64. Linear in
// bits: the paper's example is 4 bits, f = 2: four times the operations, each eight times cheaper.
//
// Where this was read. Quantizers, gradients and that one bit is a special case: documentation of Intel Distiller (same
// company as the authors), not its code, which has used other scales since 2020. Ties to even are that of the usual
// frameworks. The special case itself is not there: BWN is an assumption. The cost formula is derived from the example.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/quantize/levels.hpp>
#include <tern/quantize/packing.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

#include <tern/kernel/quantize/offset_bits.hpp>

namespace tern::quantize::wrpn {

/// 2^bits - 1, the largest activation, 1 <= bits <= 8.
[[nodiscard]] TERN_INLINE constexpr std::int32_t activation_steps(int bits) noexcept { return (1 << bits) - 1; }

/// 2^(bits-1) - 1, the largest weight, 2 <= bits <= 8.
[[nodiscard]] TERN_INLINE constexpr std::int32_t weight_steps(int bits) noexcept { return (1 << (bits - 1)) - 1; }

/// Cost of a layer relative to 32-bit floats at its own width.
[[nodiscard]] TERN_INLINE constexpr double cost(double widening, int activation_bits, int weight_bits) noexcept {
    return widening * widening * static_cast<double>(activation_bits + weight_bits) / 64.0;
}

/// Filters of a widened layer: filters * widening, to the nearest integer, halves up.
[[nodiscard]] TERN_INLINE constexpr size_t widened(size_t filters, double widening) noexcept {
    return static_cast<size_t>(static_cast<double>(filters) * widening + 0.5);
}

/// What turns packed numbers back into real ones: real = scale * number + offset.
struct number_affine {
    float scale;
    float offset;
};

[[nodiscard]] TERN_INLINE constexpr number_affine activations_affine(int bits) noexcept {
    return {1.0f / static_cast<float>(activation_steps(bits)), 0.0f};
}

/// For unsigned_bits<bits>, bits >= 3. Ternary (bits = 2) needs none.
[[nodiscard]] TERN_INLINE constexpr number_affine weights_affine(int bits) noexcept {
    return {1.0f / static_cast<float>(weight_steps(bits)), -1.0f};
}

namespace detail {

using namespace tern::quantize::detail;

template <class T, class U>
[[nodiscard]] TERN_INLINE status check_pair(const matrix_view<const T>& from, const matrix_view<U>& to) noexcept {
    const status s = first_error(check(from), check_same_shape(to, from));
    if (s != status::ok) return s;
    return overlap(from, to) ? status::overlap : status::ok;
}

}  // namespace detail

/// The numbers (2^bits - 1) x^. 1 <= bits <= 8. (2^bits - 1) x is rounded to float, then to an integer.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap or bad_value (bits).
template <class Arch = default_arch>
status forward_activations(matrix_view<const float> x, int bits, matrix_view<std::uint8_t> values) noexcept {
    const status s = detail::check_pair(x, values);
    if (s != status::ok) return s;
    if (bits < 1 || bits > 8) return status::bad_value;
    const auto steps = static_cast<float>(activation_steps(bits));
    for (size_t i = 0; i < x.rows; ++i)
        for (size_t j = 0; j < x.cols; ++j)
            values(i, j) =
                static_cast<std::uint8_t>(simd::round_half_even(simd::clamped(x(i, j) * steps, 0.0f, steps)));
    return status::ok;
}

/// x^: those numbers divided by 2^bits - 1, rounded to float.
template <class Arch = default_arch>
status forward_activations(matrix_view<const float> x, int bits, matrix_view<float> quantized) noexcept {
    const status s = detail::check_pair(x, quantized);
    if (s != status::ok) return s;
    if (bits < 1 || bits > 8) return status::bad_value;
    const auto steps = static_cast<float>(activation_steps(bits));
    for (size_t i = 0; i < x.rows; ++i)
        for (size_t j = 0; j < x.cols; ++j)
            quantized(i, j) =
                static_cast<float>(simd::round_half_even(simd::clamped(x(i, j) * steps, 0.0f, steps))) / steps;
    return status::ok;
}

/// Those numbers as packed rows.
template <class Arch = default_arch, int K>
status forward_activations(matrix_view<const float> x, const mutable_packed_rows<unsigned_bits<K>>& q) noexcept {
    const auto encoder = [](size_t) TERN_INLINE_LAMBDA { return kernel::row_unsigned<K>(); };
    return detail::pack_by<Arch>(x, q, encoder);
}

/// The numbers L w^, L = 2^(bits-1) - 1. 2 <= bits <= 8. L w is rounded to float, then to an integer. Returns as for
/// activations.
template <class Arch = default_arch>
status forward_weights(matrix_view<const float> w, int bits, matrix_view<std::int8_t> values) noexcept {
    const status s = detail::check_pair(w, values);
    if (s != status::ok) return s;
    if (bits < 2 || bits > 8) return status::bad_value;
    const std::int32_t steps = weight_steps(bits);
    for (size_t i = 0; i < w.rows && w.cols != 0; ++i) {
        kernel::quantize_int8_row<Arch, false>(w.row(i), w.cols, static_cast<float>(steps), values.row(i));
        for (size_t j = 0; j < w.cols; ++j) {
            const std::int32_t q = values(i, j);
            values(i, j) = static_cast<std::int8_t>(q > steps ? steps : (q < -steps ? -steps : q));
        }
    }
    return status::ok;
}

/// w^: those numbers divided by L, rounded to float.
template <class Arch = default_arch>
status forward_weights(matrix_view<const float> w, int bits, matrix_view<float> quantized) noexcept {
    const status s = detail::check_pair(w, quantized);
    if (s != status::ok) return s;
    if (bits < 2 || bits > 8) return status::bad_value;
    constexpr size_t block = 256;
    std::int8_t numbers[block];
    const auto steps = static_cast<float>(weight_steps(bits));
    for (size_t i = 0; i < w.rows; ++i) {
        for (size_t j = 0; j < w.cols; j += block) {
            const size_t count = w.cols - j < block ? w.cols - j : block;
            kernel::quantize_int8_row<Arch, false>(w.row(i) + j, count, steps, numbers);
            for (size_t k = 0; k < count; ++k) {
                const auto q = static_cast<float>(numbers[k]);
                quantized(i, j + k) = (q > steps ? steps : (q < -steps ? -steps : q)) / steps;
            }
        }
    }
    return status::ok;
}

/// Two bits: ternary weights, as packed rows or as panels (`to`).
template <class Arch = default_arch>
status forward_weights(matrix_view<const float> w, const mutable_packed_rows<ternary>& q) noexcept {
    return detail::pack_by<Arch>(w, q, [](size_t) TERN_INLINE_LAMBDA { return kernel::row_limits(-0.5f, 0.5f); });
}

template <class Arch = default_arch>
status forward_weights(matrix_view<const float> w, const panel_memory<ternary>& to) noexcept {
    return detail::pack_by<Arch>(w, to, [](size_t) TERN_INLINE_LAMBDA { return kernel::row_limits(-0.5f, 0.5f); });
}

/// K bits, 3 <= K <= 8: the numbers + L, as packed rows or as panels (`to`).
template <class Arch = default_arch, int K>
status forward_weights(matrix_view<const float> w, const mutable_packed_rows<unsigned_bits<K>>& q) noexcept {
    return detail::pack_by<Arch>(w, q, [](size_t) TERN_INLINE_LAMBDA { return kernel::row_offset<K>(); });
}

template <class Arch = default_arch, int K>
status forward_weights(matrix_view<const float> w, const panel_memory<unsigned_bits<K>>& to) noexcept {
    return detail::pack_by<Arch>(w, to, [](size_t) TERN_INLINE_LAMBDA { return kernel::row_offset<K>(); });
}

/// grad where 0 <= x <= 1, else and for NaN 0. Exact.
template <class Arch = default_arch>
status backward_activations(matrix_view<const float> x, matrix_view<const float> grad,
                            matrix_view<float> grad_x) noexcept {
    return detail::gate<Arch>(x, grad, grad_x, 0.0f, 1.0f);
}

/// grad where -1 <= w <= 1, else and for NaN 0. Exact.
template <class Arch = default_arch>
status backward_weights(matrix_view<const float> w, matrix_view<const float> grad, matrix_view<float> grad_w) noexcept {
    return detail::gate<Arch>(w, grad, grad_w, -1.0f, 1.0f);
}

}  // namespace tern::quantize::wrpn
