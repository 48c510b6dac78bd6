// SPDX-License-Identifier: MIT
// TWN against hand-written cases, a naive restatement and the statuses of its contract.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/quantize/twn.hpp>

#include "grid.hpp"

namespace {

using tern::matrix_view;
using tern::status;
using tern::quantize::per_channel;
using tern::quantize::per_tensor;
using tern_test::grid;
namespace twn = tern::quantize::twn;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float canary = grid<float>::canary;

using bytes = std::vector<std::int8_t>;
using floats = std::vector<float>;

/// 0.7 times the mean distance from `centre`, as the formula reads.
double naive_threshold(const floats& w, bool centred) {
    double mean = 0.0;
    for (const float v : w) mean += v;
    mean = centred ? mean / static_cast<double>(w.size()) : 0.0;
    double distance = 0.0;
    for (const float v : w) distance += std::fabs(v - mean);
    return 0.7 * distance / static_cast<double>(w.size());
}

double naive_scale(const floats& w, float threshold) {
    double sum = 0.0;
    int count = 0;
    for (const float v : w) {
        if (std::fabs(v) > threshold) sum += std::fabs(v), ++count;
    }
    return count == 0 ? 0.0 : sum / count;
}

double squared_error(const floats& w, float threshold, double scale) {
    double error = 0.0;
    for (const float v : w) {
        const double q = v > threshold ? scale : (v < -threshold ? -scale : 0.0);
        error += (v - q) * (v - q);
    }
    return error;
}

floats row_of(const grid<float>& g, std::size_t i) {
    floats row;
    for (std::size_t j = 0; j < g.cols(); ++j) row.push_back(g.at(i, j));
    return row;
}

}  // namespace

TEST_CASE("twn: a case by hand, one threshold and one scale a row") {
    // Row 0: mean |w| = 2, threshold 1.4, support {4, -2}, scale 3. Row 1: mean |w| = 1, threshold 0.7, all but 0.
    const grid<float> w(2, 4, {4.0f, -2.0f, 1.0f, -1.0f, 0.0f, -2.0f, 1.0f, 1.0f});
    floats threshold(2), scale(2);
    REQUIRE(twn::fit(w.view(), per_channel(threshold.data(), 2), per_channel(scale.data(), 2)) == status::ok);
    CHECK(threshold == floats{1.4f, 0.7f});
    CHECK(scale[0] == 3.0f);
    CHECK(scale[1] == static_cast<float>(4.0 / 3.0));

    grid<std::int8_t> t(2, 4);
    REQUIRE(twn::forward(w.view(), per_channel(threshold.data(), 2), t.view()) == status::ok);
    CHECK(t.values() == bytes{1, -1, 0, 0, 0, -1, 1, 1});
    CHECK(t.gaps_intact());

    grid<float> q(2, 4);
    REQUIRE(twn::forward(w.view(), per_channel(threshold.data(), 2), per_channel(scale.data(), 2), q.view()) ==
            status::ok);
    CHECK(q.values() == floats{3.0f, -3.0f, 0.0f, 0.0f, 0.0f, -scale[1], scale[1], scale[1]});
    CHECK(q.gaps_intact());
}

TEST_CASE("twn: one threshold and one scale for the tensor, and one threshold with a scale a row") {
    // mean |w| = 1.5, threshold 1.05: support {4, -2, -2}, scale 8/3; by rows 3 and 2.
    const grid<float> w(2, 4, {4.0f, -2.0f, 1.0f, -1.0f, 0.0f, -2.0f, 1.0f, 1.0f});
    float threshold = 0.0f;
    float scale = 0.0f;
    REQUIRE(twn::fit(w.view(), per_tensor(&threshold), per_tensor(&scale)) == status::ok);
    CHECK(threshold == 1.05f);
    CHECK(scale == static_cast<float>(8.0 / 3.0));
    floats scales(2);
    REQUIRE(twn::fit(w.view(), per_tensor(&threshold), per_channel(scales.data(), 2)) == status::ok);
    CHECK(scales == floats{3.0f, 2.0f});
    grid<std::int8_t> t(2, 4);
    REQUIRE(twn::forward(w.view(), per_tensor(&threshold), t.view()) == status::ok);
    CHECK(t.values() == bytes{1, -1, 0, 0, 0, -1, 0, 0});
}

