// SPDX-License-Identifier: MIT
// Lookup indices: the encoding, the layout drawn by hand, packing, transcoding, and bytes that nobody vouches for.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/gemm_lookup.hpp>

#include "support/packing.hpp"
#include "support/tile_layouts.hpp"

namespace {

using namespace tern_test;
using tern::layout_id;
using tern::matrix_view;
using tern::packed_indices;
using tern::status;
using tern::ternary_index;

constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
using bytes = std::vector<std::uint8_t>;

/// Panels of 64 outputs: ceil(depth / 4) tiles of 64 bytes, then 64 sums.
bytes draw_indices(const matrix& m) {
    const std::size_t tiles = round_up_div(m.cols(), 4);
    const std::size_t stride = tiles * 64 + 256;
    bytes to(m.cols() == 0 ? 0 : round_up_div(m.rows(), 64) * stride);
    for (std::size_t o = 0; !to.empty() && o < round_up_div(m.rows(), 64) * 64; ++o) {
        std::int32_t sum = 0;
        for (std::size_t t = 0; t < tiles; ++t) {
            int number = 0;
            int power = 1;
            for (std::size_t d = 4 * t; d < 4 * t + 4; ++d, power *= 3) {
                const int value = o < m.rows() && d < m.cols() ? m.at(o, d) : 0;
                number += (value + 1) * power;
                sum += value;
            }
            to[o / 64 * stride + t * 64 + o % 64] = static_cast<std::uint8_t>(number);
        }
        std::memcpy(to.data() + o / 64 * stride + tiles * 64 + o % 64 * 4, &sum, 4);
    }
    return to;
}

}  // namespace

TEST_CASE("ternary_index: all 81 numbers, four digits, the lowest first") {
    std::set<std::uint8_t> used;
    for (int number = 0; number <= 80; ++number) {
        std::int8_t digits[4];
        int rest = number;
        for (std::int8_t& digit : digits) {
            digit = static_cast<std::int8_t>(rest % 3 - 1);
            rest /= 3;
        }
        CHECK(ternary_index::encode(digits) == number);
        for (int i = 0; i < 4; ++i) CHECK(ternary_index::decode(static_cast<std::uint8_t>(number), i) == digits[i]);
        used.insert(ternary_index::encode(digits));
    }
    CHECK(used.size() == 81);
    const std::int8_t zeros[4] = {};
    CHECK(ternary_index::encode(zeros) == ternary_index::zero);
    for (int byte = 81; byte < 256; ++byte)
        for (int i = 0; i < 4; ++i)
            CHECK(ternary_index::valid(ternary_index::decode(static_cast<std::uint8_t>(byte), i)));
    for (std::int32_t v = -70000; v <= 70000; ++v)
        if (ternary_index::valid(v) != (v >= -1 && v <= 1)) FAIL_CHECK("valid(" << v << ")");
    CHECK(static_cast<unsigned>(ternary_index::id) == 6u);
    CHECK(static_cast<unsigned>(layout_id::indices) == 5u);
}

TEST_CASE("indices: every shape and every tail") {
    check_every_tile<packed_indices>(
        64, draw_indices, [](auto... size) { return tern::indices_bytes(size...); },
        [](auto&&... all) { return tern::pack_indices(all...); },
        [](auto&&... all) { return tern::view_indices(all...); });
}

TEST_CASE("indices: one value set is one digit and one sum, at their place") {
    constexpr std::size_t outputs = 66, depth = 9;
    matrix m(outputs, depth);
    for (std::size_t o = 0; o < outputs; ++o)
        for (std::size_t d = 0; d < depth; ++d) m.at(o, d) = 0;
    const int power[] = {1, 3, 9, 27};
    std::size_t in_place = 0;
    for (std::size_t o = 0; o < outputs; ++o) {
        for (std::size_t d = 0; d < depth; ++d) {
            for (const int value : {-1, 1}) {
                m.at(o, d) = static_cast<std::int16_t>(value);
                bytes packed(2 * (3 * 64 + 256));
                packed_indices view;
                REQUIRE(tern::pack_indices(m.view(), packed.data(), packed.size(), view) == status::ok);
                m.at(o, d) = 0;
                const std::size_t panel = o / 64 * (3 * 64 + 256);
                std::uint8_t& byte = packed[panel + d / 4 * 64 + o % 64];
                bool right = byte == 40 + value * power[d % 4];
                byte = 40;
                std::int32_t sum = 0;
                std::uint8_t* const sum_at = packed.data() + panel + 3 * 64 + o % 64 * 4;
                std::memcpy(&sum, sum_at, 4);
                right &= sum == value;
                std::memset(sum_at, 0, 4);
                for (std::size_t i = 0; i < packed.size(); ++i)
                    right &= packed[i] == (i % (3 * 64 + 256) < 3 * 64 ? 40 : 0);
                in_place += right ? 1u : 0u;
            }
        }
    }
    CHECK(in_place == outputs * depth * 2);
}

