// SPDX-License-Identifier: MIT
// Reconstructed products equal the reference bit for bit, and repacked ones are its ternarized results, for every
// operand pair, architecture, shape and kind of parameter.
#include <cstdint>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <tern/reference.hpp>

#include "support/destination.hpp"
#include "support/kernels.hpp"
#include "support/shapes.hpp"

namespace {

using namespace tern_test;
using tern::status;

struct expected_results {
    std::vector<float> reals;
    std::vector<std::int8_t> codes;

    expected_results(const integers& x, const integers& w, const parameters& p)
        : reals(x.rows * w.rows), codes(x.rows * w.rows) {
        const tern::matrix_view<float> y(reals.data(), x.rows, w.rows);
        tern::reference::gemm(x.view(), w.view(), y, p.epilogue);
        tern::reference::ternarize(y, p.limits, tern::matrix_view<std::int8_t>(codes.data(), x.rows, w.rows));
    }
};

/// Calls body(index of the pair, descriptions of both operands) for every pair.
template <class Body>
void for_each_pair(const Body& body) {
    const auto& pairs = kernels().gemm_float;
    REQUIRE(kernels().gemm_ternary.size() == pairs.size());
    for (size_t i = 0; i < pairs.size(); ++i) body(i, pairs[i].lhs, pairs[i].rhs);
}

/// Both destinations on every architecture. `turn` varies the forms of the operands and of the destination.
void check_product(size_t pair, const integers& x, const integers& w, const parameters& p, size_t turn) {
    const auto& to_float = kernels().gemm_float[pair];
    const auto& to_ternary = kernels().gemm_ternary[pair];
    random_numbers random(turn);
    const packed_lhs lhs(to_float.lhs, x, forms[turn % 4], random);
    const packed_rhs rhs(to_float.rhs, w, 1, turn / 4 % 2 != 0);
    const expected_results expected(x, w, p);
    INFO(to_float.name(), ", ", product_shape{x.rows, w.rows, x.cols}, ", group ", p.epilogue.group, ", turn ", turn);
    for (const auto& gemm : to_float.instances) {
        INFO("float on ", gemm.arch);
        destination<float> dst(x.rows, w.rows, turn % 3);
        dst.expect(expected.reals);
        CHECK(gemm(lhs.view(), rhs.view(), dst.view(), p.epilogue, tern::tiles{}) == status::ok);
        CHECK(dst.difference() == "");
    }
    for (const auto& gemm : to_ternary.instances) {
        INFO("ternary on ", gemm.arch);
        ternary_destination dst(x.rows, w.rows, forms[(turn + turn / 4) % 4]);
        dst.expect(expected.codes);
        CHECK(gemm(lhs.view(), rhs.view(), dst.view(), p.epilogue, p.limits, tern::tiles{}) == status::ok);
        CHECK(dst.difference() == "");
    }
}

TEST_CASE("without parameters a reconstruction is the accumulator, and a repacked one its sign") {
    for_each_pair([](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(1);
        const parameters neutral;
        size_t turn = 0;
        for (const product_shape& s : product_shapes(0)) {
            if (s.depth > 993) continue;
            const integers x = make_integers(of_x, s.rows, s.depth, fill::random, random);
            const integers w = make_integers(of_w, s.outputs, s.depth, fill::random, random);
            check_product(pair, x, w, neutral, turn++);
        }
    });
}

TEST_CASE("random parameters on every axis") {
    for_each_pair([](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(2);
        for (size_t turn = 0; turn < 120; ++turn) {
            const size_t depth = turn % 10 == 0 ? 4097 : random.between(0, 150);
            const integers x = make_integers(of_x, random.between(1, 12), depth, fill::random, random);
            const integers w = make_integers(of_w, random.between(1, 70), depth, fill::random, random);
            parameters p;
            p.randomize(random, x.rows, w);
            check_product(pair, x, w, p, turn);
        }
    });
}

TEST_CASE("groups of depth: ragged, exact, and wider than the depth") {
    for_each_pair([](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(3);
        size_t turn = 0;
        for (const size_t group : {32u, 64u, 96u, 4128u}) {
            for (const size_t depth : {1u, 31u, 32u, 33u, 64u, 96u, 97u, 191u, 193u, 200u, 8300u}) {
                if (depth == 8300 && group < 4128) continue;
                for (const size_t rows : {1u, 3u, 9u}) {
                    const integers x = make_integers(of_x, rows, depth, fill::random, random);
                    const integers w = make_integers(of_w, random.between(1, 37), depth, fill::random, random);
                    parameters p;
                    p.randomize(random, x.rows, w, group);
                    check_product(pair, x, w, p, turn++);
                }
            }
        }
    });
}

TEST_CASE("all lowest, all zero and all highest, with offsets on both sides") {
    constexpr fill fills[] = {fill::lowest, fill::zero, fill::highest};
    for_each_pair([&](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(4);
        size_t turn = 0;
        for (const fill x_fill : fills) {
            for (const fill w_fill : fills) {
                const integers x = make_integers(of_x, 10, 65, x_fill, random);
                const integers w = make_integers(of_w, 33, 65, w_fill, random);
                parameters p;
                p.randomize(random, x.rows, w);
                const float offset = 0.375f;
                p.epilogue.weights.offset = tern::per_tensor(offset);
                p.epilogue.activations.offset = tern::per_tensor(offset);
                check_product(pair, x, w, p, turn++);
            }
        }
    });
}

TEST_CASE("thresholds that cross: above the upper one is +1, whatever the lower one says") {
    for_each_pair([](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(5);
        const float upper = -3.0f;
        const float lower = 5.0f;
        const integers x = make_integers(of_x, 9, 40, fill::random, random);
        const integers w = make_integers(of_w, 40, 40, fill::random, random);
        parameters p;
        p.limits = {tern::per_tensor(lower), tern::per_tensor(upper)};
        check_product(pair, x, w, p, 0);
    });
}

/// Two panels share a word of the destination from output 16 on, and 75 outputs end inside the first half of one.
struct partition_problem {
    random_numbers random{6};
    integers x, w;
    packed_lhs lhs;
    packed_rhs rhs;
    parameters p;