TEST_CASE("twn: the released threshold removes the mean, the comparison does not") {
    // mean 2, mean |w - 2| = 2, threshold 1.4; the paper's would be 0.7 * mean |w| = 0.7 * 2.5 = 1.75.
    const grid<float> w(1, 4, {5.0f, 3.0f, 1.0f, -1.0f});
    float threshold = 0.0f;
    float scale = 0.0f;
    REQUIRE(twn::fit(w.view(), per_tensor(&threshold), per_tensor(&scale), twn::rule::released) == status::ok);
    CHECK(threshold == 1.4f);
    CHECK(scale == 4.0f);
    REQUIRE(twn::fit(w.view(), per_tensor(&threshold), per_tensor(&scale)) == status::ok);
    CHECK(threshold == 1.75f);
}

TEST_CASE("twn: agrees with the formula on random weights, strides longer than rows") {
    for (const std::size_t rows : {1u, 2u, 7u}) {
        for (const std::size_t cols : {1u, 3u, 64u, 1001u}) {
            CAPTURE(rows);
            CAPTURE(cols);
            const grid<float> w = tern_test::random_grid(rows, cols, static_cast<std::uint32_t>(rows * 100 + cols));
            for (const twn::rule rule : {twn::rule::paper, twn::rule::released}) {
                const bool centred = rule == twn::rule::released;
                grid<float> threshold(rows, 1), scale(rows, 1);
                REQUIRE(twn::fit(w.view(), threshold.view(), scale.view(), rule) == status::ok);
                for (std::size_t i = 0; i < rows; ++i) {
                    const floats row = row_of(w, i);
                    CHECK(threshold.at(i, 0) == doctest::Approx(naive_threshold(row, centred)).epsilon(1e-6));
                    CHECK(scale.at(i, 0) == doctest::Approx(naive_scale(row, threshold.at(i, 0))).epsilon(1e-6));
                }
                CHECK(threshold.gaps_intact());
                CHECK(scale.gaps_intact());
                float all = 0.0f;
                float all_scale = 0.0f;
                REQUIRE(twn::fit(w.view(), per_tensor(&all), per_tensor(&all_scale), rule) == status::ok);
                CHECK(all == doctest::Approx(naive_threshold(w.values(), centred)).epsilon(1e-6));
                CHECK(all_scale == doctest::Approx(naive_scale(w.values(), all)).epsilon(1e-6));
            }
        }
    }
}

TEST_CASE("twn: the scale is the least-squares one for its support") {
    const grid<float> w = tern_test::random_grid(1, 500, 5);
    float threshold = 0.0f;
    float scale = 0.0f;
    REQUIRE(twn::fit(w.view(), per_tensor(&threshold), per_tensor(&scale)) == status::ok);
    const double best = squared_error(w.values(), threshold, scale);
    CHECK(best < squared_error(w.values(), threshold, scale * 1.01));
    CHECK(best < squared_error(w.values(), threshold, scale * 0.99));
}

TEST_CASE("twn: on normal weights the threshold is 0.5585 deviations") {
    const grid<float> w = tern_test::random_grid(1, 200000, 9, 0.5f);
    float threshold = 0.0f;
    float scale = 0.0f;
    REQUIRE(twn::fit(w.view(), per_tensor(&threshold), per_tensor(&scale)) == status::ok);
    CHECK(threshold == doctest::Approx(0.5 * 0.5585).epsilon(0.01));
}

TEST_CASE("twn: scaling the weights scales threshold and scale and keeps the values; negation negates") {
    const grid<float> w = tern_test::random_grid(3, 50, 11);
    grid<float> other(3, 50);
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 50; ++j) other.at(i, j) = -4.0f * w.at(i, j);
    }
    floats threshold(3), scale(3), other_threshold(3), other_scale(3);
    REQUIRE(twn::fit(w.view(), per_channel(threshold.data(), 3), per_channel(scale.data(), 3)) == status::ok);
    REQUIRE(twn::fit(other.view(), per_channel(other_threshold.data(), 3), per_channel(other_scale.data(), 3)) ==
            status::ok);
    grid<std::int8_t> t(3, 50), other_t(3, 50);
    REQUIRE(twn::forward(w.view(), per_channel(threshold.data(), 3), t.view()) == status::ok);
    REQUIRE(twn::forward(other.view(), per_channel(other_threshold.data(), 3), other_t.view()) == status::ok);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(other_threshold[i] == 4.0f * threshold[i]);
        CHECK(other_scale[i] == 4.0f * scale[i]);
        for (std::size_t j = 0; j < 50; ++j) CHECK(other_t.at(i, j) == -t.at(i, j));
    }
}

