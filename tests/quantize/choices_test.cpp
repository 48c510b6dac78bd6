// SPDX-License-Identifier: MIT
// XNOR-Net(++), ESB, SLB, SRQ and BiScaled: by hand, packed against float, gradients against finite differences,
// special numbers, statuses.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/gemm.hpp>
#include <tern/quantize/biscaled.hpp>
#include <tern/quantize/esb.hpp>
#include <tern/quantize/slb.hpp>
#include <tern/quantize/srq.hpp>
#include <tern/quantize/xnor.hpp>

#include "grid.hpp"
#include "support/architectures.hpp"
#include "support/gradient.hpp"

namespace {

using tern::matrix_view;
using tern::mutable_packed_rows;
using tern::status;
using tern::quantize::per_channel;
using tern::quantize::per_tensor;
using tern_test::grid;
namespace qz = tern::quantize;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float subnormal = std::numeric_limits<float>::denorm_min();

using floats = std::vector<float>;
using doubles = std::vector<double>;

grid<float> as_grid(std::size_t rows, std::size_t cols, const floats& values) {
    grid<float> g(rows, cols);
    for (std::size_t i = 0; i < values.size(); ++i) g.at(i / cols, i % cols) = values[i];
    return g;
}

floats joined(floats a, const floats& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

double clip(double u, double low, double high) { return u < low ? low : (u > high ? high : u); }

template <class F>
void check_gradient(const F& surrogate, const floats& point, const floats& gradient, double step = 1e-4) {
    CHECK(tern_test::gradient_error(surrogate, tern_test::as_doubles(point), gradient, step) <=
          tern_test::gradient_tolerance);
}

}  // namespace

TEST_CASE("xnor: by hand, packed, every architecture") {
    const grid<float> x(2, 5, {1.0f, -2.0f, 0.0f, -0.0f, 3.0f, -0.5f, 0.5f, -subnormal, subnormal, 4.0f});
    floats scale(2);
    REQUIRE(qz::xnor::fit(x.view(), per_channel(scale.data(), 2)) == status::ok);
    CHECK(scale == floats{1.2f, 1.0f});
    tern_test::for_each_architecture([&](auto arch) {
        using tag = decltype(arch);
        grid<float> q(2, 5);
        REQUIRE(qz::xnor::forward<tag>(x.view(), per_channel<const float>(scale.data(), 2), q.view()) == status::ok);
        CHECK(q.values() == floats{1.2f, -1.2f, 1.2f, 1.2f, 1.2f, -1.0f, 1.0f, -1.0f, 1.0f, 1.0f});
        tern::packed_activations<tern::binary> packed(2, 5);
        REQUIRE(qz::xnor::forward<tag>(x.view(), packed) == status::ok);
        for (std::size_t i = 0; i < 10; ++i) CHECK(packed.value(i / 5, i % 5) == (q.at(i / 5, i % 5) > 0.0f ? 1 : -1));
    });
    const grid<float> strange(1, 3, {not_a_number, infinity, -infinity});
    const float one = 1.0f;
    grid<float> q(1, 3);
    REQUIRE(qz::xnor::forward(strange.view(), per_tensor(&one), q.view()) == status::ok);
    CHECK(q.values() == floats{-1.0f, 1.0f, -1.0f});
    CHECK(qz::xnor::fit(strange.view(), per_tensor(scale.data())) == status::bad_value);
    CHECK(qz::xnor::forward(x.view(), per_channel(scale.data(), 2), {scale.data(), 2, 5}) == status::overlap);
}

TEST_CASE("xnor: gradients of the surrogates") {
    constexpr std::size_t rows = 3, cols = 12;
    const floats w = tern_test::smooth_point(rows * cols, 3, {0.0, 1.0});
    const floats g = tern_test::smooth_point(rows * cols, 4, {});
    floats scale(rows);
    REQUIRE(qz::xnor::fit(as_grid(rows, cols, w).view(), per_channel(scale.data(), rows)) == status::ok);
    for (const auto rule : {qz::xnor::rule::constant, qz::xnor::rule::differentiated}) {
        const auto surrogate = [&](const doubles& x) {
            double sum = 0.0;
            for (std::size_t i = 0; i < rows * cols; ++i) {
                double factor = 0.0;
                for (std::size_t j = 0; j < cols; ++j) factor += std::fabs(x[i / cols * cols + j]) / cols;
                if (rule == qz::xnor::rule::constant) factor = double{scale[i / cols]};
                const double w0 = double{w[i]};
                sum += double{g[i]} * factor * ((w0 > 0.0 ? 1.0 : -1.0) + clip(x[i], -1.0, 1.0) - clip(w0, -1.0, 1.0));
            }
            return sum;
        };
        grid<float> gradient(rows, cols);
        REQUIRE(qz::xnor::backward(as_grid(rows, cols, w).view(), per_channel<const float>(scale.data(), rows),
                                   as_grid(rows, cols, g).view(), gradient.view(), rule) == status::ok);
        check_gradient(surrogate, w, gradient.values());
    }
    // What the paper prints is no derivative: by hand.
    grid<float> gradient(rows, cols);
    REQUIRE(qz::xnor::backward(as_grid(rows, cols, w).view(), per_channel<const float>(scale.data(), rows),
                               as_grid(rows, cols, g).view(), gradient.view(), qz::xnor::rule::paper) == status::ok);
    for (std::size_t i = 0; i < rows * cols; ++i) {
        const double factor = 1.0 / cols + (std::fabs(w[i]) <= 1.0f ? double{scale[i / cols]} : 0.0);
        CHECK(gradient.at(i / cols, i % cols) == doctest::Approx(double{g[i]} * factor).epsilon(1e-6));
    }
    const auto clipped = [&](const doubles& x) {
        double sum = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) sum += double{g[i]} * clip(x[i], -1.0, 1.0);
        return sum;
    };
    REQUIRE(qz::xnor::backward_activations(as_grid(rows, cols, w).view(), as_grid(rows, cols, g).view(),
                                           gradient.view()) == status::ok);
    check_gradient(clipped, w, gradient.values());
}

