// SPDX-License-Identifier: MIT
// What a code means. An encoding is a type with no data; it encodes and decodes one element and knows nothing of
// memory (layout.hpp does).
//
// Plane encodings spread an element over `planes` single bits, bit p of its code. All of them are sums of signed
// digits
//
//     value = sum_{q < digits} 2^q * mask_q * (sign_q ? +1 : -1)
//
// where an encoding may leave out the mask plane (every digit counts) or the sign plane (every digit is positive).
// One dot product therefore serves every pair of them (dot.hpp):
//
//     encoding          digits  mask  sign   values
//     binary            1       -     yes    -1, +1
//     ternary           1       yes   yes    -1, 0, +1      the RTN encoding: (nonzero, sign)
//     unsigned_bits<K>  K       yes   -      0 .. 2^K - 1
//     bipolar_bits<K>   K       -     yes    odd integers of [-(2^K - 1), 2^K - 1]
#pragma once

#include <cstdint>
#include <type_traits>

#include <tern/config.hpp>

namespace tern {

/// Stable numbers of the encodings, for files. Never renumbered.
enum class encoding_id : std::uint32_t {
    binary = 1,
    binary_set_minus = 2,
    ternary = 3,
    ternary_codes = 4,
    ternary_trits = 5,
    ternary_indices = 6,
    ternary_sevens = 7,
    unsigned_bits = 16,  ///< + K
    bipolar_bits = 32    ///< + K
};

/// Which value a set bit stands for. Both conventions are in wide use: FINN, ggml and OpenVINO say plus,
/// larq-compute-engine says minus.
enum class set_bit { plus, minus };

/// -1 and +1 in one bit.
template <set_bit SetBit>
struct basic_binary {
    static constexpr encoding_id id =
        SetBit == set_bit::plus ? encoding_id::binary : encoding_id::binary_set_minus;
    static constexpr int planes = 1;
    static constexpr int digits = 1;
    static constexpr bool has_mask = false;
    static constexpr bool has_sign = true;
    static constexpr set_bit sign_bit = SetBit;
    static constexpr std::int32_t max_abs = 1;

    [[nodiscard]] static TERN_INLINE constexpr bool valid(std::int32_t value) noexcept {
        return value == 1 || value == -1;
    }
    [[nodiscard]] static TERN_INLINE constexpr std::uint32_t encode(std::int32_t value) noexcept {
        return (value > 0) == (SetBit == set_bit::plus) ? 1u : 0u;
    }
    [[nodiscard]] static TERN_INLINE constexpr std::int32_t decode(std::uint32_t code) noexcept {
        return ((code & 1u) != 0u) == (SetBit == set_bit::plus) ? 1 : -1;
    }
};

/// The library's binary encoding: set bit = +1.
using binary = basic_binary<set_bit::plus>;
/// The opposite convention, for foreign data.
using binary_set_minus = basic_binary<set_bit::minus>;

/// -1, 0 and +1 as two planes: plane 0 `nonzero`, plane 1 `sign` (set = +1). +1 = 11, -1 = 01, 0 = 00 (written plane 1
/// first). The sign bit of a zero means nothing: 10 also decodes to 0; the encoder writes 00.
/// Source: RTN (AAAI 2020), section 3.4, as restated by third parties.
struct ternary {
    static constexpr encoding_id id = encoding_id::ternary;
    static constexpr int planes = 2;
    static constexpr int digits = 1;
    static constexpr bool has_mask = true;
    static constexpr bool has_sign = true;
    static constexpr set_bit sign_bit = set_bit::plus;
    static constexpr std::int32_t max_abs = 1;

