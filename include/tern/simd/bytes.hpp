// SPDX-License-Identifier: MIT
// Dot products of bytes on `arch::scalar`: a register of one 32-bit lane. Also the description of what every other one
// offers.
#pragma once

#include <tern/simd/scalar.hpp>

namespace tern::simd {

/// Dot products of unsigned fields with signed bytes, four of them added up in each 32-bit lane.
///   width          lanes
///   many_registers whether there are thirty-two
///   codes          a register of bytes with several fields in each
///   activations    four signed bytes, the same for every lane
///   sums           a register of sums, in whatever form the instructions make them
///   field<B, S>    bits S .. S + B - 1 of every byte, moved down or left where they are
///   dot            sums += four products a lane of fields and activations
///   fold<S>        such sums as int32 lanes, wherever their fields were
///   add            two registers of int32 lanes
///   moves_fields   whether `field` moves them down, so that sums of different fields may be added up
///   fold_every<B>  calls of `dot` that sums of fields of at most B bits survive
///   transposes     whether `bit_activations` reads 32 activations in the order that `transpose` gives them
///   bit_activations  activations j, j + 8, j + 16, j + 24 of 32: they meet bit j of the bytes of a word
///   total          sum of all lanes
/// int32 lanes wrap modulo 2^32.
struct scalar_bytes {
    struct activations {
        std::uint32_t x[4];
    };
    using codes = std::uint32_t;
    using sums = std::uint32_t;
    using reg = std::uint32_t;
    static constexpr std::size_t width = 1;
    static constexpr bool many_registers = false;
    static constexpr bool moves_fields = true;
    static constexpr bool transposes = false;
    template <int Bits>
    static constexpr std::size_t fold_every = 1u << 16;

    static TERN_INLINE codes load(const void* from) noexcept { return bits::load<std::uint32_t>(from); }
    static TERN_INLINE codes splat(std::uint8_t byte) noexcept { return byte * 0x01010101u; }
    static TERN_INLINE activations broadcast(const std::int8_t* from) noexcept {
        return {{lane(from[0]), lane(from[1]), lane(from[2]), lane(from[3])}};
    }
    static TERN_INLINE activations bit_activations(const std::int8_t* from, std::size_t j) noexcept {
        return {{lane(from[j]), lane(from[j + 8]), lane(from[j + 16]), lane(from[j + 24])}};
    }
    static TERN_INLINE activations load_bytes(const std::int8_t* from) noexcept { return broadcast(from); }
    static TERN_INLINE sums zero() noexcept { return 0; }
    template <int Bits, int Shift>
    static TERN_INLINE codes field(codes c) noexcept {
        return c >> Shift & (((1u << Bits) - 1u) * 0x01010101u);
    }
    static TERN_INLINE sums dot(sums s, codes c, const activations& a) noexcept {
        return s + (c & 255u) * a.x[0] + (c >> 8 & 255u) * a.x[1] + (c >> 16 & 255u) * a.x[2] + (c >> 24) * a.x[3];
    }
    template <int Shift>
    static TERN_INLINE reg fold(sums s) noexcept {
        return s;
    }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return a + b; }
    static TERN_INLINE void fill(std::int32_t* to, std::int32_t x) noexcept { *to = x; }
    static TERN_INLINE void add_to(std::int32_t* to, reg s) noexcept {
        *to = static_cast<std::int32_t>(static_cast<std::uint32_t>(*to) + s);
    }
    static TERN_INLINE std::int32_t total(reg s) noexcept { return static_cast<std::int32_t>(s); }

private:
    static TERN_INLINE std::uint32_t lane(std::int8_t x) noexcept { return static_cast<std::uint32_t>(x); }
};

/// Whether `field` of one bit is -1 where it is set, and sums of bits have the wrong sign.
template <class Bytes>
inline constexpr bool bits_are_minus_one = false;

/// Calls of `dot` whose activations are loaded at once, by load_bytes, and used by dot_step<0>, dot_step<1>, ...
template <class Bytes>
inline constexpr std::size_t steps_a_load = 1;

/// Whether there are products of matrices of bytes: pairs of rows by pairs of outputs (kernel/bytes/matrix_tile.hpp).
template <class Bytes>
inline constexpr bool multiplies_matrices = false;

}  // namespace tern::simd
