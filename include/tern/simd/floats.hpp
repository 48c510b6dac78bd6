// SPDX-License-Identifier: MIT
// Thirty-two floats at a time become one word a plane, or 32 bytes. This leaf is that of `arch::scalar` and the
// description of every other.
//
// All of them compute the same bits: comparisons, one float multiplication, clamping, rounding to an integer. Nowhere
// does a product meet an addition, so there is nothing that a compiler could fuse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <tern/arch.hpp>
#include <tern/simd/bits.hpp>
#include <tern/simd/byte_planes.hpp>

namespace tern::simd {

/// How a real number becomes an integer.
enum class rounding { half_even, down };

/// Bit i of both words: element i is above its upper limit, below its lower.
struct signs {
    std::uint32_t plus;
    std::uint32_t minus;
};

/// Nearest integer, ties to even, of 0 <= y < 2^22; of any rounding mode, and without an addition to y.
[[nodiscard]] TERN_INLINE constexpr std::int32_t round_half_even(float y) noexcept {
    const auto whole = static_cast<std::int32_t>(y);
    const float middle = static_cast<float>(whole) + 0.5f;
    return whole + ((y > middle ? 1 : 0) | ((y == middle ? 1 : 0) & whole));
}

/// Largest integer that is not above |y| < 2^22.
[[nodiscard]] TERN_INLINE constexpr std::int32_t round_down(float y) noexcept {
    const auto whole = static_cast<std::int32_t>(y);
    return whole - (static_cast<float>(whole) > y ? 1 : 0);
}

/// NaN becomes `low`.
[[nodiscard]] TERN_INLINE constexpr float clamped(float y, float low, float high) noexcept {
    const float above = y > low ? y : low;
    return above < high ? above : high;
}

/// A block is x[0 .. 31].
///   largest         bits of max |x[i]|, i < 32 * blocks: numbers below infinity below NaN, as their bits are ordered
///   compare         x[i] > upper[i], x[i] < lower[i]; NaN is neither; or one limit for all
///   not_negative    bit i: x[i] >= 0; -0 is, NaN is not
///   to_bytes        round_half_even(x[i] * factor), in [-127, 127]; NaN gives 0. |x[i] * factor| < 127.5 or, unless
///                   Finite, infinite or NaN
///   to_planes       bit p of the codes of x[i] * factor, as planes. half_even: of 0 .. 2^K - 1; down: of
///                   floor(x[i] * factor) in [-2^(K-1), 2^(K-1)), plus 2^(K-1). Clamped; NaN gives code 0
struct scalar_floats {
    static TERN_INLINE std::uint32_t largest(const float* x, std::size_t blocks) noexcept {
        std::uint32_t most = 0;
        for (std::size_t i = 0; i < 32 * blocks; ++i) {
            const std::uint32_t magnitude = bits::load<std::uint32_t>(x + i) & 0x7fffffffu;
            most = magnitude > most ? magnitude : most;
        }
        return most;
    }
    static TERN_INLINE signs compare(const float* x, const float* lower, const float* upper) noexcept {
        signs s{0, 0};
        for (int i = 0; i < 32; ++i) {
            s.plus |= (x[i] > upper[i] ? 1u : 0u) << i;
            s.minus |= (x[i] < lower[i] ? 1u : 0u) << i;
        }
        return s;
    }
    static TERN_INLINE signs compare(const float* x, float lower, float upper) noexcept {
        signs s{0, 0};
        for (int i = 0; i < 32; ++i) {
            s.plus |= (x[i] > upper ? 1u : 0u) << i;
            s.minus |= (x[i] < lower ? 1u : 0u) << i;
        }
        return s;
    }
    static TERN_INLINE std::uint32_t not_negative(const float* x) noexcept {
        std::uint32_t mask = 0;
        for (int i = 0; i < 32; ++i) mask |= (x[i] >= 0.0f ? 1u : 0u) << i;
        return mask;
    }
    template <bool Finite>
    static TERN_INLINE void to_bytes(const float* x, float factor, std::int8_t* q) noexcept {
        for (int i = 0; i < 32; ++i) {
            const float y = x[i] * factor;
            const std::int32_t level = round_half_even(clamped(y < 0.0f ? -y : y, 0.0f, 127.0f));
            q[i] = static_cast<std::int8_t>(y < 0.0f ? -level : level);
        }
    }
    template <std::size_t K, rounding R>
    static TERN_INLINE void to_planes(const float* x, float factor, std::uint32_t (&planes)[K]) noexcept {
        constexpr std::int32_t lowest = R == rounding::down ? -(1 << (K - 1)) : 0;
        constexpr std::int32_t levels = (1 << K) - 1;
        std::uint8_t codes[32];
        for (int i = 0; i < 32; ++i) {
            const float y = clamped(x[i] * factor, static_cast<float>(lowest), static_cast<float>(lowest + levels));
            const std::int32_t integer = R == rounding::down ? round_down(y) - lowest : round_half_even(y);
            codes[i] = static_cast<std::uint8_t>(integer);
        }
        for (std::size_t p = 0; p < K; ++p) {
            planes[p] = 0;
            for (int i = 0; i < 32; i += 8)
                planes[p] |= bits_of_bytes(bits::load<std::uint64_t>(codes + i), static_cast<int>(p)) << i;
        }
    }
};

}  // namespace tern::simd
