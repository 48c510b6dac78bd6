// SPDX-License-Identifier: MIT
// Owning types: alignment, zeroes, moves, and failures that leave an empty view behind.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>

#include "support/packing.hpp"

// The address sanitizer would end the program instead of letting an allocation fail.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

namespace {

using namespace tern_test;
using tern::buffer;
using tern::matrix_view;
using tern::packed_activations;
using tern::packed_matrix;
using tern::status;
using tern::ternary;

constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
/// Bytes that size_t can say and no allocator gives: more than a pointer difference can say.
/// Read at run time, or the compiler would warn of it.
volatile std::size_t too_much_at_run_time = huge / 4 * 3;
const std::size_t too_much = too_much_at_run_time;

static_assert(!std::is_copy_constructible_v<buffer<int>> && !std::is_copy_assignable_v<buffer<int>>);
static_assert(!std::is_copy_constructible_v<packed_matrix<ternary>>);
static_assert(!std::is_copy_constructible_v<packed_activations<ternary>>);
static_assert(std::is_nothrow_move_constructible_v<packed_matrix<ternary>>);
static_assert(std::is_nothrow_move_assignable_v<packed_activations<ternary>>);

}  // namespace

TEST_CASE("buffer: zeroed and on a 64-byte boundary") {
    for (const std::size_t size : sizes) {
        buffer<std::uint32_t> b(size);
        CHECK(b.size() == size);
        CHECK((b.data() != nullptr) == (size != 0));
        CHECK(reinterpret_cast<std::uintptr_t>(b.data()) % 64 == 0);
        for (std::size_t i = 0; i < size; ++i) CHECK(b[i] == 0u);
        for (std::size_t i = 0; i < size; ++i) b[i] = static_cast<std::uint32_t>(i);
        const auto& constant = b;
        for (std::size_t i = 0; i < size; ++i) CHECK(constant[i] == i);
        CHECK(constant.data() == b.data());
    }
    CHECK(buffer<int>().data() == nullptr);
    CHECK(buffer<int>().size() == 0);
}

TEST_CASE("buffer: sizes that cannot be had") {
    for (const std::size_t size : {huge, huge / 4 + 1, too_much / 4}) {
        const buffer<std::uint32_t> b(size);
        CHECK(b.data() == nullptr);
        CHECK(b.size() == 0);
    }
}

TEST_CASE("buffer: moving leaves nothing behind") {
    buffer<int> a(5);
    a[3] = 7;
    int* const memory = a.data();
    buffer<int> b(std::move(a));
    CHECK(b.data() == memory);
    CHECK(b.size() == 5);
    CHECK(a.data() == nullptr);  // NOLINT(bugprone-use-after-move): that is the question
    CHECK(a.size() == 0);
    a = buffer<int>(2);
    a = std::move(b);
    CHECK(a.data() == memory);
    CHECK(a[3] == 7);
    CHECK(b.data() == nullptr);  // NOLINT(bugprone-use-after-move)
    CHECK(b.size() == 0);
}

TEST_CASE("packed_matrix: the bytes of pack_panels") {
    for (const std::size_t taps : {1u, 9u}) {
        const matrix m = random_matrix(17, 45, values_of<ternary>());
        const packed_matrix<ternary> p = tern::pack<ternary>(m.view(), taps);
        REQUIRE(p.state == status::ok);
        CHECK(check(p) == status::ok);
        CHECK(p.outputs == 17);
        CHECK(p.taps == taps);
        CHECK(p.tap_depth == 45 / taps);
        CHECK(std::vector<std::uint32_t>(p.data, p.data + p.words()) == draw_panels<ternary>(m, taps));
        CHECK(reinterpret_cast<std::uintptr_t>(p.data) % 64 == 0);
    }
}

TEST_CASE("packed_activations: the bits of pack_rows, or zeros to be written") {
    const matrix m = random_matrix(5, 70, values_of<tern::unsigned_bits<3>>());
    const auto p = tern::pack_rows<tern::unsigned_bits<3>>(m.view());
    REQUIRE(p.state == status::ok);
    matrix back(5, 70);
    REQUIRE(tern::unpack(p, back.view()) == status::ok);
    CHECK(back == m);
    CHECK(p.target == p.data);

    const packed_activations<ternary> blank(3, 33);
    REQUIRE(blank.state == status::ok);
    CHECK(blank.rows == 3);
    CHECK(blank.depth == 33);
    for (std::size_t i = 0; i < 3 * 4; ++i) CHECK(blank.target[i] == 0u);

    // A packed view is a source too.
    const auto weights = tern::pack<ternary>(random_matrix(3, 33, values_of<ternary>()).view());
    const auto copy = tern::pack_rows<ternary>(weights);
    REQUIRE(copy.state == status::ok);
    for (std::size_t r = 0; r < 3; ++r) {
        for (std::size_t d = 0; d < 33; ++d) CHECK(copy.value(r, d) == weights.value(r, d));
    }
}

