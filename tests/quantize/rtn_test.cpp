// SPDX-License-Identifier: MIT
// RTN against hand-written cases, finite differences of its straight-through surrogate and the statuses of its
// contract.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/quantize/rtn.hpp>

#include "grid.hpp"

namespace {

using tern::matrix_view;
using tern::status;
using tern::quantize::per_channel;
using tern::quantize::per_tensor;
using tern_test::grid;
namespace rtn = tern::quantize::rtn;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float canary = grid<float>::canary;

using bytes = std::vector<std::int8_t>;
using floats = std::vector<float>;

double clip(double u) { return std::min(std::max(u, -1.0), 1.0); }

double naive_t(double u) { return u > 0.5 ? 1.0 : (u < -0.5 ? -1.0 : 0.0); }

struct point {
    double x;
    double scale;
    double offset;
};

double argument(const point& p, rtn::variant v) { return v == rtn::variant::fixed ? p.x : (p.x - p.offset) / p.scale; }

/// xq near `base` with dT/du replaced by [|u| <= 1]: T(u0) + clip(u) - clip(u0) stands for T(u).
double surrogate(const point& p, const point& base, rtn::variant v) {
    const double u0 = argument(base, v);
    return p.scale * (naive_t(u0) + clip(argument(p, v)) - clip(u0)) + p.offset;
}

double slope(const point& p, double point::*member, rtn::variant v) {
    constexpr double step = 1e-6;
    point above = p;
    point below = p;
    above.*member += step;
    below.*member -= step;
    return (surrogate(above, p, v) - surrogate(below, p, v)) / (2.0 * step);
}

double squared_error(const floats& x, const bytes& t, double scale, double offset) {
    double error = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double d = x[i] - (scale * t[i] + offset);
        error += d * d;
    }
    return error;
}

}  // namespace

TEST_CASE("rtn: T rounds the clipped value, ties and NaN give 0") {
    static_assert(rtn::ternarize(0.75f) == 1 && rtn::ternarize(-0.75f) == -1 && rtn::ternarize(0.25f) == 0);
    CHECK(rtn::ternarize(0.5f) == 0);
    CHECK(rtn::ternarize(-0.5f) == 0);
    CHECK(rtn::ternarize(std::nextafter(0.5f, 1.0f)) == 1);
    CHECK(rtn::ternarize(std::nextafter(-0.5f, -1.0f)) == -1);
    CHECK(rtn::ternarize(not_a_number) == 0);
    CHECK(rtn::ternarize(infinity) == 1);
    CHECK(rtn::ternarize(-infinity) == -1);
}

TEST_CASE("rtn: forward by hand, both variants, values and numbers") {
    const grid<float> x(2, 4, {-3.0f, -0.5f, 0.6f, not_a_number, 0.9f, 2.0f, 3.5f, 8.0f});
    const floats scale{2.0f, 4.0f};
    const floats offset{1.0f, 2.0f};
    const auto scales = per_channel(scale.data(), 2);
    const auto offsets = per_channel(offset.data(), 2);
    grid<std::int8_t> t(2, 4);
    grid<float> q(2, 4);

    REQUIRE(rtn::forward(x.view(), scales, offsets, t.view()) == status::ok);
    CHECK(t.values() == bytes{-1, 0, 1, 0, 1, 1, 1, 1});
    REQUIRE(rtn::forward(x.view(), scales, offsets, q.view()) == status::ok);
    CHECK(q.values() == floats{-1.0f, 1.0f, 3.0f, 1.0f, 6.0f, 6.0f, 6.0f, 6.0f});

    // u = (x - 1) / 2: -2, -0.75, -0.2, NaN; u = (x - 2) / 4: -0.275, 0, 0.375, 1.5.
    REQUIRE(rtn::forward(x.view(), scales, offsets, t.view(), rtn::variant::normalized) == status::ok);
    CHECK(t.values() == bytes{-1, -1, 0, 0, 0, 0, 0, 1});
    REQUIRE(rtn::forward(x.view(), scales, offsets, q.view(), rtn::variant::normalized) == status::ok);
    CHECK(q.values() == floats{-1.0f, -1.0f, 1.0f, 1.0f, 2.0f, 2.0f, 2.0f, 6.0f});
    CHECK(t.gaps_intact());
    CHECK(q.gaps_intact());
}