TEST_CASE("xnor++: factors, their gradients, and the same bits from an epilogue") {
    constexpr std::size_t height = 3, width = 2, images = 2, channels = 5, pixels = images * height * width;
    const floats channel = tern_test::smooth_point(channels, 1, {});
    const floats row = tern_test::smooth_point(height, 2, {});
    const floats column = tern_test::smooth_point(width, 3, {});
    const qz::xnor_plus::factors<const float> f(channel.data(), row.data(), column.data(), height, width);

    std::mt19937 random(9);
    grid<std::int8_t> x(pixels, 40), w(channels, 40);
    for (std::size_t i = 0; i < pixels * 40; ++i) x.at(i / 40, i % 40) = random() % 2 == 0 ? 1 : -1;
    for (std::size_t i = 0; i < channels * 40; ++i) w.at(i / 40, i % 40) = random() % 2 == 0 ? 1 : -1;
    const auto packed_x = tern::pack_rows<tern::binary>(x.view());
    const auto packed_w = tern::pack<tern::binary>(w.view());
    grid<std::int32_t> acc(pixels, channels);
    REQUIRE(tern::gemm(packed_x, packed_w, acc.view()) == status::ok);
    grid<float> y(pixels, channels), expected(pixels, channels);
    REQUIRE(qz::xnor_plus::forward(acc.view(), f, y.view()) == status::ok);
    floats row_scale(pixels);
    REQUIRE(qz::xnor_plus::row_scales(f, per_channel(row_scale.data(), pixels)) == status::ok);
    tern::scale_offset epilogue;
    epilogue.weights.scale = tern::per_channel(channel.data());
    epilogue.activations.scale = tern::per_channel(row_scale.data());
    REQUIRE(tern::gemm(packed_x, packed_w, expected.view(), epilogue) == status::ok);
    CHECK(y.values() == expected.values());

    const floats a = tern_test::smooth_point(pixels * channels, 7, {});
    const floats g = tern_test::smooth_point(pixels * channels, 8, {});
    const auto surrogate = [&](const doubles& p) {
        const double* c = p.data() + pixels * channels;
        const double* h = c + channels;
        const double* v = h + height;
        double sum = 0.0;
        for (std::size_t i = 0; i < pixels * channels; ++i) {
            const std::size_t pixel = i / channels;
            sum += double{g[i]} * p[i] * c[i % channels] * h[pixel / width % height] * v[pixel % width];
        }
        return sum;
    };
    const grid<float> product = as_grid(pixels, channels, a);
    grid<float> grad_acc(pixels, channels);
    floats gc(channels), gr(height), gv(width);
    REQUIRE(qz::xnor_plus::backward(product.view(), f, as_grid(pixels, channels, g).view(), grad_acc.view(),
                                    {gc.data(), gr.data(), gv.data(), height, width}) == status::ok);
    check_gradient(surrogate, joined(joined(joined(a, channel), row), column),
                   joined(joined(joined(grad_acc.values(), gc), gr), gv));
    CHECK(qz::xnor_plus::forward(acc.view(), {channel.data(), row.data(), nullptr, 5, 1}, y.view()) ==
          status::bad_shape);
}

