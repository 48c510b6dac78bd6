// SPDX-License-Identifier: MIT
// What quantizers need of real functions beside normal.hpp, without <cmath> for the reasons given there. Everything is
// double and within 2e-14, relative.
#pragma once

#include <cstddef>

#include <tern/config.hpp>
#include <tern/epilogue.hpp>
#include <tern/quantize/normal.hpp>
#include <tern/quantize/random.hpp>

namespace tern::quantize::maths {

[[nodiscard]] TERN_INLINE constexpr double absolute(double x) noexcept { return x < 0.0 ? -x : x; }
[[nodiscard]] TERN_INLINE constexpr double square_root(double x) noexcept { return tern::detail::square_root(x); }

[[nodiscard]] TERN_INLINE constexpr double tanh(double x) noexcept {
    if (!(x == x)) return x;
    const double a = absolute(x);
    if (a < 0.125) {  // the quotient below would cancel
        constexpr double series[] = {-929569.0 / 638512875, 21844.0 / 6081075, -1382.0 / 155925, 62.0 / 2835,
                                     -17.0 / 315,           2.0 / 15,          -1.0 / 3,         1.0};
        double sum = 0.0;
        for (const double term : series) sum = sum * x * x + term;
        return x * sum;
    }
    const double e = normal::exponential(-2.0 * a);
    const double y = (1.0 - e) / (1.0 + e);
    return x < 0.0 ? -y : y;
}

/// 1 / (1 + e^-x), without cancellation at either end.
[[nodiscard]] TERN_INLINE constexpr double logistic(double x) noexcept {
    const double e = normal::exponential(-absolute(x));
    return x < 0.0 ? e / (1.0 + e) : 1.0 / (1.0 + e);
}

/// One of 0 .. n - 1, n > 0, of the caller's engine.
template <class Engine>
[[nodiscard]] TERN_INLINE std::size_t choose(Engine& engine, std::size_t n) {
    const auto i = static_cast<std::size_t>(uniform(engine) * static_cast<double>(n));
    return i < n ? i : n - 1;
}

}  // namespace tern::quantize::maths