TEST_CASE("twn: ties at the threshold and NaN give 0, the neighbours of a tie do not") {
    const float above = std::nextafter(0.5f, 1.0f);
    const grid<float> w(1, 7, {0.5f, -0.5f, above, -above, not_a_number, infinity, -infinity});
    const float threshold = 0.5f;
    grid<std::int8_t> t(1, 7);
    REQUIRE(twn::forward(w.view(), per_tensor(&threshold), t.view()) == status::ok);
    CHECK(t.values() == bytes{0, 0, 1, -1, 0, 1, -1});
    const float scale = 2.0f;
    grid<float> q(1, 7);
    REQUIRE(twn::forward(w.view(), per_tensor(&threshold), per_tensor(&scale), q.view()) == status::ok);
    CHECK(q.values() == floats{0.0f, 0.0f, 2.0f, -2.0f, 0.0f, 2.0f, -2.0f});
    REQUIRE(twn::forward(w.view(), per_tensor(&not_a_number), t.view()) == status::ok);
    CHECK(t.values() == bytes{0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("twn: an empty support has scale 0, empty weights have threshold 0") {
    const grid<float> zero(2, 3, {0.0f, 0.0f, 0.0f, 0.0f, -0.0f, 0.0f});
    floats threshold(2, canary), scale(2, canary);
    REQUIRE(twn::fit(zero.view(), per_channel(threshold.data(), 2), per_channel(scale.data(), 2)) == status::ok);
    CHECK(threshold == floats{0.0f, 0.0f});
    CHECK(scale == floats{0.0f, 0.0f});
    // A row below the threshold that it shares with a row of large weights.
    const grid<float> uneven(2, 1, {10.0f, 1.0f});
    REQUIRE(twn::fit(uneven.view(), per_tensor(threshold.data()), per_channel(scale.data(), 2)) == status::ok);
    CHECK(scale == floats{10.0f, 0.0f});

    threshold = {canary, canary};
    scale = {canary, canary};
    const matrix_view<const float> empty{nullptr, 2, 0};
    REQUIRE(twn::fit(empty, per_channel(threshold.data(), 2), per_channel(scale.data(), 2)) == status::ok);
    CHECK(threshold == floats{0.0f, 0.0f});
    CHECK(scale == floats{0.0f, 0.0f});
    const matrix_view<const float> nothing{nullptr, 0, 5};
    REQUIRE(twn::fit(nothing, per_channel<float>(nullptr, 0), per_channel<float>(nullptr, 0)) == status::ok);
    REQUIRE(twn::forward(nothing, per_channel<float>(nullptr, 0), matrix_view<std::int8_t>{nullptr, 0, 5}) ==
            status::ok);
}

TEST_CASE("twn: gradients are the derivative of the straight-through surrogate") {
    // The surrogate of the identity is w itself, that of the clip is min(max(w, -1), 1); L = sum g * surrogate.
    const grid<float> w = tern_test::random_grid(3, 40, 21);
    const grid<float> g = tern_test::random_grid(3, 40, 22);
    constexpr double step = 1e-6;
    for (const twn::ste estimator : {twn::ste::identity, twn::ste::clipped}) {
        grid<float> grad(3, 40);
        REQUIRE(twn::backward(w.view(), g.view(), grad.view(), estimator) == status::ok);
        CHECK(grad.gaps_intact());
        const auto surrogate = [&](double v) {
            return estimator == twn::ste::identity ? v : std::min(std::max(v, -1.0), 1.0);
        };
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 40; ++j) {
                const double at = w.at(i, j);
                const double slope = (surrogate(at + step) - surrogate(at - step)) / (2.0 * step);
                CHECK(grad.at(i, j) == doctest::Approx(g.at(i, j) * slope).epsilon(1e-6));
            }
        }
    }
}

TEST_CASE("twn: the clip excludes its ends and NaN, the identity passes everything") {
    const float below = std::nextafter(1.0f, 0.0f);
    const grid<float> w(1, 5, {1.0f, -1.0f, below, -below, not_a_number});
    const grid<float> g(1, 5, {2.0f, 3.0f, 5.0f, 7.0f, 11.0f});
    grid<float> grad(1, 5);
    REQUIRE(twn::backward(w.view(), g.view(), grad.view(), twn::ste::clipped) == status::ok);
    CHECK(grad.values() == floats{0.0f, 0.0f, 5.0f, 7.0f, 0.0f});
    REQUIRE(twn::backward(w.view(), g.view(), grad.view()) == status::ok);
    CHECK(grad.values() == g.values());
}

TEST_CASE("twn: a caller's mistake gives a status and writes nothing") {
    grid<float> w = tern_test::random_grid(3, 4, 31);
    const floats before = w.values();
    floats threshold(3, canary), scale(3, canary);
    grid<float> q(3, 4);
    grid<std::int8_t> t(3, 4);
    const auto fit = [&](matrix_view<const float> weights, matrix_view<float> limits, matrix_view<float> scales) {
        return twn::fit(weights, limits, scales);
    };
    const auto limits = per_channel(threshold.data(), 3);
    const auto scales = per_channel(scale.data(), 3);

    CHECK(fit({nullptr, 3, 4}, limits, scales) == status::null_pointer);
    CHECK(fit(w.view(), per_channel<float>(nullptr, 3), scales) == status::null_pointer);
    CHECK(fit(w.view(), limits, per_tensor<float>(nullptr)) == status::null_pointer);
    CHECK(fit({w.view().data, 3, 4, 3}, limits, scales) == status::bad_stride);
    CHECK(fit(w.view(), {threshold.data(), 3, 1, 0}, scales) == status::bad_stride);
    CHECK(fit(w.view(), per_channel(threshold.data(), 2), scales) == status::bad_shape);
    CHECK(fit(w.view(), limits, per_channel(scale.data(), 2)) == status::bad_shape);
    CHECK(fit(w.view(), limits, {scale.data(), 1, 3}) == status::bad_shape);
    CHECK(fit(w.view(), limits, limits) == status::overlap);
    CHECK(fit(w.view(), per_tensor(w.view().data), scales) == status::overlap);
    CHECK(fit(w.view(), limits, per_tensor(w.view().row(2))) == status::overlap);
    volatile std::size_t most = static_cast<std::size_t>(-1);  // GCC at -O3 warns of the loops that are not reached
    CHECK(fit({w.view().data, most, 4}, per_tensor(threshold.data()), per_tensor(scale.data())) == status::overflow);
    for (const float bad : {not_a_number, infinity, -infinity}) {
        w.at(2, 3) = bad;
        CHECK(fit(w.view(), limits, scales) == status::bad_value);
    }
    w.at(2, 3) = before.back();

    const floats good(3, 0.5f);
    const auto one = per_channel(good.data(), 3);
    const floats negative{0.5f, 0.5f, -0.5f};
    const auto minus = per_channel(negative.data(), 3);
    CHECK(twn::forward({nullptr, 3, 4}, one, t.view()) == status::null_pointer);
    CHECK(twn::forward(w.view(), one, matrix_view<std::int8_t>{nullptr, 3, 4}) == status::null_pointer);
    CHECK(twn::forward(w.view(), per_tensor<const float>(nullptr), t.view()) == status::null_pointer);
    CHECK(twn::forward(w.view(), one, matrix_view<std::int8_t>{t.view().data, 3, 4, 2}) == status::bad_stride);
    CHECK(twn::forward(w.view(), one, matrix_view<std::int8_t>{t.view().data, 4, 3}) == status::bad_shape);
    CHECK(twn::forward(w.view(), per_channel(good.data(), 2), t.view()) == status::bad_shape);
    CHECK(twn::forward(w.view(), minus, t.view()) == status::bad_value);
    CHECK(twn::forward(w.view(), one, one, {nullptr, 3, 4}) == status::null_pointer);
    CHECK(twn::forward(w.view(), one, one, {q.view().data, 2, 4}) == status::bad_shape);
    CHECK(twn::forward(w.view(), one, {good.data(), 2, 1}, q.view()) == status::bad_shape);
    CHECK(twn::forward(w.view(), minus, one, q.view()) == status::bad_value);
    CHECK(twn::forward(w.view(), one, one, w.view()) == status::overlap);
    CHECK(twn::forward(w.view(), one, per_tensor<const float>(q.view().data), q.view()) == status::overlap);
    CHECK(
        twn::forward(w.view(), one, matrix_view<std::int8_t>{reinterpret_cast<std::int8_t*>(w.view().row(1)), 3, 4}) ==
        status::overlap);

    CHECK(twn::backward(w.view(), {nullptr, 3, 4}, q.view()) == status::null_pointer);
    CHECK(twn::backward(w.view(), {before.data(), 4, 3}, q.view()) == status::bad_shape);
    CHECK(twn::backward(w.view(), {before.data(), 3, 4}, {q.view().data, 3, 4, 1}) == status::bad_stride);
    CHECK(twn::backward(w.view(), w.view(), w.view()) == status::overlap);
    CHECK(twn::backward({before.data(), 3, 4}, w.view(), w.view()) == status::overlap);

    CHECK(threshold == floats(3, canary));
    CHECK(scale == floats(3, canary));
    CHECK(q.untouched());
    CHECK(t.untouched());
    CHECK(w.values() == before);
    CHECK(w.gaps_intact());
}
