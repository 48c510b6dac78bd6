// SPDX-License-Identifier: MIT
// Stochastic quantization: errors, the four probability functions and both counts by hand; how often filters are drawn
// against the exact probabilities of drawing without replacement, by chi-square; reproducibility.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ostream>  // doctest prints engines
#include <random>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <tern/quantize/bwn.hpp>
#include <tern/quantize/stochastic.hpp>
#include <tern/quantize/twn.hpp>

#include "grid.hpp"
#include "support/gradient.hpp"

namespace {

using tern::matrix_view;
using tern::status;
using tern::quantize::per_channel;
using namespace tern_test;
namespace sq = tern::quantize::stochastic;

using doubles = std::vector<double>;
using bytes = std::vector<std::uint8_t>;

matrix_view<double> column(doubles& v) { return {v.data(), v.size(), 1}; }
matrix_view<const double> column(const doubles& v) { return {v.data(), v.size(), 1}; }
matrix_view<std::uint8_t> column(bytes& v) { return {v.data(), v.size(), 1}; }

/// The probability of every set (bit i: filter i) of `count` filters drawn without replacement by `weights`.
doubles exact_sets(const doubles& weights, std::size_t count) {
    const std::size_t sets = std::size_t{1} << weights.size();
    doubles probability(sets, 0.0);
    probability[0] = 1.0;
    for (std::size_t drawn = 0; drawn < count; ++drawn) {
        doubles next(sets, 0.0);
        for (std::size_t set = 0; set < sets; ++set) {
            if (probability[set] == 0.0) continue;
            double left = 0.0;
            for (std::size_t i = 0; i < weights.size(); ++i) left += (set >> i & 1u) != 0 ? 0.0 : weights[i];
            for (std::size_t i = 0; i < weights.size(); ++i)
                if ((set >> i & 1u) == 0) next[set | std::size_t{1} << i] += probability[set] * weights[i] / left;
        }
        probability = next;
    }
    return probability;
}

std::size_t set_of(const bytes& chosen) {
    std::size_t set = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) set |= std::size_t{chosen[i]} << i;
    return set;
}

doubles inverse(const doubles& e) {
    doubles f;
    for (const double v : e) f.push_back(1.0 / (v + 1e-7));
    return f;
}

}  // namespace

TEST_CASE("stochastic: errors of BWN and TWN rows by hand") {
    // BWN of {1, -3}: scale 2, error (1 + 1) / 4. TWN of {1, -3, 0}: threshold 2.8 / 3, all but 0, scale 2: 2 / 4.
    const grid<float> w(3, 2, {1.0f, -3.0f, 0.0f, 0.0f, 2.0f, -2.0f});
    grid<float> scale(3, 1), q(3, 2);
    REQUIRE(tern::quantize::bwn::fit(w.view(), scale.view()) == status::ok);
    REQUIRE(tern::quantize::bwn::forward(w.view(), scale.view(), q.view()) == status::ok);
    doubles e(3);
    REQUIRE(sq::errors(w.view(), q.view(), column(e)) == status::ok);
    CHECK(e == doubles{0.5, 0.0, 0.0});
    const grid<float> x(1, 3, {1.0f, -3.0f, 0.0f});
    grid<float> threshold(1, 1), one(1, 1), r(1, 3);
    REQUIRE(tern::quantize::twn::fit(x.view(), threshold.view(), one.view()) == status::ok);
    REQUIRE(tern::quantize::twn::forward(x.view(), threshold.view(), one.view(), r.view()) == status::ok);
    doubles f(1);
    REQUIRE(sq::errors(x.view(), r.view(), column(f)) == status::ok);
    CHECK(f == doubles{0.5});
    const grid<float> strange(1, 3, {1.0f, std::numeric_limits<float>::infinity(), 0.0f});
    REQUIRE(sq::errors(strange.view(), r.view(), column(f)) == status::ok);
    CHECK(std::isnan(f[0]));
}

