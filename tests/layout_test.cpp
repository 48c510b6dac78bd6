// SPDX-License-Identifier: MIT
// The packed views read what the drawing in layout.hpp says, and check() refuses what cannot be read.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include <tern/layout_tiles.hpp>

#include "support/packing.hpp"

namespace {

using namespace tern_test;
using tern::layout_id;
using tern::packed_codes;
using tern::packed_panels;
using tern::packed_rows;
using tern::packed_trits;
using tern::status;
using tern::ternary;

constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();

std::vector<std::uint32_t> noise(std::size_t words) {
    std::mt19937 random(7);
    std::vector<std::uint32_t> memory(words);
    for (std::uint32_t& word : memory) word = static_cast<std::uint32_t>(random());
    return memory;
}

const std::uint32_t* misaligned(const std::vector<std::uint32_t>& memory) {
    return reinterpret_cast<const std::uint32_t*>(reinterpret_cast<const char*>(memory.data()) + 2);
}

}  // namespace

TEST_CASE("identifiers of layouts are pinned") {
    CHECK(static_cast<unsigned>(layout_id::rows) == 1u);
    CHECK(static_cast<unsigned>(layout_id::panels) == 2u);
    CHECK(static_cast<unsigned>(layout_id::codes) == 3u);
    CHECK(static_cast<unsigned>(layout_id::trits) == 4u);
}

TEST_CASE_TEMPLATE("rows: any bits, read by hand", Encoding, TERN_TEST_PLANE_ENCODINGS) {
    constexpr std::size_t planes = std::size_t{Encoding::planes};
    constexpr std::size_t rows = 3, depth = 70, words = 3;
    const auto memory = noise(1000);
    struct strides {
        std::size_t row, plane;
    };
    for (const strides s : {strides{planes * words, words}, strides{planes * 5 + 2, 5}, strides{4, rows * 4 + 1}}) {
        const packed_rows<Encoding> view(memory.data(), rows, depth, s.row, s.plane);
        REQUIRE(check(view) == status::ok);
        CHECK(view.words() == words);
        CHECK(view.extent() == (rows - 1) * s.row + (planes - 1) * s.plane + words);
        for (std::size_t r = 0; r < rows; ++r) {
            for (std::size_t d = 0; d < depth; ++d) {
                std::uint32_t code = 0;
                for (std::size_t p = 0; p < planes; ++p) {
                    const place at = place_in_rows(r, d, p, s.row, s.plane);
                    code |= (memory[at.word] >> at.bit & 1u) << p;
                }
                if (view.value(r, d) != Encoding::decode(code)) FAIL_CHECK("row " << r << " depth " << d);
            }
        }
    }
    const packed_rows<Encoding> dense(memory.data(), rows, depth);
    CHECK(dense.plane_stride == words);
    CHECK(dense.row_stride == planes * words);
    CHECK(dense.extent() == tern::rows_words<Encoding>(rows, depth));
    CHECK(dense.row(2) == memory.data() + 2 * planes * words);
}

TEST_CASE_TEMPLATE("panels: any bits, read by hand", Encoding, TERN_TEST_PLANE_ENCODINGS) {
    constexpr std::size_t planes = std::size_t{Encoding::planes};
    const panel_shape shapes[] = {{33, 1, 70, planes}, {17, 9, 3, planes}, {18, 4, 33, planes}, {5, 9, 64, planes}};
    for (const panel_shape& shape : shapes) {
        const auto memory = noise(shape.words());
        const packed_panels<Encoding> view(memory.data(), shape.outputs, shape.taps, shape.tap_depth);
        REQUIRE(check(view) == status::ok);
        CHECK(view.depth() == shape.taps * shape.tap_depth);
        CHECK(view.panels() == (shape.outputs + 15) / 16);
        CHECK(view.blocks() == shape.blocks());
        CHECK(view.panel_stride() == shape.stride());
        CHECK(view.words() == shape.words());
        CHECK(tern::panels_words<Encoding>(shape.outputs, shape.taps, shape.tap_depth) == shape.words());
        for (std::size_t o = 0; o < shape.outputs; ++o) {
            CHECK(view.panel(o / 16) == memory.data() + o / 16 * shape.stride());
            for (std::size_t tap = 0; tap < shape.taps; ++tap) {
                CHECK(view.sums(o / 16, tap) + o % 16 == memory.data() + shape.sum(o, tap));
                CHECK(view.nonzeros(o / 16, tap) + o % 16 == memory.data() + shape.nonzeros(o, tap));
                for (std::size_t c = 0; c < shape.tap_depth; ++c) {
                    std::uint32_t code = 0;
                    for (std::size_t p = 0; p < planes; ++p) {
                        const place at = shape.at(o, tap, c, p);
                        code |= (memory[at.word] >> at.bit & 1u) << p;
                    }
                    if (view.value(o, tap * shape.tap_depth + c) != Encoding::decode(code))
                        FAIL_CHECK("output " << o << " tap " << tap << " channel " << c);
                }
            }
        }
    }
}

