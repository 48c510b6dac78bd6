// SPDX-License-Identifier: MIT
// The register of `arch::simd`: an xsimd batch, as wide as the compiler's flags allow. The only file that includes
// xsimd. Only operators that mean the same in xsimd 8.1 and in current releases are used: no bitwise_andnot (its
// operand order changed), no horizontal sums, no 8- or 16-bit lanes.
#pragma once

#include <tern/simd/scalar.hpp>

#if TERN_HAS_XSIMD

// GCC reports the deliberately undefined operands of its own AVX-512 header as if they were the caller's.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <xsimd/xsimd.hpp>

namespace tern::simd {

struct batch_lanes {
    using reg = xsimd::batch<std::uint32_t>;
    static constexpr std::size_t width = reg::size;
    static constexpr std::size_t fold_every = 31;

    static TERN_INLINE reg zero() noexcept { return reg(std::uint32_t{0}); }
    static TERN_INLINE reg load(const std::uint32_t* from) noexcept { return reg::load_unaligned(from); }
    static TERN_INLINE reg broadcast(std::uint32_t x) noexcept { return reg(x); }
    static TERN_INLINE void store(std::int32_t* to, reg x) noexcept {
        x.store_unaligned(reinterpret_cast<std::uint32_t*>(to));  // signed and unsigned of a type may alias
    }
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
        return bits::count_bytes<reg>(x, reg(0x55555555u), reg(0x33333333u), reg(0x0f0f0f0fu));
    }
    static TERN_INLINE reg fold(reg x) noexcept { return bits::add_bytes<reg>(x, reg(0x00ff00ffu), reg(0x0000ffffu)); }
    static TERN_INLINE void keep(reg&) noexcept {}
    static TERN_INLINE void keep_logic(reg&) noexcept {}
};

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_XSIMD