    partition_problem(const encoding_info& of_x, const encoding_info& of_w)
        : x(make_integers(of_x, 13, 70, fill::random, random)),
          w(make_integers(of_w, 75, 70, fill::random, random)),
          lhs(of_x, x, form::dense, random),
          rhs(of_w, w, 1, false) {
        p.randomize(random, x.rows, w);
    }
};

TEST_CASE("a range of tiles gives the bytes of the whole product in its columns and touches no other") {
    for_each_pair([](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        const partition_problem q(of_x, of_w);
        const expected_results expected(q.x, q.w, q.p);
        for (size_t first = 0; first <= 5; ++first) {
            for (size_t last = first; last <= 6; ++last) {
                for (const auto& gemm : kernels().gemm_float[pair].instances) {
                    INFO(of_x.name, " x ", of_w.name, " on ", gemm.arch, ", panels ", first, " to ", last);
                    destination<float> dst(q.x.rows, q.w.rows, 2);
                    dst.expect(expected.reals, 16 * first, 16 * last);
                    CHECK(gemm(q.lhs.view(), q.rhs.view(), dst.view(), q.p.epilogue, tern::tiles{first, last}) ==
                          status::ok);
                    CHECK(dst.difference() == "");
                }
                for (const auto& gemm : kernels().gemm_ternary[pair].instances) {
                    INFO(of_x.name, " x ", of_w.name, " on ", gemm.arch, ", panels ", first, " to ", last);
                    ternary_destination dst(q.x.rows, q.w.rows, form::padded);
                    dst.expect(expected.codes, first, last);
                    CHECK(gemm(q.lhs.view(), q.rhs.view(), dst.view(), q.p.epilogue, q.p.limits,
                               tern::tiles{first, last}) == status::ok);
                    CHECK(dst.difference() == "");
                }
            }
        }
    });
}

TEST_CASE("two threads repack panels that share words") {
    for_each_pair([](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        const partition_problem q(of_x, of_w);
        const expected_results expected(q.x, q.w, q.p);
        for (const auto& gemm : kernels().gemm_ternary[pair].instances) {
            INFO(of_x.name, " x ", of_w.name, " on ", gemm.arch);
            ternary_destination dst(q.x.rows, q.w.rows, form::dense);
            dst.expect(expected.codes);
            const auto view = dst.view();
            status answers[2];
            const auto every_other_panel = [&](size_t thread) {
                for (size_t panel = thread; panel < q.rhs.view().panels(); panel += 2) {
                    answers[thread] = gemm.function(q.lhs.view(), q.rhs.view(), view, q.p.epilogue, q.p.limits,
                                                    tern::tiles{panel, panel + 1});
                    if (answers[thread] != status::ok) return;
                }
            };
            std::thread other(every_other_panel, 1);
            every_other_panel(0);
            other.join();
            CHECK(answers[0] == status::ok);
            CHECK(answers[1] == status::ok);
            CHECK(dst.difference() == "");
        }
    });
}

}  // namespace