TEST_CASE("panels: taps share words below 32 channels and up to 512 positions") {
    const auto dense = [](std::size_t taps, std::size_t tap_depth) {
        return packed_panels<ternary>(nullptr, 1, taps, tap_depth).dense_taps();
    };
    for (const std::size_t tap_depth : {1u, 2u, 3u, 5u, 15u, 16u, 17u, 31u}) {
        const std::size_t most = 512 / tap_depth;
        CHECK(dense(2, tap_depth));
        CHECK(dense(most, tap_depth));
        CHECK_FALSE(dense(most + 1, tap_depth));
        CHECK_FALSE(dense(1, tap_depth));
    }
    for (const std::size_t tap_depth : {32u, 33u, 64u}) CHECK_FALSE(dense(2, tap_depth));
    // 25 taps of 3 channels: 75 bits, 3 words; 25 taps of 33 channels: 2 words each; 17 of 31 (527 bits): 1 word each.
    CHECK(packed_panels<ternary>(nullptr, 1, 25, 3).blocks() == 3);
    CHECK(packed_panels<ternary>(nullptr, 1, 25, 33).blocks() == 50);
    CHECK(packed_panels<ternary>(nullptr, 1, 17, 31).blocks() == 17);
    CHECK(packed_panels<ternary>(nullptr, 1, 16, 31).blocks() == 16);
    CHECK(packed_panels<ternary>(nullptr, 1, 512, 1).blocks() == 16);
    CHECK(packed_panels<ternary>(nullptr, 1, 513, 1).blocks() == 513);
}

TEST_CASE("codes: any bits, read by hand") {
    constexpr std::size_t outputs = 130, depth = 11;
    std::mt19937 random(3);
    std::vector<std::uint8_t> memory(3 * (3 * 64 + 256));
    for (std::uint8_t& byte : memory) byte = static_cast<std::uint8_t>(random());
    CHECK(tern::codes_bytes(outputs, depth) == memory.size());
    const packed_codes view(memory.data(), outputs, depth);
    REQUIRE(check(view) == status::ok);
    for (std::size_t o = 0; o < outputs; ++o) {
        for (std::size_t d = 0; d < depth; ++d) {
            const std::size_t byte = o / 64 * (3 * 64 + 256) + d / 4 * 64 + 4 * (o % 16) + d % 4;
            const int code = memory[byte] >> (o % 64 / 16 * 2) & 3;
            CHECK(view.value(o, d) == (code == 0 ? -1 : (code == 2 ? 1 : 0)));
        }
    }
    CHECK(view.panels() == 3);
    CHECK(view.panel_tiles() == 3);
    CHECK(view.panel(2) == memory.data() + 2 * (3 * 64 + 256));
    CHECK(view.sums(1) == memory.data() + 3 * 64 + 256 + 3 * 64);
}

TEST_CASE("trits: all bytes, read by hand") {
    // Four tiles of 16 outputs x 20 positions hold every byte once; the last tile ends after position 73.
    std::vector<std::uint8_t> memory(5 * 64);
    for (std::size_t i = 0; i < 256; ++i) memory[i] = static_cast<std::uint8_t>(i);
    const packed_trits view(memory.data(), 16, 74);
    REQUIRE(check(view) == status::ok);
    CHECK(tern::trits_bytes(16, 74) == memory.size());
    CHECK(view.panel_stride() == memory.size());
    CHECK(view.sums(0) == memory.data() + 256);
    const int power[] = {81, 27, 9, 3, 1};
    for (std::size_t o = 0; o < 16; ++o) {
        for (std::size_t d = 0; d < 74; ++d) {
            const int number = memory[d / 20 * 64 + 4 * o + d % 4] * 243 / 256;
            CHECK(view.value(o, d) == number / power[d % 20 / 4] % 3 - 1);
        }
    }
}

