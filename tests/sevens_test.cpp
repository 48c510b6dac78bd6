// SPDX-License-Identifier: MIT
// Sevens: the encoding, the layout drawn by hand, packing, bytes that nobody vouches for, and products of signed bytes
// with them, which equal the reference.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <tuple>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/gemm_bytes.hpp>
#include <tern/gemv.hpp>
#include <tern/reference.hpp>

#include "support/architectures.hpp"
#include "support/destination.hpp"
#include "support/packing.hpp"
#include "support/parameters.hpp"
#include "support/shapes.hpp"
#include "support/tile_layouts.hpp"

namespace {

using namespace tern_test;
using tern::layout_id;
using tern::matrix_view;
using tern::packed_sevens;
using tern::status;
using tern::ternary_seven;
using tern::tiles;

constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
constexpr std::size_t deepest = 16777215;  // (2^31 - 1) / 128
using bytes = std::vector<std::uint8_t>;

// The others share the kernel of one of these; those with and without VNNI differ in how tables are made alone.
using tested = tern_test::detail::keep_tested<
    tern::arch::scalar,
    std::conditional_t<TERN_HAS_AVX512_VNNI == 1, tern::arch::avx512_vnni, tern::arch::avx512>>;

template <class Body>
void for_each_tag(const Body& body) {
    std::apply(
        [&](auto... tags) {
            [[maybe_unused]] const auto one = [&](auto tag) {
                INFO("on ", tern::arch::name(tag));
                ran(tag);
                body(tag);
            };
            (one(tags), ...);
        },
        tested{});
}

/// Panels of 32 outputs: ceil(depth / 7) tiles of 64 bytes, then 32 sums.
bytes draw_sevens(const matrix& m) {
    const std::size_t count = round_up_div(m.cols(), 7);
    const std::size_t stride = count * 64 + 128;
    bytes to(m.cols() == 0 ? 0 : round_up_div(m.rows(), 32) * stride);
    for (std::size_t o = 0; !to.empty() && o < round_up_div(m.rows(), 32) * 32; ++o) {
        std::int32_t sum = 0;
        for (std::size_t t = 0; t < count; ++t) {
            int w[7] = {};
            for (std::size_t i = 0; i < 7; ++i)
                if (o < m.rows() && 7 * t + i < m.cols()) sum += w[i] = m.at(o, 7 * t + i);
            const std::size_t lane = o % 32 < 16 ? 2 * (o % 16) : 2 * (o % 16) + 1;
            std::uint8_t* const at = to.data() + o / 32 * stride + t * 64 + 2 * lane;
            at[0] = static_cast<std::uint8_t>(w[0] + 1 + 3 * (w[1] + 1) + 9 * (w[2] + 1) + (w[6] == -1 ? 0 : 32));
            at[1] = static_cast<std::uint8_t>(w[3] + 1 + 3 * (w[4] + 1) + 9 * (w[5] + 1) + (w[6] == 1 ? 32 : 0));
        }
        std::memcpy(to.data() + o / 32 * stride + count * 64 + o % 32 * 4, &sum, 4);
    }
    return to;
}

struct weights {
    bytes memory;
    packed_sevens view;

    weights(const integers& w, std::size_t offset) : memory(tern::sevens_bytes(w.rows, w.cols) + offset) {
        REQUIRE(tern::pack_sevens(w.view(), memory.data() + offset, memory.size() - offset, view) == status::ok);
    }
};

/// Signed bytes at an odd address; the memory ends with the last element, for the address sanitizer.
struct activations {
    std::vector<std::int8_t> memory;
    matrix_view<const std::int8_t> view;

