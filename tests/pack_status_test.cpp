// SPDX-License-Identifier: MIT
// What packing refuses, one mistake at a time, and that it then writes nothing.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/pack_tiles.hpp>

#include "support/packing.hpp"

namespace {

using namespace tern_test;
using tern::layout_id;
using tern::matrix_view;
using tern::mutable_packed_rows;
using tern::packed_panels;
using tern::packed_rows;
using tern::status;
using tern::ternary;

constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
using source = matrix_view<const std::int8_t>;

const std::int8_t values[40] = {1, 0, -1, 1};

template <class T>
T* misaligned(T* p) {
    return reinterpret_cast<T*>(reinterpret_cast<char*>(p) + 1);
}

/// The three that pack whole weight matrices, called alike.
struct panels {
    using unit = std::uint32_t;
    static constexpr std::size_t needed = (2 + 2) * 16;  // 4 outputs x 10 depth
    packed_panels<ternary> view;
    template <class Source>
    status operator()(const Source& from, unit* to, std::size_t size) {
        return tern::pack_panels(from, to, size, view);
    }
};
struct codes {
    using unit = std::uint8_t;
    static constexpr std::size_t needed = 3 * 64 + 256;
    tern::packed_codes view;
    template <class Source>
    status operator()(const Source& from, unit* to, std::size_t size) {
        return tern::pack_codes(from, to, size, view);
    }
};
struct trits {
    using unit = std::uint8_t;
    static constexpr std::size_t needed = 64 + 64;
    tern::packed_trits view;
    template <class Source>
    status operator()(const Source& from, unit* to, std::size_t size) {
        return tern::pack_trits(from, to, size, view);
    }
};

}  // namespace

TEST_CASE_TEMPLATE("weights: what is refused leaves memory and view alone", Packer, panels, codes, trits) {
    using unit = typename Packer::unit;
    guarded<unit> memory(Packer::needed + 1);
    unit* const to = memory.data();
    Packer pack;
    const auto refuses = [&](const source& from, unit* target, std::size_t size) {
        const status s = pack(from, target, size);
        CHECK(memory.untouched());
        CHECK(pack.view.data == nullptr);
        CHECK(pack.view.outputs == 0);
        return s;
    };
    const source good(values, 4, 10);
    CHECK(refuses(good, nullptr, Packer::needed) == status::null_pointer);
    CHECK(refuses(good, to, Packer::needed - 1) == status::buffer_size);
    CHECK(refuses(good, to, 0) == status::buffer_size);
    if (sizeof(unit) > 1) CHECK(refuses(good, misaligned(to), Packer::needed) == status::bad_alignment);
    CHECK(refuses({nullptr, 4, 10}, to, Packer::needed) == status::null_pointer);
    CHECK(refuses({values, 4, 10, 9}, to, Packer::needed) == status::bad_stride);
    CHECK(refuses({values, huge / 2, 10}, to, huge) == status::overflow);
    CHECK(refuses({values, huge / 2, huge / 2}, to, huge) == status::overflow);

    std::int8_t bad[40] = {};
    for (const int value : {2, -2, 127, -128}) {
        bad[39] = static_cast<std::int8_t>(value);
        CHECK(refuses({bad, 4, 10}, to, Packer::needed) == status::bad_value);
    }
    // Values behind the shape are not read.
    CHECK(pack(source(bad, 3, 10), to, Packer::needed) == status::ok);
    CHECK(memory.intact());
    CHECK(pack.view.data == to);
    CHECK(pack.view.outputs == 3);
    CHECK(pack(good, to, Packer::needed) == status::ok);
    CHECK(memory.data()[Packer::needed] == guarded<unit>::garbage);
}

TEST_CASE_TEMPLATE("weights: source and destination must not overlap", Packer, panels, codes, trits) {
    using unit = typename Packer::unit;
    std::vector<unit> memory(1000, unit{0});
    auto* const bytes = reinterpret_cast<std::int8_t*>(memory.data());
    const std::size_t target_bytes = Packer::needed * sizeof(unit);
    Packer pack;
    const auto at = [&](std::size_t offset) {
        return pack(source(bytes + offset, 4, 10), memory.data() + 100, Packer::needed);
    };
    const std::size_t first = 100 * sizeof(unit);
    CHECK(at(first - 39) == status::overlap);
    CHECK(at(first) == status::overlap);
    CHECK(at(first + target_bytes - 1) == status::overlap);
    CHECK(memory == std::vector<unit>(1000, unit{0}));
    CHECK(at(first - 40) == status::ok);
    CHECK(at(first + target_bytes) == status::ok);
}

