// SPDX-License-Identifier: MIT
// What quantize/activations.hpp computes, written as its formulas. Ternary activations: `reference::ternarize`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <tern/view.hpp>

namespace tern::reference {
inline namespace TERN_ISA_NAMESPACE {

/// Largest integer not above y, |y| < 2^31.
[[nodiscard]] TERN_INLINE constexpr std::int64_t floor_of(double y) noexcept {
    const auto n = static_cast<std::int64_t>(y);
    return static_cast<double>(n) > y ? n - 1 : n;
}

/// Nearest integer to y, the even one of two.
[[nodiscard]] TERN_INLINE constexpr std::int64_t nearest_even(double y) noexcept {
    const std::int64_t n = floor_of(y);
    const double above = y - static_cast<double>(n);
    return above > 0.5 || (above == 0.5 && n % 2 != 0) ? n + 1 : n;
}

/// y in [low, high]; NaN becomes low.
[[nodiscard]] TERN_INLINE constexpr double clamp(double y, double low, double high) noexcept {
    return !(y > low) ? low : (y < high ? y : high);
}

/// q(i, j) = nearest_even(x(i, j) * (127 / m)), scale(i, 0) = m / 127, m = max(max |x(i, .)|, epsilon), or one m for
/// all of x where `scale` has one row. m < 2^-100: zeros, scale 1. NaN is left out, infinity is the largest float.
constexpr void quantize_int8(const matrix_view<const float>& x, const matrix_view<std::int8_t>& q,
                             const matrix_view<float>& scale, float epsilon = 0.0f) noexcept {
    constexpr float largest = std::numeric_limits<float>::max();
    for (size_t g = 0; g < scale.rows; ++g) {
        const size_t first = scale.rows == 1 ? 0 : g;
        const size_t last = scale.rows == 1 ? x.rows : g + 1;
        float m = epsilon;
        for (size_t i = first; i < last; ++i) {
            for (size_t j = 0; j < x.cols; ++j) {
                const float magnitude = x(i, j) < 0.0f ? -x(i, j) : x(i, j);
                if (magnitude > m) m = magnitude < largest ? magnitude : largest;
            }
        }
        const bool nothing = m < 0x1p-100f;
        scale(g, 0) = nothing ? 1.0f : m / 127.0f;
        for (size_t i = first; i < last; ++i) {
            for (size_t j = 0; j < x.cols; ++j) {
                const bool number = x(i, j) == x(i, j);
                const float y = nothing || !number ? 0.0f : x(i, j) * (127.0f / m);
                q(i, j) = static_cast<std::int8_t>(nearest_even(clamp(double{y}, -127.0, 127.0)));
            }
        }
    }
}

/// q(i, j) = +1 where x(i, j) >= 0, else -1.
constexpr void quantize_binary(const matrix_view<const float>& x, const matrix_view<std::int16_t>& q) noexcept {
    for (size_t i = 0; i < x.rows; ++i)
        for (size_t j = 0; j < x.cols; ++j) q(i, j) = x(i, j) >= 0.0f ? std::int16_t{1} : std::int16_t{-1};
}

/// q(i, j) = nearest_even(x(i, j) * (1 / scale)) in 0 .. 2^digits - 1.
constexpr void quantize_unsigned(const matrix_view<const float>& x, float scale, int digits,
                                 const matrix_view<std::int16_t>& q) noexcept {
    for (size_t i = 0; i < x.rows; ++i) {
        for (size_t j = 0; j < x.cols; ++j) {
            const float y = x(i, j) * (1.0f / scale);
            q(i, j) =
                static_cast<std::int16_t>(nearest_even(clamp(double{y}, 0.0, static_cast<double>((1 << digits) - 1))));
        }
    }
}

/// q(i, j) = 2 floor(x(i, j) * (1/2 / scale)) + 1 in [-(2^digits - 1), 2^digits - 1].
constexpr void quantize_bipolar(const matrix_view<const float>& x, float scale, int digits,
                                const matrix_view<std::int16_t>& q) noexcept {
    const double half = 1 << (digits - 1);
    for (size_t i = 0; i < x.rows; ++i) {
        for (size_t j = 0; j < x.cols; ++j) {
            const float y = x(i, j) * (0.5f / scale);
            q(i, j) = static_cast<std::int16_t>(2 * floor_of(clamp(double{y}, -half, half - 1.0)) + 1);
        }
    }
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::reference
