// SPDX-License-Identifier: MIT
// A few float operations on one register, for loops that go through floats once. This leaf has one float a register and
// describes the others (batch_real.hpp): all of them compute the same bits.
#pragma once

#include <cstddef>

#include <tern/simd/floats.hpp>

namespace tern::simd {

/// `larger` and `clamp` take the bound where x is NaN; `round` is to the nearest integer, ties to even, of |x| < 2^22,
/// and gives +0 for every zero.
struct scalar_real {
    using reg = float;
    using mask = bool;
    static constexpr std::size_t width = 1;

    static TERN_INLINE reg load(const float* from) noexcept { return *from; }
    static TERN_INLINE void store(float* to, reg x) noexcept { *to = x; }
    static TERN_INLINE reg set(float x) noexcept { return x; }
    static TERN_INLINE mask above(reg a, reg b) noexcept { return a > b; }
    static TERN_INLINE mask not_below(reg a, reg b) noexcept { return a >= b; }
    static TERN_INLINE mask both(mask a, mask b) noexcept { return a && b; }
    static TERN_INLINE reg select(mask m, reg a, reg b) noexcept { return m ? a : b; }
    static TERN_INLINE reg multiply(reg a, reg b) noexcept { return a * b; }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return a + b; }
    static TERN_INLINE reg clamp(reg x, float low, float high) noexcept { return clamped(x, low, high); }
    static TERN_INLINE reg round(reg x) noexcept {
        return static_cast<float>(x < 0.0f ? -round_half_even(-x) : round_half_even(x));
    }
};

}  // namespace tern::simd
