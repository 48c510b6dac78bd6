// SPDX-License-Identifier: MIT
// Dot products of bytes with Arm's SIMD within a 32-bit register: SMLAD multiplies two pairs of 16 bits.
#pragma once

#include <tern/simd/arm_dsp.hpp>
#include <tern/simd/bytes.hpp>

namespace tern::simd {

#if defined(__ARM_FEATURE_SIMD32)

/// The bytes of a word by pairs, 0 with 2 and 1 with 3. Sums wrap modulo 2^32.
struct dsp_bytes : scalar_bytes {
    struct activations {
        std::int32_t even;
        std::int32_t odd;
    };

    static TERN_INLINE activations broadcast(const std::int8_t* from) noexcept {
        const auto bytes = bits::load<std::uint32_t>(from);
        return {__sxtb16(static_cast<std::int32_t>(bytes)), __sxtb16(static_cast<std::int32_t>(bytes >> 8))};
    }
    static TERN_INLINE activations bit_activations(const std::int8_t* from, std::size_t j) noexcept {
        return {pair(from[j], from[j + 16]), pair(from[j + 8], from[j + 24])};
    }
    static TERN_INLINE activations load_bytes(const std::int8_t* from) noexcept { return broadcast(from); }
    static TERN_INLINE sums dot(sums s, codes c, const activations& a) noexcept {
        const auto even = static_cast<std::int32_t>(c & 0x00ff00ffu);
        const auto odd = static_cast<std::int32_t>(c >> 8 & 0x00ff00ffu);
        return static_cast<sums>(__smlad(odd, a.odd, __smlad(even, a.even, static_cast<std::int32_t>(s))));
    }

private:
    static TERN_INLINE std::int32_t pair(std::int8_t low, std::int8_t high) noexcept {
        return static_cast<std::int32_t>((static_cast<std::uint32_t>(low) & 0xffffu) |
                                         static_cast<std::uint32_t>(high) << 16);
    }
};

using word_bytes = dsp_bytes;

#else

using word_bytes = scalar_bytes;

#endif

}  // namespace tern::simd
