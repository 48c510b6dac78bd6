// SPDX-License-Identifier: MIT
// From every packed layout to every other: the same bytes as packing the values directly, or a status and no byte.
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include <tern/pack_tiles.hpp>

#include "support/packing.hpp"

namespace {

using namespace tern_test;
using tern::status;

/// A layout with memory of the right size for a shape.
template <class Encoding>
struct rows_form {
    using encoding = Encoding;
    guarded<std::uint32_t> memory;
    tern::mutable_packed_rows<Encoding> view;

    rows_form(std::size_t rows, std::size_t depth)
        : memory(tern::rows_words<Encoding>(rows, depth)), view(memory.data(), rows, depth) {}
    template <class Source>
    status pack(const Source& source) {
        return tern::pack_rows(source, view);
    }
};

template <class Encoding>
struct panels_form {
    using encoding = Encoding;
    guarded<std::uint32_t> memory;
    tern::packed_panels<Encoding> view;

    panels_form(std::size_t outputs, std::size_t depth) : memory(tern::panels_words<Encoding>(outputs, 1, depth)) {}
    template <class Source>
    status pack(const Source& source) {
        return tern::pack_panels(source, memory.data(), memory.size(), view);
    }
};

/// The filters of a convolution: taps of three channels.
template <class Encoding>
struct filters_form {
    using encoding = Encoding;
    guarded<std::uint32_t> memory;
    tern::packed_panels<Encoding> view;
    std::size_t taps;

    filters_form(std::size_t outputs, std::size_t depth)
        : memory(tern::panels_words<Encoding>(outputs, depth / 3, 3)), taps(depth / 3) {}
    template <class Source>
    status pack(const Source& source) {
        return tern::pack_panels(source, memory.data(), memory.size(), view, taps);
    }
};

struct codes_form {
    using encoding = tern::ternary_code;
    guarded<std::uint8_t> memory;
    tern::packed_codes view;

    codes_form(std::size_t outputs, std::size_t depth) : memory(tern::codes_bytes(outputs, depth)) {}
    template <class Source>
    status pack(const Source& source) {
        return tern::pack_codes(source, memory.data(), memory.size(), view);
    }
};

struct trits_form {
    using encoding = tern::trit;
    guarded<std::uint8_t> memory;
    tern::packed_trits view;

    trits_form(std::size_t outputs, std::size_t depth) : memory(tern::trits_bytes(outputs, depth)) {}
    template <class Source>
    status pack(const Source& source) {
        return tern::pack_trits(source, memory.data(), memory.size(), view);
    }
};

/// Encoding and layout are independent, so every encoding meets every other in one layout, and every layout every other
/// in one encoding.
using encodings = std::tuple<rows_form<tern::binary>, rows_form<tern::binary_set_minus>, rows_form<tern::ternary>,
                             rows_form<tern::unsigned_bits<3>>, rows_form<tern::bipolar_bits<2>>>;
using layouts = std::tuple<panels_form<tern::ternary>, filters_form<tern::ternary>, rows_form<tern::ternary>,
                           codes_form, trits_form>;

template <class... Forms, class F>
void for_each_form(std::tuple<Forms...>*, F f) {
    (f(static_cast<Forms*>(nullptr)), ...);
}

/// Values that both encodings have; 1 is in all of them.
template <class A, class B>
std::vector<std::int16_t> common_values() {
    std::vector<std::int16_t> common;
    for (const std::int16_t v : values_of<A>()) {
        if (B::valid(v)) common.push_back(v);
    }
    return common;
}

/// A value that A has and B has not, or `gap_value`.
template <class A, class B>
std::int16_t foreign_value() {
    for (const std::int16_t v : values_of<A>()) {
        if (!B::valid(v)) return v;
    }
    return matrix::gap_value;
}

/// What went wrong, or nothing. Plain comparisons: a doctest macro for each of them takes long to compile.
template <class From, class To>
std::string transcode(std::size_t rows, std::size_t depth) {
    using from_encoding = typename From::encoding;
    using to_encoding = typename To::encoding;
    matrix m = random_matrix(rows, depth, common_values<from_encoding, to_encoding>());
    From from(rows, depth);
    To to(rows, depth), direct(rows, depth);
    matrix back(rows, depth);
    if (from.pack(m.view()) != status::ok || direct.pack(m.view()) != status::ok) return "values refused";
    if (to.pack(from.view) != status::ok) return "transcode refused";
    if (to.memory.contents() != direct.memory.contents()) return "other bytes than from the values";
    if (!to.memory.intact()) return "wrote outside";
    if (tern::unpack(to.view, back.view()) != status::ok || !(back == m)) return "other values";

    const std::int16_t foreign = foreign_value<from_encoding, to_encoding>();
    if (foreign == matrix::gap_value) return "";
    m.at(rows - 1, depth - 1) = foreign;
    To refused(rows, depth);
    if (from.pack(m.view()) != status::ok) return "values refused";
    if (refused.pack(from.view) != status::bad_value) return "foreign value accepted";
    return refused.memory.untouched() ? "" : "wrote although it refused";
}

}  // namespace