TEST_CASE_TEMPLATE("weights: zero sizes need no memory", Packer, panels, codes, trits) {
    Packer pack;
    CHECK(pack(source(nullptr, 0, 10), nullptr, 0) == status::ok);
    CHECK(pack.view.outputs == 0);
    CHECK(pack(source(nullptr, 4, 0), nullptr, 0) == status::ok);
    CHECK(pack.view.outputs == 4);
    CHECK(check(pack.view) == status::ok);
}

TEST_CASE("weights: taps divide the depth") {
    std::uint32_t memory[1000] = {};
    packed_panels<ternary> view;
    const source good(values, 4, 10);
    CHECK(pack_panels(good, memory, 1000, view, 0) == status::bad_shape);
    CHECK(pack_panels(good, memory, 1000, view, 3) == status::bad_shape);
    CHECK(pack_panels(good, memory, 1000, view, 11) == status::bad_shape);
    CHECK(view.data == nullptr);
    CHECK(pack_panels(good, memory, 1000, view, 5) == status::ok);
    CHECK(view.taps == 5);
    CHECK(view.tap_depth == 2);
}

TEST_CASE("rows: what is refused leaves the destination alone") {
    guarded<std::uint32_t> memory(2 * 4);
    std::uint32_t* const to = memory.data();
    using rows = mutable_packed_rows<ternary>;
    const auto refuses = [&](const source& from, const rows& target) {
        const status s = pack_rows(from, target);
        CHECK(memory.untouched());
        return s;
    };
    const source good(values, 4, 10);
    CHECK(refuses(good, {nullptr, 4, 10}) == status::null_pointer);
    CHECK(refuses(good, {misaligned(to), 4, 10}) == status::bad_alignment);
    CHECK(refuses(good, {to, 4, 10, 1, 1}) == status::bad_stride);
    CHECK(refuses(good, {to, 4, 10, 2, 0}) == status::bad_stride);
    CHECK(refuses(good, {to, 3, 10}) == status::bad_shape);
    CHECK(refuses(good, {to, 4, 11}) == status::bad_shape);
    CHECK(refuses({nullptr, 4, 10}, {to, 4, 10}) == status::null_pointer);
    CHECK(refuses({values, 4, 10, 9}, {to, 4, 10}) == status::bad_stride);
    CHECK(refuses({values, huge / 2, 10}, {to, huge / 2, 10}) == status::overflow);
    CHECK(refuses({values, 4, 10}, {to, 4, 10, huge / 2, 1}) == status::overflow);
    rows foreign(to, 4, 10);
    foreign.layout = layout_id::panels;
    CHECK(refuses(good, foreign) == status::bad_layout);
    std::int8_t bad[40] = {};
    bad[39] = 2;
    CHECK(refuses({bad, 4, 10}, {to, 4, 10}) == status::bad_value);
    CHECK(refuses({reinterpret_cast<const std::int8_t*>(to) - 39, 4, 10}, {to, 4, 10}) == status::overlap);

    CHECK(pack_rows(source(nullptr, 0, 10), rows(nullptr, 0, 10)) == status::ok);
    CHECK(pack_rows(source(nullptr, 4, 0), rows(nullptr, 4, 0)) == status::ok);
    CHECK(pack_rows(good, rows(to, 4, 10)) == status::ok);
    CHECK(memory.intact());
}

TEST_CASE("rows: a value that only the other encodings have") {
    guarded<std::uint32_t> memory(8);
    const auto refuses = [&](auto encoding, std::int16_t value) {
        using Encoding = decltype(encoding);
        std::int16_t one[33];
        for (std::int16_t& v : one) v = 1;
        one[32] = value;
        const status s =
            tern::pack_rows<Encoding>(matrix_view<const std::int16_t>(one, 1, 33), {memory.data(), 1, 33, 0, 2});
        return s == status::bad_value && memory.untouched();
    };
    CHECK(refuses(tern::binary{}, 0));
    CHECK(refuses(tern::binary_set_minus{}, 2));
    CHECK(refuses(ternary{}, -2));
    CHECK(refuses(ternary{}, 257));  // not 1 after losing its high byte
    CHECK(refuses(tern::unsigned_bits<2>{}, -1));
    CHECK(refuses(tern::unsigned_bits<2>{}, 4));
    CHECK(refuses(tern::bipolar_bits<2>{}, 2));
    CHECK(refuses(tern::bipolar_bits<2>{}, 5));
}

