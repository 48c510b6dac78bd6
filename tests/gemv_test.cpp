// SPDX-License-Identifier: MIT
// One row of activations: equal to the reference, and to that row of a product of many rows, in all three destinations.
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <tern/reference.hpp>

#include "support/destination.hpp"
#include "support/kernels.hpp"
#include "support/shapes.hpp"

namespace {

using namespace tern_test;
using tern::status;

/// Row r of packed rows.
rows_operand row_of(rows_operand rows, size_t r) {
    if (rows.data != nullptr) rows.data += r * rows.row_stride;
    rows.rows = 1;
    return rows;
}

std::vector<product_shape> gemv_shapes() {
    std::vector<product_shape> shapes;
    for (const size_t outputs : borders) shapes.push_back({1, outputs, 77});
    for (const size_t depth : depths) shapes.push_back({1, 21, depth});
    return shapes;
}

TEST_CASE("int32: a vector times a matrix equals the reference") {
    for (const auto& pair : kernels().gemv_int32) {
        random_numbers random(1);
        size_t turn = 0;
        for (const product_shape& s : gemv_shapes()) {
            const integers x = make_integers(pair.lhs, 1, s.depth, fill::random, random);
            const integers w = make_integers(pair.rhs, s.outputs, s.depth, fill::random, random);
            const packed_lhs lhs(pair.lhs, x, forms[turn % 4], random);
            const packed_rhs rhs(pair.rhs, w, 1, turn / 4 % 2 != 0);
            ++turn;
            std::vector<std::int32_t> expected(s.outputs);
            tern::reference::gemm(x.view(), w.view(), tern::matrix_view<std::int32_t>(expected.data(), 1, s.outputs));
            for (const auto& gemv : pair.instances) {
                INFO(pair.name(), " on ", gemv.arch, ", ", s);
                destination<std::int32_t> dst(1, s.outputs, 0);
                dst.expect(expected);
                CHECK(gemv(lhs.view(), rhs.view(), dst.view(), tern::tiles{}) == status::ok);
                CHECK(dst.difference() == "");
            }
        }
    }
}

/// A matrix of 6 rows times 83 outputs over 141 positions of depth, and parameters for it.
struct problem {
    random_numbers random{2};
    integers x, w;
    packed_lhs lhs;
    packed_rhs rhs;
    parameters p;

    template <class Pair>
    explicit problem(const Pair& pair)
        : x(make_integers(pair.lhs, 6, 141, fill::random, random)),
          w(make_integers(pair.rhs, 83, 141, fill::random, random)),
          lhs(pair.lhs, x, form::padded, random),
          rhs(pair.rhs, w, 1, false) {
        p.randomize(random, 1, w, 64);
    }
};

TEST_CASE("int32: a row of a product is the product of the row, any range of tiles") {
    const auto& pairs = kernels().gemm_int32;
    for (size_t i = 0; i < pairs.size(); ++i) {
        const problem q(pairs[i]);
        for (size_t a = 0; a < pairs[i].instances.size(); ++a) {
            const auto& gemv = kernels().gemv_int32[i].instances[a];
            INFO(pairs[i].name(), " on ", gemv.arch);
            destination<std::int32_t> all(6, 83, 0);
            REQUIRE(pairs[i].instances[a](q.lhs.view(), q.rhs.view(), all.view(), tern::tiles{}) == status::ok);
            for (size_t r = 0; r < 6; ++r) {
                destination<std::int32_t> one(1, 83, 0);
                one.expect({all.view().row(r), all.view().row(r) + 83}, 16 * (r / 2), 16 * (r + 1));
                CHECK(gemv(row_of(q.lhs.view(), r), q.rhs.view(), one.view(), tern::tiles{r / 2, r + 1}) == status::ok);
                CHECK(one.difference() == "");
            }
        }
    }
}

TEST_CASE("float: a row of a product is the product of the row") {
    const auto& pairs = kernels().gemm_float;
    for (size_t i = 0; i < pairs.size(); ++i) {
        const problem q(pairs[i]);
        tern::scale_offset e = q.p.epilogue;
        e.activations = {};  // one a row: the row of a vector is row 0
        for (size_t a = 0; a < pairs[i].instances.size(); ++a) {
            const auto& gemv = kernels().gemv_float[i].instances[a];
            INFO(pairs[i].name(), " on ", gemv.arch);
            destination<float> all(6, 83, 0);
            REQUIRE(pairs[i].instances[a](q.lhs.view(), q.rhs.view(), all.view(), e, tern::tiles{}) == status::ok);
            for (size_t r = 0; r < 6; ++r) {
                destination<float> one(1, 83, 0);
                one.expect({all.view().row(r), all.view().row(r) + 83}, 16 * (r / 2), 16 * (r + 1));
                CHECK(gemv(row_of(q.lhs.view(), r), q.rhs.view(), one.view(), e, tern::tiles{r / 2, r + 1}) ==
                      status::ok);
                CHECK(one.difference() == "");
            }
        }
    }
}

TEST_CASE("ternary: a row of a product is the product of the row") {
    const auto& pairs = kernels().gemm_ternary;
    for (size_t i = 0; i < pairs.size(); ++i) {
        const problem q(pairs[i]);
        tern::scale_offset e = q.p.epilogue;
        e.activations = {};
        for (size_t a = 0; a < pairs[i].instances.size(); ++a) {
            const auto& gemv = kernels().gemv_ternary[i].instances[a];
            INFO(pairs[i].name(), " on ", gemv.arch);
            ternary_destination all(6, 83, form::dense);
            const auto rows = all.view();
            REQUIRE(pairs[i].instances[a](q.lhs.view(), q.rhs.view(), rows, e, q.p.limits, tern::tiles{}) ==
                    status::ok);
            for (size_t r = 0; r < 6; ++r) {
                std::vector<std::int8_t> expected;
                for (size_t d = 0; d < 83; ++d) expected.push_back(static_cast<std::int8_t>(rows.value(r, d)));
                ternary_destination one(1, 83, form::dense);
                one.expect(expected, r / 2, r + 1);
                CHECK(gemv(row_of(q.lhs.view(), r), q.rhs.view(), one.view(), e, q.p.limits,
                           tern::tiles{r / 2, r + 1}) == status::ok);
                CHECK(one.difference() == "");
            }
        }
    }
}

TEST_CASE("a vector is one row: no more and no less") {
    for (const auto& pair : kernels().gemv_int32) {
        random_numbers random(3);
        const packed_rhs rhs(pair.rhs, make_integers(pair.rhs, 3, 10, fill::random, random), 1, false);
        for (const size_t rows : {0u, 2u}) {
            const packed_lhs lhs(pair.lhs, make_integers(pair.lhs, rows, 10, fill::random, random), form::dense,
                                 random);
            destination<std::int32_t> dst(rows, 3, 0);
            for (const auto& gemv : pair.instances)
                CHECK(gemv(lhs.view(), rhs.view(), dst.view(), tern::tiles{}) == status::bad_shape);
            CHECK(dst.difference() == "");
        }
    }
}

}  // namespace
