// SPDX-License-Identifier: MIT
// Dot products of bytes on Arm: SMLAL into 16-bit sums, SDOT, or USMMLA.
#pragma once

#include <tern/simd/arm.hpp>
#include <tern/simd/bytes.hpp>

#if TERN_HAS_NEON

namespace tern::simd {

/// 128 bits, ARMv7 and AArch64. A product of a code is at most 3 * 128 in magnitude, of a bit 128: 85 and 255 of them
/// fit 16 bits.
struct neon_bytes {
    struct sums {
        int16x8_t low;   // of lanes 0 and 1
        int16x8_t high;  // of lanes 2 and 3
    };
    using codes = uint32x4_t;
    using activations = int8x16_t;
    using reg = uint32x4_t;
    static constexpr std::size_t width = 4;
    static constexpr bool many_registers = false;
    static constexpr bool moves_fields = true;
    static constexpr bool transposes = true;
    template <int Bits>
    static constexpr std::size_t fold_every = 32767 / (128 * ((1 << Bits) - 1));

    static TERN_INLINE codes load(const void* from) noexcept {
        return vreinterpretq_u32_u8(vld1q_u8(static_cast<const std::uint8_t*>(from)));
    }
    static TERN_INLINE codes splat(std::uint8_t byte) noexcept { return vreinterpretq_u32_u8(vdupq_n_u8(byte)); }
    static TERN_INLINE activations broadcast(const std::int8_t* from) noexcept {
        return vreinterpretq_s8_u32(vdupq_n_u32(bits::load<std::uint32_t>(from)));
    }
    static TERN_INLINE activations bit_activations(const std::int8_t* from, std::size_t j) noexcept {
        return broadcast(from + 4 * j);
    }
    static TERN_INLINE activations load_bytes(const std::int8_t* from) noexcept { return vld1q_s8(from); }
    /// to[4 j + i] = from[8 i + j], i < 4, j < 8.
    static TERN_INLINE void transpose(const std::int8_t* from, std::int8_t* to) noexcept {
        const int8x8x4_t rows = {{vld1_s8(from), vld1_s8(from + 8), vld1_s8(from + 16), vld1_s8(from + 24)}};
        vst4_s8(to, rows);
    }
    static TERN_INLINE sums zero() noexcept { return {vdupq_n_s16(0), vdupq_n_s16(0)}; }
    /// One bit is -1 where it is set: a test is one instruction.
    template <int Bits, int Shift>
    static TERN_INLINE codes field(codes c) noexcept {
        const uint8x16_t bytes = vreinterpretq_u8_u32(c);
        if constexpr (Bits == 1)
            return vreinterpretq_u32_u8(vtstq_u8(bytes, vdupq_n_u8(1 << Shift)));
        else if constexpr (Shift == 0)
            return vreinterpretq_u32_u8(vandq_u8(bytes, vdupq_n_u8((1 << Bits) - 1)));
        else if constexpr (Shift + Bits == 8)
            return vreinterpretq_u32_u8(vshrq_n_u8(bytes, Shift));
        else
            return vreinterpretq_u32_u8(vandq_u8(vshrq_n_u8(bytes, Shift), vdupq_n_u8((1 << Bits) - 1)));
    }
    static TERN_INLINE sums dot(sums s, codes c, activations a) noexcept {
        const int8x16_t bytes = vreinterpretq_s8_u32(c);
        return {vmlal_s8(s.low, vget_low_s8(bytes), vget_low_s8(a)),
                vmlal_s8(s.high, vget_high_s8(bytes), vget_high_s8(a))};
    }
    template <int Shift>
    static TERN_INLINE reg fold(sums s) noexcept {
        const int32x4_t low = vpaddlq_s16(s.low);
        const int32x4_t high = vpaddlq_s16(s.high);
        return vreinterpretq_u32_s32(vcombine_s32(vpadd_s32(vget_low_s32(low), vget_high_s32(low)),
                                                  vpadd_s32(vget_low_s32(high), vget_high_s32(high))));
    }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return vaddq_u32(a, b); }
    static TERN_INLINE reg minus(reg a) noexcept { return vsubq_u32(vdupq_n_u32(0), a); }
    static TERN_INLINE void fill(std::int32_t* to, std::int32_t x) noexcept { vst1q_s32(to, vdupq_n_s32(x)); }
    static TERN_INLINE void add_to(std::int32_t* to, reg s) noexcept {
        vst1q_s32(to, vaddq_s32(vld1q_s32(to), vreinterpretq_s32_u32(s)));
    }
    static TERN_INLINE std::int32_t total(reg s) noexcept {
        const uint32x2_t pair = vadd_u32(vget_low_u32(s), vget_high_u32(s));
        return static_cast<std::int32_t>(vget_lane_u32(vpadd_u32(pair, pair), 0));
    }
};