TEST_CASE("rtn: granularities of scale and offset are independent") {
    const grid<float> x(2, 2, {1.0f, -1.0f, 1.0f, -1.0f});
    const floats scale{2.0f, 3.0f};
    const float offset = 10.0f;
    grid<float> q(2, 2);
    REQUIRE(rtn::forward(x.view(), per_channel(scale.data(), 2), per_tensor(&offset), q.view()) == status::ok);
    CHECK(q.values() == floats{12.0f, 8.0f, 13.0f, 7.0f});
    const grid<float> g(2, 2, {1.0f, 2.0f, 4.0f, 8.0f});
    grid<float> grad_x(2, 2);
    floats grad_scale(2);
    float grad_offset = 0.0f;
    REQUIRE(rtn::backward(x.view(), per_channel(scale.data(), 2), per_tensor(&offset), g.view(), grad_x.view(),
                          per_channel(grad_scale.data(), 2), per_tensor(&grad_offset)) == status::ok);
    CHECK(grad_x.values() == floats{2.0f, 4.0f, 12.0f, 24.0f});
    CHECK(grad_scale == floats{-1.0f, -4.0f});
    CHECK(grad_offset == 15.0f);
}

TEST_CASE("rtn: backward by hand at the edges of the clip, for NaN and for infinity") {
    const float outside = std::nextafter(1.0f, 2.0f);
    const grid<float> x(1, 7, {1.0f, -1.0f, outside, -outside, not_a_number, infinity, 0.25f});
    const grid<float> g(1, 7, {1.0f, 2.0f, 4.0f, 8.0f, 16.0f, 32.0f, 64.0f});
    const float scale = 1.0f;
    const float offset = 0.0f;
    grid<float> grad_x(1, 7);
    float grad_scale = 0.0f;
    float grad_offset = 0.0f;
    const auto run = [&](rtn::variant v) {
        return rtn::backward(x.view(), per_tensor(&scale), per_tensor(&offset), g.view(), grad_x.view(),
                             per_tensor(&grad_scale), per_tensor(&grad_offset), v);
    };
    REQUIRE(run(rtn::variant::fixed) == status::ok);
    CHECK(grad_x.values() == floats{1.0f, 2.0f, 0.0f, 0.0f, 0.0f, 0.0f, 64.0f});
    CHECK(grad_scale == 1.0f - 2.0f + 4.0f - 8.0f + 32.0f);
    CHECK(grad_offset == 127.0f);
    // Inside the clip t - u is 0 at +-1 and -0.25 at 0.25; outside it is t.
    REQUIRE(run(rtn::variant::normalized) == status::ok);
    CHECK(grad_x.values() == floats{1.0f, 2.0f, 0.0f, 0.0f, 0.0f, 0.0f, 64.0f});
    CHECK(grad_scale == 4.0f - 8.0f + 32.0f - 16.0f);
    CHECK(grad_offset == 4.0f + 8.0f + 16.0f + 32.0f);
    CHECK(grad_x.gaps_intact());
}

TEST_CASE("rtn: gradients are the derivative of the straight-through surrogate") {
    constexpr std::size_t rows = 4;
    constexpr std::size_t cols = 60;
    const grid<float> x = tern_test::random_grid(rows, cols, 41);
    const grid<float> g = tern_test::random_grid(rows, cols, 42);
    const floats scale{0.7f, 1.3f, -0.9f, 2.0f};
    const floats offset{0.2f, -0.4f, 0.0f, 1.5f};
    for (const rtn::variant v : {rtn::variant::fixed, rtn::variant::normalized}) {
        for (const bool shared : {false, true}) {
            const std::size_t groups = shared ? 1 : rows;
            grid<float> grad_x(rows, cols), grad_scale(groups, 1), grad_offset(groups, 1);
            REQUIRE(rtn::backward(x.view(), per_channel(scale.data(), groups), per_channel(offset.data(), groups),
                                  g.view(), grad_x.view(), grad_scale.view(), grad_offset.view(), v) == status::ok);
            std::vector<double> scale_sum(groups), offset_sum(groups);
            for (std::size_t i = 0; i < rows; ++i) {
                const std::size_t group = shared ? 0 : i;
                for (std::size_t j = 0; j < cols; ++j) {
                    const point p{x.at(i, j), scale[group], offset[group]};
                    const double gradient = g.at(i, j);
                    CHECK(grad_x.at(i, j) == doctest::Approx(gradient * slope(p, &point::x, v)).epsilon(1e-5));
                    scale_sum[group] += gradient * slope(p, &point::scale, v);
                    offset_sum[group] += gradient * slope(p, &point::offset, v);
                }
            }
            for (std::size_t k = 0; k < groups; ++k) {
                CHECK(grad_scale.at(k, 0) == doctest::Approx(scale_sum[k]).epsilon(1e-5));
                CHECK(grad_offset.at(k, 0) == doctest::Approx(offset_sum[k]).epsilon(1e-5));
            }
            CHECK(grad_x.gaps_intact());
            CHECK(grad_scale.gaps_intact());
            CHECK(grad_offset.gaps_intact());
        }
    }
}