    activations(const integers& x, std::size_t gap) {
        const std::size_t stride = x.cols + gap;
        memory.assign(x.rows == 0 ? 1 : 1 + (x.rows - 1) * stride + x.cols, std::int8_t{77});
        for (std::size_t r = 0; r < x.rows; ++r)
            for (std::size_t c = 0; c < x.cols; ++c)
                memory[1 + r * stride + c] = static_cast<std::int8_t>(x.at(r, c));
        view = {memory.data() + 1, x.rows, x.cols, stride};
    }
};

integers signed_bytes(std::size_t rows, std::size_t cols, fill how, random_numbers& random) {
    integers m(rows, cols, how == fill::lowest ? -128 : (how == fill::highest ? 127 : 0));
    if (how == fill::random)
        for (std::int16_t& v : m.values) v = static_cast<std::int16_t>(static_cast<int>(random.next() % 256) - 128);
    return m;
}

integers ternaries(std::size_t rows, std::size_t cols, fill how, random_numbers& random) {
    return make_integers(describe<tern::ternary>(), rows, cols, how, random);
}

std::vector<std::int32_t> reference_gemm(const integers& x, const integers& w) {
    std::vector<std::int32_t> results(x.rows * w.rows);
    tern::reference::gemm(x.view(), w.view(), matrix_view<std::int32_t>(results.data(), x.rows, w.rows));
    return results;
}

void check_product(const activations& x, const weights& w, const std::vector<std::int32_t>& expected, std::size_t gap,
                   tiles range = {}) {
    for_each_tag([&](auto arch) {
        destination<std::int32_t> dst(x.view.rows, w.view.outputs, gap);
        dst.expect(expected, range.first * 32, range.last > huge / 32 ? huge : range.last * 32);
        CHECK(tern::gemm<decltype(arch)>(x.view, w.view, dst.view(), range) == status::ok);
        CHECK(dst.difference() == "");
    });
}

}  // namespace

TEST_CASE("ternary_seven: all 2187 sevens, and bytes that stand for nothing") {
    for (int number = 0; number < 2187; ++number) {
        std::int8_t values[7];
        int rest = number;
        for (std::int8_t& v : values) {
            v = static_cast<std::int8_t>(rest % 3 - 1);
            rest /= 3;
        }
        const std::uint8_t first = ternary_seven::encode(values, 0);
        const std::uint8_t second = ternary_seven::encode(values, 1);
        CHECK((first & 31) == number % 27);
        CHECK((second & 31) == number / 27 % 27);
        for (int i = 0; i < 7; ++i) CHECK(ternary_seven::decode(first, second, i) == values[i]);
    }
    for (int byte = 0; byte < 256; ++byte)
        for (int i = 0; i < 7; ++i)
            CHECK(ternary_seven::valid(ternary_seven::decode(static_cast<std::uint8_t>(byte), 0xff, i)));
    CHECK(static_cast<unsigned>(ternary_seven::id) == 7u);
    CHECK(static_cast<unsigned>(layout_id::sevens) == 6u);
}

TEST_CASE("sevens: every shape and every tail") {
    check_every_tile<packed_sevens>(
        32, draw_sevens, [](auto... size) { return tern::sevens_bytes(size...); },
        [](auto&&... all) { return tern::pack_sevens(all...); },
        [](auto&&... all) { return tern::view_sevens(all...); });
}