TEST_CASE("indices: from and to other layouts") {
    const matrix m = random_matrix(70, 45, values_of<tern::ternary>());
    const auto direct = tern::pack_indices(m.view());
    REQUIRE(direct.state == status::ok);
    const auto panels = tern::pack<tern::ternary>(m.view());
    const auto from_panels = tern::pack_indices(panels);
    REQUIRE(from_panels.state == status::ok);
    CHECK(std::memcmp(direct.data, from_panels.data, tern::indices_bytes(70, 45)) == 0);
    const auto back = tern::pack<tern::ternary>(direct);
    REQUIRE(back.state == status::ok);
    CHECK(std::memcmp(back.data, panels.data, panels.words() * 4) == 0);
    bytes codes(tern::codes_bytes(70, 45));
    tern::packed_codes code_view;
    REQUIRE(tern::pack_codes(direct, codes.data(), codes.size(), code_view) == status::ok);
    CHECK(codes == draw_codes(m));
}

TEST_CASE("indices: what packing refuses leaves memory and view alone") {
    const std::int8_t values[40] = {1, 0, -1, 1};
    constexpr std::size_t needed = 3 * 64 + 256;
    using source = matrix_view<const std::int8_t>;
    guarded<std::uint8_t> memory(needed + 1);
    packed_indices view;
    const auto refuses = [&](const source& from, std::uint8_t* target, std::size_t size) {
        const status s = tern::pack_indices(from, target, size, view);
        CHECK(memory.untouched());
        CHECK(view.data == nullptr);
        return s;
    };
    CHECK(refuses({values, 4, 10}, nullptr, needed) == status::null_pointer);
    CHECK(refuses({values, 4, 10}, memory.data(), needed - 1) == status::buffer_size);
    CHECK(refuses({nullptr, 4, 10}, memory.data(), needed) == status::null_pointer);
    CHECK(refuses({values, 4, 10, 9}, memory.data(), needed) == status::bad_stride);
    CHECK(refuses({values, huge / 2, 10}, memory.data(), huge) == status::overflow);
    CHECK(refuses({values, huge / 2, huge / 2}, memory.data(), huge) == status::overflow);
    std::int8_t bad[40] = {};
    for (const int value : {2, -2, 127, -128}) {
        bad[39] = static_cast<std::int8_t>(value);
        CHECK(refuses({bad, 4, 10}, memory.data(), needed) == status::bad_value);
    }
    CHECK(tern::pack_indices(source(reinterpret_cast<const std::int8_t*>(memory.data()) + needed - 1, 1, 10),
                             memory.data(), needed, view) == status::overlap);
    CHECK(tern::pack_indices(source(values, 4, 10), memory.data(), needed, view) == status::ok);
    CHECK(memory.data()[needed] == guarded<std::uint8_t>::garbage);
    CHECK(tern::pack_indices(source(nullptr, 0, 10), nullptr, 0, view) == status::ok);
    CHECK(tern::pack_indices(source(nullptr, 4, 0), nullptr, 0, view) == status::ok);
    CHECK(view.outputs == 4);
    CHECK(check(view) == status::ok);
}

