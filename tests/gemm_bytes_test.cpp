// SPDX-License-Identifier: MIT
// Products of signed bytes with packed weights equal the reference, for every architecture, shape and destination.
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/gemm_bytes.hpp>
#include <tern/gemv.hpp>
#include <tern/reference.hpp>

#include "support/architectures.hpp"
#include "support/destination.hpp"
#include "support/parameters.hpp"
#include "support/shapes.hpp"

namespace {

using namespace tern_test;
using tern::matrix_view;
using tern::status;
using tern::tiles;

constexpr size_t deepest = 16777215;       // (2^31 - 1) / 128
constexpr size_t deepest_real = 4194303;  // (2^29 - 1) / 128

template <class Body>
void for_each_tag(const Body& body) {
    for_each_architecture<byte_architectures>([&](auto tag) {
        INFO("on ", tern::arch::name(tag));
        body(tag);
    });
}

/// Signed bytes at an odd address, rows with a gap; the memory ends with the last element, for the address sanitizer.
struct activations {
    std::vector<std::int8_t> memory;
    matrix_view<const std::int8_t> view;

    activations(const integers& x, size_t gap, size_t offset) {
        const size_t stride = x.cols + gap;
        memory.assign(x.rows == 0 ? 0 : offset + (x.rows - 1) * stride + x.cols, std::int8_t{77});
        for (size_t r = 0; r < x.rows; ++r)
            for (size_t c = 0; c < x.cols; ++c)
                memory[offset + r * stride + c] = static_cast<std::int8_t>(x.at(r, c));
        view = {memory.data() + (memory.empty() ? 0 : offset), x.rows, x.cols, stride};
    }
};

integers bytes(size_t rows, size_t cols, fill how, random_numbers& random) {
    integers m(rows, cols, how == fill::lowest ? -128 : (how == fill::highest ? 127 : 0));
    if (how == fill::random)
        for (std::int16_t& v : m.values) v = static_cast<std::int16_t>(static_cast<int>(random.next() % 256) - 128);
    return m;
}

/// Ternary weights as codes, at an odd address if that is asked for.
struct codes {
    using encoding = tern::ternary_code;
    static constexpr size_t tile_outputs = 64;
    std::vector<std::uint8_t> memory;
    tern::packed_codes view;

    codes(const integers& w, size_t offset) : memory(tern::codes_bytes(w.rows, w.cols) + offset) {
        REQUIRE(tern::pack_codes(w.view(), memory.data() + offset, memory.size() - offset, view) == status::ok);
    }
    static integers values(size_t rows, size_t cols, fill how, random_numbers& random) {
        return make_integers(describe<tern::ternary>(), rows, cols, how, random);
    }
    static void cut(tern::packed_codes& v, size_t depth) { v.depth = depth; }
};

/// Ternary weights in 1.6 bits, likewise.
struct trits {
    using encoding = tern::trit;
    static constexpr size_t tile_outputs = 16;
    std::vector<std::uint8_t> memory;
    tern::packed_trits view;

    trits(const integers& w, size_t offset) : memory(tern::trits_bytes(w.rows, w.cols) + offset) {
        REQUIRE(tern::pack_trits(w.view(), memory.data() + offset, memory.size() - offset, view) == status::ok);
    }
    static integers values(size_t rows, size_t cols, fill how, random_numbers& random) {
        return codes::values(rows, cols, how, random);
    }
    static void cut(tern::packed_trits& v, size_t depth) { v.depth = depth; }
};

/// Binary weights as panels, at an address that is aligned for words only if that is asked for.
struct panels {
    using encoding = tern::binary;
    static constexpr size_t tile_outputs = 16;
    std::vector<word> memory;
    tern::packed_panels<tern::binary> view;

