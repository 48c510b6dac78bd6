// SPDX-License-Identifier: MIT
// TGA: both forms of its scale, gradients against finite differences of its surrogate, the clamp, packed words.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <tern/quantize/tga.hpp>

#include "packed.hpp"
#include "support/architectures.hpp"
#include "support/gradient.hpp"

namespace {

using tern::matrix_view;
using tern::status;
using tern::quantize::per_channel;
using tern::quantize::per_tensor;
using namespace tern_test;
namespace tga = tern::quantize::tga;

using floats = std::vector<float>;

constexpr tga::tails forms[] = {tga::tails::upper, tga::tails::both};

double tail(double a) { return 0.5 * std::erfc(a / std::sqrt(2.0)); }
double density(double a) { return std::exp(-0.5 * a * a) / std::sqrt(2.0 * std::acos(-1.0)); }

/// As the formulas at the head of tga.hpp read, by <cmath>. `limit` < 0: from delta, else this one.
struct naive {
    double mean = 0.0;
    double deviation = 0.0;
    double limit = 0.0;
    double scale = 0.0;
    naive(const double* w, std::size_t n, double delta, tga::tails which, double frozen = -1.0) {
        for (std::size_t i = 0; i < n; ++i) mean += w[i] / static_cast<double>(n);
        for (std::size_t i = 0; i < n; ++i) deviation += (w[i] - mean) * (w[i] - mean);
        deviation = std::sqrt(deviation / static_cast<double>(n - 1));
        limit = frozen >= 0.0 ? frozen : std::fmin(std::fabs(delta), 3.0 * deviation);
        const double a = (limit - mean) / deviation;
        const double b = (-limit - mean) / deviation;
        if (which == tga::tails::both)
            scale = (mean * tail(a) + deviation * density(a) - mean * tail(-b) + deviation * density(b)) /
                    (tail(a) + tail(-b));
        else
            scale = mean + deviation * density(limit / deviation) / tail(limit / deviation);
    }
};

}  // namespace

TEST_CASE("tga: thresholds and scale are the formulas'") {
    for (const tga::tails which : forms) {
        for (const std::size_t groups : {1u, 4u}) {
            const grid<float> w = random_weights(4, 50, 3);
            const floats deltas{0.3f, -0.8f, 100.0f, 0.0f};
            grid<float> lower(groups, 1), upper(groups, 1), scale(groups, 1);
            REQUIRE(tga::fit(w.view(), {deltas.data(), groups, 1}, lower.view(), upper.view(), scale.view(), which) ==
                    status::ok);
            const std::vector<double> all = as_doubles(w.values());
            const std::size_t n = 200 / groups;
            for (std::size_t g = 0; g < groups; ++g) {
                const naive expected(all.data() + g * n, n, double{deltas[g]}, which);
                const double centre = which == tga::tails::both ? 0.0 : expected.mean;
                CHECK(lower.at(g, 0) == doctest::Approx(centre - expected.limit).epsilon(1e-6));
                CHECK(upper.at(g, 0) == doctest::Approx(centre + expected.limit).epsilon(1e-6));
                CHECK(scale.at(g, 0) == doctest::Approx(expected.scale).epsilon(1e-6));
            }
            CHECK(scale.gaps_intact());
        }
    }
}

