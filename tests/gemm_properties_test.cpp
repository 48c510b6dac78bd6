// SPDX-License-Identifier: MIT
// What holds between products, whatever they are: linearity, negation, sums over depth, independence of the partition.
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "support/destination.hpp"
#include "support/kernels.hpp"
#include "support/shapes.hpp"

namespace {

using namespace tern_test;
using tern::status;

using results = std::vector<std::int32_t>;
using gemm_pair = operand_pair<product_to_int32>;
using gemm_instance = instance<product_to_int32>;

constexpr product_shape shapes[] = {{1, 70, 130}, {11, 37, 75}, {34, 17, 1025}};

results product(const gemm_pair& pair, const gemm_instance& gemm, const integers& x, const integers& w) {
    random_numbers random(1);
    const packed_lhs lhs(pair.lhs, x, form::dense, random);
    const packed_rhs rhs(pair.rhs, w, 1, false);
    destination<std::int32_t> dst(x.rows, w.rows, 0);
    REQUIRE(gemm(lhs.view(), rhs.view(), dst.view(), tern::tiles{}) == status::ok);
    return dst.values();
}

results sum(const results& a, const results& b, std::int32_t factor = 1) {
    results total(a);
    for (size_t i = 0; i < a.size(); ++i) total[i] += factor * b[i];
    return total;
}

integers columns(const integers& m, size_t first, size_t last) {
    integers part(m.rows, last - first);
    for (size_t r = 0; r < m.rows; ++r)
        for (size_t d = first; d < last; ++d) part.at(r, d - first) = m.at(r, d);
    return part;
}

integers negated(const integers& m) {
    integers n = m;
    for (std::int16_t& v : n.values) v = static_cast<std::int16_t>(-v);
    return n;
}

/// Calls body(pair, gemm, x, w, random) for all instances and shapes, with random operands.
template <class Body>
void for_each_product(const Body& body) {
    for (const gemm_pair& pair : kernels().gemm_int32) {
        for (const product_shape& s : shapes) {
            random_numbers random(2);
            const integers x = make_integers(pair.lhs, s.rows, s.depth, fill::random, random);
            const integers w = make_integers(pair.rhs, s.outputs, s.depth, fill::random, random);
            for (const gemm_instance& gemm : pair.instances) {
                INFO(pair.name(), " on ", gemm.arch, ", ", s);
                body(pair, gemm, x, w, random);
            }
        }
    }
}

TEST_CASE("a product is linear in its activations and in its weights") {
    for_each_product([](const gemm_pair& pair, const gemm_instance& gemm, const integers& x, const integers& w,
                        random_numbers& random) {
        const auto split = [&random](const integers& m, integers& rest) {
            integers part = m;
            rest = m;
            for (size_t i = 0; i < m.values.size(); ++i) (random.once_in(2) ? part : rest).values[i] = 0;
            return part;
        };
        const results whole = product(pair, gemm, x, w);
        integers rest(0, 0);
        if (pair.lhs.has_zero()) {
            const integers part = split(x, rest);
            CHECK(sum(product(pair, gemm, part, w), product(pair, gemm, rest, w)) == whole);
        }
        if (pair.rhs.has_zero()) {
            const integers part = split(w, rest);
            CHECK(sum(product(pair, gemm, x, part), product(pair, gemm, x, rest)) == whole);
        }
        if (!pair.lhs.has_zero() &&
            pair.lhs.highest > 1) {  // x = 2 half + rest, with an odd half and a rest of -1 or +1
            integers half = x;
            rest = x;
            for (size_t i = 0; i < x.values.size(); ++i) {
                const int sign = (x.values[i] & 2) != 0 ? 1 : -1;
                rest.values[i] = static_cast<std::int16_t>(sign);
                half.values[i] = static_cast<std::int16_t>((x.values[i] - sign) / 2);
            }
            CHECK(sum(product(pair, gemm, rest, w), product(pair, gemm, half, w), 2) == whole);
        }
    });
}

TEST_CASE("negated operands give the negated product") {
    for_each_product(
        [](const gemm_pair& pair, const gemm_instance& gemm, const integers& x, const integers& w, random_numbers&) {
            const results minus = sum(results(x.rows * w.rows), product(pair, gemm, x, w), -1);
            if (pair.rhs.symmetric()) CHECK(product(pair, gemm, x, negated(w)) == minus);
            if (pair.lhs.symmetric()) CHECK(product(pair, gemm, negated(x), w) == minus);
        });
}

TEST_CASE("products over two parts of the depth add up to the whole") {
    for_each_product([](const gemm_pair& pair, const gemm_instance& gemm, const integers& x, const integers& w,
                        random_numbers& random) {
        const results whole = product(pair, gemm, x, w);
        for (const size_t at : {size_t{1}, size_t{32}, random.between(2, x.cols - 1)}) {
            const results first = product(pair, gemm, columns(x, 0, at), columns(w, 0, at));
            const results second = product(pair, gemm, columns(x, at, x.cols), columns(w, at, x.cols));
            CHECK(sum(first, second) == whole);
        }
    });
}

TEST_CASE("a range of tiles gives the bytes of the whole product in its columns and touches no other") {
    for_each_product([](const gemm_pair& pair, const gemm_instance& gemm, const integers& x, const integers& w,
                        random_numbers& random) {
        const packed_lhs lhs(pair.lhs, x, form::dense, random);
        const packed_rhs rhs(pair.rhs, w, 1, false);
        const results whole = product(pair, gemm, x, w);
        const size_t panels = rhs.view().panels();
        for (size_t first = 0; first <= panels + 1; ++first) {
            for (size_t last = first; last <= panels + 1; ++last) {
                destination<std::int32_t> dst(x.rows, w.rows, 3);
                dst.expect(whole, 16 * first, 16 * last);
                CHECK(gemm(lhs.view(), rhs.view(), dst.view(), tern::tiles{first, last}) == status::ok);
                CHECK(dst.difference() == "");
            }
        }
        for (size_t parts = 1; parts <= panels + 1; ++parts) {
            destination<std::int32_t> dst(x.rows, w.rows, 1);
            dst.expect(whole);
            for (size_t part = 0; part < parts; ++part)
                CHECK(gemm(lhs.view(), rhs.view(), dst.view(), tern::share(panels, part, parts)) == status::ok);
            CHECK(dst.difference() == "");
        }
    });
}

}  // namespace