TEST_CASE("unpack: what is refused leaves the destination alone") {
    std::uint32_t memory[8] = {};
    const packed_rows<ternary> good(memory, 4, 10);
    guarded<std::int8_t> out(40);
    const auto refuses = [&](const auto& from, const matrix_view<std::int8_t>& to) {
        const status s = tern::unpack(from, to);
        CHECK(out.untouched());
        return s;
    };
    CHECK(refuses(good, {nullptr, 4, 10}) == status::null_pointer);
    CHECK(refuses(good, {out.data(), 4, 9}) == status::bad_shape);
    CHECK(refuses(good, {out.data(), 3, 10}) == status::bad_shape);
    CHECK(refuses(good, {out.data(), 4, 10, 9}) == status::bad_stride);
    CHECK(refuses(packed_rows<ternary>(nullptr, 4, 10), {out.data(), 4, 10}) == status::null_pointer);
    CHECK(refuses(packed_panels<ternary>(memory, 4, huge / 2), {out.data(), 4, huge / 2}) == status::overflow);
    CHECK(refuses(tern::packed_codes(nullptr, 4, 10), {out.data(), 4, 10}) == status::null_pointer);
    CHECK(refuses(tern::packed_trits(nullptr, 4, 10), {out.data(), 4, 10}) == status::null_pointer);
    packed_rows<ternary> foreign = good;
    foreign.layout = layout_id::trits;
    CHECK(refuses(foreign, {out.data(), 4, 10}) == status::bad_layout);
    CHECK(tern::unpack(good, matrix_view<std::int8_t>(reinterpret_cast<std::int8_t*>(memory) + 31, 4, 10)) ==
          status::overlap);
    std::int16_t wide[40];
    CHECK(tern::unpack(good, matrix_view<std::int16_t>(misaligned(wide), 4, 10)) == status::bad_alignment);
    CHECK(refuses(packed_rows<ternary>(nullptr, 0, 10), {nullptr, 0, 10}) == status::ok);
}

TEST_CASE("view_panels: the size and every word of untrusted bytes are checked") {
    const matrix m = random_matrix(18, 5 * 7, values_of<ternary>());
    std::vector<std::uint32_t> memory(tern::panels_words<ternary>(18, 5, 7));
    packed_panels<ternary> packed;
    REQUIRE(pack_panels(m.view(), memory.data(), memory.size(), packed, 5) == status::ok);
    const std::size_t bytes = memory.size() * 4;

    packed_panels<ternary> view;
    const auto open = [&](const void* data, std::size_t size, std::size_t outputs, std::size_t taps,
                          std::size_t tap_depth, layout_id layout = layout_id::panels) {
        view = {};
        const status s = tern::view_panels(data, size, layout, outputs, taps, tap_depth, view);
        CHECK((view.data != nullptr) == (s == status::ok));
        return s;
    };
    CHECK(open(memory.data(), bytes, 18, 5, 7) == status::ok);
    CHECK(view.outputs == 18);
    CHECK(view.taps == 5);
    CHECK(view.tap_depth == 7);
    CHECK(open(memory.data(), bytes + 100, 18, 5, 7) == status::ok);
    CHECK(open(memory.data(), bytes - 1, 18, 5, 7) == status::buffer_size);
    CHECK(open(memory.data(), 0, 18, 5, 7) == status::buffer_size);
    CHECK(open(nullptr, bytes, 18, 5, 7) == status::null_pointer);
    CHECK(open(misaligned(memory.data()), bytes, 16, 5, 7) == status::bad_alignment);
    CHECK(open(memory.data(), bytes, 18, 5, 7, layout_id::rows) == status::bad_layout);
    CHECK(open(memory.data(), bytes, 18, 5, 7, static_cast<layout_id>(77)) == status::bad_layout);
    CHECK(open(memory.data(), bytes, 0, 5, 7) == status::bad_shape);
    CHECK(open(memory.data(), bytes, 18, 0, 7) == status::bad_shape);
    CHECK(open(memory.data(), bytes, 18, 5, 0) == status::bad_shape);
    CHECK(open(memory.data(), bytes, huge / 2, 5, 7) == status::overflow);
    CHECK(open(memory.data(), bytes, 18, huge / 2, huge / 2) == status::overflow);
    CHECK(open(memory.data(), bytes, 33, 5, 7) == status::buffer_size);
    CHECK(open(memory.data(), bytes, 17, 5, 7) == status::bad_value);  // output 17 would be padding

    // No bit may differ from what pack_panels writes: a changed value contradicts the sums, anything else is padding.
    std::size_t accepted = 0;
    for (std::size_t i = 0; i < bytes * 8; ++i) {
        memory[i / 32] ^= 1u << i % 32;
        if (tern::view_panels(memory.data(), bytes, layout_id::panels, 18, 5, 7, view) != status::bad_value) ++accepted;
        memory[i / 32] ^= 1u << i % 32;
    }
    CHECK(accepted == 0);
    CHECK(open(memory.data(), bytes, 18, 5, 7) == status::ok);
}
TEST_CASE("view_codes: the size and every byte of untrusted bytes are checked") {
    const matrix m = random_matrix(66, 7, values_of<ternary>());
    std::vector<std::uint8_t> memory(tern::codes_bytes(66, 7) + 1);
    tern::packed_codes packed;
    REQUIRE(pack_codes(m.view(), memory.data(), memory.size(), packed) == status::ok);
    const std::size_t bytes = memory.size() - 1;

    tern::packed_codes view;
    const auto open = [&](const void* data, std::size_t size, std::size_t outputs, std::size_t depth,
                          layout_id layout = layout_id::codes) {
        view = {};
        const status s = tern::view_codes(data, size, layout, outputs, depth, view);
        CHECK((view.data != nullptr) == (s == status::ok));
        return s;
    };
    CHECK(open(memory.data(), bytes, 66, 7) == status::ok);
    CHECK(view.outputs == 66);
    CHECK(view.depth == 7);
    CHECK(open(memory.data(), bytes + 1, 66, 7) == status::ok);
    CHECK(open(memory.data(), bytes - 1, 66, 7) == status::buffer_size);
    CHECK(open(memory.data(), 0, 66, 7) == status::buffer_size);
    CHECK(open(nullptr, bytes, 66, 7) == status::null_pointer);
    CHECK(open(memory.data(), bytes, 66, 7, layout_id::panels) == status::bad_layout);
    CHECK(open(memory.data(), bytes, 0, 7) == status::bad_shape);
    CHECK(open(memory.data(), bytes, 66, 0) == status::bad_shape);
    CHECK(open(memory.data(), bytes, huge / 2, 7) == status::overflow);
    CHECK(open(memory.data(), bytes, 66, huge / 2) == status::overflow);
    CHECK(open(memory.data(), bytes, 129, 7) == status::buffer_size);
    CHECK(open(memory.data(), bytes, 65, 7) == status::bad_value);  // output 65 would be padding

    std::size_t accepted = 0;
    for (std::size_t i = 0; i < bytes * 8; ++i) {
        memory[i / 8] = static_cast<std::uint8_t>(memory[i / 8] ^ 1u << i % 8);
        if (tern::view_codes(memory.data(), bytes, layout_id::codes, 66, 7, view) != status::bad_value) ++accepted;
        memory[i / 8] = static_cast<std::uint8_t>(memory[i / 8] ^ 1u << i % 8);
    }
    CHECK(accepted == 0);
    CHECK(open(memory.data(), bytes, 66, 7) == status::ok);
}

