// SPDX-License-Identifier: MIT
// Floats that are added, subtracted or left alone as a 2-bit code says, and the leaf of `arch::scalar`.
#pragma once

#include <tern/simd/scalar.hpp>

namespace tern::simd {

/// A register of 32-bit lanes whose bytes hold 2-bit codes (ternary_code), and one of floats.
///   width          lanes
///   load           codes
///   choose<S>      the codes at bits S and S + 1 of each lane
///   add            sum + x where the code is +1, sum - x where it is -1, else sum, which is never -0
/// One IEEE addition each, of round-to-nearest: the same bits everywhere.
struct scalar_signed_adds {
    using codes = std::uint32_t;
    using floats = float;
    struct choice {
        std::uint32_t flip;
        std::uint32_t keep;
    };
    static constexpr std::size_t width = 1;

    static TERN_INLINE codes load(const void* from) noexcept { return bits::load<codes>(from); }
    static TERN_INLINE floats zero() noexcept { return 0.0f; }
    static TERN_INLINE floats broadcast(float x) noexcept { return x; }
    static TERN_INLINE void store(float* to, floats x) noexcept { *to = x; }
    template <int Shift>
    static TERN_INLINE choice choose(codes c) noexcept {
        return {(~(c >> (Shift + 1)) & 1u) << 31, (c >> Shift & 1u) - 1u};
    }
    static TERN_INLINE floats add(floats sum, choice c, floats x) noexcept {
        const std::uint32_t term = (bits::load<std::uint32_t>(&x) ^ c.flip) & c.keep;
        return sum + bits::load<float>(&term);
    }
};

}  // namespace tern::simd
