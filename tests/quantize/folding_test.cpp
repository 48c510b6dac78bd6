// SPDX-License-Identifier: MIT
// Full-BNN's integer limits, data-free equalization and bias correction, product-quantized codebooks.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include <tern/quantize/codebook.hpp>
#include <tern/quantize/equalize.hpp>
#include <tern/quantize/full_bnn.hpp>

#include "grid.hpp"
#include "support/architectures.hpp"
#include "support/gradient.hpp"

namespace {

using tern::matrix_view;
using tern::status;
using tern::quantize::per_channel;
using tern_test::grid;
namespace qz = tern::quantize;
namespace bnn = tern::quantize::full_bnn;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
constexpr std::int32_t highest = std::numeric_limits<std::int32_t>::max();

using floats = std::vector<float>;

bool is_negative(const std::vector<tern::word>& words, std::size_t o) { return (words[o / 32] >> (o % 32) & 1u) != 0u; }

}  // namespace

TEST_CASE("full_bnn: limits decide as the batch normalisation does, for every accumulator around them") {
    constexpr std::size_t outputs = 70;
    floats gamma = tern_test::smooth_point(outputs, 1, {0.0});
    const floats beta = tern_test::smooth_point(outputs, 2, {});
    const floats mean = tern_test::smooth_point(outputs, 3, {}, 20.0);
    floats variance = tern_test::smooth_point(outputs, 4, {0.0}, 30.0);
    const floats scale = tern_test::smooth_point(outputs, 5, {0.0}, 0.3);
    const floats bias = tern_test::smooth_point(outputs, 6, {});
    for (float& v : variance) v = std::fabs(v);
    gamma[7] = 0.0f;
    gamma[8] = -0.0f;
    tern::batch_norm norm;
    norm.gamma = gamma.data();
    norm.beta = beta.data();
    norm.mean = mean.data();
    norm.variance = variance.data();
    std::vector<std::int32_t> upper(outputs), lower(outputs), binary(outputs);
    std::vector<tern::word> negative(3, 0xffffffffu), falls(3, 0xffffffffu);
    REQUIRE(bnn::fold(norm, tern::per_channel(scale.data()), bias.data(), outputs, binary.data(), negative.data()) ==
            status::ok);
    REQUIRE(bnn::fold(norm, tern::per_channel(scale.data()), bias.data(), {}, outputs, lower.data(), upper.data(),
                      falls.data()) == status::ok);
    CHECK((negative[2] >> 6) == 0u);
    for (std::size_t o = 0; o < outputs; ++o) {
        const auto z = [&](std::int32_t a) {
            const double y = double{scale[o]} * a + double{bias[o]};
            const double root = std::sqrt(double{variance[o]} + double{1e-5f});
            return double{gamma[o]} * (y - double{mean[o]}) / root + double{beta[o]};
        };
        std::vector<std::int32_t> around{0, 1, -1, 1000, -1000, bnn::largest_accumulator, -bnn::largest_accumulator};
        for (const std::int32_t limit : {binary[o], lower[o], upper[o]})
            for (std::int32_t d = -2; d <= 2 && limit != lowest && limit != highest; ++d) around.push_back(limit + d);
        for (const std::int32_t a : around) {
            CHECK(((a > binary[o]) != is_negative(negative, o)) == (z(a) >= 0.0));
            const bool down = is_negative(falls, o);
            const int value = a > upper[o] ? (down ? -1 : 1) : (a < lower[o] ? (down ? 1 : -1) : 0);
            CHECK(value == (z(a) > 0.5 ? 1 : 0) - (z(a) < -0.5 ? 1 : 0));
        }
    }
}

TEST_CASE("full_bnn: constants, popcounts, statuses") {
    const float zero = 0.0f, up = 1.0f, down = -1.0f;
    std::int32_t upper = 5;
    tern::word negative = 9;
    tern::batch_norm norm;
    norm.gamma = &zero;
    norm.beta = &up;
    REQUIRE(bnn::fold(norm, {}, nullptr, 1, &upper, &negative) == status::ok);
    CHECK((upper == lowest && negative == 0u));
    norm.beta = &down;
    REQUIRE(bnn::fold(norm, {}, nullptr, 1, &upper, &negative) == status::ok);
    CHECK((upper == highest && negative == 0u));
    norm.gamma = &down;
    norm.beta = nullptr;  // -a >= 0: +1 unless a > 0
    REQUIRE(bnn::fold(norm, {}, nullptr, 1, &upper, &negative) == status::ok);
    CHECK((upper == 0 && negative == 1u));
    norm.gamma = nullptr;  // a >= 0
    REQUIRE(bnn::fold(norm, {}, nullptr, 1, &upper, &negative) == status::ok);
    CHECK((upper == -1 && negative == 0u));

    for (std::int32_t depth = 0; depth < 9; ++depth)
        for (std::int32_t limit = -12; limit <= 12; ++limit)
            for (std::int32_t p = 0; p <= depth; ++p)
                CHECK((p > bnn::of_matches(limit, depth)) == (2 * p - depth > limit));
    static_assert(bnn::of_matches(lowest, 3) == lowest && bnn::of_matches(highest, 3) == highest);

    const float minus = -1.0f;
    norm.variance = &minus;
    CHECK(bnn::fold(norm, {}, nullptr, 1, &upper, &negative) == status::bad_value);
    norm.variance = &not_a_number;
    CHECK(bnn::fold(norm, {}, nullptr, 1, &upper, &negative) == status::bad_value);
    CHECK(bnn::fold({}, tern::per_tensor(not_a_number), nullptr, 1, &upper, &negative) == status::bad_value);
    CHECK(bnn::fold({}, {}, nullptr, 1, nullptr, &negative) == status::null_pointer);
    CHECK(bnn::fold({}, {}, nullptr, 0, nullptr, nullptr) == status::ok);
    CHECK((upper == -1 && negative == 0u));
}

