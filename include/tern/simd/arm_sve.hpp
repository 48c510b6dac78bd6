// SPDX-License-Identifier: MIT
// Arm registers whose length the CPU decides.
#pragma once

#include <tern/simd/arm.hpp>

#if TERN_HAS_SVE

namespace tern::simd {

/// As many 32-bit lanes as the CPU has, 4 to 64. The type has no size: no array holds it and no class, so the kernels
/// have tiles of their own for it. Of a load or a store the lanes `active` take part, and nothing else is touched; in
/// between all of them compute. CNT counts words.
///   width    outputs of a tile: a panel, whatever the length
struct sve_lanes {
    using reg = svuint32_t;
    using lanes = svbool_t;
    static constexpr std::size_t width = 16;

    static TERN_INLINE std::size_t count_of_lanes() noexcept { return svcntw(); }
    /// Lanes at, at + 1, ... of `end`.
    static TERN_INLINE lanes active(std::size_t at, std::size_t end) noexcept {
        return svwhilelt_b32_u64(std::uint64_t{at}, std::uint64_t{end});
    }
    static TERN_INLINE reg zero() noexcept { return svdup_n_u32(0); }
    static TERN_INLINE reg load(lanes some, const std::uint32_t* from) noexcept { return svld1_u32(some, from); }
    static TERN_INLINE reg broadcast(std::uint32_t x) noexcept { return svdup_n_u32(x); }
    static TERN_INLINE void store(lanes some, std::int32_t* to, reg x) noexcept {
        svst1_s32(some, to, svreinterpret_s32_u32(x));
    }
    static TERN_INLINE reg and_(reg a, reg b) noexcept { return svand_u32_x(svptrue_b32(), a, b); }
    static TERN_INLINE reg xor_(reg a, reg b) noexcept { return sveor_u32_x(svptrue_b32(), a, b); }
    static TERN_INLINE reg and_not(reg a, reg b) noexcept { return svbic_u32_x(svptrue_b32(), a, b); }
    static TERN_INLINE reg and_xor(reg mask, reg a, reg b) noexcept { return and_(mask, xor_(a, b)); }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return svadd_u32_x(svptrue_b32(), a, b); }
    static TERN_INLINE reg sub(reg a, reg b) noexcept { return svsub_u32_x(svptrue_b32(), a, b); }
    static TERN_INLINE reg count(reg x) noexcept { return svcnt_u32_x(svptrue_b32(), x); }
    /// See scalar_lanes; compilers differ as they do for `neon_lanes`.
#if defined(__clang__)
    static TERN_INLINE void keep(reg& x) noexcept { __asm__ volatile("" : "+w"(x)); }
#else
    static TERN_INLINE void keep(reg& x) noexcept { __asm__ volatile("" : : "w"(x)); }
#endif
    /// Of all lanes.
    static TERN_INLINE std::uint32_t total(reg x) noexcept {
        return static_cast<std::uint32_t>(svaddv_u32(svptrue_b32(), x));
    }
};

template <>
struct sized_lanes<sve_lanes> {
    using type = neon_lanes;
};

}  // namespace tern::simd

#endif  // TERN_HAS_SVE
