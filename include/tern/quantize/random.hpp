// SPDX-License-Identifier: MIT
// Random numbers of the quantizers: the caller's engine, and from it the same numbers everywhere. The distributions of
// <random> differ from one standard library to another; its engines do not.
#pragma once

#include <cstdint>
#include <type_traits>

#include <tern/config.hpp>

namespace tern::quantize {

/// A number of (0, 1] from any uniform random bit generator (std::mt19937, std::minstd_rand, the caller's own).
///
///     (r + 1) / R, r uniform in 0 .. R - 1
///
/// R is the engine's range where that has 53 bits or more, else its square, from two calls, the first more significant.
/// Rounded to double once or, with two calls, three times. 0 cannot come out.
template <class Engine>
[[nodiscard]] TERN_INLINE double uniform(Engine& engine) {
    using number = std::remove_reference_t<decltype(engine())>;
    static_assert(std::is_unsigned_v<number>, "tern::quantize: a random engine answers unsigned integers");
    constexpr std::uint64_t last = std::uint64_t{Engine::max()} - std::uint64_t{Engine::min()};
    static_assert(last != 0, "tern::quantize: this random engine has only one number");
    constexpr double range = static_cast<double>(last) + 1.0;
    const auto draw = [&]() { return static_cast<double>(std::uint64_t{engine()} - std::uint64_t{Engine::min()}); };
    if constexpr ((last >> 52) != 0) {
        return (draw() + 1.0) / range;
    } else {
        const double high = draw();
        return (high + (draw() + 1.0) / range) / range;
    }
}

}  // namespace tern::quantize