TEST_CASE("indices: sizes that fit nothing, and what check() refuses") {
    CHECK(tern::indices_bytes(0, 4) == 0);
    CHECK(tern::indices_bytes(4, 0) == 0);
    CHECK(tern::indices_bytes(65, 5) == 2 * (2 * 64 + 256));
    CHECK(tern::indices_bytes(huge, 8) == 0);
    CHECK(tern::indices_bytes(8, huge) == 0);
    CHECK(tern::indices_bytes(huge / 2, 0x7fffffff) == 0);
    if (sizeof(std::size_t) > 4) CHECK(tern::indices_bytes(1, 0x7fffffff) != 0);
    CHECK(tern::indices_bytes(1, std::size_t{0x7fffffff} + 1) == 0);
    const std::uint8_t data[1000] = {};
    CHECK(check(packed_indices(data + 1, 3, 8)) == status::ok);
    CHECK(check(packed_indices(nullptr, 0, 8)) == status::ok);
    CHECK(check(packed_indices(nullptr, 3, 8)) == status::null_pointer);
    CHECK(check(packed_indices(data, huge / 2, 8)) == status::overflow);
    packed_indices foreign(data, 3, 8);
    foreign.layout = layout_id::codes;
    CHECK(check(foreign) == status::bad_layout);
    const auto range = bytes_of(packed_indices(data, 65, 5));
    CHECK(range.last - range.first == 2 * (2 * 64 + 256));
}

TEST_CASE("view_indices: the size and every byte are checked") {
    const matrix m = random_matrix(66, 10, values_of<tern::ternary>());
    bytes memory = draw_indices(m);
    packed_indices view;
    const auto open = [&](const void* data, std::size_t size, std::size_t outputs, std::size_t depth,
                          layout_id layout = layout_id::indices) {
        view = {};
        const status s = tern::view_indices(data, size, layout, outputs, depth, view);
        CHECK((view.data != nullptr) == (s == status::ok));
        return s;
    };
    CHECK(open(memory.data(), memory.size(), 66, 10) == status::ok);
    CHECK(view.outputs == 66);
    CHECK(view.depth == 10);
    CHECK(open(memory.data(), memory.size() + 100, 66, 10) == status::ok);
    CHECK(open(memory.data(), memory.size() - 1, 66, 10) == status::buffer_size);
    CHECK(open(nullptr, memory.size(), 66, 10) == status::null_pointer);
    CHECK(open(memory.data(), memory.size(), 66, 10, layout_id::codes) == status::bad_layout);
    CHECK(open(memory.data(), memory.size(), 0, 10) == status::bad_shape);
    CHECK(open(memory.data(), memory.size(), 66, 0) == status::bad_shape);
    CHECK(open(memory.data(), memory.size(), huge / 2, 10) == status::overflow);
    CHECK(open(memory.data(), memory.size(), 66, 13) == status::buffer_size);
    // Accepted is what pack_indices writes for the values there: other weights of the same sum, and nothing else.
    std::size_t accepted = 0;
    std::size_t wrong = 0;
    for (std::uint8_t& byte : memory) {
        const std::uint8_t old = byte;
        for (int value = 0; value < 256; ++value) {
            byte = static_cast<std::uint8_t>(value);
            const status s = tern::view_indices(memory.data(), memory.size(), layout_id::indices, 66, 10, view);
            if (s == status::bad_value) continue;
            ++accepted;
            matrix back(66, 10);
            const bool read = s == status::ok && tern::unpack(view, back.view()) == status::ok;
            if (!read || draw_indices(back) != memory) ++wrong;
        }
        byte = old;
    }
    CHECK(wrong == 0);
    CHECK(accepted > memory.size());      // each byte as it was, and some others
    CHECK(accepted < memory.size() * 8);  // by far not all
}

TEST_CASE("packed_index_matrix owns its memory") {
    const matrix m = random_matrix(65, 7, values_of<tern::ternary>());
    auto a = tern::pack_indices(m.view());
    REQUIRE(a.state == status::ok);
    CHECK(reinterpret_cast<std::uintptr_t>(a.data) % 64 == 0);
    CHECK(bytes(a.data, a.data + tern::indices_bytes(65, 7)) == draw_indices(m));
    const std::uint8_t* const memory = a.data;
    tern::packed_index_matrix b(std::move(a));
    CHECK(b.data == memory);
    CHECK(tern::tile_count(b) == 2);
    CHECK(a.data == nullptr);  // NOLINT(bugprone-use-after-move)
    CHECK(tern::pack_indices(matrix_view<const std::int8_t>(nullptr, 5, 0)).outputs == 5);
    const std::int8_t bad[] = {2};
    const auto failed = tern::pack_indices(matrix_view<const std::int8_t>(bad, 1, 1));
    CHECK(failed.state == status::bad_value);
    CHECK(failed.data == nullptr);
    CHECK(tern::pack_indices(matrix_view<const std::int8_t>(bad, huge / 2, 4)).state == status::overflow);
}
