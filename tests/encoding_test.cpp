// SPDX-License-Identifier: MIT
// Every code and every value of every encoding, against the digit formula of encoding.hpp's head comment.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include <tern/encoding.hpp>

#include "support/packing.hpp"

namespace {

using tern::ternary;
using tern::ternary_code;
using tern::trit;

/// The values as the head comment's table lists them.
template <class Encoding>
struct table;
template <tern::set_bit SetBit>
struct table<tern::basic_binary<SetBit>> {
    static bool has(std::int64_t v) { return v == -1 || v == 1; }
};
template <>
struct table<ternary> {
    static bool has(std::int64_t v) { return v == -1 || v == 0 || v == 1; }
};
template <int K>
struct table<tern::unsigned_bits<K>> {
    static bool has(std::int64_t v) { return 0 <= v && v < 1 << K; }
};
template <int K>
struct table<tern::bipolar_bits<K>> {
    static bool has(std::int64_t v) { return -(1 << K) < v && v < 1 << K && v % 2 != 0; }
};

/// sum_q 2^q * mask_q * (sign_q ? +1 : -1). A digit's planes are neighbours, mask first.
template <class Encoding>
std::int32_t digit_formula(std::uint32_t code) {
    std::int32_t value = 0;
    for (unsigned q = 0; q < unsigned{Encoding::digits}; ++q) {
        const unsigned first = q * (unsigned{Encoding::planes} / unsigned{Encoding::digits});
        const unsigned last = first + unsigned{Encoding::planes} / unsigned{Encoding::digits} - 1;
        const bool mask = !Encoding::has_mask || (code >> first & 1u) != 0;
        bool plus = !Encoding::has_sign || (code >> last & 1u) != 0;
        if (Encoding::sign_bit == tern::set_bit::minus) plus = !plus;
        if (mask) value += plus ? 1 << q : -(1 << q);
    }
    return value;
}

template <class Encoding>
bool any_valid(std::initializer_list<std::int32_t> values) {
    for (const std::int32_t v : values) {
        if (Encoding::valid(v)) return true;
    }
    return false;
}

}  // namespace

TEST_CASE_TEMPLATE("plane encodings: every value and every code", Encoding, TERN_TEST_PLANE_ENCODINGS) {
    constexpr std::uint32_t codes = 1u << Encoding::planes;
    static_assert(Encoding::planes == Encoding::digits * (Encoding::has_mask + Encoding::has_sign));

    std::int32_t largest = 0;
    std::set<std::uint32_t> used;
    for (std::int32_t v = -70000; v <= 70000; ++v) {
        if (Encoding::valid(v) != table<Encoding>::has(v)) FAIL_CHECK("valid(" << v << ")");
        if (!Encoding::valid(v)) continue;
        CHECK(Encoding::encode(v) < codes);
        CHECK(used.insert(Encoding::encode(v)).second);
        CHECK(Encoding::decode(Encoding::encode(v)) == v);
        largest = v > largest ? v : largest;
    }
    CHECK(Encoding::max_abs == largest);
    constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
    constexpr std::int32_t highest = std::numeric_limits<std::int32_t>::max();
    CHECK_FALSE(any_valid<Encoding>({lowest, lowest + 1, highest - 1, highest}));

    for (std::uint32_t code = 0; code < codes; ++code) {
        CHECK(Encoding::decode(code) == digit_formula<Encoding>(code));
        CHECK(Encoding::valid(Encoding::decode(code)));
        CHECK(Encoding::decode(code | ~(codes - 1u)) == Encoding::decode(code));  // bits above the planes mean nothing
    }
}

TEST_CASE("plane encodings: codes by hand") {
    static_assert(tern::binary::encode(1) == 1 && tern::binary::encode(-1) == 0);
    static_assert(tern::binary_set_minus::encode(1) == 0 && tern::binary_set_minus::encode(-1) == 1);
    static_assert(tern::binary_set_minus::decode(0) == 1 && tern::binary_set_minus::decode(1) == -1);
    // Written plane 1 (sign) first: +1 = 11, -1 = 01, 0 = 00, and 10 is another 0.
    static_assert(ternary::encode(1) == 0b11 && ternary::encode(-1) == 0b01 && ternary::encode(0) == 0b00);
    static_assert(ternary::decode(0b10) == 0);
    static_assert(tern::unsigned_bits<8>::encode(200) == 200 && tern::unsigned_bits<3>::decode(0b101) == 5);
    // 3 bits: 4 (+) 2 (-) 1 (+) = 3
    static_assert(tern::bipolar_bits<3>::encode(3) == 0b101 && tern::bipolar_bits<3>::decode(0b000) == -7);
    static_assert(tern::bipolar_bits<1>::encode(-1) == 0 && tern::bipolar_bits<8>::decode(255) == 255);
    CHECK(ternary::encode(1) == 3u);
}