TEST_CASE("sevens: what is refused, and every byte of untrusted bytes") {
    const matrix m = random_matrix(33, 15, values_of<tern::ternary>());
    bytes memory(tern::sevens_bytes(33, 15));
    packed_sevens packed;
    CHECK(tern::pack_sevens(m.view(), memory.data(), memory.size() - 1, packed) == status::buffer_size);
    CHECK(tern::pack_sevens(m.view(), nullptr, memory.size(), packed) == status::null_pointer);
    const std::int8_t two[1] = {2};
    CHECK(tern::pack_sevens(matrix_view<const std::int8_t>{two, 1, 1}, memory.data(), memory.size(), packed) ==
          status::bad_value);
    CHECK(memory == bytes(memory.size()));
    REQUIRE(tern::pack_sevens(m.view(), memory.data(), memory.size(), packed) == status::ok);
    packed_sevens view;
    const auto try_view = [&](std::size_t size, layout_id layout, std::size_t outputs, std::size_t depth) {
        return tern::view_sevens(memory.data(), size, layout, outputs, depth, view);
    };
    CHECK(try_view(memory.size(), layout_id::codes, 33, 15) == status::bad_layout);
    CHECK(try_view(memory.size(), layout_id::sevens, 0, 15) == status::bad_shape);
    CHECK(try_view(memory.size() - 1, layout_id::sevens, 33, 15) == status::buffer_size);
    CHECK(try_view(memory.size(), layout_id::sevens, huge / 2, 15) == status::overflow);
    matrix back(33, 15);
    for (std::size_t i = 0; i < memory.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            const std::uint8_t kept = memory[i];
            memory[i] = static_cast<std::uint8_t>(kept ^ 1 << bit);
            REQUIRE(tern::unpack(packed, back.view()) == status::ok);
            const status expected = draw_sevens(back) == memory ? status::ok : status::bad_value;
            if (try_view(memory.size(), layout_id::sevens, 33, 15) != expected) FAIL_CHECK("byte " << i);
            memory[i] = kept;
        }
    CHECK(try_view(memory.size(), layout_id::sevens, 33, 15) == status::ok);
    CHECK(tern::tile_count(view) == 2);
    packed_sevens foreign = packed;
    foreign.layout = layout_id::trits;
    CHECK(tern::check(foreign) == status::bad_layout);
    CHECK(tern::sevens_bytes(1, std::size_t{0x7fffffff} + 1) == 0);
    CHECK(tern::sevens_bytes(huge, huge) == 0);
    const auto codes = tern::pack<tern::ternary_code>(m.view());
    const auto from_codes = tern::pack<ternary_seven>(codes);
    REQUIRE(from_codes.state == status::ok);
    CHECK(std::memcmp(from_codes.data, memory.data(), memory.size()) == 0);
}

#if TERN_HAS_AVX512
TEST_CASE("sevens: tables are the same on every architecture") {
    random_numbers random(2);
    for (int turn = 0; turn < 20; ++turn) {
        std::int8_t x[28];
        for (std::int8_t& v : x)
            v = static_cast<std::int8_t>(turn == 0 ? 128u : turn == 1 ? 127u : random.next() & 255u);
        std::vector<std::int16_t> expected(512), tables(512, -1);
        tern::simd::scalar_sevens::build(x, expected.data());
        tern::simd::avx512_sevens<false>::build(x, tables.data());
        CHECK(tables == expected);
#if TERN_HAS_AVX512_VNNI
        tables.assign(512, -1);
        tern::simd::avx512_sevens<true>::build(x, tables.data());
        CHECK(tables == expected);
#endif
    }
}
#endif