TEST_CASE("rtn: fit recovers scale and offset exactly where x is an affine ternary") {
    const grid<std::int8_t> t(2, 5, {-1, 0, 1, 1, -1, 1, 0, 0, 0, 1});
    grid<float> x(2, 5);
    for (std::size_t j = 0; j < 5; ++j) {
        x.at(0, j) = 1.5f * static_cast<float>(t.at(0, j)) + 0.25f;
        x.at(1, j) = -2.0f * static_cast<float>(t.at(1, j)) + 8.0f;
    }
    floats scale(2), offset(2);
    REQUIRE(rtn::fit(x.view(), t.view(), per_channel(scale.data(), 2), per_channel(offset.data(), 2)) == status::ok);
    CHECK(scale[0] == 1.5f);
    CHECK(offset[0] == 0.25f);
    CHECK(scale[1] == doctest::Approx(-2.0f).epsilon(1e-6));
    CHECK(offset[1] == doctest::Approx(8.0f).epsilon(1e-6));
}

TEST_CASE("rtn: fit is a minimum of the squared error, with and without offset, and shared by a tensor") {
    const grid<float> x = tern_test::random_grid(3, 70, 51);
    const float one = 1.0f;
    const float zero = 0.0f;
    grid<std::int8_t> t(3, 70);
    REQUIRE(rtn::forward(x.view(), per_tensor(&one), per_tensor(&zero), t.view()) == status::ok);
    float scale = 0.0f;
    float offset = 0.0f;
    REQUIRE(rtn::fit(x.view(), t.view(), per_tensor(&scale), per_tensor(&offset)) == status::ok);
    const double best = squared_error(x.values(), t.values(), scale, offset);
    for (const double d : {-0.01, 0.01}) {
        CHECK(best < squared_error(x.values(), t.values(), scale + d, offset));
        CHECK(best < squared_error(x.values(), t.values(), scale, offset + d));
    }
    float alone = 0.0f;
    REQUIRE(rtn::fit(x.view(), t.view(), per_tensor(&alone)) == status::ok);
    const double best_alone = squared_error(x.values(), t.values(), alone, 0.0);
    CHECK(best_alone < squared_error(x.values(), t.values(), alone + 0.01, 0.0));
    CHECK(best_alone < squared_error(x.values(), t.values(), alone - 0.01, 0.0));
    CHECK(best < best_alone);
}

TEST_CASE("rtn: without an offset the scale is the mean of |x| on the support") {
    const grid<float> x(1, 5, {3.0f, -5.0f, 0.25f, 1.0f, -1.0f});
    const grid<std::int8_t> t(1, 5, {1, -1, 0, 1, -1});
    float scale = 0.0f;
    REQUIRE(rtn::fit(x.view(), t.view(), per_tensor(&scale)) == status::ok);
    CHECK(scale == 2.5f);
}

TEST_CASE("rtn: a constant t leaves scale 1 and an offset that meets the mean") {
    const grid<float> x(4, 2, {2.0f, 4.0f, 2.0f, 4.0f, 2.0f, 4.0f, 1.0f, 5.0f});
    const grid<std::int8_t> t(4, 2, {1, 1, 0, 0, -1, -1, 0, 1});
    floats scale(4), offset(4);
    REQUIRE(rtn::fit(x.view(), t.view(), per_channel(scale.data(), 4), per_channel(offset.data(), 4)) == status::ok);
    CHECK(scale == floats{1.0f, 1.0f, 1.0f, 4.0f});
    CHECK(offset == floats{2.0f, 3.0f, 4.0f, 1.0f});
    REQUIRE(rtn::fit(x.view(), t.view(), per_channel(scale.data(), 4)) == status::ok);
    CHECK(scale == floats{3.0f, 1.0f, -3.0f, 5.0f});

    float one_scale = canary;
    float one_offset = canary;
    REQUIRE(rtn::fit({nullptr, 0, 3}, {nullptr, 0, 3}, per_tensor(&one_scale), per_tensor(&one_offset)) == status::ok);
    CHECK(one_scale == 1.0f);
    CHECK(one_offset == 0.0f);
}

