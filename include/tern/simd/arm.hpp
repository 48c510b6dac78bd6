// SPDX-License-Identifier: MIT
// Arm registers. The only file that includes <arm_neon.h>, <arm_sve.h> and <arm_mve.h>; NEON's lanes are here, those of
// SVE and Helium in arm_sve.hpp and arm_mve.hpp.
#pragma once

#include <tern/simd/scalar.hpp>

#if TERN_HAS_NEON
#include <arm_neon.h>
#endif
#if TERN_HAS_SVE
#include <arm_sve.h>
#endif
#if TERN_HAS_MVE
#include <arm_mve.h>
#endif

#if TERN_HAS_NEON

namespace tern::simd {

/// Holds a register's place in the order of instructions. Clang forgets it where x is only read, and GCC copies
/// registers where it is written as well.
template <class Register>
TERN_INLINE void keep_in_order([[maybe_unused]] Register& x) noexcept {
#if defined(__aarch64__) && defined(__clang__)
    __asm__ volatile("" : "+w"(x));
#elif defined(__aarch64__) && defined(__GNUC__)
    __asm__ volatile("" : : "w"(x));
#endif
}

/// The same, and nothing that reads `user` comes before it.
template <class Register, class User>
TERN_INLINE void keep_in_order(Register& x, [[maybe_unused]] User& user) noexcept {
#if defined(__aarch64__) && defined(__clang__)
    __asm__ volatile("" : "+w"(x), "+w"(user));
#else
    keep_in_order(x);
#endif
}

/// 128 bits, ARMv7 and AArch64. CNT counts bytes.
struct neon_lanes {
    using reg = uint32x4_t;
    static constexpr std::size_t width = 4;
    static constexpr std::size_t fold_every = 31;

    static TERN_INLINE reg zero() noexcept { return vdupq_n_u32(0); }
    static TERN_INLINE reg load(const std::uint32_t* from) noexcept { return vld1q_u32(from); }
    /// The same between waves. Clang would make pairs of them, which cores that run in order wait for; not of volatile
    /// ones.
    static TERN_INLINE reg load_alone(const std::uint32_t* from) noexcept {
#if defined(__aarch64__) && defined(__clang__)
        using place [[gnu::aligned(4), gnu::may_alias]] = uint32x4_t;
        return *reinterpret_cast<const volatile place*>(from);
#else
        return load(from);
#endif
    }
    static TERN_INLINE reg broadcast(std::uint32_t x) noexcept { return vdupq_n_u32(x); }
    /// `broadcast` of a word in memory. In assembly, because GCC loads and duplicates in two instructions.
    static TERN_INLINE reg broadcast_at(const std::uint32_t* from) noexcept {
#if defined(__aarch64__) && defined(__GNUC__)
        reg x;
        __asm__("ld1r {%0.4s}, %1" : "=w"(x) : "Q"(*from));
        return x;
#else
        return vld1q_dup_u32(from);
#endif
    }
    /// On to the next, here: compilers would compute each address from one index, between the waves.
    static TERN_INLINE void advance(const std::uint32_t*& from) noexcept {
#if defined(__aarch64__) && defined(__clang__)
        __asm__ volatile("" : "+r"(from));
#endif
        ++from;
#if defined(__aarch64__) && defined(__GNUC__)
        __asm__ volatile("" : "+r"(from));
#endif
    }
    static TERN_INLINE void store(std::int32_t* to, reg x) noexcept { vst1q_s32(to, vreinterpretq_s32_u32(x)); }
    static TERN_INLINE reg and_(reg a, reg b) noexcept { return vandq_u32(a, b); }
    static TERN_INLINE reg xor_(reg a, reg b) noexcept { return veorq_u32(a, b); }
    static TERN_INLINE reg and_not(reg a, reg b) noexcept { return vbicq_u32(a, b); }
    static TERN_INLINE reg and_xor(reg mask, reg a, reg b) noexcept { return and_(mask, xor_(a, b)); }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return vaddq_u32(a, b); }
    static TERN_INLINE reg sub(reg a, reg b) noexcept { return vsubq_u32(a, b); }
    static TERN_INLINE reg or_(reg a, reg b) noexcept { return vorrq_u32(a, b); }
    static TERN_INLINE reg shift_left(reg x, int n) noexcept { return vshlq_u32(x, vdupq_n_s32(n)); }
    static TERN_INLINE reg shift_right(reg x, int n) noexcept { return vshlq_u32(x, vdupq_n_s32(-n)); }
    static TERN_INLINE reg count(reg x) noexcept {
        return vreinterpretq_u32_u8(vcntq_u8(vreinterpretq_u8_u32(x)));
    }
    static TERN_INLINE reg fold(reg x) noexcept { return vpaddlq_u16(vpaddlq_u8(vreinterpretq_u8_u32(x))); }
    static TERN_INLINE void keep(reg& x) noexcept { keep_in_order(x); }
    static TERN_INLINE void keep_logic(reg&) noexcept {}
};

#if defined(__aarch64__)
template <>
inline constexpr bool in_waves<neon_lanes> = true;
#endif

}  // namespace tern::simd

#endif  // TERN_HAS_NEON