TEST_CASE("identifiers are pinned and distinct") {
    CHECK(static_cast<unsigned>(tern::binary::id) == 1u);
    CHECK(static_cast<unsigned>(tern::binary_set_minus::id) == 2u);
    CHECK(static_cast<unsigned>(ternary::id) == 3u);
    CHECK(static_cast<unsigned>(ternary_code::id) == 4u);
    CHECK(static_cast<unsigned>(trit::id) == 5u);
    CHECK(static_cast<unsigned>(tern::unsigned_bits<1>::id) == 17u);
    CHECK(static_cast<unsigned>(tern::unsigned_bits<8>::id) == 24u);
    CHECK(static_cast<unsigned>(tern::bipolar_bits<1>::id) == 33u);
    CHECK(static_cast<unsigned>(tern::bipolar_bits<8>::id) == 40u);
}

TEST_CASE("ternary_code: value + 1, and a fourth code that is another zero") {
    for (std::int32_t v = -70000; v <= 70000; ++v) {
        if (ternary_code::valid(v) != (v >= -1 && v <= 1)) FAIL_CHECK("valid(" << v << ")");
    }
    CHECK(ternary_code::encode(-1) == 0u);
    CHECK(ternary_code::encode(0) == 1u);
    CHECK(ternary_code::encode(1) == 2u);
    CHECK(ternary_code::decode(0) == -1);
    CHECK(ternary_code::decode(1) == 0);
    CHECK(ternary_code::decode(2) == 1);
    CHECK(ternary_code::decode(3) == 0);
    CHECK(ternary_code::max_abs == 1);
}

TEST_CASE("trit: all 243 combinations of five digits") {
    std::set<std::uint8_t> used;
    for (std::uint32_t number = 0; number < 243; ++number) {
        std::int8_t digits[5];
        std::uint32_t rest = number;
        for (int i = 4; i >= 0; --i, rest /= 3) digits[i] = static_cast<std::int8_t>(static_cast<int>(rest % 3) - 1);
        const std::uint8_t byte = trit::encode(digits);
        // byte = ceil(256 number / 243): the smallest byte with byte / 256 >= number / 243
        CHECK(byte * 243u >= number * 256u);
        CHECK((byte == 0 || (byte - 1u) * 243u < number * 256u));
        CHECK(used.insert(byte).second);
        for (int i = 0; i < 5; ++i) CHECK(trit::decode(byte, i) == digits[i]);
    }
    CHECK(used.size() == 243);
}

TEST_CASE("trit: all 256 bytes decode, to the digits of the number at or below them") {
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t number = byte * 243u / 256u;
        for (int i = 4; i >= 0; --i, number /= 3) {
            CHECK(trit::decode(static_cast<std::uint8_t>(byte), i) == static_cast<std::int32_t>(number % 3) - 1);
        }
    }
}

TEST_CASE("trit: bytes by hand") {
    struct golden {
        std::int8_t digits[5];
        std::uint8_t byte;
    };
    const golden cases[] = {
        {{-1, -1, -1, -1, -1}, 0x00},  // 0
        {{0, 0, 0, 0, 0}, 0x80},       // 121 * 256 / 243 = 127.47
        {{1, 1, 1, 1, 1}, 0xff},       // 242 * 256 / 243 = 254.95
        {{-1, -1, -1, -1, 0}, 0x02},   // 1.05
        {{1, -1, -1, -1, -1}, 0xab},   // 162 * 256 / 243 = 170.67
        {{0, 1, -1, 0, 1}, 0x94},      // 81 + 54 + 0 + 3 + 2 = 140, 140 * 256 / 243 = 147.49
    };
    for (const golden& g : cases) CHECK(trit::encode(g.digits) == g.byte);
    for (std::int32_t v = -70000; v <= 70000; ++v) {
        if (trit::valid(v) != (v >= -1 && v <= 1)) FAIL_CHECK("valid(" << v << ")");
    }
}