TEST_CASE("rtn: no elements give zero gradients of scale and offset") {
    const float scale = 2.0f;
    const float offset = 0.5f;
    float grad_scale = canary;
    float grad_offset = canary;
    REQUIRE(rtn::backward({nullptr, 0, 4}, per_tensor(&scale), per_tensor(&offset), {nullptr, 0, 4}, {nullptr, 0, 4},
                          per_tensor(&grad_scale), per_tensor(&grad_offset)) == status::ok);
    CHECK(grad_scale == 0.0f);
    CHECK(grad_offset == 0.0f);
}

TEST_CASE("rtn: fit gives a status for a caller's mistake and writes nothing") {
    grid<float> x = tern_test::random_grid(3, 4, 61);
    const floats before = x.values();
    grid<std::int8_t> t(3, 4, {1, 0, -1, 0, 1, 1, -1, 0, 0, 0, 0, 1});
    floats scale(3, canary), offset(3, canary);
    const auto scales = per_channel(scale.data(), 3);
    const auto offsets = per_channel(offset.data(), 3);

    CHECK(rtn::fit({nullptr, 3, 4}, t.view(), scales, offsets) == status::null_pointer);
    CHECK(rtn::fit(x.view(), {nullptr, 3, 4}, scales, offsets) == status::null_pointer);
    CHECK(rtn::fit(x.view(), t.view(), per_channel<float>(nullptr, 3), offsets) == status::null_pointer);
    CHECK(rtn::fit(x.view(), t.view(), scales, per_channel<float>(nullptr, 3)) == status::null_pointer);
    CHECK(rtn::fit({x.view().data, 3, 4, 3}, t.view(), scales, offsets) == status::bad_stride);
    CHECK(rtn::fit(x.view(), {t.view().data, 4, 3}, scales, offsets) == status::bad_shape);
    CHECK(rtn::fit(x.view(), t.view(), per_channel(scale.data(), 2), offsets) == status::bad_shape);
    CHECK(rtn::fit(x.view(), t.view(), scales, per_tensor(offset.data())) == status::bad_shape);
    CHECK(rtn::fit(x.view(), t.view(), scales, scales) == status::overlap);
    CHECK(rtn::fit(x.view(), t.view(), per_tensor(x.view().row(1)), per_tensor(offset.data())) == status::overlap);
    CHECK(rtn::fit(x.view(), t.view(), per_tensor(x.view().row(1))) == status::overlap);
    CHECK(rtn::fit(x.view(), {nullptr, 3, 4}, scales) == status::null_pointer);
    CHECK(rtn::fit(x.view(), t.view(), per_channel(scale.data(), 2)) == status::bad_shape);
    x.at(1, 1) = not_a_number;
    CHECK(rtn::fit(x.view(), t.view(), scales, offsets) == status::bad_value);
    CHECK(rtn::fit(x.view(), t.view(), scales) == status::bad_value);
    x.at(1, 1) = before[5];
    t.at(2, 3) = 2;
    CHECK(rtn::fit(x.view(), t.view(), scales, offsets) == status::bad_value);
    t.at(2, 3) = -2;
    CHECK(rtn::fit(x.view(), t.view(), scales) == status::bad_value);

    CHECK(scale == floats(3, canary));
    CHECK(offset == floats(3, canary));
    CHECK(x.values() == before);
}

