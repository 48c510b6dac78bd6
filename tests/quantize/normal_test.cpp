// SPDX-License-Identifier: MIT
// The normal distribution without <cmath> against <cmath> in long double, and numbers of a random engine.
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include <doctest/doctest.h>

#include <tern/quantize/normal.hpp>
#include <tern/quantize/random.hpp>

#include "support/gradient.hpp"

namespace {

namespace normal = tern::quantize::normal;

double off(double got, long double expected) {
    return static_cast<double>(std::fabs((static_cast<long double>(got) - expected) / expected));
}

long double exact_density(long double a) { return std::exp(-0.5L * a * a) / std::sqrt(2.0L * std::acos(-1.0L)); }
long double exact_tail(long double a) { return 0.5L * std::erfc(a / std::sqrt(2.0L)); }

/// An engine of 64 bits that counts.
struct counter {
    using result_type = std::uint64_t;
    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return ~result_type{0}; }
    result_type operator()() { return next++; }
    result_type next;
};

}  // namespace

TEST_CASE("normal: the exponential function, and its ends") {
    double worst = 0.0;
    for (double x = -708.0; x < 709.0; x += 0.173)
        worst = std::fmax(worst, off(normal::exponential(x), std::exp(static_cast<long double>(x))));
    CHECK(worst < 1e-15);
    CHECK(normal::exponential(0.0) == 1.0);
    CHECK(normal::exponential(710.0) == std::numeric_limits<double>::infinity());
    CHECK(normal::exponential(-746.0) == 0.0);
    CHECK(normal::exponential(-744.0) > 0.0);
    CHECK(normal::exponential(-std::numeric_limits<double>::infinity()) == 0.0);
    CHECK(std::isnan(normal::exponential(std::numeric_limits<double>::quiet_NaN())));
    static_assert(normal::exponential(1.0) > 2.718281828459 && normal::exponential(1.0) < 2.718281828460);
}

TEST_CASE("normal: density, tails and hazard") {
    double worst = 0.0;
    double worst_hazard = 0.0;
    for (double a = -37.0; a < 37.0; a += 0.0173) {
        const double allowed = 2e-14 + 5e-16 * a * a;
        worst = std::fmax(worst, off(normal::density(a), exact_density(a)) / allowed);
        worst = std::fmax(worst, off(normal::upper_tail(a), exact_tail(a)) / allowed);
        // For a < 0 the hazard is as small as the density.
        const double error = off(normal::hazard(a), exact_density(a) / exact_tail(a));
        worst_hazard = std::fmax(worst_hazard, a < 0.0 ? error * 2e-14 / allowed : error);
    }
    CHECK(worst < 1.0);
    CHECK(worst_hazard < 2e-14);
    CHECK(normal::hazard(0.0) == doctest::Approx(0.79788456).epsilon(1e-8));
    CHECK(normal::hazard(3.0) == doctest::Approx(3.2831).epsilon(1e-5));
    CHECK(normal::hazard_slope(0.0) == doctest::Approx(2.0 / normal::pi).epsilon(1e-12));
    CHECK(normal::hazard_slope(3.0) == doctest::Approx(0.9294).epsilon(1e-4));
    for (double a = -3.0; a <= 3.0; a += 0.25) {
        const double slope = tern_test::central_difference([](const auto& x) { return normal::hazard(x[0]); }, {a}, 0);
        CHECK(normal::hazard_slope(a) == doctest::Approx(slope).epsilon(1e-9));
    }
    CHECK(normal::mills_ratio(std::numeric_limits<double>::infinity()) == 0.0);
    CHECK(normal::upper_tail(40.0) == doctest::Approx(0.0));
    CHECK(normal::upper_tail(-40.0) == 1.0);
    CHECK(std::isnan(normal::mills_ratio(std::numeric_limits<double>::quiet_NaN())));
}

TEST_CASE("normal: mean magnitude beyond a limit, both tails, by integration") {
    for (const double mean : {0.0, 0.3, -0.3, 2.5, -6.0}) {
        for (const double limit : {0.0, 0.5, 2.0, 5.0, 9.0}) {
            double mass = 0.0;
            double moment = 0.0;
            constexpr double step = 1e-3;
            for (double x = limit + 0.5 * step; x < limit + 20.0; x += step) {  // midpoints
                const double both = std::exp(-0.5 * (x - mean) * (x - mean)) + std::exp(-0.5 * (x + mean) * (x + mean));
                mass += both;
                moment += x * both;
            }
            CHECK(normal::mean_magnitude_above(limit, mean, 1.0) == doctest::Approx(moment / mass).epsilon(1e-6));
            CHECK(normal::mean_magnitude_above(7.0 * limit, 7.0 * mean, 7.0) ==
                  doctest::Approx(7.0 * moment / mass).epsilon(1e-6));
        }
    }
    const auto value = [](const auto& x) { return normal::mean_magnitude_above(x[0], x[1], x[2]); };
    for (const double mean : {0.0, 0.2, -0.2, 1.5, -4.0}) {
        for (const double limit : {0.1, 0.7, 2.0, 4.0}) {
            const normal::tail_mean s = normal::mean_above(limit, mean, 1.3);
            const std::vector<double> gradient{s.by_limit, s.by_mean, s.by_deviation};
            CHECK(tern_test::gradient_error(value, {limit, mean, 1.3}, gradient) < 1e-6);
        }
    }
    CHECK(normal::mean_magnitude_above(100.0, 0.0, 1.0) == doctest::Approx(100.01).epsilon(1e-5));
    CHECK(normal::mean_magnitude_above(1.0, 100.0, 1.0) == doctest::Approx(100.0).epsilon(1e-12));
}

TEST_CASE("random: numbers of (0, 1], from one call of a wide engine or two of a narrow one") {
    using tern::quantize::uniform;
    counter ends{~std::uint64_t{0}};
    CHECK(uniform(ends) == 1.0);
    CHECK(ends.next == 0);
    CHECK(uniform(ends) == 0x1p-64);
    std::mt19937 random(1), same(1);
    const auto high = static_cast<double>(same());
    const auto low = static_cast<double>(same());
    CHECK(uniform(random) == (high + (low + 1.0) * 0x1p-32) * 0x1p-32);
    CHECK(random() == same());
    std::minstd_rand odd(5);
    double sum = 0.0;
    for (int i = 0; i < 10000; ++i) {
        const double u = uniform(odd);
        REQUIRE((u > 0.0 && u <= 1.0));
        sum += u;
    }
    CHECK(sum / 10000 == doctest::Approx(0.5).epsilon(0.02));
}

TEST_CASE("gradient checker: finds a wrong gradient, and only that") {
    const auto f = [](const std::vector<double>& x) { return x[0] * x[0] * x[1] + std::sin(x[1]); };
    const std::vector<double> at{1.5, -0.5};
    const std::vector<double> right{-1.5, 2.25 + std::cos(-0.5)};
    CHECK(tern_test::gradient_error(f, at, right) < 1e-9);
    CHECK(tern_test::gradient_error(f, at, std::vector<double>{-1.5, right[1] * 1.001}) > 5e-4);
    CHECK(tern_test::gradient_error(f, at, std::vector<double>{std::nan(""), right[1]}) > 1.0);
    CHECK(tern_test::gradient_error(f, at, std::vector<double>{-1.5}) > 1.0);
}