TEST_CASE("equalize: ranges meet, and the two layers compute the same function") {
    constexpr std::size_t channels = 4, inputs = 6, outputs = 3, taps = 2;
    grid<float> w1 = tern_test::random_grid(channels, inputs, 1);
    grid<float> w2 = tern_test::random_grid(outputs, taps * channels, 2);
    for (std::size_t j = 0; j < inputs; ++j) {
        w1.at(0, j) *= 100.0f;
        w1.at(2, j) = 0.0f;
    }
    grid<float> bias(channels, 1, {1.0f, -2.0f, 3.0f, 0.5f});
    const grid<float> w1_before = w1, w2_before = w2, bias_before = bias;
    floats scale(channels);
    REQUIRE(qz::equalize::cross_layer(w1.view(), bias.view(), w2.view(), per_channel(scale.data(), channels)) ==
            status::ok);
    CHECK(scale[2] == 1.0f);
    for (std::size_t i = 0; i < channels; ++i) {
        double r1 = 0.0, r2 = 0.0;
        for (std::size_t j = 0; j < inputs; ++j) r1 = std::max(r1, std::fabs(double{w1.at(i, j)}));
        for (std::size_t o = 0; o < outputs; ++o)
            for (std::size_t t = 0; t < taps; ++t) r2 = std::max(r2, std::fabs(double{w2.at(o, t * channels + i)}));
        if (i != 2) CHECK(r1 == doctest::Approx(r2).epsilon(1e-6));
    }
    const auto network = [&](const grid<float>& first, const grid<float>& b, const grid<float>& second, std::size_t o) {
        double sum = 0.0;
        for (std::size_t t = 0; t < taps; ++t)
            for (std::size_t i = 0; i < channels; ++i) {
                double h = double{b.at(i, 0)};
                for (std::size_t j = 0; j < inputs; ++j)
                    h += double{first.at(i, j)} * std::sin(1.0 + 3.0 * double(t) + double(j));
                sum += std::max(h, 0.0) * double{second.at(o, t * channels + i)};
            }
        return sum;
    };
    for (std::size_t o = 0; o < outputs; ++o)
        CHECK(network(w1, bias, w2, o) == doctest::Approx(network(w1_before, bias_before, w2_before, o)).epsilon(1e-5));
    CHECK(w1.gaps_intact());
    CHECK(w2.gaps_intact());

    REQUIRE(qz::equalize::cross_layer(w1.view(), {}, w2.view(), per_channel(scale.data(), channels)) == status::ok);
    for (const float s : scale) CHECK(s == doctest::Approx(1.0).epsilon(1e-6));
    CHECK(qz::equalize::cross_layer(w1.view(), {}, w2.view(), per_channel(scale.data(), 3)) == status::bad_shape);
    CHECK(qz::equalize::cross_layer(w1.view(), {}, w1.view(), per_channel(scale.data(), 4)) == status::overlap);
    w1.at(1, 1) = not_a_number;
    CHECK(qz::equalize::cross_layer(w1.view(), {}, w2.view(), per_channel(scale.data(), 4)) == status::bad_value);
}