TEST_CASE("tga: gradients are those of the surrogate, inside the clamp and beyond it") {
    constexpr std::size_t rows = 2;
    constexpr std::size_t cols = 30;
    for (const tga::tails which : forms) {
        for (const std::size_t groups : {std::size_t{1}, rows}) {
            for (const float delta : {0.4f, -0.9f, 1.8f, 40.0f}) {
                grid<float> w = random_weights(rows, cols, 11);
                for (std::size_t j = 0; j < cols; ++j) w.at(0, j) += 0.25f;
                const grid<float> g = random_grid(rows, cols, 12);
                const floats deltas(groups, delta);
                grid<float> lower(groups, 1), upper(groups, 1), scale(groups, 1), grad_w(rows, cols), grad_d(groups, 1);
                grid<std::int8_t> t(rows, cols);
                const matrix_view<const float> d{deltas.data(), groups, 1};
                REQUIRE(tga::fit(w.view(), d, lower.view(), upper.view(), scale.view(), which) == status::ok);
                REQUIRE(tga::forward(w.view(), lower.view(), upper.view(), t.view()) == status::ok);
                REQUIRE(tga::backward(w.view(), d, g.view(), grad_w.view(), grad_d.view(), which) == status::ok);
                const std::vector<double> at = as_doubles(w.values());
                std::vector<double> point = at;
                for (const float v : deltas) point.push_back(double{v});
                std::vector<float> gradient = grad_w.values();
                for (std::size_t k = 0; k < groups; ++k) gradient.push_back(grad_d.at(k, 0));
                const std::size_t n = rows * cols / groups;
                const auto loss = [&](const std::vector<double>& x) {
                    double total = 0.0;
                    for (std::size_t k = 0; k < groups; ++k) {
                        const naive base(at.data() + k * n, n, double{delta}, which);
                        // The clamp's 3 s is a constant, and it keeps delta out.
                        const bool clamped = std::fabs(double{delta}) >= 3.0 * base.deviation;
                        const naive here(x.data() + k * n, n, x[rows * cols + k], which,
                                         clamped ? base.limit : std::fabs(x[rows * cols + k]));
                        for (std::size_t i = k * n; i < (k + 1) * n; ++i)
                            total += double{g.at(i / cols, i % cols)} *
                                     (here.scale * t.at(i / cols, i % cols) + x[i] - at[i]);
                    }
                    return total;
                };
                CHECK(gradient_error(loss, point, gradient) < gradient_tolerance);
                if (delta == 40.0f) CHECK(grad_d.at(0, 0) == 0.0f);
                if (delta == 0.4f) CHECK(grad_d.at(0, 0) != 0.0f);
                grid<float> clipped(groups, 1);
                REQUIRE(tga::backward(w.view(), d, g.view(), grad_w.view(), clipped.view(), which,
                                      tga::released_delta_clip) == status::ok);
                const float wanted = std::min(std::max(grad_d.at(0, 0), -0.001f), 0.001f);
                CHECK(clipped.at(0, 0) == wanted);
            }
        }
    }
}

TEST_CASE("tga: packed words are those of the values on every architecture") {
    for_each_architecture([](auto arch) {
        using tag = decltype(arch);
        for_each_weight_shape([&](std::size_t rows, std::size_t cols, std::uint32_t seed) {
            const grid<float> w = random_weights(rows, cols, seed);
            const std::size_t groups = seed % 2 == 0 ? 1 : rows;
            grid<float> delta(groups, 1), lower(groups, 1), upper(groups, 1), scale(groups, 1);
            REQUIRE(tga::initialize<tag>(w.view(), delta.view(), 0.3f) == status::ok);
            REQUIRE(tga::fit<tag>(w.view(), delta.view(), lower.view(), upper.view(), scale.view()) == status::ok);
            grid<std::int8_t> t(rows, cols);
            grid<float> q(rows, cols);
            REQUIRE(tga::forward<tag>(w.view(), lower.view(), upper.view(), t.view()) == status::ok);
            REQUIRE(tga::forward<tag>(w.view(), lower.view(), upper.view(), scale.view(), q.view()) == status::ok);
            for (std::size_t i = 0; i < rows; ++i)
                for (std::size_t j = 0; j < cols; ++j)
                    CHECK(q.at(i, j) == scale.at(groups == 1 ? 0 : i, 0) * static_cast<float>(t.at(i, j)));
            const std::string error = check_packed<tern::ternary>(
                t, [&](const auto& to) { return tga::forward<tag>(w.view(), lower.view(), upper.view(), to); });
            if (!error.empty()) FAIL_CHECK(error << ", " << rows << " x " << cols);
        });
    });
}