TEST_CASE("esb: formats, numbers of levels, the levels of one small format") {
    for (int n = 1; n <= 8; ++n) {
        for (int k = 0; k <= 8; ++k) {
            const qz::esb::format f = qz::esb::make_format(n, k);
            const grid<float> one(1, 1, {0.0f});
            grid<std::int16_t> level(1, 1);
            const float mean = 0.0f, deviation = 1.0f;
            if (f.lambda == 0.0f) {
                CHECK(qz::esb::forward(one.view(), per_tensor(&mean), per_tensor(&deviation), f, level.view()) ==
                      status::unsupported);
                continue;
            }
            CHECK(f.bits == 1 + f.exponent + f.significant);
            std::set<int> levels;
            const double limit = f.largest() * double{f.step()} * double{f.lambda} * 1.1;
            for (int i = -4000; i <= 4000; ++i) {
                const grid<float> x(1, 1, {static_cast<float>(limit * i / 4000.0)});
                REQUIRE(qz::esb::forward(x.view(), per_tensor(&mean), per_tensor(&deviation), f, level.view()) ==
                        status::ok);
                levels.insert(level.at(0, 0));
            }
            CHECK(levels.size() == static_cast<std::size_t>(f.exponent == 1 ? 1 << n : (1 << n) - 1));
            CHECK(*levels.rbegin() == f.largest());
            CHECK(*levels.begin() == -f.largest());
        }
    }
    const qz::esb::format f = qz::esb::make_format(4, 1);  // 0, 1/2, 1, 3/2, 2, 3, 4, 6
    const grid<float> x(1, 12,
                        {0.2f, 0.25f, 0.3f, 0.75f, 1.75f, 2.5f, 3.5f, 5.0f, 5.1f, -infinity, not_a_number, -0.0f});
    const float mean = 0.0f;
    const float deviation = 1.0f / f.lambda;
    grid<std::int16_t> level(1, 12);
    REQUIRE(qz::esb::forward(x.view(), per_tensor(&mean), per_tensor(&deviation), f, level.view()) == status::ok);
    const int expected[] = {0, 0, 1, 2, 4, 4, 8, 8, 12, -12, 0, 0};  // halves; 5/2 and 7/2 to the even multiple of 1
    for (std::size_t j : {0u, 2u, 8u, 9u, 10u, 11u}) CHECK(level.at(0, j) == expected[j]);
}