TEST_CASE("view_trits: the size and every byte of untrusted bytes are checked") {
    const matrix m = random_matrix(18, 27, values_of<ternary>());
    std::vector<std::uint8_t> memory(tern::trits_bytes(18, 27));
    tern::packed_trits packed;
    REQUIRE(pack_trits(m.view(), memory.data(), memory.size(), packed) == status::ok);
    const std::size_t bytes = memory.size();

    tern::packed_trits view;
    const auto open = [&](const void* data, std::size_t size, std::size_t outputs, std::size_t depth,
                          layout_id layout = layout_id::trits) {
        view = {};
        const status s = tern::view_trits(data, size, layout, outputs, depth, view);
        CHECK((view.data != nullptr) == (s == status::ok));
        return s;
    };
    CHECK(open(memory.data(), bytes, 18, 27) == status::ok);
    CHECK(view.outputs == 18);
    CHECK(view.depth == 27);
    CHECK(open(memory.data(), bytes - 1, 18, 27) == status::buffer_size);
    CHECK(open(nullptr, bytes, 18, 27) == status::null_pointer);
    CHECK(open(memory.data(), bytes, 18, 27, layout_id::codes) == status::bad_layout);
    CHECK(open(memory.data(), bytes, 0, 27) == status::bad_shape);
    CHECK(open(memory.data(), bytes, 18, 0) == status::bad_shape);
    CHECK(open(memory.data(), bytes, huge / 2, 27) == status::overflow);
    CHECK(open(memory.data(), bytes, 33, 27) == status::buffer_size);
    CHECK(open(memory.data(), bytes, 17, 27) == status::bad_value);  // output 17 would be padding

    // Every other byte in every place; only digits that trade places within a byte keep the sum, and so are other
    // weights.
    for (std::size_t i = 0; i < bytes; ++i) {
        const std::uint8_t kept = memory[i];
        for (unsigned other = 0; other < 256; ++other) {
            if (other == kept) continue;
            memory[i] = static_cast<std::uint8_t>(other);
            if (open(memory.data(), bytes, 18, 27) != status::ok) continue;
            int before = 0;
            int after = 0;
            for (int digit = 0; digit < 5; ++digit) {
                before += tern::trit::decode(kept, digit);
                after += tern::trit::decode(memory[i], digit);
            }
            CHECK(before == after);
            CHECK(i % 192 < 128);  // no sum, and
            const std::size_t output = i / 192 * 16 + i % 64 / 4;
            CHECK(output < 18);  // no padding
        }
        memory[i] = kept;
    }
    CHECK(open(memory.data(), bytes, 18, 27) == status::ok);
}