TEST_CASE_TEMPLATE_DEFINE("from every encoding to every other", From, every_encoding) {
    for_each_form(static_cast<encodings*>(nullptr), [](auto* to) {
        using To = std::remove_pointer_t<decltype(to)>;
        CHECK(transcode<From, To>(1, 3) == "");
        CHECK(transcode<From, To>(19, 69) == "");
    });
}
TEST_CASE_TEMPLATE_APPLY(every_encoding, encodings);

TEST_CASE_TEMPLATE_DEFINE("from every layout to every other", From, every_layout) {
    for_each_form(static_cast<layouts*>(nullptr), [](auto* to) {
        using To = std::remove_pointer_t<decltype(to)>;
        CHECK(transcode<From, To>(1, 3) == "");
        CHECK(transcode<From, To>(19, 69) == "");
        CHECK(transcode<From, To>(66, 33) == "");
    });
}
TEST_CASE_TEMPLATE_APPLY(every_layout, layouts);

TEST_CASE("weights of either binary convention") {
    CHECK(transcode<panels_form<tern::binary>, panels_form<tern::binary_set_minus>>(19, 69) == "");
    CHECK(transcode<panels_form<tern::binary_set_minus>, rows_form<tern::binary>>(19, 69) == "");
    CHECK(transcode<filters_form<tern::binary_set_minus>, codes_form>(19, 69) == "");
}

TEST_CASE("binary to the opposite convention and back is a complement, padding excepted") {
    const matrix m = random_matrix(3, 40, values_of<tern::binary>());
    rows_form<tern::binary> plus(3, 40);
    rows_form<tern::binary_set_minus> minus(3, 40);
    REQUIRE(plus.pack(m.view()) == status::ok);
    REQUIRE(minus.pack(plus.view) == status::ok);
    for (std::size_t i = 0; i < plus.memory.size(); ++i) {
        const std::uint32_t used = i % 2 == 0 ? 0xffffffffu : 0xffu;
        CHECK((plus.memory.data()[i] ^ minus.memory.data()[i]) == used);
    }
    rows_form<tern::binary> again(3, 40);
    REQUIRE(again.pack(minus.view) == status::ok);
    CHECK(again.memory.contents() == plus.memory.contents());
}

TEST_CASE("codes with the fourth code transcode to canonical zeros") {
    const std::vector<std::uint8_t> bytes(64 + 256, 0xff);
    const tern::packed_codes view(bytes.data(), 20, 3);
    codes_form copy(20, 3);
    REQUIRE(copy.pack(view) == status::ok);
    std::vector<std::uint8_t> zeros(64, 0x55);
    zeros.resize(64 + 256, 0);  // the sums
    CHECK(copy.memory.contents() == zeros);
    rows_form<tern::ternary> rows(20, 3);
    REQUIRE(rows.pack(view) == status::ok);
    CHECK(rows.memory.contents() == std::vector<std::uint32_t>(40, 0));
}
