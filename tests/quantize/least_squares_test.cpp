// SPDX-License-Identifier: MIT
// Least-squares ternary weights: against every support of small cases, against every threshold of a fine grid, and the
// Gaussian facts that both it and TWN's threshold have to meet.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/quantize/least_squares.hpp>
#include <tern/quantize/normal.hpp>

#include "grid.hpp"
#include "support/gradient.hpp"

namespace {

using tern::status;
using tern::quantize::per_channel;
using tern::quantize::per_tensor;
using namespace tern_test;
namespace least_squares = tern::quantize::least_squares;
namespace normal = tern::quantize::normal;
namespace twn = tern::quantize::twn;

using floats = std::vector<float>;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

double squared_error(const floats& w, double threshold, double scale) {
    double error = 0.0;
    for (const float v : w) {
        const double q = v > threshold ? scale : (v < -threshold ? -scale : 0.0);
        error += (v - q) * (v - q);
    }
    return error;
}

/// With the best scale for that threshold.
double error_of(const floats& w, double threshold) {
    double sum = 0.0;
    double count = 0.0;
    for (const float v : w) {
        if (std::fabs(v) > threshold) sum += std::fabs(v), count += 1.0;
    }
    return squared_error(w, threshold, count > 0.0 ? sum / count : 0.0);
}

struct fitted {
    float threshold = 77.0f;
    float scale = 77.0f;
};

fitted fit(const floats& w) {
    fitted f;
    std::vector<tern::word> scratch(least_squares::scratch_words(1, w.size(), true));
    REQUIRE(least_squares::fit({w.data(), 1, w.size()}, per_tensor(&f.threshold), per_tensor(&f.scale), scratch.data(),
                               scratch.size()) == status::ok);
    return f;
}

/// Mean squared error of N(0, 1) with this threshold and scale: 1 - 2 S E|x|[.] + S^2 P[.].
double normal_error(double threshold, double scale) {
    return 1.0 - 4.0 * scale * normal::density(threshold) + 2.0 * scale * scale * normal::upper_tail(threshold);
}

}  // namespace

TEST_CASE("least squares: no support, whatever its signs and size, is better (every one of 3^7)") {
    for (std::uint32_t seed = 1; seed <= 20; ++seed) {
        floats w = smooth_point(7, seed, {});
        if (seed % 4 == 0) w[3] = -w[1], w[5] = w[1], w[6] = 0.0f;
        const fitted f = fit(w);
        const double got = squared_error(w, f.threshold, f.scale);
        double best = 1e9;
        for (int code = 0; code < 2187; ++code) {
            double along = 0.0;
            double count = 0.0;
            double total = 0.0;
            for (int i = 0, rest = code; i < 7; ++i, rest /= 3) {
                const int t = rest % 3 - 1;
                along += double{w[static_cast<std::size_t>(i)]} * t;
                count += t * t;
                total += double{w[static_cast<std::size_t>(i)]} * w[static_cast<std::size_t>(i)];
            }
            best = std::min(best, count > 0.0 ? total - along * along / count : total);
        }
        CHECK(got == doctest::Approx(best).epsilon(1e-6));
    }
}

TEST_CASE("least squares: no threshold on a fine grid gives a lower error, and TWN does not either") {
    for (std::uint32_t seed = 1; seed <= 8; ++seed) {
        const floats w = smooth_point(64u << seed % 3, seed, {}, 0.1 * seed);
        const fitted f = fit(w);
        const double best = squared_error(w, f.threshold, f.scale);
        float largest = 0.0f;
        for (const float v : w) largest = std::max(largest, std::fabs(v));
        for (int i = 0; i <= 2000; ++i) CHECK(best <= error_of(w, double{largest} * i / 2000.0) * (1.0 + 1e-6));
        float threshold = 0.0f;
        float scale = 0.0f;
        REQUIRE(twn::fit({w.data(), 1, w.size()}, per_tensor(&threshold), per_tensor(&scale)) == status::ok);
        CHECK(best <= squared_error(w, threshold, scale) * (1.0 + 1e-6));
        // TWN's scale is the best for its own threshold.
        CHECK(squared_error(w, threshold, scale) <= squared_error(w, threshold, 1.001 * scale));
        CHECK(squared_error(w, threshold, scale) <= squared_error(w, threshold, 0.999 * scale));
    }
}

TEST_CASE("least squares: the Gaussian facts, from the distribution") {
    // The optimum: threshold = scale / 2 = hazard(threshold) / 2.
    double d = 0.5;
    for (int i = 0; i < 200; ++i) d = 0.5 * normal::hazard(d);
    CHECK(d == doctest::Approx(0.612003).epsilon(1e-6));
    CHECK(normal::hazard(d) == doctest::Approx(1.224006).epsilon(1e-6));
    CHECK(2.0 * normal::upper_tail(d) == doctest::Approx(0.5405).epsilon(1e-4));
    CHECK(normal_error(d, normal::hazard(d)) == doctest::Approx(0.190174).epsilon(5e-6));
    const double mean_magnitude = normal::hazard(0.0);
    CHECK(mean_magnitude == doctest::Approx(0.797885).epsilon(1e-6));
    CHECK(0.7 * mean_magnitude == doctest::Approx(0.5585).epsilon(1e-4));
    CHECK(normal_error(0.7 * mean_magnitude, normal::hazard(0.7 * mean_magnitude)) ==
          doctest::Approx(0.191625).epsilon(5e-6));
    CHECK(0.75 * mean_magnitude == doctest::Approx(0.5984).epsilon(1e-4));
    CHECK(1.0 - mean_magnitude * mean_magnitude == doctest::Approx(0.363380).epsilon(5e-6));
    CHECK(normal::mean_magnitude_above(d, 0.0, 1.0) == doctest::Approx(1.224006).epsilon(1e-6));
}