TEST_CASE("esb: packed forms are the levels; fit; gradient") {
    const grid<float> x = tern_test::random_grid(3, 40, 5, 0.7f);
    floats mean(3), deviation(3);
    REQUIRE(qz::esb::fit(x.view(), per_channel(mean.data(), 3), per_channel(deviation.data(), 3)) == status::ok);
    for (std::size_t i = 0; i < 3; ++i) {
        double sum = 0.0, square = 0.0;
        for (std::size_t j = 0; j < 40; ++j) sum += double{x.at(i, j)} / 40.0;
        for (std::size_t j = 0; j < 40; ++j) square += std::pow(double{x.at(i, j)} - sum, 2.0) / 39.0;
        CHECK(mean[i] == doctest::Approx(sum).epsilon(1e-6));
        CHECK(deviation[i] == doctest::Approx(std::sqrt(square)).epsilon(1e-6));
    }
    const auto m = per_channel<const float>(mean.data(), 3);
    const auto d = per_channel<const float>(deviation.data(), 3);
    for (const qz::esb::format& f : {qz::esb::make_format(3, 1), qz::esb::make_format(5, 2)}) {
        grid<float> q(3, 40);
        grid<std::int16_t> level(3, 40);
        tern::packed_activations<tern::bipolar_bits<3>> odd(3, 40);
        tern::packed_activations<tern::unsigned_bits<6>> codes(3, 40);
        REQUIRE(qz::esb::forward(x.view(), m, d, f, q.view()) == status::ok);
        REQUIRE(qz::esb::forward(x.view(), m, d, f, level.view()) == status::ok);
        const bool even = f.exponent == 1;
        REQUIRE(qz::esb::forward(x.view(), m, d, f, odd) == (even ? status::ok : status::unsupported));
        REQUIRE(qz::esb::forward(x.view(), m, d, f, codes) == (even ? status::unsupported : status::ok));
        for (std::size_t i = 0; i < 120; ++i) {
            const std::size_t r = i / 40, c = i % 40;
            const double unit = double{f.step()} * double{f.lambda} * double{deviation[r]};
            CHECK(q.at(r, c) == doctest::Approx(level.at(r, c) * unit + double{mean[r]}).epsilon(1e-5));
            CHECK((even ? odd.value(r, c) : codes.value(r, c) - f.largest()) == level.at(r, c));
        }
        const grid<float> g = tern_test::random_grid(3, 40, 6);
        grid<float> gradient(3, 40);
        const auto surrogate = [&](const doubles& p) {
            double sum = 0.0;
            for (std::size_t i = 0; i < 120; ++i) {
                const double unit = double{f.lambda} * double{deviation[i / 40]};
                const double limit = f.largest() * double{f.step()};
                sum += double{g.at(i / 40, i % 40)} * unit * clip((p[i] - double{mean[i / 40]}) / unit, -limit, limit);
            }
            return sum;
        };
        REQUIRE(qz::esb::backward(x.view(), m, d, f, g.view(), gradient.view()) == status::ok);
        check_gradient(surrogate, x.values(), gradient.values(), 1e-6);
        REQUIRE(qz::esb::backward(x.view(), m, d, f, g.view(), gradient.view(), qz::esb::ste::identity) == status::ok);
        CHECK(gradient.values() == g.values());
    }
}