TEST_CASE("stochastic: the four probability functions, and zero errors") {
    const doubles e{0.5, 0.25, 1.0, 0.2};
    doubles p(4);
    REQUIRE(sq::probabilities(column(e), sq::weighting::constant, column(p)) == status::ok);
    CHECK(p == doubles(4, 0.25));
    REQUIRE(sq::probabilities(column(e), sq::weighting::linear, column(p)) == status::ok);
    const double expected[] = {2.0 / 12, 4.0 / 12, 1.0 / 12, 5.0 / 12};
    for (std::size_t i = 0; i < 4; ++i) CHECK(p[i] == doctest::Approx(expected[i]).epsilon(1e-5));
    REQUIRE(sq::probabilities(column(e), sq::weighting::softmax, column(p)) == status::ok);
    double total = 0.0;
    for (const double f : inverse(e)) total += std::exp(f);
    for (std::size_t i = 0; i < 4; ++i) CHECK(p[i] == doctest::Approx(std::exp(inverse(e)[i]) / total).epsilon(1e-12));
    REQUIRE(sq::probabilities(column(e), sq::weighting::sigmoid, column(p)) == status::ok);
    total = 0.0;
    for (const double f : inverse(e)) total += 1.0 / (1.0 + std::exp(-f));
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(p[i] == doctest::Approx(1.0 / (1.0 + std::exp(-inverse(e)[i])) / total).epsilon(1e-12));
    doubles zero{0.0, 0.0, 0.3};
    for (const auto how : {sq::weighting::linear, sq::weighting::softmax, sq::weighting::sigmoid}) {
        doubles at = zero;
        REQUIRE(sq::probabilities(column(zero), how, column(at)) == status::ok);
        CHECK(at[0] == at[1]);
        CHECK(at[0] + at[1] + at[2] == doctest::Approx(1.0));
        REQUIRE(sq::probabilities(column(std::as_const(zero)), how, column(zero)) == status::ok);  // in place
        CHECK(zero == at);
        zero = {0.0, 0.0, 0.3};
    }
}

TEST_CASE("stochastic: counts of the paper and of the released code, and the schedule") {
    constexpr auto paper = sq::selection::paper_inverse;
    constexpr auto released = sq::selection::released_real;
    static_assert(sq::quantized_count(10, 0.875, paper) == 8 && sq::quantized_count(10, 0.875, released) == 9);
    static_assert(sq::quantized_count(100, 0.875, paper) == 87 && sq::quantized_count(100, 0.875, released) == 88);
    static_assert(sq::quantized_count(7, 1.0, paper) == 7 && sq::quantized_count(7, 1.0, released) == 7);
    static_assert(sq::quantized_count(7, 0.0, paper) == 0 && sq::quantized_count(7, 0.0, released) == 0);
    static_assert(sq::stages == 4 && sq::schedule[0] == 0.5 && sq::schedule[2] == 0.875 && sq::schedule[3] == 1.0);
}

TEST_CASE("stochastic: filters are drawn as often as without replacement says (chi-square, every set)") {
    const doubles e{0.1, 0.2, 0.4, 0.8};
    struct expectation {
        sq::selection how;
        double marginal[4];
    };
    // papers.md 2.3.
    const expectation cases[] = {{sq::selection::paper_inverse, {0.847, 0.632, 0.344, 0.177}},
                                 {sq::selection::released_real, {0.823, 0.656, 0.369, 0.153}}};
    constexpr int trials = 40000;
    for (const expectation& c : cases) {
        const bool paper = c.how == sq::selection::paper_inverse;
        doubles probability = exact_sets(paper ? inverse(e) : e, 2);
        if (!paper) {  // those drawn stay real
            doubles other(16, 0.0);
            for (std::size_t set = 0; set < 16; ++set) other[15 ^ set] = probability[set];
            probability = other;
        }
        for (std::size_t i = 0; i < 4; ++i) {
            double marginal = 0.0;
            for (std::size_t set = 0; set < 16; ++set) marginal += (set >> i & 1u) != 0 ? probability[set] : 0.0;
            CHECK(marginal == doctest::Approx(c.marginal[i]).epsilon(2e-3));
        }
        std::mt19937 random(2017);
        std::vector<int> seen(16, 0);
        doubles scratch(4);
        bytes quantized(4);
        for (int i = 0; i < trials; ++i) {
            REQUIRE(sq::select(column(e), 0.5, random, column(quantized), column(scratch), c.how) == status::ok);
            ++seen[set_of(quantized)];
        }
        double chi = 0.0;
        int sets = 0;
        for (std::size_t set = 0; set < 16; ++set) {
            if (probability[set] == 0.0) {
                CHECK(seen[set] == 0);
                continue;
            }
            const double wanted = trials * probability[set];
            chi += (seen[set] - wanted) * (seen[set] - wanted) / wanted;
            ++sets;
        }
        CHECK(sets == 6);
        CHECK(chi < 15.09);  // 5 degrees of freedom, 1 %
        // The test can fail: the other selection's frequencies do not pass.
        const doubles wrong = exact_sets(doubles(4, 1.0), 2);
        double off = 0.0;
        for (std::size_t set = 0; set < 16; ++set)
            if (wrong[set] > 0.0) off += std::pow(seen[set] - trials * wrong[set], 2) / (trials * wrong[set]);
        CHECK(off > 1000.0);
    }
}