TEST_CASE("tga: the start, equal weights, one weight, none") {
    const grid<float> w(1, 4, {1.0f, -4.0f, 2.0f, 0.0f});
    float delta = 0.0f;
    REQUIRE(tga::initialize(w.view(), per_tensor(&delta)) == status::ok);
    CHECK(delta == 0.05f * 4.0f);
    float lower = 77.0f;
    float upper = 77.0f;
    float scale = 77.0f;
    grid<float> grad_w(1, 3);
    float grad_delta = 77.0f;
    const grid<float> equal(1, 3, {-2.0f, -2.0f, -2.0f});
    const grid<float> g(1, 3, {1.0f, 2.0f, 4.0f});
    for (const tga::tails which : forms) {
        REQUIRE(tga::fit(equal.view(), per_tensor<const float>(&delta), per_tensor(&lower), per_tensor(&upper),
                         per_tensor(&scale), which) == status::ok);
        const bool both = which == tga::tails::both;
        CHECK(lower == (both ? 0.0f : -2.0f));
        CHECK(upper == lower);
        CHECK(scale == (both ? 2.0f : -2.0f));
        REQUIRE(tga::backward(equal.view(), per_tensor<const float>(&delta), g.view(), grad_w.view(),
                              per_tensor(&grad_delta), which) == status::ok);
        CHECK(grad_delta == 0.0f);
        // Both: t = -1 everywhere, G = -7, dS/dmu = -1.
        for (std::size_t j = 0; j < 3; ++j)
            CHECK(grad_w.at(0, j) == doctest::Approx(g.at(0, j) + (both ? 7.0f / 3.0f : 0.0f)));
        REQUIRE(tga::fit({equal.view().data, 1, 1}, per_tensor<const float>(&delta), per_tensor(&lower),
                         per_tensor(&upper), per_tensor(&scale), which) == status::ok);
        CHECK(std::fabs(scale) == 2.0f);
        REQUIRE(tga::fit({nullptr, 0, 3}, per_tensor<const float>(&delta), per_tensor(&lower), per_tensor(&upper),
                         per_tensor(&scale), which) == status::ok);
        CHECK(scale == 0.0f);
    }
}

TEST_CASE("tga: a caller's mistake gives a status and nothing is written") {
    grid<float> w = random_weights(3, 4, 5);
    const floats before = w.values();
    floats delta(3, 0.1f), a(3, 77.0f), b(3, 77.0f), c(3, 77.0f);
    grid<float> q(3, 4);
    const matrix_view<const float> d{delta.data(), 3, 1};
    const auto pa = per_channel(a.data(), 3);
    const auto pb = per_channel(b.data(), 3);
    const auto pc = per_channel(c.data(), 3);
    CHECK(tga::fit({nullptr, 3, 4}, d, pa, pb, pc) == status::null_pointer);
    CHECK(tga::fit(w.view(), d, pa, pb, per_tensor(c.data())) == status::bad_shape);
    CHECK(tga::fit(w.view(), d, pa, pa, pc) == status::overlap);
    CHECK(tga::fit(w.view(), d, pa, pb, {w.view().data, 3, 1, 7}) == status::overlap);
    CHECK(tga::forward(w.view(), {a.data(), 3, 1}, {b.data(), 2, 1}, q.view(), q.view()) != status::ok);
    CHECK(tga::backward(w.view(), d, w.view(), w.view(), pa) == status::overlap);
    CHECK(tga::backward(w.view(), d, q.view(), {q.view().data, 3, 4, 3}, pa) == status::bad_stride);
    CHECK(tga::backward({before.data(), 3, 4}, d, w.view(), q.view(), pa, tga::tails::upper, -1.0f) ==
          status::bad_value);
    delta[1] = std::numeric_limits<float>::infinity();
    CHECK(tga::fit(w.view(), d, pa, pb, pc) == status::bad_value);
    CHECK(tga::initialize(w.view(), pa, std::nanf("")) == status::bad_value);
    w.at(1, 1) = std::nanf("");
    CHECK(tga::initialize(w.view(), pa) == status::bad_value);
    CHECK(a == floats(3, 77.0f));
    CHECK(b == floats(3, 77.0f));
    CHECK(c == floats(3, 77.0f));
    CHECK(q.untouched());
}