TEST_CASE("slb: choices, packed choices, special logits") {
    float memory[16];
    const qz::slb::level_set v = qz::slb::even_levels(2, memory);
    CHECK(floats(memory, memory + 4) == floats{-1.0f, -1.0f / 3.0f, 1.0f / 3.0f, 1.0f});
    const grid<float> w = tern_test::random_grid(2, 37, 1, 0.6f);
    grid<float> logits(2, 37 * 4), chosen(2, 37), soft(2, 37);
    REQUIRE(qz::slb::fit(w.view(), v, logits.view(), 2.0f) == status::ok);
    REQUIRE(qz::slb::forward(logits.view(), v, chosen.view()) == status::ok);
    REQUIRE(qz::slb::relax(logits.view(), v, 1e4f, soft.view()) == status::ok);
    tern::packed_activations<tern::bipolar_bits<2>> packed(2, 37);
    REQUIRE(qz::slb::forward(logits.view(), packed) == status::ok);
    for (std::size_t i = 0; i < 74; ++i) {
        const double at = double{w.at(i / 37, i % 37)};
        const double nearest = clip(2.0 * std::floor((at * 3.0 + 4.0) / 2.0) - 3.0, -3.0, 3.0) / 3.0;
        CHECK(chosen.at(i / 37, i % 37) == doctest::Approx(nearest).epsilon(1e-6));
        CHECK(packed.value(i / 37, i % 37) == doctest::Approx(3.0 * nearest).epsilon(1e-6));
        if (std::fabs(at * 3.0 - 2.0 * std::nearbyint(at * 1.5)) > 0.05)
            CHECK(soft.at(i / 37, i % 37) == doctest::Approx(nearest).epsilon(1e-3));
    }
    const float ternary_levels[] = {-1.0f, 0.0f, 1.0f};
    const qz::slb::level_set three(ternary_levels, 3);
    const grid<float> strange(1, 12,
                              {not_a_number, 1.0f, not_a_number, infinity, infinity, 0.0f, not_a_number, not_a_number,
                               not_a_number, 2.0f, -infinity, 2.0f});
    grid<float> values(1, 4);
    REQUIRE(qz::slb::forward(strange.view(), three, values.view()) == status::ok);
    CHECK(values.values() == floats{0.0f, -1.0f, -1.0f, -1.0f});
    REQUIRE(qz::slb::relax(strange.view(), three, 1.0f, values.view()) == status::ok);
    CHECK(values.values() == floats{0.0f, -0.5f, -1.0f, 0.0f});
    tern::packed_activations<tern::ternary> t(1, 4);
    REQUIRE(qz::slb::forward(strange.view(), t) == status::ok);
    for (std::size_t j = 0; j < 4; ++j) CHECK(t.value(0, j) == (j == 0 ? 0 : -1));
    CHECK(qz::slb::relax(strange.view(), three, 0.0f, values.view()) == status::bad_value);
    CHECK(qz::slb::relax(strange.view(), v, 1.0f, values.view()) == status::bad_shape);
    const float unordered[] = {1.0f, 0.0f};
    CHECK(qz::slb::fit(w.view(), {unordered, 2}, logits.view()) == status::bad_value);
}

TEST_CASE("slb: gradient of the relaxed weights") {
    float memory[16];
    const qz::slb::level_set v = qz::slb::even_levels(2, memory);
    const floats a = tern_test::smooth_point(4 * 20, 2, {});
    const floats g = tern_test::smooth_point(20, 3, {});
    for (const float temperature : {0.5f, 4.0f}) {
        const auto surrogate = [&](const doubles& x) {
            double sum = 0.0;
            for (std::size_t i = 0; i < 20; ++i) {
                double total = 0.0, weighted = 0.0;
                for (std::size_t k = 0; k < 4; ++k) {
                    const double e = std::exp(double{temperature} * x[4 * i + k]);
                    total += e;
                    weighted += e * double{memory[k]};
                }
                sum += double{g[i]} * weighted / total;
            }
            return sum;
        };
        grid<float> gradient(2, 40);
        REQUIRE(qz::slb::backward(as_grid(2, 40, a).view(), v, temperature, as_grid(2, 10, g).view(),
                                  gradient.view()) == status::ok);
        check_gradient(surrogate, a, gradient.values());
    }
}

