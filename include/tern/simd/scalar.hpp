// SPDX-License-Identifier: MIT
// The register of `arch::scalar`: one word. Also the description of what every other register offers.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/simd/bits.hpp>

namespace tern::simd {

/// A register of 32-bit lanes, as the kernels see it.
///   width        lanes
///   fold_every   how many `count` results may be added before `fold`; 0: any number
///   shift_left   and right, all lanes by the same n = 0 .. 31
///   count        set bits of each lane, possibly still spread over the lane's bytes
///   fold         such counts, added up, as one number a lane
///   keep         nothing, at this very place: a compiler may not move the computation of x across it. Loops whose sums
///                fill the registers need it, or a scheduler computes all products first and spills
/// Lane arithmetic wraps modulo 2^32.
struct scalar_lanes {
    using reg = std::uint32_t;
    static constexpr std::size_t width = 1;
    static constexpr std::size_t fold_every = 31;  // a byte holds 31 counts of at most 8

    static TERN_INLINE reg zero() noexcept { return 0; }
    static TERN_INLINE reg load(const std::uint32_t* from) noexcept { return *from; }
    static TERN_INLINE reg broadcast(std::uint32_t x) noexcept { return x; }
    static TERN_INLINE void store(std::int32_t* to, reg x) noexcept { *to = static_cast<std::int32_t>(x); }
    static TERN_INLINE reg and_(reg a, reg b) noexcept { return a & b; }
    static TERN_INLINE reg xor_(reg a, reg b) noexcept { return a ^ b; }
    static TERN_INLINE reg and_not(reg a, reg b) noexcept { return a & ~b; }
    static TERN_INLINE reg and_xor(reg mask, reg a, reg b) noexcept { return mask & (a ^ b); }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return a + b; }
    static TERN_INLINE reg sub(reg a, reg b) noexcept { return a - b; }
    static TERN_INLINE reg or_(reg a, reg b) noexcept { return a | b; }
    static TERN_INLINE reg shift_left(reg x, int n) noexcept { return x << n; }
    static TERN_INLINE reg shift_right(reg x, int n) noexcept { return x >> n; }
    static TERN_INLINE reg count(reg x) noexcept {
        return bits::count_bytes<reg>(x, 0x55555555u, 0x33333333u, 0x0f0f0f0fu);
    }
    static TERN_INLINE reg fold(reg x) noexcept { return bits::add_bytes<reg>(x, 0x00ff00ffu, 0x0000ffffu); }
    static TERN_INLINE void keep(reg&) noexcept {}
    static TERN_INLINE void keep_logic(reg&) noexcept {}
};

/// Whether a tile does one operation for many registers before the next operation (kernel/gemm/tile.hpp).
template <class Lanes>
inline constexpr bool in_waves = false;

/// Registers of which arrays can be made, where those of an architecture's tiles have no size.
template <class Lanes>
struct sized_lanes {
    using type = Lanes;
};

}  // namespace tern::simd