TEST_CASE("equalize: absorption keeps the function where the ReLU passes, correction removes the mean error") {
    grid<float> beta(2, 1, {5.0f, 1.0f}), bias1(2, 1, {0.5f, 0.25f}), bias2(1, 1, {-1.0f});
    const grid<float> gamma(2, 1, {-1.0f, 1.0f}), w2(1, 4, {1.0f, 2.0f, 3.0f, 4.0f});
    REQUIRE(qz::equalize::absorb_bias(beta.view(), gamma.view(), bias1.view(), w2.view(), bias2.view()) == status::ok);
    CHECK(beta.values() == floats{3.0f, 1.0f});
    CHECK(bias1.values() == floats{-1.5f, 0.25f});
    CHECK(bias2.values() == floats{-1.0f + 2.0f * 4.0f});

    CHECK(qz::equalize::expected_relu(2.0, 0.0) == 2.0);
    CHECK(qz::equalize::expected_relu(-2.0, 0.0) == 0.0);
    for (const double m : {-3.0, -0.5, 0.0, 0.7, 4.0}) {  // against an integral
        double sum = 0.0;
        for (int i = 0; i < 40000; ++i) {
            const double x = -10.0 + (i + 0.5) * 0.0005;
            sum += std::max(m + 1.5 * x, 0.0) * std::exp(-0.5 * x * x) * 0.0005 / std::sqrt(2.0 * 3.14159265358979);
        }
        CHECK(qz::equalize::expected_relu(m, -1.5) == doctest::Approx(sum).epsilon(1e-5));
    }
    const grid<float> w(1, 4, {1.0f, 2.0f, 3.0f, 4.0f}), q(1, 4, {1.5f, 2.0f, 3.0f, 3.0f}), mean(2, 1, {2.0f, 10.0f});
    grid<float> bias(1, 1, {1.0f});
    REQUIRE(qz::equalize::correct_bias(w.view(), q.view(), mean.view(), bias.view()) == status::ok);
    CHECK(bias.at(0, 0) == 1.0f - 0.5f * 2.0f + 1.0f * 10.0f);
    CHECK(qz::equalize::correct_bias(w.view(), q.view(), {mean.view().data, 3, 1}, bias.view()) == status::bad_shape);
}

TEST_CASE("codebook: blocks of few kinds are found exactly, and empty centroids do not stay") {
    constexpr std::size_t outputs = 40, block = 4, blocks = 6, kinds = 8;
    const grid<float> kind = tern_test::random_grid(kinds, block, 3);
    std::mt19937 random(4);
    grid<float> w(outputs, block * blocks);
    for (std::size_t o = 0; o < outputs; ++o)
        for (std::size_t b = 0; b < blocks; ++b) {
            const std::size_t one = random() % kinds;
            for (std::size_t i = 0; i < block; ++i) w.at(o, b * block + i) = kind.at(one, i);
        }
    grid<double> gram(block, block);
    REQUIRE(qz::codebook::gram_matrix({nullptr, 0, block * blocks}, gram.view()) == status::ok);
    grid<float> centroids(kinds + 3, block), again(kinds + 3, block), back(outputs, block * blocks);
    grid<std::uint8_t> codes(blocks, outputs), other(blocks, outputs);
    std::vector<double> workspace(qz::codebook::fit_workspace(kinds + 3, block));
    std::mt19937 engine(5), same(5);
    REQUIRE(qz::codebook::fit(engine, w.view(), gram.view(), 60, centroids.view(), codes.view(), workspace.data(),
                              workspace.size()) == status::ok);
    REQUIRE(qz::codebook::fit(same, w.view(), gram.view(), 60, again.view(), other.view(), workspace.data(),
                              workspace.size()) == status::ok);
    CHECK(centroids.values() == again.values());
    CHECK(codes.values() == other.values());
    REQUIRE(qz::codebook::forward(centroids.view(), codes.view(), back.view()) == status::ok);
    double error = 0.0, energy = 0.0;
    for (std::size_t i = 0; i < w.values().size(); ++i) {
        error += std::pow(double{w.values()[i]} - double{back.values()[i]}, 2.0);
        energy += std::pow(double{w.values()[i]}, 2.0);
    }
    CHECK(error < 0.05 * energy);
    CHECK(codes.gaps_intact());
    CHECK(centroids.gaps_intact());
    CHECK(qz::codebook::fit(engine, w.view(), gram.view(), 1, centroids.view(), codes.view(), workspace.data(),
                            workspace.size() - 1) == status::buffer_size);
}