    [[nodiscard]] static TERN_INLINE constexpr bool valid(std::int32_t value) noexcept {
        return value >= -1 && value <= 1;
    }
    [[nodiscard]] static TERN_INLINE constexpr std::uint32_t encode(std::int32_t value) noexcept {
        return (value != 0 ? 1u : 0u) | (value > 0 ? 2u : 0u);
    }
    [[nodiscard]] static TERN_INLINE constexpr std::int32_t decode(std::uint32_t code) noexcept {
        return (code & 1u) == 0u ? 0 : ((code & 2u) != 0u ? 1 : -1);
    }
};

/// 0 .. 2^K - 1 as K planes, plane q = bit q.
template <int K>
struct unsigned_bits {
    static_assert(K >= 1 && K <= 8, "tern::unsigned_bits<K>: K is 1 to 8 planes");
    static constexpr encoding_id id =
        static_cast<encoding_id>(static_cast<std::uint32_t>(encoding_id::unsigned_bits) + std::uint32_t{K});
    static constexpr int planes = K;
    static constexpr int digits = K;
    static constexpr bool has_mask = true;
    static constexpr bool has_sign = false;
    static constexpr set_bit sign_bit = set_bit::plus;
    static constexpr std::int32_t max_abs = (1 << K) - 1;

    [[nodiscard]] static TERN_INLINE constexpr bool valid(std::int32_t value) noexcept {
        return value >= 0 && value <= max_abs;
    }
    [[nodiscard]] static TERN_INLINE constexpr std::uint32_t encode(std::int32_t value) noexcept {
        return static_cast<std::uint32_t>(value) & static_cast<std::uint32_t>(max_abs);
    }
    [[nodiscard]] static TERN_INLINE constexpr std::int32_t decode(std::uint32_t code) noexcept {
        return static_cast<std::int32_t>(code & static_cast<std::uint32_t>(max_abs));
    }
};

/// The odd integers -(2^K - 1) .. 2^K - 1 as K planes: value = sum_q 2^q (2 bit_q - 1) = 2 code - (2^K - 1).
template <int K>
struct bipolar_bits {
    static_assert(K >= 1 && K <= 8, "tern::bipolar_bits<K>: K is 1 to 8 planes");
    static constexpr encoding_id id =
        static_cast<encoding_id>(static_cast<std::uint32_t>(encoding_id::bipolar_bits) + std::uint32_t{K});
    static constexpr int planes = K;
    static constexpr int digits = K;
    static constexpr bool has_mask = false;
    static constexpr bool has_sign = true;
    static constexpr set_bit sign_bit = set_bit::plus;
    static constexpr std::int32_t max_abs = (1 << K) - 1;

    [[nodiscard]] static TERN_INLINE constexpr bool valid(std::int32_t value) noexcept {
        return value >= -max_abs && value <= max_abs && (value & 1) != 0;
    }
    [[nodiscard]] static TERN_INLINE constexpr std::uint32_t encode(std::int32_t value) noexcept {
        return static_cast<std::uint32_t>((value + max_abs) / 2);
    }
    [[nodiscard]] static TERN_INLINE constexpr std::int32_t decode(std::uint32_t code) noexcept {
        return 2 * static_cast<std::int32_t>(code & static_cast<std::uint32_t>(max_abs)) - max_abs;
    }
};

/// -1, 0 and +1 as a 2-bit code, value + 1. The fourth code, 3, decodes to 0 (bit 0 of the code says "zero").
struct ternary_code {
    static constexpr encoding_id id = encoding_id::ternary_codes;
    static constexpr std::int32_t max_abs = 1;

    [[nodiscard]] static TERN_INLINE constexpr bool valid(std::int32_t value) noexcept {
        return value >= -1 && value <= 1;
    }
    [[nodiscard]] static TERN_INLINE constexpr std::uint32_t encode(std::int32_t value) noexcept {
        return static_cast<std::uint32_t>(value + 1);
    }
    [[nodiscard]] static TERN_INLINE constexpr std::int32_t decode(std::uint32_t code) noexcept {
        return (code & 1u) != 0u ? 0 : ((code & 2u) != 0u ? 1 : -1);
    }
};

/// Five of -1, 0 and +1 in a byte, 1.6 bits each. With t = value + 1 the byte is the fixed-point fraction
/// ceil(256 / 243 * (81 t_0 + 27 t_1 + 9 t_2 + 3 t_3 + t_4)), so that digit i comes out of one multiplication:
/// t_i = (3 * (byte * 3^i mod 256)) >> 8. All 256 bytes decode. The bytes are those of ggml's TQ1_0.
struct trit {
    static constexpr encoding_id id = encoding_id::ternary_trits;
    static constexpr int per_byte = 5;
    static constexpr std::int32_t max_abs = 1;

