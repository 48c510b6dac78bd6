// SPDX-License-Identifier: MIT
// Registers of bytes, as the products by lookup see them, and the one of `arch::scalar`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tern/simd/scalar.hpp>

namespace tern::simd {

/// Makes a pointer unknown to the optimizer: what it points to stays in memory, for want of registers.
template <class T>
TERN_INLINE void hide(T*& p) noexcept {
#if defined(__GNUC__)
    asm("" : "+r"(p));
#else
    static_cast<void>(p);
#endif
}

/// Eight bytes in a word. Also the description of what every other register of bytes offers.
///   width          bytes of a register
///   positions      positions of depth that one lookup covers: 4 (rows of 128 bytes) or 2 (rows of 16)
///   high_bytes     0, or rows of 128 bytes are kept as 64 and so many, each in a table of their own
///   digit_planes   planes of an activation that may share a digit: 2 makes tables of 256 rows
///   add_row        adds, to N registers of bytes whose sums fit, the byte of a table's row that each byte of N indices
///                  selects; any index is safe. With high_bytes it takes both parts of the row
///   widen          adds each byte to 16 bits of its own; those of a register are 2 * width bytes, in an order of their
///                  own
///   finish         to[i] = (what was widened - bias) * 2^shift (+ from[i]), i < width, modulo 2^32; what is shifted has
///                  to fit int16
///   expand         a byte for each `positions` bits of `expand_words` words, the lowest bits first
///   code           one or two expanded planes as codes, the second in the higher bits; a code times `code_bytes` is
///                  the offset of its row
///   base3          (4 positions) expanded mask and sign as a number in base 3: 0 is 0, -1 is 1, +1 is 2
///   split          (2 positions) numbers 0 .. 80 as two digits of base 9
struct scalar_lookup {
    using reg = std::uint64_t;
    static constexpr std::size_t width = 8;
    static constexpr int positions = 4;
    static constexpr int digit_planes = 1;
    static constexpr std::size_t code_bytes = 128;
    static constexpr std::size_t high_bytes = 0;
    static constexpr std::size_t expand_words = 1;

    static TERN_INLINE reg zero() noexcept { return 0; }
    static TERN_INLINE reg load(const std::uint8_t* from) noexcept { return bits::load<reg>(from); }
    static TERN_INLINE reg load_index(const std::uint8_t* from) noexcept { return load(from); }
    static TERN_INLINE void store(std::uint8_t* to, reg x) noexcept { bits::store(to, x); }
    template <std::size_t N>
    static TERN_INLINE void add_row(reg (&sums)[N], const std::uint8_t* row, const reg (&index)[N]) noexcept {
        for (std::size_t j = 0; j < N; ++j)
            for (int i = 0; i < 64; i += 8) sums[j] += reg{row[index[j] >> i & 127u]} << i;
    }
    static TERN_INLINE void widen(std::uint8_t* state, reg x) noexcept {
        for (std::size_t i = 0; i < width; ++i)
            bits::store(state + 2 * i, static_cast<std::uint16_t>(bits::load<std::uint16_t>(state + 2 * i) +
                                                                  (x >> (8 * i) & 255u)));
    }
    static TERN_INLINE void finish(const std::uint8_t* state, std::uint16_t bias, int shift, bool add,
                                   const std::int32_t* from, std::int32_t* to) noexcept {
        for (std::size_t i = 0; i < width; ++i) {
            const std::int32_t sum = std::int32_t{bits::load<std::uint16_t>(state + 2 * i)} - std::int32_t{bias};
            const std::uint32_t old = add ? static_cast<std::uint32_t>(from[i]) : 0u;
            to[i] = static_cast<std::int32_t>(old + (static_cast<std::uint32_t>(sum) << shift));
        }
    }
    static TERN_INLINE reg expand(const std::uint32_t* from) noexcept {
        reg x = *from;
        x = (x | x << 16) & 0x0000ffff0000ffffu;
        x = (x | x << 8) & 0x00ff00ff00ff00ffu;
        return (x | x << 4) & 0x0f0f0f0f0f0f0f0fu;
    }
    static TERN_INLINE reg code(reg a) noexcept { return a; }
    static TERN_INLINE reg code(reg a, reg b) noexcept { return a | b << 4; }
    static TERN_INLINE reg base3(reg mask, reg sign) noexcept { return weigh(mask) + weigh(mask & sign); }

private:
    /// sum_i 3^i bit_i of each byte.
    static TERN_INLINE reg weigh(reg x) noexcept {
        constexpr reg one = 0x0101010101010101u;
        return (x & one) + (x >> 1 & one) * 3u + (x >> 2 & one) * 9u + (x >> 3 & one) * 27u;
    }
};

}  // namespace tern::simd