TEST_CASE("srq: gradients of x, step and noise through the probabilities") {
    constexpr std::size_t rows = 2, cols = 15;
    const tern::quantize::level_range levels = qz::signed_levels(3);
    const floats x = tern_test::smooth_point(rows * cols, 8, {});
    const floats g = tern_test::smooth_point(rows * cols, 9, {});
    for (const std::size_t groups : {std::size_t{1}, rows}) {
        const floats step = groups == 1 ? floats{0.3f} : floats{0.3f, 0.5f};
        const floats noise = groups == 1 ? floats{0.12f} : floats{0.12f, 0.2f};
        const auto cdf = [](double u) { return 1.0 / (1.0 + std::exp(-u)); };
        const auto surrogate = [&](const doubles& p) {
            double sum = 0.0;
            for (std::size_t i = 0; i < rows * cols; ++i) {
                const std::size_t k = groups == 1 ? 0 : i / cols;
                const double a = p[rows * cols + k], s = p[rows * cols + groups + k];
                double total = 0.0, weighted = 0.0;
                for (int l = levels.low; l <= levels.high; ++l) {
                    const double c = cdf((a * (l + 0.5) - p[i]) / s) - cdf((a * (l - 0.5) - p[i]) / s);
                    total += c;
                    weighted += c * a * l;
                }
                sum += double{g[i]} * weighted / total;
            }
            return sum;
        };
        grid<float> gx(rows, cols);
        floats ga(groups), gs(groups);
        REQUIRE(qz::srq::backward(as_grid(rows, cols, x).view(), per_channel<const float>(step.data(), groups),
                                  per_channel<const float>(noise.data(), groups), levels, as_grid(rows, cols, g).view(),
                                  gx.view(), per_channel(ga.data(), groups),
                                  per_channel(gs.data(), groups)) == status::ok);
        check_gradient(surrogate, joined(joined(x, step), noise), joined(joined(gx.values(), ga), gs));
    }
    // Far outside: the level is certain. Not a number: nothing.
    const grid<float> far(1, 4, {1e6f, -1e6f, not_a_number, infinity});
    const grid<float> ones(1, 4, {1.0f, 2.0f, 4.0f, 8.0f});
    const float step = 0.5f, noise = 0.1f;
    grid<float> gx(1, 4);
    float ga = 0.0f, gs = 0.0f;
    REQUIRE(qz::srq::backward(far.view(), per_tensor(&step), per_tensor(&noise), levels, ones.view(), gx.view(),
                              per_tensor(&ga), per_tensor(&gs)) == status::ok);
    CHECK(gx.values() == floats(4, 0.0f));
    CHECK(ga == 3.0f - 8.0f);
    CHECK(gs == 0.0f);
    grid<float> q(1, 4);
    REQUIRE(qz::srq::forward(far.view(), per_tensor(&step), levels, q.view()) == status::ok);
    CHECK(q.values() == floats{1.5f, -2.0f, 0.0f, 1.5f});
}

TEST_CASE("srq: DropBits keeps bits with the geometric probabilities, and is reproducible") {
    std::mt19937 random(17), again(17);
    std::size_t count[5] = {};
    for (int i = 0; i < 20000; ++i) {
        const int used = qz::srq::drop_bits(random, 4, 2, 0.6);
        CHECK(used == qz::srq::drop_bits(again, 4, 2, 0.6));
        ++count[used];
    }
    const double expected[] = {0.4, 0.6 * 0.4, 0.36};
    double chi = 0.0;
    for (int b = 2; b <= 4; ++b) {
        const double e = 20000.0 * expected[b - 2];
        chi += std::pow(static_cast<double>(count[b]) - e, 2.0) / e;
    }
    CHECK(chi < 13.8);  // two degrees of freedom, 0.1 %
    CHECK(qz::srq::drop_bits(random, 3, 3, 1.0) == 3);
}