TEST_CASE("sizes: nothing to store, and more than size_t can say") {
    using tern::rows_words;
    CHECK(rows_words<ternary>(0, 5) == 0);
    CHECK(rows_words<ternary>(5, 0) == 0);
    CHECK(rows_words<ternary>(3, 33) == 3 * 2 * 2);
    CHECK(rows_words<ternary>(huge / 2, 32) == 0);
    CHECK(rows_words<ternary>(huge / 8 + 1, 32) == 0);  // words fit, bytes do not
    CHECK(rows_words<tern::unsigned_bits<8>>(huge / 32 + 1, 1) == 0);

    using tern::panels_words;
    CHECK(panels_words<ternary>(0, 1, 5) == 0);
    CHECK(panels_words<ternary>(5, 0, 5) == 0);
    CHECK(panels_words<ternary>(5, 1, 0) == 0);
    CHECK(panels_words<ternary>(huge / 2, 1, 32) == 0);
    CHECK(panels_words<ternary>(1, huge / 2, 2) == 0);
    CHECK(panels_words<ternary>(1, huge / 2, huge / 2) == 0);
    CHECK(panels_words<ternary>(huge, huge, huge) == 0);
    // The sum of a tap's weights has to fit int32.
    if (sizeof(std::size_t) > 4) CHECK(panels_words<ternary>(1, 1, 0x7fffffff) != 0);
    CHECK(panels_words<ternary>(1, 1, std::size_t{0x7fffffff} + 1) == 0);
    CHECK(panels_words<tern::unsigned_bits<8>>(1, 1, 8421504) != 0);
    CHECK(panels_words<tern::unsigned_bits<8>>(1, 1, 8421505) == 0);

    CHECK(tern::codes_bytes(0, 4) == 0);
    CHECK(tern::codes_bytes(4, 0) == 0);
    CHECK(tern::codes_bytes(65, 5) == 2 * (2 * 64 + 64 * 4));
    if (sizeof(std::size_t) > 4) CHECK(tern::codes_bytes(1, 0x7fffffff) != 0);
    CHECK(tern::codes_bytes(1, std::size_t{0x7fffffff} + 1) == 0);
    CHECK(tern::codes_bytes(huge / 2, huge / 2) == 0);
    CHECK(tern::codes_bytes(huge, 8) == 0);
    CHECK(tern::trits_bytes(0, 4) == 0);
    CHECK(tern::trits_bytes(2, 11) == 128);
    CHECK(tern::trits_bytes(17, 41) == 2 * 4 * 64);
    CHECK(tern::trits_bytes(4, 0) == 0);
    CHECK(tern::trits_bytes(1, std::size_t{0x7fffffff} + 1) == 0);
    CHECK(tern::trits_bytes(huge / 2, 11) == 0);
    CHECK(tern::trits_bytes(huge, huge) == 0);
}

TEST_CASE("check: packed rows") {
    const auto memory = noise(64);
    const std::uint32_t* data = memory.data();
    using rows = packed_rows<ternary>;
    CHECK(check(rows(data, 2, 40)) == status::ok);
    CHECK(check(rows(nullptr, 0, 40)) == status::ok);
    CHECK(check(rows(nullptr, 2, 0)) == status::ok);
    CHECK(check(rows(nullptr, 2, 40)) == status::null_pointer);
    CHECK(check(rows(misaligned(memory), 2, 40)) == status::bad_alignment);
    CHECK(check(rows(data, 2, 40, 4, 1)) == status::bad_stride);   // a plane is 2 words
    CHECK(check(rows(data, 2, 40, 1, 20)) == status::bad_stride);  // so is a row of one
    // A word that would serve two rows and planes at once.
    CHECK(check(rows(data, 2, 40, 2, 2)) == status::bad_stride);
    CHECK(check(rows(data, 2, 40, 3, 2)) == status::bad_stride);
    CHECK(check(rows(data, 3, 40, 2, 5)) == status::bad_stride);
    CHECK(check(rows(data, 3, 40, 2, 6)) == status::ok);  // planes in separate arrays
    CHECK(check(rows(data, 1, 40, 0, 2)) == status::ok);  // one row steps over nothing
    CHECK(check(packed_rows<tern::binary>(data, 2, 40, 2, 0)) == status::ok);
    CHECK(check(packed_rows<tern::binary>(data, 2, 40, 1, 0)) == status::bad_stride);
    CHECK(check(rows(data, huge / 2, 40)) == status::overflow);
    CHECK(check(rows(data, 2, 40, huge / 2, 2)) == status::overflow);
    CHECK(check(rows(data, 2, 40, 4, huge / 2)) == status::overflow);
    rows other(data, 2, 40);
    other.layout = layout_id::codes;
    CHECK(check(other) == status::bad_layout);
}

