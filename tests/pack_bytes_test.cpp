// SPDX-License-Identifier: MIT
// Sources of bytes take a way of their own on every architecture: the same words as drawn, the same refusals.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <tern/pack.hpp>

#include "support/architectures.hpp"
#include "support/packing.hpp"

namespace {

using namespace tern_test;
using tern::status;

/// The values of an encoding that T can hold.
template <class Encoding, class T>
std::vector<std::int16_t> values_in() {
    std::vector<std::int16_t> values;
    for (const std::int16_t v : values_of<Encoding>()) {
        if (v >= std::numeric_limits<T>::min() && v <= std::numeric_limits<T>::max()) values.push_back(v);
    }
    return values;
}

template <class Arch, class Encoding, class T>
const char* check_rows(std::size_t rows, std::size_t depth, std::size_t gap, std::size_t offset) {
    const matrix m = random_matrix(rows, depth, values_in<Encoding, T>(), static_cast<std::uint32_t>(depth));
    const std::size_t stride = depth + gap;
    std::vector<T> source(offset + rows * stride, T{111});
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t d = 0; d < depth; ++d) source[offset + r * stride + d] = static_cast<T>(m.at(r, d));
    }
    const tern::matrix_view<const T> view{source.data() + offset, rows, depth, stride};
    const std::size_t plane_stride = tern::depth_words(depth) + gap;
    const std::size_t row_stride = plane_stride * std::size_t{Encoding::planes};
    guarded<std::uint32_t> memory(
        tern::mutable_packed_rows<Encoding>(nullptr, rows, depth, row_stride, plane_stride).extent());
    std::vector<std::uint32_t> expected(memory.size(), guarded<std::uint32_t>::garbage);
    draw_rows<Encoding>(m, row_stride, plane_stride, expected);
    const tern::mutable_packed_rows<Encoding> q(memory.data(), rows, depth, row_stride, plane_stride);
    if (tern::pack_rows<Encoding, Arch>(view, q) != status::ok) return "refused";
    if (memory.contents() != expected) return "other words than drawn";
    return memory.intact() ? "" : "wrote outside";
}

/// Every byte at every place of a row.
template <class Arch, class Encoding, class T>
const char* check_refusals(std::size_t depth) {
    const auto good = static_cast<T>(values_in<Encoding, T>().front());
    for (std::size_t at = 0; at < depth; ++at) {
        for (int v = std::numeric_limits<T>::min(); v <= std::numeric_limits<T>::max(); ++v) {
            std::vector<T> source(2 * depth, good);
            source[depth + at] = static_cast<T>(v);
            guarded<std::uint32_t> memory(2 * std::size_t{Encoding::planes} * tern::depth_words(depth));
            const status expected = Encoding::valid(v) ? status::ok : status::bad_value;
            const tern::matrix_view<const T> view{source.data(), 2, depth};
            if (tern::pack_rows<Encoding, Arch>(view, tern::mutable_packed_rows<Encoding>(memory.data(), 2, depth)) !=
                expected)
                return "another status";
            if (expected != status::ok && !memory.untouched()) return "refused, but written";
        }
    }
    return "";
}

template <class Encoding, class T>
void check_all() {
    const auto one = [](auto arch) {
        using tag = decltype(arch);
        for (std::size_t depth = 0; depth < 131; ++depth) {
            const char* error = check_rows<tag, Encoding, T>(3, depth, depth % 3, depth % 5);
            if (*error != 0)
                FAIL_CHECK(std::string(error) << ": " << std::string(tern::arch::name(arch)) << ", depth " << depth);
        }
        for (const std::size_t depth : {std::size_t{1}, std::size_t{31}, std::size_t{32}, std::size_t{37}}) {
            const char* error = check_refusals<tag, Encoding, T>(depth);
            if (*error != 0)
                FAIL_CHECK(std::string(error) << ": " << std::string(tern::arch::name(arch)) << ", depth " << depth);
        }
    };
    for_each_architecture(one);
    if constexpr (tern::arch::compiled(tern::arch::sse4{})) one(tern::arch::sse4{});
}

}  // namespace

TEST_CASE("bytes: binary") {
    check_all<tern::binary, std::int8_t>();
    check_all<tern::binary_set_minus, std::int8_t>();
}

TEST_CASE("bytes: ternary") { check_all<tern::ternary, std::int8_t>(); }

TEST_CASE("bytes: unsigned bits") {
    check_all<tern::unsigned_bits<1>, std::int8_t>();
    check_all<tern::unsigned_bits<4>, std::int8_t>();
    check_all<tern::unsigned_bits<7>, std::int8_t>();
    check_all<tern::unsigned_bits<8>, std::int8_t>();
    check_all<tern::unsigned_bits<1>, std::uint8_t>();
    check_all<tern::unsigned_bits<4>, std::uint8_t>();
    check_all<tern::unsigned_bits<7>, std::uint8_t>();
    check_all<tern::unsigned_bits<8>, std::uint8_t>();
}