TEST_CASE("owning types: zero sizes are legal") {
    const matrix_view<const std::int8_t> no_rows(nullptr, 0, 5);
    const matrix_view<const std::int8_t> no_depth(nullptr, 5, 0);
    CHECK(tern::pack<ternary>(no_rows).state == status::ok);
    CHECK(tern::pack<ternary>(no_depth).state == status::ok);
    CHECK(tern::pack<ternary>(no_depth).outputs == 5);
    CHECK(tern::pack_rows<ternary>(no_rows).state == status::ok);
    CHECK(tern::pack_rows<ternary>(no_depth).state == status::ok);
    CHECK(tern::pack_rows<ternary>(no_depth).rows == 5);
    CHECK(packed_activations<ternary>(0, 5).state == status::ok);
    CHECK(packed_matrix<ternary>().state == status::ok);
}

TEST_CASE("owning types: a failure says why and leaves an empty view") {
    const std::int8_t bad[] = {1, 2, 0, 0};
    const auto weights = [](const matrix_view<const std::int8_t>& from, std::size_t taps = 1) {
        const auto p = tern::pack<ternary>(from, taps);
        CHECK(p.data == nullptr);
        CHECK(p.outputs == 0);
        CHECK(check(p) == status::ok);
        return p.state;
    };
    const auto activations = [](const matrix_view<const std::int8_t>& from) {
        const auto p = tern::pack_rows<ternary>(from);
        CHECK(p.data == nullptr);
        CHECK(p.target == nullptr);
        CHECK(p.rows == 0);
        CHECK(check(p) == status::ok);
        return p.state;
    };
    CHECK(weights({bad, 2, 2}) == status::bad_value);
    CHECK(weights({bad, 2, 2, 1}) == status::bad_stride);
    CHECK(weights({nullptr, 2, 2}) == status::null_pointer);
    CHECK(weights({bad, 1, 4}, 3) == status::bad_shape);
    CHECK(weights({bad, 1, 4}, 0) == status::bad_shape);
    CHECK(weights({bad, huge / 2, 4}) == status::overflow);
    CHECK(weights({bad, too_much / 19, 1}) == status::buffer_size);
    CHECK(activations({bad, 2, 2}) == status::bad_value);
    CHECK(activations({bad, 2, 2, 1}) == status::bad_stride);
    CHECK(activations({nullptr, 2, 2}) == status::null_pointer);
    CHECK(activations({bad, huge / 2, 4}) == status::overflow);
    CHECK(activations({bad, too_much / 8, 1}) == status::buffer_size);
    CHECK(packed_activations<ternary>(huge / 2, 64).state == status::overflow);
    CHECK(packed_activations<ternary>(too_much / 8, 1).state == status::buffer_size);
}

TEST_CASE("owning types: moving takes memory, view and state along") {
    const matrix m = random_matrix(17, 45, values_of<ternary>());
    auto a = tern::pack<ternary>(m.view());
    const std::uint32_t* const memory = a.data;
    packed_matrix<ternary> b(std::move(a));
    CHECK(b.data == memory);
    CHECK(b.outputs == 17);
    CHECK(a.data == nullptr);  // NOLINT(bugprone-use-after-move)
    CHECK(a.outputs == 0);
    a = std::move(b);
    CHECK(a.data == memory);
    CHECK(b.data == nullptr);  // NOLINT(bugprone-use-after-move)
    matrix back(17, 45);
    REQUIRE(tern::unpack(a, back.view()) == status::ok);
    CHECK(back == m);

    auto rows = tern::pack_rows<ternary>(m.view());
    const std::uint32_t* const row_memory = rows.target;
    auto moved = std::move(rows);
    CHECK(moved.target == row_memory);
    CHECK(moved.data == row_memory);
    CHECK(rows.target == nullptr);  // NOLINT(bugprone-use-after-move)
    CHECK(rows.rows == 0);

    const std::int8_t bad[] = {2};
    auto failed = tern::pack<ternary>(matrix_view<const std::int8_t>(bad, 1, 1));
    a = std::move(failed);
    CHECK(a.state == status::bad_value);
    CHECK(a.data == nullptr);
}
