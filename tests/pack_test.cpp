// SPDX-License-Identifier: MIT
// Packing puts every bit where the drawing in layout.hpp says, writes nothing else, and loses nothing on the way back.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <tern/pack_tiles.hpp>

#include "support/packing.hpp"
#include "support/tile_layouts.hpp"

namespace {

using namespace tern_test;
using tern::matrix_view;
using tern::status;
using tern::ternary;

using words = std::vector<std::uint32_t>;
using bytes = std::vector<std::uint8_t>;

/// A code with plane p set that the encoder writes: the ternary sign is set only together with the mask.
template <class Encoding>
std::uint32_t code_with(std::size_t plane) {
    return std::is_same_v<Encoding, ternary> && plane == 1 ? 3u : 1u << plane;
}

template <class Packed>
bool unpacks_to(const Packed& view, const matrix& m) {
    matrix back(m.rows(), m.cols());
    return tern::unpack(view, back.view()) == status::ok && back == m;
}

/// Reports a shape that failed. (The templates below return what went wrong; doctest's macros in them would take long
/// to compile.)
void expect(const char* error, std::size_t rows, std::size_t taps, std::size_t depth) {
    if (*error != 0) FAIL_CHECK(error << ": " << rows << " rows, " << taps << " taps, depth " << depth);
}

template <class Encoding>
const char* check_rows(std::size_t rows, std::size_t depth, std::size_t row_stride, std::size_t plane_stride) {
    const matrix m = random_matrix(rows, depth, values_of<Encoding>());
    const tern::mutable_packed_rows<Encoding> shape(nullptr, rows, depth, row_stride, plane_stride);
    guarded<std::uint32_t> memory(shape.extent());
    words expected(memory.size(), guarded<std::uint32_t>::garbage);
    draw_rows<Encoding>(m, row_stride, plane_stride, expected);
    const tern::mutable_packed_rows<Encoding> view(memory.data(), rows, depth, row_stride, plane_stride);
    if (tern::pack_rows(m.view(), view) != status::ok) return "refused";
    if (memory.contents() != expected) return "other words than drawn";
    if (!memory.intact()) return "wrote outside";
    return unpacks_to(view, m) ? "" : "unpacks to other values";
}

template <class Encoding>
const char* check_panels(std::size_t outputs, std::size_t taps, std::size_t tap_depth) {
    const matrix m = random_matrix(outputs, taps * tap_depth, values_of<Encoding>());
    guarded<std::uint32_t> memory(panel_shape{outputs, taps, tap_depth, std::size_t{Encoding::planes}}.words());
    tern::packed_panels<Encoding> view;
    if (tern::pack_panels(m.view(), memory.data(), memory.size(), view, taps) != status::ok) return "refused";
    if (memory.contents() != draw_panels<Encoding>(m, taps)) return "other words than drawn";
    if (!memory.intact()) return "wrote outside";
    return unpacks_to(view, m) ? "" : "unpacks to other values";
}

}  // namespace

TEST_CASE_TEMPLATE("one bit set is one bit set, at its place", Encoding, TERN_TEST_PLANE_ENCODINGS) {
    constexpr std::size_t planes = std::size_t{Encoding::planes};
    constexpr std::size_t rows = 17, depth = 34;
    const auto zero = static_cast<std::int16_t>(Encoding::decode(0));
    matrix m(rows, depth);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t d = 0; d < depth; ++d) m.at(r, d) = zero;
    }
    const panel_shape shape{rows, 1, depth, planes};
    std::size_t in_place = 0;
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t d = 0; d < depth; ++d) {
            for (std::size_t p = 0; p < planes; ++p) {
                const std::uint32_t code = code_with<Encoding>(p);
                const auto value = static_cast<std::int16_t>(Encoding::decode(code));
                m.at(r, d) = value;

                words in_rows(rows * planes * 2, 0xffffffffu);
                bool right = tern::pack_rows<Encoding>(m.view(), {in_rows.data(), rows, depth}) == status::ok;
                words in_panels(shape.words(), 0xffffffffu);
                tern::packed_panels<Encoding> view;
                right &= tern::pack_panels(m.view(), in_panels.data(), in_panels.size(), view) == status::ok;
                for (std::size_t q = 0; q < planes; ++q) {
                    if ((code >> q & 1u) == 0) continue;
                    const place row_place = place_in_rows(r, d, q, 2 * planes, 2);
                    const place panel_place = shape.at(r, 0, d, q);
                    in_rows[row_place.word] ^= 1u << row_place.bit;
                    in_panels[panel_place.word] ^= 1u << panel_place.bit;
                }
                for (std::size_t o = 0; o < rows; ++o) {  // the sums are the only words beside the bit
                    const int sum = static_cast<int>(depth) * zero + (o == r ? value - zero : 0);
                    const int nonzeros =
                        static_cast<int>(zero == 0 ? 0 : depth) + (o != r ? 0 : (value != 0) - (zero != 0));
                    in_panels[shape.sum(o, 0)] -= static_cast<std::uint32_t>(sum);
                    in_panels[shape.nonzeros(o, 0)] -= static_cast<std::uint32_t>(nonzeros);
                }
                right &= in_rows == words(in_rows.size(), 0) && in_panels == words(shape.words(), 0);
                in_place += right ? 1u : 0u;
                m.at(r, d) = zero;
            }
        }
    }
    CHECK(in_place == rows * depth * planes);
}