    [[nodiscard]] static TERN_INLINE constexpr bool valid(std::int32_t value) noexcept {
        return value >= -1 && value <= 1;
    }
    /// `values[0]` is the most significant digit.
    [[nodiscard]] static TERN_INLINE constexpr std::uint8_t encode(const std::int8_t (&values)[per_byte]) noexcept {
        std::uint32_t number = 0;
        for (std::int8_t value : values) number = 3u * number + static_cast<std::uint32_t>(value + 1);
        return static_cast<std::uint8_t>((number * 256u + 242u) / 243u);
    }
    [[nodiscard]] static TERN_INLINE constexpr std::int32_t decode(std::uint8_t byte, int digit) noexcept {
        constexpr std::uint32_t power[per_byte] = {1, 3, 9, 27, 81};
        const std::uint32_t fraction = (byte * power[digit]) & 0xffu;
        return static_cast<std::int32_t>((3u * fraction) >> 8) - 1;
    }
};

/// Four of -1, 0 and +1 in a byte, 2 bits each: the number sum_i (value_i + 1) 3^i, 0 .. 80, which is what a product by
/// table lookup indexes its tables with. Bytes above 80 stand for nothing.
struct ternary_index {
    static constexpr encoding_id id = encoding_id::ternary_indices;
    static constexpr int per_byte = 4;
    static constexpr std::int32_t max_abs = 1;
    static constexpr std::uint8_t zero = 40;  ///< four zeros
    static constexpr std::uint8_t last = 80;

    [[nodiscard]] static TERN_INLINE constexpr bool valid(std::int32_t value) noexcept {
        return value >= -1 && value <= 1;
    }
    /// `values[0]` is the least significant digit.
    [[nodiscard]] static TERN_INLINE constexpr std::uint8_t encode(const std::int8_t (&values)[per_byte]) noexcept {
        return static_cast<std::uint8_t>(zero + values[0] + 3 * values[1] + 9 * values[2] + 27 * values[3]);
    }
    [[nodiscard]] static TERN_INLINE constexpr std::int32_t decode(std::uint8_t index, int digit) noexcept {
        constexpr std::uint32_t power[per_byte] = {1, 3, 9, 27};
        return static_cast<std::int32_t>(index / power[digit] % 3u) - 1;
    }
};

/// Seven of -1, 0 and +1 in two bytes, 2.29 bits each: places in two tables of 54 sums. The lowest five bits of byte h
/// are the number sum_i (value_{3 h + i} + 1) 3^i, 0 .. 26; bit 5 of the first byte says that the seventh value is not
/// -1, of the second that it is +1. Bytes with more bits, or with numbers above 26, stand for nothing.
struct ternary_seven {
    static constexpr encoding_id id = encoding_id::ternary_sevens;
    static constexpr int bytes = 2;
    static constexpr int per_pair = 7;
    static constexpr std::int32_t max_abs = 1;

    [[nodiscard]] static TERN_INLINE constexpr bool valid(std::int32_t value) noexcept {
        return value >= -1 && value <= 1;
    }
    [[nodiscard]] static TERN_INLINE constexpr std::uint8_t encode(const std::int8_t (&values)[per_pair],
                                                                   int byte) noexcept {
        const std::int8_t* const v = values + 3 * byte;
        return static_cast<std::uint8_t>(13 + v[0] + 3 * v[1] + 9 * v[2] + (values[6] >= byte ? 32 : 0));
    }
    [[nodiscard]] static TERN_INLINE constexpr std::int32_t decode(std::uint8_t first, std::uint8_t second,
                                                                   int digit) noexcept {
        constexpr std::uint32_t power[3] = {1, 3, 9};
        if (digit == 6) return (first >> 5 & 1) + (second >> 5 & 1) - 1;
        const std::uint32_t number = (digit < 3 ? first : second) & 31u;
        return static_cast<std::int32_t>(number / power[digit % 3] % 3u) - 1;
    }
};

}  // namespace tern