TEST_CASE("stochastic: drawing is reproducible, takes what is left, and meets the count") {
    doubles e{0.3, 0.0, 0.7, 0.2, 0.9, 0.5, 0.1};
    doubles scratch(7);
    for (const auto how : {sq::selection::paper_inverse, sq::selection::released_real}) {
        for (const double ratio : {0.0, 0.5, 0.75, 0.875, 1.0}) {
            for (const auto by :
                 {sq::weighting::constant, sq::weighting::linear, sq::weighting::softmax, sq::weighting::sigmoid}) {
                std::mt19937_64 one(5), other(5);
                bytes a(7, 9), b(7, 9);
                REQUIRE(sq::select(column(e), ratio, one, column(a), column(scratch), how, by) == status::ok);
                REQUIRE(sq::select(column(e), ratio, other, column(b), column(scratch), how, by) == status::ok);
                CHECK(a == b);
                CHECK(one == other);
                std::size_t count = 0;
                for (const std::uint8_t v : a) count += v;
                CHECK(count == sq::quantized_count(7, ratio, how));
            }
        }
    }
    std::mt19937 random(1);
    bytes chosen(3);
    const doubles zeros{0.0, 1.0, 0.0};
    REQUIRE(sq::roulette(column(zeros), 1, random, column(chosen)) == status::ok);
    CHECK(chosen == bytes{0, 1, 0});
    REQUIRE(sq::roulette(column(zeros), 2, random, column(chosen)) == status::ok);
    CHECK(chosen == bytes{1, 1, 0});
    REQUIRE(sq::roulette(column(zeros), 3, random, column(chosen)) == status::ok);
    CHECK(chosen == bytes{1, 1, 1});
}

TEST_CASE("stochastic: mixed weights, and their gradient") {
    const grid<float> w = random_grid(4, 9, 1);
    const grid<float> q = random_grid(4, 9, 2);
    const grid<float> g = random_grid(4, 9, 3);
    const bytes chosen{1, 0, 0, 1};
    grid<float> mixed(4, 9), grad(4, 9);
    REQUIRE(sq::mix(w.view(), q.view(), {chosen.data(), 4, 1}, mixed.view()) == status::ok);
    for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t j = 0; j < 9; ++j) CHECK(mixed.at(i, j) == (chosen[i] != 0 ? q.at(i, j) : w.at(i, j)));
    CHECK(mixed.gaps_intact());
    REQUIRE(sq::backward(g.view(), grad.view()) == status::ok);
    // The surrogate of the mixed weights is w itself, up to a constant.
    const std::vector<double> at = as_doubles(w.values());
    const auto loss = [&](const doubles& x) {
        double total = 0.0;
        for (std::size_t i = 0; i < 36; ++i)
            total += double{g.at(i / 9, i % 9)} * (double{mixed.at(i / 9, i % 9)} + x[i] - at[i]);
        return total;
    };
    CHECK(gradient_error(loss, at, grad.values()) < gradient_tolerance);
}

TEST_CASE("stochastic: a caller's mistake gives a status, and nothing is drawn") {
    std::mt19937 random(7), untouched(7);
    doubles e{0.1, 0.2, 0.3}, scratch(3, 77.0);
    bytes chosen(3, 77), two(2, 77);
    CHECK(sq::select(column(e), 1.5, random, column(chosen), column(scratch)) == status::bad_value);
    CHECK(sq::select(column(e), std::nan(""), random, column(chosen), column(scratch)) == status::bad_value);
    CHECK(sq::select(column(e), 0.5, random, column(two), column(scratch), sq::selection::released_real) ==
          status::bad_shape);
    CHECK(sq::select(column(e), 0.5, random, column(chosen), column(e)) == status::overlap);
    CHECK(sq::roulette(column(e), 4, random, column(chosen)) == status::bad_shape);
    e[1] = -0.1;
    CHECK(sq::roulette(column(e), 1, random, column(chosen)) == status::bad_value);
    CHECK(sq::probabilities(column(e), sq::weighting::linear, column(scratch)) == status::bad_value);
    e[1] = std::nan("");
    CHECK(sq::select(column(e), 0.5, random, column(chosen), column(scratch)) == status::bad_value);
    const grid<float> w = random_grid(3, 4, 1);
    CHECK(sq::errors(w.view(), {nullptr, 3, 4}, column(scratch)) == status::null_pointer);
    CHECK(sq::errors(w.view(), w.view(), {scratch.data(), 2, 1}) == status::bad_shape);
    CHECK(random == untouched);
    CHECK(chosen == bytes(3, 77));
    CHECK(scratch == doubles(3, 77.0));
}