TEST_CASE("codes and trits: one value set is one field set, at its place") {
    constexpr std::size_t outputs = 66, depth = 7;
    matrix m(outputs, depth);
    for (std::size_t o = 0; o < outputs; ++o) {
        for (std::size_t d = 0; d < depth; ++d) m.at(o, d) = 0;
    }
    const unsigned power[] = {81, 27, 9, 3, 1};
    for (std::size_t o = 0; o < outputs; ++o) {
        for (std::size_t d = 0; d < depth; ++d) {
            for (const int value : {-1, 1}) {
                m.at(o, d) = static_cast<std::int16_t>(value);
                bytes codes(2 * (2 * 64 + 256)), expected_codes(codes.size(), 0x55);
                for (std::size_t i = 0; i < codes.size(); ++i) {
                    if (i % 384 >= 128) expected_codes[i] = 0;
                }
                tern::packed_codes code_view;
                REQUIRE(tern::pack_codes(m.view(), codes.data(), codes.size(), code_view) == status::ok);
                std::uint8_t& byte = expected_codes[o / 64 * 384 + d / 4 * 64 + 4 * (o % 16) + d % 4];
                // Code 1 (01) becomes 00 or 10 in field (o % 64) / 16.
                byte = static_cast<std::uint8_t>(byte ^ (value < 0 ? 1u : 3u) << (o % 64 / 16 * 2));
                for (std::size_t i = 0; i < 4; ++i)
                    expected_codes[o / 64 * 384 + 128 + o % 64 * 4 + i] = value < 0 ? 0xff : (i == 0 ? 1 : 0);
                CHECK(codes == expected_codes);

                bytes trits(5 * 128), expected_trits(trits.size(), 0x80);
                for (std::size_t i = 0; i < trits.size(); ++i) {
                    if (i % 128 >= 64) expected_trits[i] = 0;
                }
                tern::packed_trits trit_view;
                REQUIRE(tern::pack_trits(m.view(), trits.data(), trits.size(), trit_view) == status::ok);
                const unsigned number = value < 0 ? 121u - power[d / 4] : 121u + power[d / 4];
                expected_trits[o / 16 * 128 + o % 16 * 4 + d % 4] =
                    static_cast<std::uint8_t>((256u * number + 242u) / 243u);
                for (std::size_t i = 0; i < 4; ++i)
                    expected_trits[o / 16 * 128 + 64 + o % 16 * 4 + i] = value < 0 ? 0xff : (i == 0 ? 1 : 0);
                CHECK(trits == expected_trits);
                m.at(o, d) = 0;
            }
        }
    }
}

TEST_CASE_TEMPLATE("rows: every shape, every tail, any strides", Encoding, TERN_TEST_SOME_ENCODINGS) {
    constexpr std::size_t planes = std::size_t{Encoding::planes};
    for (const std::size_t depth : sizes) {
        const std::size_t used = round_up_div(depth, 32);
        for (const std::size_t rows : {0u, 1u, 2u, 3u, 17u}) {
            const auto check = [&](std::size_t row_stride, std::size_t plane_stride) {
                expect(check_rows<Encoding>(rows, depth, row_stride, plane_stride), rows, 1, depth);
            };
            check(planes * used, used);
            check(planes * (used + 3) + 5, used + 3);  // room behind planes and rows
            check(used + 1, rows * (used + 1) + 2);    // planes in separate arrays
        }
    }
}