TEST_CASE("least squares: the Gaussian facts to four digits, from weights") {
    // Quantiles of the normal distribution instead of random numbers: no noise. Newton's method from the last one.
    constexpr std::size_t n = 60000;
    floats w;
    double x = 4.5;
    for (std::size_t i = 0; i < n / 2; ++i) {
        const double tail = (static_cast<double>(i) + 0.5) / n;
        for (int step = 0; step < 6; ++step) x += (normal::upper_tail(x) - tail) / normal::density(x);
        w.push_back(static_cast<float>(x));
        w.push_back(static_cast<float>(-x));
    }
    const fitted f = fit(w);
    const auto count = std::count_if(w.begin(), w.end(), [&](float v) { return std::fabs(v) > f.threshold; });
    CHECK(f.threshold == doctest::Approx(0.6120).epsilon(1e-4));
    CHECK(f.scale == doctest::Approx(1.2240).epsilon(1e-4));
    CHECK(static_cast<double>(count) / n == doctest::Approx(0.5405).epsilon(1e-4));
    CHECK(squared_error(w, f.threshold, f.scale) / n == doctest::Approx(0.1902).epsilon(1e-3));
    float threshold = 0.0f;
    float scale = 0.0f;
    REQUIRE(twn::fit({w.data(), 1, n}, per_tensor(&threshold), per_tensor(&scale)) == status::ok);
    CHECK(threshold == doctest::Approx(0.5585).epsilon(1e-4));
    CHECK(squared_error(w, threshold, scale) / n == doctest::Approx(0.1916).epsilon(1e-3));
}

TEST_CASE("least squares: ties, zeros, one weight, none, per channel") {
    const fitted all = fit({2.0f, -2.0f, 2.0f});
    CHECK(all.threshold == 0.0f);
    CHECK(all.scale == 2.0f);
    // S^2 / k: 9, 8, 25/3 of {3, 1, 1}: the largest alone; ties are not divided.
    const fitted one = fit({1.0f, -3.0f, 1.0f});
    CHECK(one.threshold == 1.0f);
    CHECK(one.scale == 3.0f);
    const fitted zero = fit({0.0f, -0.0f});
    CHECK(zero.threshold == 0.0f);
    CHECK(zero.scale == 0.0f);
    const fitted none = fit({});
    CHECK(none.threshold == 0.0f);
    CHECK(none.scale == 0.0f);
    const fitted some = fit({0.0f, 5.0f, 0.0f});
    CHECK(some.threshold == 0.0f);
    CHECK(some.scale == 5.0f);

    const grid<float> w = random_grid(5, 33, 3);
    floats threshold(5), scale(5);
    std::vector<tern::word> scratch(least_squares::scratch_words(5, 33, false));
    REQUIRE(least_squares::fit(w.view(), per_channel(threshold.data(), 5), per_channel(scale.data(), 5), scratch.data(),
                               scratch.size()) == status::ok);
    for (std::size_t i = 0; i < 5; ++i) {
        const fitted row = fit(floats(w.view().row(i), w.view().row(i) + 33));
        CHECK(threshold[i] == row.threshold);
        CHECK(scale[i] == row.scale);
    }
}

TEST_CASE("least squares: a caller's mistake gives a status and nothing is written") {
    grid<float> w = random_grid(2, 4, 3);
    floats threshold(2, 77.0f), scale(2, 77.0f);
    std::vector<tern::word> scratch(8);
    const auto t = per_channel(threshold.data(), 2);
    const auto s = per_channel(scale.data(), 2);
    const auto run = [&](const auto& view, const auto& a, const auto& b, tern::word* memory, std::size_t size) {
        return least_squares::fit(view, a, b, memory, size);
    };
    CHECK(run(w.view(), t, per_tensor(scale.data()), scratch.data(), 8) == status::bad_shape);
    CHECK(run(w.view(), t, s, scratch.data(), 7) == status::buffer_size);
    CHECK(run(w.view(), t, s, nullptr, 8) == status::null_pointer);
    CHECK(run(w.view(), t, t, scratch.data(), 8) == status::overlap);
    CHECK(run(w.view(), t, s, reinterpret_cast<tern::word*>(w.view().data), 8) == status::overlap);
    w.at(1, 1) = not_a_number;
    CHECK(run(w.view(), t, s, scratch.data(), 8) == status::bad_value);
    CHECK(threshold == floats(2, 77.0f));
    CHECK(scale == floats(2, 77.0f));
}