template <>
inline constexpr bool bits_are_minus_one<neon_bytes> = true;

#if TERN_HAS_DOTPROD

/// SDOT into 32 bits. Codes stay where they are, but for those at the top, which would be negative: a call adds at most
/// 4 * 48 * 128 = 24576, so 65536 of them fit.
struct dotprod_bytes : neon_bytes {
    using sums = int32x4_t;
    static constexpr bool moves_fields = false;
    template <int Bits>
    static constexpr std::size_t fold_every = 65536;

    static TERN_INLINE sums zero() noexcept { return vdupq_n_s32(0); }
    template <int Bits, int Shift>
    static TERN_INLINE codes field(codes c) noexcept {
        if constexpr (Bits == 1 || Shift + Bits == 8)
            return neon_bytes::field<Bits, Shift>(c);
        else
            return vandq_u32(c, splat(((1 << Bits) - 1) << Shift));
    }
    static TERN_INLINE sums dot(sums s, codes c, activations a) noexcept {
        return vdotq_s32(s, vreinterpretq_s8_u32(c), a);
    }
    /// Holds a register's place in the order of instructions; what reads the second stays behind it.
    template <class... Registers>
    static TERN_INLINE void keep(Registers&... x) noexcept {
        keep_in_order(x...);
    }
    template <int Step>
    static TERN_INLINE sums dot_step(sums s, codes c, activations a) noexcept {
        return vdotq_laneq_s32(s, vreinterpretq_s8_u32(c), a, Step);
    }
    template <int Shift>
    static TERN_INLINE reg fold(sums s) noexcept {
        if constexpr (Shift == 0 || Shift == 6)
            return vreinterpretq_u32_s32(s);
        else
            return vreinterpretq_u32_s32(vshrq_n_s32(s, Shift));
    }
};

template <>
inline constexpr bool bits_are_minus_one<dotprod_bytes> = true;
template <>
inline constexpr std::size_t steps_a_load<dotprod_bytes> = 4;

#endif  // TERN_HAS_DOTPROD

#if TERN_HAS_I8MM

/// USMMLA for pairs of rows; otherwise SDOT. Codes are unsigned there and stay where they are: a call adds at most
/// 8 * 192 * 128 = 196608 to a sum, so 8192 of them fit.
struct i8mm_bytes : dotprod_bytes {
    static constexpr std::size_t matrix_fold_every = 8192;

    /// Two of the four outputs of two registers of codes, which hold depth 0 to 3 and 4 to 7.
    static TERN_INLINE codes low_outputs(codes a, codes b) noexcept { return vzip1q_u32(a, b); }
    static TERN_INLINE codes high_outputs(codes a, codes b) noexcept { return vzip2q_u32(a, b); }
    /// The bits of a field in every byte.
    static TERN_INLINE codes matrix_mask(std::size_t field) noexcept {
        return splat(static_cast<std::uint8_t>(3u << 2 * field));
    }
    static TERN_INLINE codes mask(codes c, codes bits) noexcept { return vandq_u32(c, bits); }
    /// s[2 o + r] += sum over depth of output o with row r.
    static TERN_INLINE sums multiply(sums s, codes c, activations a) noexcept {
        return vusmmlaq_s32(s, vreinterpretq_u8_u32(c), a);
    }
    /// Four outputs of a row, from where their field was.
    template <std::size_t Row>
    static TERN_INLINE reg row(sums low, sums high, std::size_t field) noexcept {
        const int32x4_t s = Row == 0 ? vuzp1q_s32(low, high) : vuzp2q_s32(low, high);
        return vreinterpretq_u32_s32(vshlq_s32(s, vdupq_n_s32(-2 * static_cast<std::int32_t>(field))));
    }
};

template <>
inline constexpr bool bits_are_minus_one<i8mm_bytes> = true;
template <>
inline constexpr std::size_t steps_a_load<i8mm_bytes> = 4;
template <>
inline constexpr bool multiplies_matrices<i8mm_bytes> = true;

#endif  // TERN_HAS_I8MM

}  // namespace tern::simd

#endif  // TERN_HAS_NEON
