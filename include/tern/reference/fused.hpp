// SPDX-License-Identifier: MIT
// What fused.hpp does behind a product, written as its formulas.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <tern/fused.hpp>
#include <tern/reference/quantize.hpp>
#include <tern/view.hpp>

namespace tern::reference {
inline namespace TERN_ISA_NAMESPACE {

/// The reconstruction that stands in front of the steps: without its clamp.
[[nodiscard]] constexpr scale_offset unclamped(scale_offset epilogue) noexcept {
    epilogue.clamp_min = -std::numeric_limits<float>::infinity();
    epilogue.clamp_max = std::numeric_limits<float>::infinity();
    return epilogue;
}

/// y to z in place: shortcut, slope, clamp. y: what a product with `unclamped(how.epilogue)` gives.
constexpr void apply(const real_steps& how, const matrix_view<float>& y) noexcept {
    for (size_t i = 0; i < y.rows; ++i) {
        for (size_t j = 0; j < y.cols; ++j) {
            float z = y(i, j);
            if (how.residual.from != shortcut::kind::none) {
                const double product = double{how.residual.scale.at(j, 0, 1.0f)} * double{how.residual.at(i, j)};
                z = static_cast<float>(double{z} + product);
            }
            if (how.slope.data != nullptr && z < 0.0f) z = z * how.slope.at(j, 0, 1.0f);
            if (z < how.epilogue.clamp_min) z = how.epilogue.clamp_min;
            if (z > how.epilogue.clamp_max) z = how.epilogue.clamp_max;
            y(i, j) = z;
        }
    }
}

/// q = nearest_even(clamp(z (1 / scale), lowest - zero_point, highest - zero_point)) + zero_point.
constexpr void requantize(const matrix_view<const float>& z, const to_int8& how,
                          const matrix_view<std::int8_t>& q) noexcept {
    for (size_t i = 0; i < q.rows; ++i) {
        for (size_t j = 0; j < q.cols; ++j) {
            const float y = z(i, j) * (1.0f / how.scale.at(j, 0, 1.0f));
            const double inside = clamp(double{y}, static_cast<double>(how.lowest - how.zero_point),
                                        static_cast<double>(how.highest - how.zero_point));
            q(i, j) = static_cast<std::int8_t>(nearest_even(inside) + how.zero_point);
        }
    }
}

/// t = +1 where z >= limit, else -1.
constexpr void binarize(const matrix_view<const float>& z, const to_binary& how,
                        const matrix_view<std::int8_t>& t) noexcept {
    for (size_t i = 0; i < t.rows; ++i)
        for (size_t j = 0; j < t.cols; ++j)
            t(i, j) = z(i, j) >= how.limit.at(j, 0, 0.0f) ? std::int8_t{1} : std::int8_t{-1};
}

/// Accumulators against integers, to -1 and +1.
constexpr void binarize(const matrix_view<const std::int32_t>& a, const integer_limits& limits,
                        const matrix_view<std::int8_t>& t) noexcept {
    for (size_t i = 0; i < t.rows; ++i) {
        for (size_t j = 0; j < t.cols; ++j) {
            const bool above = a(i, j) > (limits.upper == nullptr ? 0 : limits.upper[j]);
            t(i, j) = above != limits.is_negative(j) ? std::int8_t{1} : std::int8_t{-1};
        }
    }
}

/// To -1, 0 and +1.
constexpr void ternarize(const matrix_view<const std::int32_t>& a, const integer_limits& limits,
                         const matrix_view<std::int8_t>& t) noexcept {
    for (size_t i = 0; i < t.rows; ++i) {
        for (size_t j = 0; j < t.cols; ++j) {
            const bool above = a(i, j) > (limits.upper == nullptr ? 0 : limits.upper[j]);
            const bool below = a(i, j) < (limits.lower == nullptr ? 0 : limits.lower[j]);
            const bool plus = limits.is_negative(j) ? below : above;
            t(i, j) = plus ? std::int8_t{1} : above || below ? std::int8_t{-1} : std::int8_t{0};
        }
    }
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::reference