TEST_CASE("sevens: a product equals the reference, whatever the shape, the values and the tiles") {
    random_numbers random(1);
    std::vector<product_shape> shapes = product_shapes(9);
    for (const std::size_t outputs : {127u, 128u, 129u, 255u, 257u, 2049u, 4097u}) {
        shapes.push_back({1, outputs, 30});
        shapes.push_back({6, outputs, 30});
    }
    // Blocks of 32 rows, 128 rows a time, of which the row tiles share weights; 4224 outputs to a block.
    for (const std::size_t rows : {15u, 16u, 17u, 35u, 131u}) shapes.push_back({rows, 161, 345});
    shapes.push_back({18, 4257, 8});
    shapes.push_back({35, 3073, 8});
    // Four sevens are built at once, 36 fit sums of 16 bits, tables of 28 to 112 are kept.
    for (const std::size_t sevens : {4u, 24u, 28u, 36u, 56u, 72u, 112u})
        for (const std::size_t rows : {1u, 2u, 3u, 4u, 9u})
            for (const std::size_t off : {6u, 7u, 8u}) shapes.push_back({rows, 35, 7 * sevens + off - 7});
    std::size_t turn = 0;
    for (const product_shape& s : shapes) {
        INFO(s);
        const fill hows[] = {fill::random, fill::random, fill::lowest, fill::highest};
        const integers x = signed_bytes(s.rows, s.depth, hows[turn % 4], random);
        const integers w = ternaries(s.outputs, s.depth, hows[turn / 4 % 4], random);
        check_product(activations(x, turn % 3), weights(w, turn % 2), reference_gemm(x, w), turn % 3 * 2);
        ++turn;
    }
    // All extremes at the bound of 16-bit sums.
    for (const fill of_x : {fill::lowest, fill::highest})
        for (const fill of_w : {fill::lowest, fill::highest})
            for (const std::size_t depth : {252u, 253u, 504u, 2521u}) {
                const integers x = signed_bytes(5, depth, of_x, random);
                const integers w = ternaries(33, depth, of_w, random);
                check_product(activations(x, 0), weights(w, 0), reference_gemm(x, w), 0);
            }
    const integers x = signed_bytes(6, 90, fill::random, random);
    const integers w = ternaries(300, 90, fill::random, random);
    for (std::size_t first = 0; first <= 10; ++first)
        for (std::size_t last = first; last <= 11; ++last)
            check_product(activations(x, 0), weights(w, 0), reference_gemm(x, w), 1, tiles{first, last});
}

TEST_CASE("sevens: the deepest products do not overflow, and deeper ones are refused") {
    const std::vector<std::int8_t> row(deepest + 1, std::int8_t{-128});
    for (const int of_w : {-1, 1}) {
        const std::vector<std::int8_t> w(deepest, static_cast<std::int8_t>(of_w));
        const auto packed = tern::pack<ternary_seven>(matrix_view<const std::int8_t>{w.data(), 1, deepest});
        REQUIRE(packed.state == status::ok);
        packed_sevens deeper = packed;
        ++deeper.depth;
        for_each_tag([&](auto arch) {
            if (std::is_same_v<decltype(arch), tern::arch::scalar> && of_w > 0) return;  // slow
            std::int32_t result = 0;
            const matrix_view<std::int32_t> dst(&result, 1, 1);
            CHECK(tern::gemm<decltype(arch)>(matrix_view<const std::int8_t>(row.data(), 1, deepest), packed, dst) ==
                  status::ok);
            CHECK(std::int64_t{result} == std::int64_t{-128} * of_w * static_cast<std::int64_t>(deepest));
            CHECK(tern::gemm<decltype(arch)>(matrix_view<const std::int8_t>(row.data(), 1, deepest + 1), deeper, dst) ==
                  status::overflow);
        });
    }
}

TEST_CASE("sevens: reals equal the reference, in groups too") {
    random_numbers random(5);
    const product_shape all[] = {{1, 40, 100}, {5, 130, 257}, {18, 17, 515}};
    for (const product_shape& s : all) {
        for (const std::size_t group : {0u, 32u, 64u}) {
            INFO(s, ", groups of ", group);
            const integers x = signed_bytes(s.rows, s.depth, fill::random, random);
            const integers w = ternaries(s.outputs, s.depth, fill::random, random);
            const activations lhs(x, 1);
            const weights rhs(w, 1);
            parameters p;
            p.randomize(random, s.rows, w, group);
            std::vector<float> reals(s.rows * s.outputs);
            const matrix_view<float> y(reals.data(), s.rows, s.outputs);
            tern::reference::gemm(x.view(), w.view(), y, p.epilogue);
            for_each_tag([&](auto arch) {
                destination<float> dst(s.rows, s.outputs, 1);
                dst.expect(reals);
                CHECK(tern::gemm<decltype(arch)>(lhs.view, rhs.view, dst.view(), p.epilogue) == status::ok);
                CHECK(dst.difference() == "");
            });
        }
    }
}