TEST_CASE("biscaled: fit, both forms, the list, the product") {
    grid<float> x = tern_test::random_grid(3, 70, 4, 0.05f);
    x.at(0, 3) = 3.0f;
    x.at(0, 40) = -2.9f;
    x.at(2, 69) = 1.0f;
    qz::biscaled::format f;
    REQUIRE(qz::biscaled::fit(x.view(), 5, 8, f) == status::ok);
    CHECK(f.fine - f.shift == 2);  // 3 * 4 <= 15 < 3 * 8
    CHECK(f.shift > 2);
    grid<float> q(3, 70);
    REQUIRE(qz::biscaled::forward(x.view(), f, q.view()) == status::ok);
    const std::size_t blocks = qz::biscaled::count_blocks(x.view(), f);
    CHECK(blocks >= 3);
    std::vector<std::size_t> begin(4);
    std::vector<qz::biscaled::wide_block> list(blocks);
    grid<std::int8_t> levels(3, 70);
    CHECK(qz::biscaled::forward(x.view(), f, levels.view(), {begin.data(), list.data(), blocks - 1}) ==
          status::buffer_size);
    REQUIRE(qz::biscaled::forward(x.view(), f, levels.view(), {begin.data(), list.data(), blocks}) == status::ok);
    CHECK(begin[3] == blocks);
    std::vector<bool> wide(3 * 70);
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t b = begin[i]; b < begin[i + 1]; ++b)
            for (std::size_t j = 0; j < 32; ++j)
                if ((list[b].mask >> j & 1u) != 0u) wide[i * 70 + list[b].block * 32 + j] = true;
    CHECK(wide[3]);
    CHECK(wide[40]);
    CHECK(wide[2 * 70 + 69]);
    double error = 0.0;
    for (std::size_t i = 0; i < 210; ++i) {
        const double unit = std::ldexp(1.0, wide[i] ? f.shift - f.fine : -f.fine);
        CHECK(double{q.at(i / 70, i % 70)} == levels.at(i / 70, i % 70) * unit);
        CHECK(std::fabs(double{x.at(i / 70, i % 70)} - double{q.at(i / 70, i % 70)}) <= 0.5 * unit);
        error += std::pow(double{x.at(i / 70, i % 70)} - double{q.at(i / 70, i % 70)}, 2.0);
    }
    for (int shift = 0; shift <= 8; ++shift) {  // no other shift does better
        grid<float> other(3, 70);
        REQUIRE(qz::biscaled::forward(x.view(), {5, 2 + shift, shift}, other.view()) == status::ok);
        double its = 0.0;
        for (std::size_t i = 0; i < 210; ++i)
            its += std::pow(double{x.at(i / 70, i % 70)} - double{other.at(i / 70, i % 70)}, 2.0);
        CHECK(its >= error);
    }

    std::mt19937 random(3);
    grid<std::int8_t> w(17, 70);
    for (std::size_t i = 0; i < 17 * 70; ++i)
        w.at(i / 70, i % 70) = static_cast<std::int8_t>(static_cast<int>(random() % 3) - 1);
    const auto packed = tern::pack<tern::ternary>(w.view());
    grid<std::int32_t> acc(3, 17);
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t o = 0; o < 17; ++o) {
            acc.at(i, o) = 0;
            for (std::size_t j = 0; j < 70; ++j) acc.at(i, o) += levels.at(i, j) * w.at(o, j);
        }
    REQUIRE(qz::biscaled::add_wide(levels.view(), {begin.data(), list.data(), blocks}, f, packed, acc.view()) ==
            status::ok);
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t o = 0; o < 17; ++o) {
            double sum = 0.0;
            for (std::size_t j = 0; j < 70; ++j) sum += double{q.at(i, j)} * w.at(o, j);
            CHECK(acc.at(i, o) == sum * std::ldexp(1.0, f.fine));  // exact
        }
    const grid<float> zeros(1, 2, {0.0f, -0.0f});
    REQUIRE(qz::biscaled::fit(zeros.view(), 4, 4, f) == status::ok);
    CHECK((f.fine == 0 && f.shift == 0));
    CHECK(qz::biscaled::fit(zeros.view(), 9, 4, f) == status::unsupported);
}

TEST_CASE("biscaled: special numbers and the gradient") {
    const qz::biscaled::format f(4, 2, 2);  // fine 1/4 to 7/4, wide 1 to 7
    const grid<float> x(1, 9, {0.125f, 0.375f, 1.875f, 1.86f, -6.5f, 7.01f, infinity, not_a_number, -subnormal});
    grid<float> q(1, 9);
    REQUIRE(qz::biscaled::forward(x.view(), f, q.view()) == status::ok);
    CHECK(q.values() == floats{0.0f, 0.5f, 2.0f, 1.75f, -6.0f, 7.0f, 7.0f, 0.0f, 0.0f});
    const grid<float> g(1, 9, {1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f, 9.0f});
    grid<float> gradient(1, 9);
    REQUIRE(qz::biscaled::backward(x.view(), f, g.view(), gradient.view()) == status::ok);
    CHECK(gradient.values() == floats{1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 0.0f, 0.0f, 0.0f, 9.0f});
    const floats smooth = tern_test::smooth_point(40, 2, {7.0}, 6.0);
    const floats weights = tern_test::smooth_point(40, 3, {});
    grid<float> result(1, 40);
    REQUIRE(qz::biscaled::backward(as_grid(1, 40, smooth).view(), f, as_grid(1, 40, weights).view(), result.view()) ==
            status::ok);
    check_gradient(
        [&](const doubles& p) {
            double sum = 0.0;
            for (std::size_t i = 0; i < 40; ++i) sum += double{weights[i]} * clip(p[i], -7.0, 7.0);
            return sum;
        },
        smooth, result.values());
}