TEST_CASE("codebook: weights in front of inputs, error of the outputs falls with rounds and beats plain k-means") {
    constexpr std::size_t outputs = 64, block = 4, blocks = 8, k = 16, depth = block * blocks;
    const grid<float> w = tern_test::random_grid(outputs, depth, 6);
    grid<float> x = tern_test::random_grid(50, depth, 7);
    for (std::size_t r = 0; r < 50; ++r)
        for (std::size_t j = 0; j < depth; ++j) x.at(r, j) *= j % block == 0 ? 5.0f : 0.5f;
    grid<double> gram(block, block), unit(block, block);
    REQUIRE(qz::codebook::gram_matrix(x.view(), gram.view()) == status::ok);
    REQUIRE(qz::codebook::gram_matrix({nullptr, 0, depth}, unit.view()) == status::ok);
    double s01 = 0.0;
    for (std::size_t r = 0; r < 50; ++r)
        for (std::size_t b = 0; b < blocks; ++b)
            s01 += double{x.at(r, b * block)} * double{x.at(r, b * block + 1)} / 400.0;
    CHECK(gram.at(0, 1) == doctest::Approx(s01));
    std::vector<double> workspace(qz::codebook::fit_workspace(k, block));
    const auto output_error = [&](const grid<double>& s, int rounds) {
        grid<float> centroids(k, block), back(outputs, depth);
        grid<std::uint8_t> codes(blocks, outputs);
        std::mt19937 engine(11);
        REQUIRE(qz::codebook::fit(engine, w.view(), s.view(), rounds, centroids.view(), codes.view(), workspace.data(),
                                  workspace.size()) == status::ok);
        REQUIRE(qz::codebook::forward(centroids.view(), codes.view(), back.view()) == status::ok);
        double error = 0.0;
        for (std::size_t o = 0; o < outputs; ++o)
            for (std::size_t b = 0; b < blocks; ++b)
                for (std::size_t i = 0; i < block; ++i)
                    for (std::size_t j = 0; j < block; ++j)
                        error += gram.at(i, j) * (double{w.at(o, b * block + i)} - double{back.at(o, b * block + i)}) *
                                 (double{w.at(o, b * block + j)} - double{back.at(o, b * block + j)});
        return error;
    };
    const double first = output_error(gram, 0), fitted = output_error(gram, 30);
    CHECK(fitted < first);
    CHECK(fitted < output_error(unit, 30));
}

TEST_CASE("codebook: gradient of the centroids, lookup product on every architecture") {
    constexpr std::size_t outputs = 37, block = 3, blocks = 5, k = 21, depth = block * blocks, rows = 2;
    std::mt19937 random(12);
    grid<std::uint8_t> codes(blocks, outputs);
    for (std::size_t i = 0; i < blocks * outputs; ++i)
        codes.at(i / outputs, i % outputs) = static_cast<std::uint8_t>(random() % (k - 1));
    const grid<float> centroids = tern_test::random_grid(k, block, 13);
    const grid<float> g = tern_test::random_grid(outputs, depth, 14);
    grid<float> gradient(k, block), mean(k, block);
    REQUIRE(qz::codebook::backward(codes.view(), g.view(), gradient.view(), qz::codebook::gradient::sum) == status::ok);
    REQUIRE(qz::codebook::backward(codes.view(), g.view(), mean.view()) == status::ok);
    const auto loss = [&](const std::vector<double>& c) {
        double sum = 0.0;
        for (std::size_t o = 0; o < outputs; ++o)
            for (std::size_t j = 0; j < depth; ++j)
                sum += double{g.at(o, j)} * c[codes.at(j / block, o) * block + j % block];
        return sum;
    };
    CHECK(tern_test::gradient_error(loss, tern_test::as_doubles(centroids.values()), gradient.values()) <=
          tern_test::gradient_tolerance);
    CHECK(mean.at(k - 1, 0) == 0.0f);  // no block has this centroid
    for (std::size_t c = 0; c + 1 < k; ++c) {
        const auto all = codes.values();
        const auto count = static_cast<double>(std::count(all.begin(), all.end(), static_cast<std::uint8_t>(c)));
        if (count > 0.0)
            CHECK(double{mean.at(c, 1)} * count == doctest::Approx(double{gradient.at(c, 1)}).epsilon(1e-5));
    }

    const grid<float> x = tern_test::random_grid(rows, depth, 15);
    grid<float> w(outputs, depth);
    REQUIRE(qz::codebook::forward(centroids.view(), codes.view(), w.view()) == status::ok);
    std::vector<float> workspace(qz::codebook::product_workspace(k, block));
    tern_test::for_each_architecture([&](auto arch) {
        grid<float> y(rows, outputs);
        REQUIRE(qz::codebook::product<decltype(arch)>(x.view(), centroids.view(), codes.view(), y.view(),
                                                      workspace.data(), workspace.size()) == status::ok);
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t o = 0; o < outputs; ++o) {
                double sum = 0.0, size = 0.0;
                for (std::size_t j = 0; j < depth; ++j) {
                    sum += double{x.at(r, j)} * double{w.at(o, j)};
                    size += std::fabs(double{x.at(r, j)} * double{w.at(o, j)});
                }
                CHECK(std::fabs(double{y.at(r, o)} - sum) <= (block + blocks) * size * std::ldexp(1.0, -24));
            }
        CHECK(y.gaps_intact());
    });
    grid<float> y(rows, outputs);
    codes.at(0, 0) = k;
    CHECK(qz::codebook::product(x.view(), centroids.view(), codes.view(), y.view(), workspace.data(),
                                workspace.size()) == status::bad_value);
    CHECK(y.untouched());
}
