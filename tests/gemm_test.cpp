// SPDX-License-Identifier: MIT
// int32 products equal the reference, for every operand pair, architecture and shape.
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/gemm.hpp>
#include <tern/reference.hpp>

#include "support/destination.hpp"
#include "support/kernels.hpp"
#include "support/shapes.hpp"

namespace {

using namespace tern_test;
using tern::status;

std::vector<std::int32_t> reference_gemm(const integers& x, const integers& w) {
    std::vector<std::int32_t> results(x.rows * w.rows);
    tern::reference::gemm(x.view(), w.view(), tern::matrix_view<std::int32_t>(results.data(), x.rows, w.rows));
    return results;
}

/// Runs every architecture on the operands and holds it against the reference.
void check_product(const operand_pair<product_to_int32>& pair, const rows_operand& lhs, const panels_operand& rhs,
                   const std::vector<std::int32_t>& expected, size_t gap) {
    const product_shape shape{lhs.rows, rhs.outputs, lhs.depth};
    for (const auto& gemm : pair.instances) {
        INFO(pair.name(), " on ", gemm.arch, ", ", shape);
        destination<std::int32_t> dst(lhs.rows, rhs.outputs, gap);
        dst.expect(expected);
        CHECK(gemm(lhs, rhs, dst.view(), tern::tiles{}) == status::ok);
        CHECK(dst.difference() == "");
    }
}

TEST_CASE("a product equals the reference, whatever the shape and the form of its operands") {
    for (const auto& pair : kernels().gemm_int32) {
        random_numbers random(1);
        size_t turn = 0;
        for (const product_shape& s : product_shapes(20)) {
            const integers x = make_integers(pair.lhs, s.rows, s.depth, fill::random, random);
            const integers w = make_integers(pair.rhs, s.outputs, s.depth, fill::random, random);
            const packed_lhs lhs(pair.lhs, x, forms[turn % 4], random);
            const packed_rhs rhs(pair.rhs, w, 1, turn / 4 % 2 != 0);
            check_product(pair, lhs.view(), rhs.view(), reference_gemm(x, w), turn % 3 * 2);
            ++turn;
        }
    }
}

TEST_CASE("a product of operands that are all lowest, all zero or all highest equals the reference") {
    const product_shape shapes[] = {{9, 33, 65}, {1, 17, 993}, {3, 5, 4129}, {34, 66, 31}, {34, 17, 8225}};
    constexpr fill fills[] = {fill::lowest, fill::zero, fill::highest, fill::random};
    for (const auto& pair : kernels().gemm_int32) {
        random_numbers random(2);
        for (const product_shape& s : shapes) {
            for (const fill of_x : fills) {
                for (const fill of_w : fills) {
                    const integers x = make_integers(pair.lhs, s.rows, s.depth, of_x, random);
                    const integers w = make_integers(pair.rhs, s.outputs, s.depth, of_w, random);
                    const packed_lhs lhs(pair.lhs, x, form::dense, random);
                    const packed_rhs rhs(pair.rhs, w, 1, false);
                    check_product(pair, lhs.view(), rhs.view(), reference_gemm(x, w), 0);
                }
            }
        }
    }
}

/// All elements at their background (zero, or the lowest value) but one a row, of which only one digit differs.
integers one_hot(const encoding_info& e, size_t rows, size_t depth, size_t shift) {
    const int background = e.has_zero() ? 0 : e.lowest;
    integers m(rows, depth, background);
    for (size_t r = 0; r < rows; ++r) {
        const int digit = 1 << ((r + shift) % e.planes);
        const int value = e.name == "ternary" ? (digit == 1 ? 1 : -1) : background + e.step * digit;
        m.at(r, (7 * r + shift) % depth) = static_cast<std::int16_t>(value);
    }
    return m;
}

// Rows and outputs do not depend on each other, so each of them has a hot element of its own. Over all shifts the hot
// element of each row meets each position of depth.
TEST_CASE("a single element anywhere in the activations or the weights reaches its results and no other") {
    constexpr size_t rows = 9;
    constexpr size_t outputs = 35;
    constexpr size_t depth = 67;
    for (const auto& pair : kernels().gemm_int32) {
        random_numbers random(3);
        const integers some_x = make_integers(pair.lhs, rows, depth, fill::random, random);
        const integers some_w = make_integers(pair.rhs, outputs, depth, fill::random, random);
        const packed_lhs some_lhs(pair.lhs, some_x, form::dense, random);
        const packed_rhs some_rhs(pair.rhs, some_w, 1, false);
        for (size_t shift = 0; shift < depth; ++shift) {
            const integers x = one_hot(pair.lhs, rows, depth, shift);
            const packed_lhs lhs(pair.lhs, x, form::dense, random);
            check_product(pair, lhs.view(), some_rhs.view(), reference_gemm(x, some_w), 0);

            const integers w = one_hot(pair.rhs, outputs, depth, shift);
            const packed_rhs rhs(pair.rhs, w, 1, false);
            check_product(pair, some_lhs.view(), rhs.view(), reference_gemm(some_x, w), 0);
        }
    }
}

TEST_CASE("counters are folded without loss however deep a product is") {
    const product_shape shapes[] = {{3, 17, 70001}, {5, 17, 70001}, {1, 2, 1000003}};
    for (const auto& pair : kernels().gemm_int32) {
        random_numbers random(4);
        for (const product_shape& s : shapes) {
            for (const fill of_x : {fill::lowest, fill::highest}) {
                const integers x = make_integers(pair.lhs, s.rows, s.depth, of_x, random);
                const integers w = make_integers(pair.rhs, s.outputs, s.depth, fill::lowest, random);
                const packed_lhs lhs(pair.lhs, x, form::dense, random);
                const packed_rhs rhs(pair.rhs, w, 1, false);
                const std::int32_t one = tern::reference::dot(x.values.data(), w.values.data(), s.depth);
                check_product(pair, lhs.view(), rhs.view(), std::vector<std::int32_t>(s.rows * s.outputs, one), 0);
            }
        }
    }
}

TEST_CASE("the deepest product of 8-bit activations that is allowed does not overflow") {
    constexpr size_t depth = 0x7fffffff / 255;
    for (const auto& pair : kernels().gemm_int32) {
        if (pair.lhs.name != "u8" || pair.rhs.name != "ternary") continue;
        random_numbers random(5);
        const integers x = make_integers(pair.lhs, 1, depth, fill::highest, random);
        const packed_lhs lhs(pair.lhs, x, form::dense, random);
        for (const fill of_w : {fill::lowest, fill::highest}) {
            const integers w = make_integers(pair.rhs, 1, depth, of_w, random);
            const packed_rhs rhs(pair.rhs, w, 1, false);
            check_product(pair, lhs.view(), rhs.view(), reference_gemm(x, w), 0);
        }
    }
}

TEST_CASE("the sign bit of a zero means nothing") {
    for (const auto& pair : kernels().gemm_int32) {
        if (pair.lhs.name != "ternary" && pair.rhs.name != "ternary") continue;
        random_numbers random(6);
        const integers x = make_integers(pair.lhs, 5, 75, fill::random, random);
        const integers w = make_integers(pair.rhs, 18, 75, fill::random, random);
        packed_lhs lhs(pair.lhs, x, form::dense, random);
        packed_rhs rhs(pair.rhs, w, 1, false);
        for (size_t d = 0; d < 75; ++d) {
            const word bit = word{1} << (d % 32);
            for (size_t i = 0; pair.lhs.name == "ternary" && i < 5; ++i)
                if (x.at(i, d) == 0) lhs.at(i, 1)[d / 32] |= bit;
            for (size_t j = 0; pair.rhs.name == "ternary" && j < 18; ++j)
                if (w.at(j, d) == 0) rhs.at<tern::ternary>(j, d, 1) |= bit;
        }
        check_product(pair, lhs.view(), rhs.view(), reference_gemm(x, w), 0);
    }
}

TEST_CASE("pack once, multiply, with memory that owns itself") {
    random_numbers random(8);
    const encoding_info e = describe<tern::ternary>();
    const integers x = make_integers(e, 4, 100, fill::random, random);
    const integers w = make_integers(e, 20, 100, fill::random, random);
    const auto activations = tern::pack_rows<tern::ternary>(x.view());
    const auto weights = tern::pack<tern::ternary>(w.view());
    destination<std::int32_t> dst(4, 20, 0);
    dst.expect(reference_gemm(x, w));
    CHECK(tern::gemm(activations, weights, dst.view()) == status::ok);
    CHECK(dst.difference() == "");
}

}  // namespace