TEST_CASE("rtn: forward and backward give a status for a caller's mistake and write nothing") {
    grid<float> x = tern_test::random_grid(3, 4, 71);
    const floats before = x.values();
    const floats one(3, 1.0f);
    const floats with_zero{1.0f, 0.0f, 1.0f};
    const floats with_nan{1.0f, not_a_number, 1.0f};
    const auto p = per_channel(one.data(), 3);
    grid<std::int8_t> t(3, 4);
    grid<float> q(3, 4);
    constexpr auto normalized = rtn::variant::normalized;

    CHECK(rtn::forward({nullptr, 3, 4}, p, p, q.view()) == status::null_pointer);
    CHECK(rtn::forward(x.view(), per_tensor<const float>(nullptr), p, q.view()) == status::null_pointer);
    CHECK(rtn::forward(x.view(), p, per_tensor<const float>(nullptr), t.view()) == status::null_pointer);
    CHECK(rtn::forward(x.view(), p, p, matrix_view<float>{nullptr, 3, 4}) == status::null_pointer);
    CHECK(rtn::forward(x.view(), p, p, matrix_view<float>{q.view().data, 3, 4, 3}) == status::bad_stride);
    CHECK(rtn::forward(x.view(), p, p, matrix_view<float>{q.view().data, 3, 3}) == status::bad_shape);
    CHECK(rtn::forward(x.view(), p, p, matrix_view<std::int8_t>{t.view().data, 2, 4}) == status::bad_shape);
    CHECK(rtn::forward(x.view(), per_channel(one.data(), 2), p, t.view()) == status::bad_shape);
    CHECK(rtn::forward(x.view(), p, {one.data(), 3, 2}, t.view()) == status::bad_shape);
    CHECK(rtn::forward(x.view(), p, p, x.view()) == status::overlap);
    CHECK(rtn::forward(x.view(), p, per_tensor<const float>(q.view().row(2)), q.view()) == status::overlap);
    CHECK(rtn::forward(x.view(), per_channel(with_nan.data(), 3), p, q.view()) == status::bad_value);
    CHECK(rtn::forward(x.view(), p, per_channel(with_nan.data(), 3), t.view()) == status::bad_value);
    CHECK(rtn::forward(x.view(), per_channel(with_zero.data(), 3), p, q.view(), normalized) == status::bad_value);
    CHECK(rtn::forward(x.view(), per_channel(with_zero.data(), 3), p, t.view(), normalized) == status::bad_value);

    const grid<float> g = tern_test::random_grid(3, 4, 72);
    floats gs(3, canary), go(3, canary);
    const auto grad_scale = per_channel(gs.data(), 3);
    const auto grad_offset = per_channel(go.data(), 3);
    CHECK(rtn::backward(x.view(), p, p, {nullptr, 3, 4}, q.view(), grad_scale, grad_offset) == status::null_pointer);
    CHECK(rtn::backward(x.view(), p, p, g.view(), {nullptr, 3, 4}, grad_scale, grad_offset) == status::null_pointer);
    CHECK(rtn::backward(x.view(), p, p, g.view(), q.view(), per_channel<float>(nullptr, 3), grad_offset) ==
          status::null_pointer);
    CHECK(rtn::backward(x.view(), p, p, g.view(), q.view(), per_tensor(gs.data()), grad_offset) == status::bad_shape);
    CHECK(rtn::backward(x.view(), p, p, g.view(), q.view(), grad_scale, per_tensor(go.data())) == status::bad_shape);
    CHECK(rtn::backward(x.view(), p, p, {before.data(), 4, 3}, q.view(), grad_scale, grad_offset) == status::bad_shape);
    CHECK(rtn::backward(x.view(), p, p, g.view(), {q.view().data, 3, 4, 2}, grad_scale, grad_offset) ==
          status::bad_stride);
    CHECK(rtn::backward(x.view(), p, p, g.view(), x.view(), grad_scale, grad_offset) == status::overlap);
    CHECK(rtn::backward({before.data(), 3, 4}, p, p, x.view(), x.view(), grad_scale, grad_offset) == status::overlap);
    CHECK(rtn::backward(x.view(), p, p, g.view(), q.view(), grad_scale, grad_scale) == status::overlap);
    CHECK(rtn::backward(x.view(), p, p, g.view(), {gs.data(), 3, 4}, grad_scale, grad_offset) == status::overlap);
    CHECK(rtn::backward(x.view(), p, p, g.view(), {go.data(), 3, 4}, grad_scale, grad_offset) == status::overlap);
    CHECK(rtn::backward(x.view(), per_channel(with_zero.data(), 3), p, g.view(), q.view(), grad_scale, grad_offset,
                        normalized) == status::bad_value);
    CHECK(rtn::backward(x.view(), p, per_channel(with_nan.data(), 3), g.view(), q.view(), grad_scale, grad_offset) ==
          status::bad_value);

    CHECK(q.untouched());
    CHECK(t.untouched());
    CHECK(gs == floats(3, canary));
    CHECK(go == floats(3, canary));
    CHECK(x.values() == before);
    CHECK(x.gaps_intact());
}