    panels(const integers& w, size_t offset) : memory(tern::panels_words<tern::binary>(w.rows, 1, w.cols) + offset) {
        REQUIRE(tern::pack_panels(w.view(), memory.data() + offset, memory.size() - offset, view) == status::ok);
    }
    static integers values(size_t rows, size_t cols, fill how, random_numbers& random) {
        return make_integers(describe<tern::binary>(), rows, cols, how, random);
    }
    static void cut(tern::packed_panels<tern::binary>& v, size_t depth) { v.tap_depth = depth; }
};

std::vector<std::int32_t> reference_gemm(const integers& x, const integers& w) {
    std::vector<std::int32_t> results(x.rows * w.rows);
    tern::reference::gemm(x.view(), w.view(), matrix_view<std::int32_t>(results.data(), x.rows, w.rows));
    return results;
}

template <class Weights>
void check_product(const activations& x, const Weights& w, const std::vector<std::int32_t>& expected, size_t gap) {
    for_each_tag([&](auto arch) {
        destination<std::int32_t> dst(x.view.rows, w.view.outputs, gap);
        dst.expect(expected);
        CHECK(tern::gemm<decltype(arch)>(x.view, w.view, dst.view()) == status::ok);
        CHECK(dst.difference() == "");
    });
}

std::vector<product_shape> shapes() {
    std::vector<product_shape> all = product_shapes(20);
    for (const size_t outputs : {191u, 192u, 193u, 257u}) {
        all.push_back({1, outputs, 70});
        all.push_back({6, outputs, 70});
    }
    for (const size_t depth : {167u, 168u, 169u, 335u, 336u, 337u, 671u, 672u, 673u, 2047u, 2048u, 2049u}) {
        all.push_back({1, 66, depth});
        all.push_back({3, 66, depth});
    }
    // Several rows and many outputs take other kernels.
    for (const size_t rows : {4u, 5u, 6u, 7u, 8u, 9u}) all.push_back({rows, 273, 47});
    for (const size_t outputs : {255u, 256u, 1023u, 1025u, 1041u, 1072u}) all.push_back({5, outputs, 33});
    for (size_t rows = 10; rows < 23; ++rows) all.push_back({rows, 150, 47});
    for (const size_t depth : {1023u, 1024u, 1025u, 1031u}) all.push_back({21, 66, depth});
    all.push_back({41, 129, 100});
    for (const size_t rows : {31u, 33u, 38u}) all.push_back({rows, 257, 83});
    for (const size_t depth : {1u, 15u, 16u, 17u, 31u, 32u, 33u, 463u, 464u, 479u, 480u, 481u, 495u, 496u, 511u, 961u})
        all.push_back({4, 260, depth});
    return all;
}

TEST_CASE_TEMPLATE("a product equals the reference, whatever the shape and the form of its operands", Weights, codes,
                   trits, panels) {
    random_numbers random(1);
    size_t turn = 0;
    for (const product_shape& s : shapes()) {
        INFO(s);
        const integers x = bytes(s.rows, s.depth, fill::random, random);
        const integers w = Weights::values(s.outputs, s.depth, fill::random, random);
        check_product(activations(x, turn % 3, turn % 5), Weights(w, turn / 2 % 4), reference_gemm(x, w), turn % 3 * 2);
        ++turn;
    }
}

TEST_CASE_TEMPLATE("operands that are all lowest or all highest equal the reference", Weights, codes, trits, panels) {
    const product_shape all[] = {{9, 33, 65}, {1, 130, 993}, {3, 5, 4129}, {13, 66, 2500}, {5, 290, 600}};
    random_numbers random(2);
    for (const product_shape& s : all)
        for (const fill of_x : {fill::lowest, fill::highest, fill::random})
            for (const fill of_w : {fill::lowest, fill::highest, fill::random}) {
                INFO(s);
                const integers x = bytes(s.rows, s.depth, of_x, random);
                const integers w = Weights::values(s.outputs, s.depth, of_w, random);
                check_product(activations(x, 0, 0), Weights(w, 0), reference_gemm(x, w), 0);
            }
}

TEST_CASE_TEMPLATE("operands of mixed signs whose products all agree equal the reference", Weights, codes, trits,
                   panels) {
    random_numbers random(12);
    for (const size_t depth : {240u, 253u, 480u, 511u, 1441u}) {
        INFO(depth);
        integers x(5, depth), w(257, depth);
        for (size_t k = 0; k < depth; ++k) {
            const int sign = random.next() % 2 == 0 ? 1 : -1;
            for (size_t r = 0; r < x.rows; ++r) x.at(r, k) = static_cast<std::int16_t>(sign < 0 ? -128 : 127);
            for (size_t o = 0; o < w.rows; ++o) w.at(o, k) = static_cast<std::int16_t>(o % 3 == 0 ? -sign : sign);
        }
        check_product(activations(x, 0, 0), Weights(w, 0), reference_gemm(x, w), 0);
    }
}

TEST_CASE_TEMPLATE("a single element anywhere reaches its results and no other", Weights, codes, trits, panels) {
    constexpr size_t rows = 5, outputs = 67, depth = 69;
    random_numbers random(3);
    for (size_t at = 0; at < depth; ++at) {
        integers x(rows, depth);
        for (size_t r = 0; r < rows; ++r) x.at(r, (at + 7 * r) % depth) = r % 2 == 0 ? -128 : 127;
        const integers w = Weights::values(outputs, depth, fill::random, random);
        check_product(activations(x, 1, 1), Weights(w, 0), reference_gemm(x, w), 0);
    }
}

TEST_CASE_TEMPLATE("rows that are deeper than any scratch equal the reference", Weights, codes, trits, panels) {
    random_numbers random(11);
    for (const product_shape& s : {product_shape{2, 17, 32767}, {9, 70, 4100}, {17, 17, 8193}, {1, 80, 32801},
                                   {1, 17, 65569}, {1, 17, 131101}}) {
        INFO(s);
        const integers x = bytes(s.rows, s.depth, fill::random, random);
        const integers w = Weights::values(s.outputs, s.depth, fill::random, random);
        check_product(activations(x, 1, 1), Weights(w, 0), reference_gemm(x, w), 0);
    }
}

TEST_CASE_TEMPLATE("the deepest products do not overflow, and deeper ones are refused", Weights, codes, trits, panels) {
    for (const fill of_w : {fill::lowest, fill::highest}) {
        random_numbers random(4);
        const int sign = of_w == fill::highest ? 1 : -1;
        const Weights packed(Weights::values(1, deepest + 1, of_w, random), 0);
        auto shallower = packed.view;  // the same codes: with one output, depth comes first
        Weights::cut(shallower, deepest);
        for (const int of_x : {-128, 127}) {
            const std::vector<std::int8_t> row(2 * (deepest + 1), static_cast<std::int8_t>(of_x));
            for_each_tag([&](auto arch) {
                using tag = decltype(arch);
                if (std::is_same_v<tag, tern::arch::scalar> && of_w == fill::highest) return;  // slow
                // Two rows where they have a product of their own: pairs of them.
                constexpr size_t rows = std::is_base_of_v<tern::arch::i8mm, tag> ? 2 : 1;
                std::int32_t results[2] = {};
                const matrix_view<std::int32_t> dst(results, rows, 1);
                const matrix_view<const std::int8_t> x(row.data(), rows, deepest, deepest + 1);
                CHECK(tern::gemm<tag>(x, shallower, dst) == status::ok);
                for (size_t r = 0; r < rows; ++r)
                    CHECK(std::int64_t{results[r]} == std::int64_t{of_x} * sign * static_cast<std::int64_t>(deepest));
                const matrix_view<const std::int8_t> deeper(row.data(), rows, deepest + 1);
                CHECK(tern::gemm<tag>(deeper, packed.view, dst) == status::overflow);
            });
        }
    }
}

TEST_CASE_TEMPLATE("reals and packed ternary results equal the reference, in groups too", Weights, codes, trits,
                   panels) {
    random_numbers random(5);
    const product_shape all[] = {{1, 40, 100}, {7, 66, 300}, {5, 130, 257}, {1, 200, 64}, {18, 17, 515}, {5, 270, 290}};
    for (const product_shape& s : all) {
        for (const size_t group : {0u, 32u, 64u, 128u, 256u}) {
            for (int turn = 0; turn < 4; ++turn) {
                INFO(s, ", groups of ", group);
                const integers x = bytes(s.rows, s.depth, turn == 3 ? fill::lowest : fill::random, random);
                const integers w = Weights::values(s.outputs, s.depth, fill::random, random);
                const activations lhs(x, static_cast<size_t>(turn), 1);
                const Weights rhs(w, 1);
                parameters p;
                p.randomize(random, s.rows, w, group);
                std::vector<float> reals(s.rows * s.outputs);
                std::vector<std::int8_t> ternaries(reals.size());
                const matrix_view<float> y(reals.data(), s.rows, s.outputs);
                tern::reference::gemm(x.view(), w.view(), y, p.epilogue);
                tern::reference::ternarize(y, p.limits,
                                           matrix_view<std::int8_t>(ternaries.data(), s.rows, s.outputs));
                for_each_tag([&](auto arch) {
                    destination<float> dst(s.rows, s.outputs, static_cast<size_t>(turn));
                    dst.expect(reals);
                    CHECK(tern::gemm<decltype(arch)>(lhs.view, rhs.view, dst.view(), p.epilogue) == status::ok);
                    CHECK(dst.difference() == "");
                    ternary_destination packed(s.rows, s.outputs, forms[turn]);
                    packed.expect(ternaries);
                    CHECK(tern::gemm<decltype(arch)>(lhs.view, rhs.view, packed.view(), p.epilogue, p.limits) ==
                          status::ok);
                    CHECK(packed.difference() == "");
                });
            }
        }
    }
}

TEST_CASE_TEMPLATE("any partition into tiles gives the same bytes", Weights, codes, trits, panels) {
    random_numbers random(6);
    for (const size_t rows : {1u, 6u}) {
        const integers x = bytes(rows, 90, fill::random, random);
        const integers w = Weights::values(300, 90, fill::random, random);
        const activations lhs(x, 0, 0);
        const Weights rhs(w, 0);
        const auto expected = reference_gemm(x, w);
        parameters p;
        p.randomize(random, rows, w);
        std::vector<float> reals(rows * 300);
        std::vector<std::int8_t> ternaries(reals.size());
        const matrix_view<float> y(reals.data(), rows, 300);
        tern::reference::gemm(x.view(), w.view(), y, p.epilogue);
        tern::reference::ternarize(y, p.limits, matrix_view<std::int8_t>(ternaries.data(), rows, 300));
        const size_t count = tern::tile_count(rhs.view);
        CHECK(count == (300 + Weights::tile_outputs - 1) / Weights::tile_outputs);
        for (size_t first = 0; first <= count; ++first)
            for (size_t last = first; last <= count + 1; ++last) {
                INFO(rows, " rows, tiles ", first, " to ", last);
                for_each_tag([&](auto arch) {
                    const size_t from = first * Weights::tile_outputs;
                    const size_t to = last * Weights::tile_outputs;
                    destination<std::int32_t> dst(rows, 300, 1);
                    dst.expect(expected, from, to);
                    CHECK(tern::gemm<decltype(arch)>(lhs.view, rhs.view, dst.view(), tiles{first, last}) == status::ok);
                    CHECK(dst.difference() == "");
                    ternary_destination packed(rows, 300, form::dense);
                    packed.expect(ternaries, from / 16, to / 16);
                    CHECK(tern::gemm<decltype(arch)>(lhs.view, rhs.view, packed.view(), p.epilogue, p.limits,
                                                     tiles{first, last}) == status::ok);
                    CHECK(packed.difference() == "");
                });
            }
        const matrix_view<std::int32_t> untouched(nullptr, rows, 0);
        CHECK(tern::gemm(lhs.view, rhs.view, untouched) == status::bad_shape);
    }
}

TEST_CASE_TEMPLATE("what a product refuses", Weights, codes, trits, panels) {
    random_numbers random(7);
    const integers x = bytes(2, 50, fill::random, random);
    const integers w = Weights::values(20, 50, fill::random, random);
    const activations lhs(x, 3, 0);
    Weights rhs(w, 0);
    std::vector<std::int32_t> memory(2 * 20, 99);
    std::vector<float> reals(2 * 20);
    const matrix_view<std::int32_t> dst(memory.data(), 2, 20);
    const matrix_view<float> real_dst(reals.data(), 2, 20);
    auto bad = lhs.view;
    bad.stride = 49;
    CHECK(tern::gemm(bad, rhs.view, dst) == status::bad_stride);
    bad = lhs.view;
    bad.data = nullptr;
    CHECK(tern::gemm(bad, rhs.view, dst) == status::null_pointer);
    bad = lhs.view;
    bad.cols = 49;
    CHECK(tern::gemm(bad, rhs.view, dst) == status::bad_shape);
    bad = lhs.view;
    bad.rows = 1;
    CHECK(tern::gemm(bad, rhs.view, dst) == status::bad_shape);
    CHECK(tern::gemv(lhs.view, rhs.view, dst) == status::bad_shape);
    CHECK(tern::gemm(lhs.view, rhs.view, dst, tiles{2, 1}) == status::bad_shape);
    auto foreign = rhs.view;
    foreign.layout = tern::layout_id::rows;
    CHECK(tern::gemm(lhs.view, foreign, dst) == status::bad_layout);
    foreign = rhs.view;
    foreign.data = nullptr;
    CHECK(tern::gemm(lhs.view, foreign, dst) == status::null_pointer);
    const matrix_view<const std::int8_t> inside(reinterpret_cast<const std::int8_t*>(memory.data()), 2, 50);
    CHECK(tern::gemm(inside, rhs.view, dst) == status::overlap);
    tern::scale_offset e;
    e.clamp_min = 1.0f;
    e.clamp_max = 0.0f;
    CHECK(tern::gemm(lhs.view, rhs.view, real_dst, e) == status::bad_value);
    e = {};
    e.group = 33;
    CHECK(tern::gemm(lhs.view, rhs.view, real_dst, e) == status::bad_shape);
    e = {};
    bad = lhs.view;
    bad.cols = bad.stride = deepest_real + 1;
    auto deep = rhs.view;
    Weights::cut(deep, deepest_real + 1);
    CHECK(tern::gemm(bad, deep, real_dst, e) == status::overflow);
    CHECK(memory == std::vector<std::int32_t>(40, 99));
    CHECK(reals == std::vector<float>(40));
}

TEST_CASE_TEMPLATE("pack once, multiply, with memory that owns itself", Weights, codes, trits, panels) {
    random_numbers random(8);
    integers x = bytes(1, 100, fill::random, random);
    const integers w = Weights::values(90, 100, fill::random, random);
    std::vector<std::int8_t> row(x.values.begin(), x.values.end());
    const auto weights = tern::pack<typename Weights::encoding>(w.view());
    REQUIRE(weights.state == status::ok);
    destination<std::int32_t> dst(1, 90, 0);
    dst.expect(reference_gemm(x, w));
    const matrix_view<std::int8_t> writable(row.data(), 1, 100);
    CHECK(tern::gemv(writable, weights, dst.view()) == status::ok);
    CHECK(dst.difference() == "");
}

TEST_CASE("codes: the fourth code counts as +2, on every architecture") {
    random_numbers random(9);
    for (const fill of_x : {fill::random, fill::lowest, fill::highest}) {
        const integers x = bytes(5, 700, of_x, random);
        const activations lhs(x, 0, 0);
        const std::vector<std::uint8_t> memory(tern::codes_bytes(70, 700), 0xff);
        integers w(70, 700, 2);
        const auto expected = reference_gemm(x, w);
        const matrix_view<const std::int8_t> first(lhs.view.data, 1, 700);
        for_each_tag([&](auto arch) {
            const tern::packed_codes view(memory.data(), 70, 700);
            destination<std::int32_t> dst(5, 70, 0);
            dst.expect(expected);
            CHECK(tern::gemm<decltype(arch)>(lhs.view, view, dst.view()) == status::ok);
            CHECK(dst.difference() == "");
            destination<std::int32_t> one(1, 70, 0);
            one.expect(expected);
            CHECK(tern::gemv<decltype(arch)>(first, view, one.view()) == status::ok);
            CHECK(one.difference() == "");
        });
    }
}

TEST_CASE("codes: sums of groups") {
    random_numbers random(10);
    const integers w = codes::values(70, 100, fill::random, random);
    const codes packed(w, 0);
    destination<std::int32_t> dst(70, 4, 0);
    std::vector<std::int32_t> expected(70 * 4);
    for (size_t o = 0; o < 70; ++o)
        for (size_t d = 0; d < 100; ++d) expected[o * 4 + d / 32] += w.at(o, d);
    dst.expect(expected);
    CHECK(tern::group_sums(packed.view, 32, dst.view()) == status::ok);
    CHECK(dst.difference() == "");
    CHECK(tern::group_sums(packed.view, 0, dst.view()) == status::bad_shape);
    CHECK(tern::pack<tern::ternary_code>(w.view(), 2).state == status::bad_shape);
}

}  // namespace
