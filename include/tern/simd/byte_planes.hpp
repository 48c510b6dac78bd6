// SPDX-License-Identifier: MIT
// Thirty-two bytes become one word a bit plane. This leaf is that of architectures without one of their own and the
// description of the others.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/simd/bits.hpp>

namespace tern::simd {

/// Bit `p` of eight bytes, side by side.
[[nodiscard]] TERN_INLINE constexpr std::uint32_t bits_of_bytes(std::uint64_t bytes, int p) noexcept {
    return static_cast<std::uint32_t>(((bytes >> p & 0x0101010101010101u) * 0x0102040810204080u) >> 56);
}

/// A register of 32 unsigned bytes.
///   zero, load      any alignment
///   add             the same number to every byte, modulo 256
///   note            into `faults`: bytes above `limit`, bytes with a bit of `forbidden`
///   any             whether a fault was noted
///   plane           bit p of byte i as bit i
struct scalar_byte_planes {
    struct reg {
        std::uint64_t part[4];
    };

    static TERN_INLINE reg zero() noexcept { return {{0, 0, 0, 0}}; }
    static TERN_INLINE reg load(const void* from) noexcept { return bits::load<reg>(from); }
    static TERN_INLINE reg add(reg x, std::uint8_t n) noexcept {
        const std::uint64_t all = n * every;
        for (std::uint64_t& part : x.part) part = ((part & low) + (all & low)) ^ ((part ^ all) & ~low);
        return x;
    }
    static TERN_INLINE void note(reg& faults, reg x, std::uint8_t limit, std::uint8_t forbidden) noexcept {
        for (std::size_t i = 0; i < 4; ++i) {
            faults.part[i] |= x.part[i] & (forbidden * every);
            // Bit 7 of a byte: it is set, or the rest of it is above the limit.
            if (limit < 128)
                faults.part[i] |= (x.part[i] | ((x.part[i] & low) + (127u - limit) * every)) & ~low;
            else if (limit < 255)
                faults.part[i] |= x.part[i] & ((x.part[i] & low) + (255u - limit) * every) & ~low;
        }
    }
    static TERN_INLINE bool any(reg faults) noexcept {
        return (faults.part[0] | faults.part[1] | faults.part[2] | faults.part[3]) != 0;
    }
    template <int P>
    static TERN_INLINE std::uint32_t plane(reg x) noexcept {
        return bits_of_bytes(x.part[0], P) | bits_of_bytes(x.part[1], P) << 8 | bits_of_bytes(x.part[2], P) << 16 |
               bits_of_bytes(x.part[3], P) << 24;
    }

private:
    static constexpr std::uint64_t every = 0x0101010101010101u;
    static constexpr std::uint64_t low = 0x7f7f7f7f7f7f7f7fu;
};

/// Which of them an architecture uses; only the types matter.
scalar_byte_planes byte_planes_of(arch::scalar) noexcept;

}  // namespace tern::simd
