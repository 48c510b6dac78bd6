// SPDX-License-Identifier: MIT
// Registers of Helium, the vectors of Cortex-M55 and M85.
#pragma once

#include <tern/simd/arm.hpp>

#if TERN_HAS_MVE

namespace tern::simd {

/// 128 bits, of which there are eight. There is no count of bits: SWAR, as in a word.
struct mve_lanes {
    using reg = uint32x4_t;
    static constexpr std::size_t width = 4;
    static constexpr std::size_t fold_every = 31;

    static TERN_INLINE reg zero() noexcept { return vdupq_n_u32(0); }
    static TERN_INLINE reg load(const std::uint32_t* from) noexcept { return vldrwq_u32(from); }
    static TERN_INLINE reg broadcast(std::uint32_t x) noexcept { return vdupq_n_u32(x); }
    static TERN_INLINE void store(std::int32_t* to, reg x) noexcept { vstrwq_s32(to, vreinterpretq_s32_u32(x)); }
    static TERN_INLINE reg and_(reg a, reg b) noexcept { return vandq_u32(a, b); }
    static TERN_INLINE reg xor_(reg a, reg b) noexcept { return veorq_u32(a, b); }
    static TERN_INLINE reg and_not(reg a, reg b) noexcept { return vbicq_u32(a, b); }
    static TERN_INLINE reg and_xor(reg mask, reg a, reg b) noexcept { return and_(mask, xor_(a, b)); }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return vaddq_u32(a, b); }
    static TERN_INLINE reg sub(reg a, reg b) noexcept { return vsubq_u32(a, b); }
    static TERN_INLINE reg or_(reg a, reg b) noexcept { return vorrq_u32(a, b); }
    static TERN_INLINE reg shift_left(reg x, int n) noexcept { return vshlq_r_u32(x, n); }
    static TERN_INLINE reg shift_right(reg x, int n) noexcept { return vshlq_r_u32(x, -n); }
    static TERN_INLINE reg count(reg x) noexcept {
        return bits::count_bytes<reg>(x, broadcast(0x55555555u), broadcast(0x33333333u), broadcast(0x0f0f0f0fu));
    }
    static TERN_INLINE reg fold(reg x) noexcept {
        return bits::add_bytes<reg>(x, broadcast(0x00ff00ffu), broadcast(0x0000ffffu));
    }
    static TERN_INLINE void keep(reg&) noexcept {}
    static TERN_INLINE void keep_logic(reg&) noexcept {}
};

/// Counting the set bits of four words at a time, as `word_counts` does of one.
struct mve_counts {
    using lanes = mve_lanes;
    using reg = uint32x4_t;
    static constexpr bool carry_save = true;
    static constexpr std::uint32_t difference_bias = 64;

    static TERN_INLINE void keep(const std::uint32_t*&) noexcept {}
    /// Sums of bytes by multiplication: their total is in the highest one.
    static TERN_INLINE reg add_count(reg total, reg x) noexcept {
        return vaddq_u32(total, vshrq_n_u32(vmulq_n_u32(mve_lanes::count(x), 0x01010101u), 24));
    }
    static TERN_INLINE reg add_difference(reg total, reg c, reg g) noexcept {
        const reg doubled = mve_lanes::count(g);
        const reg bytes = mve_lanes::count(c) + mve_lanes::broadcast(0x10101010u) - (doubled + doubled);
        return vaddq_u32(total, vshrq_n_u32(vmulq_n_u32(bytes, 0x01010101u), 24));
    }
};

}  // namespace tern::simd

#endif  // TERN_HAS_MVE