TEST_CASE_TEMPLATE("panels: every shape and every tail", Encoding, TERN_TEST_SOME_ENCODINGS) {
    const auto check = [](std::size_t outputs, std::size_t depth) {
        expect(check_panels<Encoding>(outputs, 1, depth), outputs, 1, depth);
    };
    for (const std::size_t depth : sizes) {
        for (const std::size_t outputs : {0u, 1u, 2u, 15u, 16u, 17u, 33u}) check(outputs, depth);
    }
    for (const std::size_t outputs : sizes) check(outputs, 33);
}

TEST_CASE_TEMPLATE("panels: the taps of a convolution", Encoding, tern::binary, tern::binary_set_minus, ternary,
                   tern::unsigned_bits<3>, tern::bipolar_bits<2>) {
    const auto check = [](std::size_t outputs, std::size_t taps, std::size_t tap_depth) {
        expect(check_panels<Encoding>(outputs, taps, tap_depth), outputs, taps, tap_depth);
    };
    for (const std::size_t taps : {4u, 9u, 25u}) {
        for (const std::size_t tap_depth : {0u, 1u, 3u, 16u, 31u, 32u, 33u, 64u}) {
            for (const std::size_t outputs : {1u, 16u, 35u}) check(outputs, taps, tap_depth);
        }
    }
    // Both sides of the rule for taps that share words.
    for (const std::size_t tap_depth : {1u, 7u, 16u, 31u}) {
        check(3, 512 / tap_depth, tap_depth);
        check(3, 512 / tap_depth + 1, tap_depth);
    }
}

TEST_CASE("codes and trits: every shape and every tail") {
    check_every_tile<tern::packed_codes>(
        64, draw_codes, [](auto... size) { return tern::codes_bytes(size...); },
        [](auto&&... all) { return tern::pack_codes(all...); },
        [](auto&&... all) { return tern::view_codes(all...); });
    check_every_tile<tern::packed_trits>(
        16, draw_trits, [](auto... size) { return tern::trits_bytes(size...); },
        [](auto&&... all) { return tern::pack_trits(all...); },
        [](auto&&... all) { return tern::view_trits(all...); });
}

TEST_CASE("the sign of a ternary zero means nothing") {
    // (nonzero, sign): 0 with sign, +1, -1, 0 without
    const std::uint32_t memory[2] = {0b0110u, 0b0011u};
    const tern::packed_rows<ternary> rows(memory, 1, 4);
    std::int8_t values[4] = {};
    REQUIRE(tern::unpack(rows, matrix_view<std::int8_t>(values, 1, 4)) == status::ok);
    CHECK(std::vector<int>(values, values + 4) == std::vector<int>{0, 1, -1, 0});
    // A transcode writes the canonical zero.
    std::uint32_t copy[2] = {};
    REQUIRE(tern::pack_rows<ternary>(rows, {copy, 1, 4}) == status::ok);
    CHECK(copy[0] == 0b0110u);
    CHECK(copy[1] == 0b0010u);
}

TEST_CASE("integers of any width, signed or not, are packed alike") {
    const std::int8_t i8[] = {1, 0, 1, 1, 0};
    const std::uint8_t u8[] = {1, 0, 1, 1, 0};
    const std::int32_t i32[] = {1, 0, 1, 1, 0};
    const bool flags[] = {true, false, true, true, false};
    const auto packed = [](const auto& values) {
        std::uint32_t memory[2] = {};
        REQUIRE(tern::pack_rows<ternary>(matrix_view(values, 1, 5), {memory, 1, 5}) == status::ok);
        return words(memory, memory + 2);
    };
    CHECK(packed(i8) == words{0b01101u, 0b01101u});
    CHECK(packed(u8) == packed(i8));
    CHECK(packed(i32) == packed(i8));
    CHECK(packed(flags) == packed(i8));
}

TEST_CASE("unpack fills a wider destination and leaves its gaps alone") {
    const matrix m = random_matrix(3, 5, values_of<tern::unsigned_bits<8>>());
    words memory(3 * 8);
    REQUIRE(tern::pack_rows<tern::unsigned_bits<8>>(m.view(), {memory.data(), 3, 5}) == status::ok);
    guarded<std::uint8_t> out(3 * 9 - 4);
    REQUIRE(tern::unpack(tern::packed_rows<tern::unsigned_bits<8>>(memory.data(), 3, 5),
                         matrix_view<std::uint8_t>(out.data(), 3, 5, 9)) == status::ok);
    CHECK(out.intact());
    for (std::size_t i = 0; i < out.size(); ++i) {
        CHECK(out.data()[i] == (i % 9 < 5 ? m.at(i / 9, i % 9) : guarded<std::uint8_t>::garbage));
    }
}
