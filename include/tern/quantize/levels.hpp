// SPDX-License-Identifier: MIT
// Evenly spaced levels: what PACT, DoReFa, LSQ and SRQ share.
//
//     level = clamp(round_half_even(x * factor), low, high)        the product rounded to float, then the integer
//
// NaN gives `low`, or 0 where low < 0 < high. The float that stands for a level is one product, level * step.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/kernel/quantize/activations.hpp>
#include <tern/kernel/quantize/map.hpp>
#include <tern/kernel/quantize/weights.hpp>
#include <tern/layout.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

namespace tern::quantize {

/// The integers low .. high, both among them; low <= 0 < high.
struct level_range {
    std::int32_t low = 0;
    std::int32_t high = 1;

    TERN_INLINE constexpr level_range() noexcept {}
    TERN_INLINE constexpr level_range(std::int32_t low_, std::int32_t high_) noexcept : low(low_), high(high_) {}
};

/// 0 .. 2^bits - 1
[[nodiscard]] TERN_INLINE constexpr level_range unsigned_levels(int bits) noexcept { return {0, (1 << bits) - 1}; }
/// -2^(bits - 1) .. 2^(bits - 1) - 1
[[nodiscard]] TERN_INLINE constexpr level_range signed_levels(int bits) noexcept {
    return {-(1 << (bits - 1)), (1 << (bits - 1)) - 1};
}
/// -(2^(bits - 1) - 1) .. 2^(bits - 1) - 1; with two bits: ternary
[[nodiscard]] TERN_INLINE constexpr level_range symmetric_levels(int bits) noexcept {
    return {1 - (1 << (bits - 1)), (1 << (bits - 1)) - 1};
}

namespace detail {

[[nodiscard]] TERN_INLINE byte_range bytes_in(byte_range r) noexcept { return r; }
template <class View>
[[nodiscard]] TERN_INLINE byte_range bytes_in(const View& v) noexcept {
    return bytes_of(v);
}

/// Whether none of the first `Outputs` views shares memory with any other view.
template <size_t Outputs, class... Views>
[[nodiscard]] TERN_INLINE status apart(const Views&... views) noexcept {
    const byte_range all[] = {bytes_in(views)...};
    for (size_t o = 0; o < Outputs; ++o) {
        for (size_t i = 0; i < sizeof...(Views); ++i) {
            if (i != o && all[o].overlaps(all[i])) return status::overlap;
        }
    }
    return status::ok;
}

[[nodiscard]] TERN_INLINE constexpr bool valid(level_range r) noexcept {
    return r.low <= 0 && r.high > 0 && r.low >= -(1 << 15) && r.high < 1 << 16;
}

/// A parameter whose values all satisfy `good`.
template <class Good>
[[nodiscard]] TERN_INLINE status check_values(const matrix_view<const float>& parameter, const Good& good) noexcept {
    for (size_t g = 0; g < parameter.rows; ++g) {
        if (!good(*parameter.row(g))) return status::bad_value;
    }
    return status::ok;
}

/// A step that has a reciprocal.
[[nodiscard]] TERN_INLINE constexpr bool is_step(float s) noexcept { return s >= 0x1p-100f && s <= 0x1p100f; }

template <class Arch, class Encoding>
[[nodiscard]] status check_rows(const matrix_view<const float>& x, const mutable_packed_rows<Encoding>& q) noexcept {
    const status s = first_error(check(x), check(q));
    if (s != status::ok) return s;
    return q.rows != x.rows || q.depth != x.cols ? status::bad_shape : status::ok;
}

template <class Arch>
TERN_INLINE std::int32_t level_of(float x, float factor, level_range r) noexcept {
    const float y = x * factor;
    const float number = y == y ? y : 0.0f;
    const float in = simd::clamped(number, static_cast<float>(r.low), static_cast<float>(r.high));
    return in < 0.0f ? -simd::round_half_even(-in) : simd::round_half_even(in);
}

/// A clip's gradient: grad where low <= x <= high, else and for NaN 0. Exact.
template <class Arch>
[[nodiscard]] status gate(const matrix_view<const float>& x, const matrix_view<const float>& grad,
                          const matrix_view<float>& grad_x, float low, float high) noexcept {
    const status s =
        first_error(check(x), check_same_shape(grad, x), check_same_shape(grad_x, x), apart<1>(grad_x, grad, x));
    if (s != status::ok) return s;
    using leaf = kernel::real<Arch>;
    for (size_t i = 0; i < x.rows; ++i) {
        kernel::map_row<Arch>(x.row(i), grad.row(i), grad_x.row(i), x.cols,
                              [&](typename leaf::reg v, typename leaf::reg g) TERN_INLINE_LAMBDA {
                                  const auto inside = leaf::both(leaf::not_below(v, leaf::set(low)),
                                                                 leaf::not_below(leaf::set(high), v));
                                  return leaf::select(inside, g, leaf::set(0.0f));
                              });
    }
    return s;
}

/// to[j] = step * level
template <class Arch>
void round_row(const float* x, float* to, size_t n, float factor, level_range r, float step) noexcept {
    using leaf = kernel::real<Arch>;
    kernel::map_row<Arch>(x, to, n, [&](typename leaf::reg v) TERN_INLINE_LAMBDA {
        const auto y = leaf::multiply(v, leaf::set(factor));
        const auto number = leaf::select(leaf::not_below(y, y), y, leaf::set(0.0f));
        const auto in = leaf::clamp(number, static_cast<float>(r.low), static_cast<float>(r.high));
        return leaf::multiply(leaf::round(in), leaf::set(step));
    });
}

/// The codes level - low of one row.
template <class Arch, int K>
void pack_levels_row(const float* x, size_t n, float factor, level_range r, word* q, size_t plane_stride) noexcept {
    if (r.low == 0 && r.high == (1 << K) - 1)
        return kernel::quantize_bits_row<Arch, size_t{K}, simd::rounding::half_even>(x, n, factor, q, plane_stride);
    kernel::pack_codes_row<Arch, K>(n, q, plane_stride,
                                    [&](size_t j) { return level_of<Arch>(x[j], factor, r) - r.low; });
}

}  // namespace detail
}  // namespace tern::quantize