TEST_CASE("check: packed tensors are rows of pixels") {
    const auto memory = noise(64);
    const packed_rows<ternary> pixels(memory.data(), 12, 8);
    using tensor = tern::packed_tensor<ternary>;
    CHECK(check(tensor(pixels, 2, 3, 2)) == status::ok);
    CHECK(tensor(pixels, 2, 3, 2).channels() == 8);
    CHECK(tensor(pixels, 2, 3, 2).pixel(1, 2, 1) == 11);
    CHECK(check(tensor(pixels, 2, 3, 3)) == status::bad_shape);
    CHECK(check(tensor(pixels, huge / 2, 3, 2)) == status::overflow);
    CHECK(check(tensor(packed_rows<ternary>(nullptr, 12, 8), 2, 3, 2)) == status::null_pointer);
}

TEST_CASE("check: panels, codes and trits") {
    const auto memory = noise(256);
    const std::uint32_t* data = memory.data();
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(data);
    using panels = packed_panels<ternary>;
    CHECK(check(panels(data, 3, 40)) == status::ok);
    CHECK(check(panels(nullptr, 0, 40)) == status::ok);
    CHECK(check(panels(nullptr, 3, 0, 40)) == status::ok);
    CHECK(check(panels(nullptr, 3, 2, 0)) == status::ok);
    CHECK(check(panels(nullptr, 3, 40)) == status::null_pointer);
    CHECK(check(panels(misaligned(memory), 3, 40)) == status::bad_alignment);
    CHECK(check(panels(data, huge / 2, 40)) == status::overflow);
    CHECK(check(panels(data, 3, huge / 2, 40)) == status::overflow);
    panels other(data, 3, 40);
    other.layout = layout_id::rows;
    CHECK(check(other) == status::bad_layout);

    CHECK(check(packed_codes(bytes + 1, 3, 8)) == status::ok);
    CHECK(check(packed_codes(nullptr, 3, 0)) == status::ok);
    CHECK(check(packed_codes(nullptr, 3, 8)) == status::null_pointer);
    CHECK(check(packed_codes(bytes, huge / 2, 8)) == status::overflow);
    packed_codes foreign_codes(bytes, 3, 8);
    foreign_codes.layout = layout_id::trits;
    CHECK(check(foreign_codes) == status::bad_layout);

    CHECK(check(packed_trits(bytes + 1, 3, 8)) == status::ok);
    CHECK(check(packed_trits(nullptr, 0, 8)) == status::ok);
    CHECK(check(packed_trits(nullptr, 3, 8)) == status::null_pointer);
    CHECK(check(packed_trits(bytes, huge / 2, 40)) == status::overflow);
    packed_trits foreign_trits(bytes, 3, 8);
    foreign_trits.layout = layout_id::codes;
    CHECK(check(foreign_trits) == status::bad_layout);
}

TEST_CASE("byte ranges of packed views end with their last word") {
    const auto memory = noise(256);
    const auto size = [](tern::byte_range r) { return r.last - r.first; };
    CHECK(size(bytes_of(packed_rows<ternary>(memory.data(), 2, 40, 9, 3))) == (9 + 3 + 2) * 4);
    CHECK(size(bytes_of(packed_rows<ternary>(memory.data(), 0, 40))) == 0);
    CHECK(size(bytes_of(packed_panels<ternary>(memory.data(), 17, 40))) == 2 * (2 * 2 + 2) * 16 * 4);
    CHECK(size(bytes_of(packed_panels<ternary>(memory.data(), 17, 0))) == 0);
    CHECK(size(bytes_of(packed_codes(nullptr, 65, 5))) == 2 * (2 * 64 + 64 * 4));
    CHECK(size(bytes_of(packed_trits(nullptr, 2, 11))) == 128);
}
