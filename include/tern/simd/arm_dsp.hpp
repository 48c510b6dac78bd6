// SPDX-License-Identifier: MIT
// Arm's SIMD within a 32-bit register (Cortex-M4, M7, M33 and up, and every A and R core in AArch32).
#pragma once

#include <cstdint>

#include <tern/simd/scalar.hpp>

#if defined(__ARM_FEATURE_SIMD32)
#include <arm_acle.h>
#endif

namespace tern::simd {

/// Counting the set bits of words.
///   lanes, reg       a word of each of so many outputs
///   carry_save       whether words are better added up bit by bit (adders in plain logic) before they are counted
///   add_count        total + number of set bits of x
///   add_difference   total + number of set bits of c - twice that of g + difference_bias
struct word_counts {
    using lanes = scalar_lanes;
    using reg = std::uint32_t;
#if defined(__POPCNT__)
    static constexpr bool carry_save = false;
#else
    static constexpr bool carry_save = true;
#endif
    static constexpr std::uint32_t difference_bias = 64;

    /// Nothing, but a compiler forgets how it got this pointer, and so keeps it in a register of its own.
    static TERN_INLINE void keep(const std::uint32_t*& pointer) noexcept {
#if defined(__GNUC__) && defined(__arm__)
        asm("" : "+r"(pointer));
#else
        static_cast<void>(pointer);
#endif
    }

    static TERN_INLINE std::uint32_t count_bytes(std::uint32_t x) noexcept {
        return bits::count_bytes<std::uint32_t>(x, 0x55555555u, 0x33333333u, 0x0f0f0f0fu);
    }

#if defined(__ARM_FEATURE_SIMD32)
    // USADA8 adds the differences of four bytes and a total; the bias keeps them positive. With a difference at hand it
    // needs no register with zeros.
    static TERN_INLINE std::uint32_t add_count(std::uint32_t total, std::uint32_t x) noexcept {
        return __usada8(count_bytes(x), 0, total);
    }
    static TERN_INLINE std::uint32_t add_difference(std::uint32_t total, std::uint32_t c, std::uint32_t g) noexcept {
        return __usada8(count_bytes(c) + 0x10101010u, count_bytes(g) << 1, total);
    }
#else
    static TERN_INLINE std::uint32_t add_count(std::uint32_t total, std::uint32_t x) noexcept {
        return total + static_cast<std::uint32_t>(bits::popcount(x));
    }
    static TERN_INLINE std::uint32_t add_difference(std::uint32_t total, std::uint32_t c, std::uint32_t g) noexcept {
        const std::uint32_t bytes = count_bytes(c) + 0x10101010u - (count_bytes(g) << 1);
        return total + ((bytes * 0x01010101u) >> 24);
    }
#endif
};

}  // namespace tern::simd
