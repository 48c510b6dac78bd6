// SPDX-License-Identifier: MIT
// TTQ, PACT, LSQ and DoReFa: by hand, packed against float, gradients against finite differences, special numbers, and
// every architecture against the scalar one.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/quantize/dorefa.hpp>
#include <tern/quantize/lsq.hpp>
#include <tern/quantize/pact.hpp>
#include <tern/quantize/ttq.hpp>

#include "grid.hpp"
#include "support/architectures.hpp"
#include "support/gradient.hpp"

namespace {

using tern::matrix_view;
using tern::mutable_packed_rows;
using tern::status;
using tern::quantize::level_range;
using tern::quantize::per_channel;
using tern::quantize::per_tensor;
using tern_test::grid;
namespace qz = tern::quantize;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float subnormal = std::numeric_limits<float>::denorm_min();

using floats = std::vector<float>;
using doubles = std::vector<double>;

double clip(double u, double low, double high) { return u < low ? low : (u > high ? high : u); }

grid<float> as_grid(std::size_t rows, std::size_t cols, const floats& values) {
    grid<float> g(rows, cols);
    for (std::size_t i = 0; i < values.size(); ++i) g.at(i / cols, i % cols) = values[i];
    return g;
}

/// Packed rows with memory of their own, for `rows` x `depth`.
template <class Encoding>
struct rows_of_words {
    std::vector<std::uint32_t> words;
    mutable_packed_rows<Encoding> view;

    rows_of_words(std::size_t rows, std::size_t depth)
        : words(rows * tern::depth_words(depth) * std::size_t{Encoding::planes}, 0xdeadbeefu),
          view(words.data(), rows, depth) {}
};

/// Normal numbers with special ones between, in every width around a register.
std::vector<grid<float>> shapes() {
    std::vector<grid<float>> result;
    const float special[] = {not_a_number, infinity, -infinity, -0.0f, subnormal, -subnormal, 0.5f, -0.5f, 1.5f, 3e38f};
    for (const std::size_t cols :
         std::initializer_list<std::size_t>{0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 67, 129}) {
        for (const std::size_t rows : std::initializer_list<std::size_t>{0, 1, 3}) {
            grid<float> x = tern_test::random_grid(rows, cols, static_cast<std::uint32_t>(cols * 4 + rows), 2.0f);
            for (std::size_t i = 0; i < rows * cols; i += 5) x.at(i / cols, i % cols) = special[i / 5 % 10];
            result.push_back(x);
        }
    }
    return result;
}

template <class Encoding>
void check_values(const rows_of_words<Encoding>& packed, const grid<float>& expected, double step, double offset) {
    for (std::size_t i = 0; i < expected.rows(); ++i)
        for (std::size_t j = 0; j < expected.cols(); ++j)
            CHECK(packed.view.value(i, j) * step + offset == doctest::Approx(double{expected.at(i, j)}).epsilon(1e-6));
}

void check_same(const grid<float>& a, const grid<float>& b) {
    const floats x = a.values();
    const floats y = b.values();
    REQUIRE(x.size() == y.size());
    CHECK((x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0));
    CHECK(a.gaps_intact());
}

}  // namespace

TEST_CASE("maths: tanh and the logistic function") {
    for (double x = -40.0; x < 40.0; x += 0.03125 / 3.0) {
        CHECK(qz::maths::tanh(x) == doctest::Approx(std::tanh(x)).epsilon(1e-13));
        CHECK(qz::maths::logistic(x) == doctest::Approx(1.0 / (1.0 + std::exp(-x))).epsilon(1e-13));
    }
    CHECK(qz::maths::tanh(1e-300) == 1e-300);
    CHECK(qz::maths::tanh(1e300) == 1.0);
    CHECK(qz::maths::tanh(-1e300) == -1.0);
}

TEST_CASE("ttq: fit and forward by hand") {
    const grid<float> w(2, 4, {2.0f, -1.0f, 0.1f, 0.5f, -4.0f, 0.2f, -0.2f, 1.0f});
    float threshold = 0.0f;
    floats plus(2), minus(2);
    REQUIRE(qz::ttq::fit(w.view(), per_tensor(&threshold), per_channel(plus.data(), 2), per_channel(minus.data(), 2)) ==
            status::ok);
    CHECK(threshold == 0.05f * 4.0f);
    CHECK(plus == floats{1.25f, 1.0f});
    CHECK(minus == floats{1.0f, 4.0f});  // 0.2 is the threshold: inside
    grid<float> q(2, 4);
    REQUIRE(qz::ttq::forward(w.view(), per_tensor<const float>(&threshold), per_channel<const float>(plus.data(), 2),
                             per_channel<const float>(minus.data(), 2), q.view()) == status::ok);
    CHECK(q.values() == floats{1.25f, -1.0f, 0.0f, 1.25f, -4.0f, 0.0f, 0.0f, 1.0f});
    const float bad = -1.0f;
    CHECK(qz::ttq::forward(w.view(), per_tensor(&bad), per_channel<const float>(plus.data(), 2),
                           per_channel<const float>(minus.data(), 2), q.view()) == status::bad_value);
    CHECK(qz::ttq::forward(q.view(), per_tensor<const float>(&threshold), per_channel<const float>(plus.data(), 2),
                           per_channel<const float>(minus.data(), 2), q.view()) == status::overlap);
}

TEST_CASE("ttq: every architecture, packed rows and planes hold what forward says") {
    const float threshold = 0.5f, plus = 1.75f, minus = 0.625f;
    for (const grid<float>& w : shapes()) {
        grid<float> expected(w.rows(), w.cols());
        REQUIRE(qz::ttq::forward<tern::arch::scalar>(w.view(), per_tensor(&threshold), per_tensor(&plus),
                                                     per_tensor(&minus), expected.view()) == status::ok);
        tern_test::for_each_architecture([&](auto arch) {
            using tag = decltype(arch);
            grid<float> q(w.rows(), w.cols());
            rows_of_words<tern::ternary> t(w.rows(), w.cols());
            rows_of_words<tern::unsigned_bits<1>> p(w.rows(), w.cols()), m(w.rows(), w.cols());
            REQUIRE(qz::ttq::forward<tag>(w.view(), per_tensor(&threshold), per_tensor(&plus), per_tensor(&minus),
                                          q.view()) == status::ok);
            check_same(q, expected);
            REQUIRE(qz::ttq::forward<tag>(w.view(), per_tensor(&threshold), t.view) == status::ok);
            REQUIRE(qz::ttq::forward<tag>(w.view(), per_tensor(&threshold), p.view, m.view) == status::ok);
            bool same = true;
            for (std::size_t i = 0; i < w.rows(); ++i) {
                for (std::size_t j = 0; j < w.cols(); ++j) {
                    const int sign = (q.at(i, j) > 0.0f) - (q.at(i, j) < 0.0f);
                    same = same && t.view.value(i, j) == sign && p.view.value(i, j) - m.view.value(i, j) == sign;
                }
            }
            CHECK(same);
        });
    }
}

TEST_CASE("ttq: gradients of the surrogate") {
    const double limit = 0.3;
    const floats w = tern_test::smooth_point(60, 5, {limit});
    const floats g = tern_test::smooth_point(60, 6, {});
    const floats scales{0.7f, 1.9f};
    const float threshold = 0.3f;
    const auto surrogate = [&](const doubles& x) {  // 60 weights, plus, minus; slopes of the weights at the point given
        double sum = 0.0;
        for (std::size_t i = 0; i < 60; ++i) {
            const double moved = x[i] - double{w[i]};
            const double q = w[i] > threshold    ? x[60] + double{scales[0]} * moved
                             : w[i] < -threshold ? -x[61] + double{scales[1]} * moved
                                                 : moved;
            sum += double{g[i]} * q;
        }
        return sum;
    };
    floats point = w;
    point.insert(point.end(), scales.begin(), scales.end());
    const grid<float> weights = as_grid(3, 20, w);
    grid<float> grad_w(3, 20);
    floats gradient(2);
    REQUIRE(qz::ttq::backward(weights.view(), per_tensor(&threshold), per_tensor<const float>(&scales[0]),
                              per_tensor<const float>(&scales[1]), as_grid(3, 20, g).view(), grad_w.view(),
                              per_tensor(&gradient[0]), per_tensor(&gradient[1])) == status::ok);
    floats all = grad_w.values();
    all.insert(all.end(), gradient.begin(), gradient.end());
    CHECK(tern_test::gradient_error(surrogate, tern_test::as_doubles(point), all) <= tern_test::gradient_tolerance);
}

TEST_CASE("pact: by hand, special numbers, statuses") {
    const grid<float> x(1, 9, {-1.0f, 0.5f, 1.5f, 2.5f, 2.9f, 7.0f, not_a_number, infinity, -subnormal});
    const float alpha = 3.0f;
    grid<float> q(1, 9);
    REQUIRE(qz::pact::forward(x.view(), per_tensor(&alpha), 2, q.view()) == status::ok);
    CHECK(q.values() == floats{0.0f, 0.0f, 2.0f, 2.0f, 3.0f, 3.0f, 0.0f, 3.0f, 0.0f});
    const grid<float> g(1, 9, {1.0f, 2.0f, 4.0f, 8.0f, 16.0f, 32.0f, 64.0f, 128.0f, 256.0f});
    grid<float> gx(1, 9);
    float ga = 0.0f;
    REQUIRE(qz::pact::backward(x.view(), per_tensor(&alpha), g.view(), gx.view(), per_tensor(&ga), 0.5f) == status::ok);
    CHECK(gx.values() == floats{0.0f, 2.0f, 4.0f, 8.0f, 16.0f, 0.0f, 0.0f, 0.0f, 0.0f});
    CHECK(ga == 160.0f + 1.5f);
    const float zero = 0.0f;
    CHECK(qz::pact::forward(x.view(), per_tensor(&zero), 2, q.view()) == status::bad_value);
    CHECK(qz::pact::forward(x.view(), per_tensor(&not_a_number), 2, q.view()) == status::bad_value);
    CHECK(qz::pact::forward(x.view(), per_tensor(&alpha), 9, q.view()) == status::unsupported);
    CHECK(qz::pact::forward(x.view(), per_tensor(&alpha), 2, x.view().data == nullptr ? q.view() : gx.view()) ==
          status::ok);
}

TEST_CASE("pact, lsq, dorefa activations: every architecture, packed as in float") {
    const float alpha = 2.5f, step = 0.37f;
    for (const grid<float>& x : shapes()) {
        const std::size_t rows = x.rows(), cols = x.cols();
        grid<float> pact(rows, cols), lsq(rows, cols), dorefa(rows, cols);
        const level_range levels = qz::signed_levels(3);
        REQUIRE(qz::pact::forward<tern::arch::scalar>(x.view(), per_tensor(&alpha), 4, pact.view()) == status::ok);
        REQUIRE(qz::lsq::forward<tern::arch::scalar>(x.view(), per_tensor(&step), levels, lsq.view()) == status::ok);
        REQUIRE(qz::dorefa::forward_activations<tern::arch::scalar>(x.view(), 2, dorefa.view()) == status::ok);
        tern_test::for_each_architecture([&](auto arch) {
            using tag = decltype(arch);
            grid<float> q(rows, cols);
            rows_of_words<tern::unsigned_bits<4>> p4(rows, cols);
            rows_of_words<tern::unsigned_bits<3>> p3(rows, cols);
            rows_of_words<tern::unsigned_bits<2>> p2(rows, cols);
            REQUIRE(qz::pact::forward<tag>(x.view(), per_tensor(&alpha), 4, q.view()) == status::ok);
            check_same(q, pact);
            REQUIRE(qz::pact::forward<tag>(x.view(), per_tensor(&alpha), p4.view) == status::ok);
            check_values(p4, pact, double{alpha / 15.0f}, 0.0);
            REQUIRE(qz::lsq::forward<tag>(x.view(), per_tensor(&step), levels, q.view()) == status::ok);
            check_same(q, lsq);
            REQUIRE(qz::lsq::forward<tag>(x.view(), per_tensor(&step), levels, p3.view) == status::ok);
            check_values(p3, lsq, double{step}, -4.0 * double{step});
            REQUIRE(qz::dorefa::forward_activations<tag>(x.view(), 2, q.view()) == status::ok);
            check_same(q, dorefa);
            REQUIRE(qz::dorefa::forward_activations<tag>(x.view(), p2.view) == status::ok);
            check_values(p2, dorefa, double{1.0f / 3.0f}, 0.0);
        });
    }
}

TEST_CASE("pact: gradients of the surrogate") {
    const float alpha = 0.8f;
    const floats x = tern_test::smooth_point(50, 11, {0.0, double{alpha}});
    const floats g = tern_test::smooth_point(50, 12, {});
    const auto surrogate = [&](const doubles& p) {
        double sum = 0.01 * 0.5 * p[50] * p[50];
        for (std::size_t i = 0; i < 50; ++i) sum += double{g[i]} * clip(p[i], 0.0, p[50]);
        return sum;
    };
    floats point = x;
    point.push_back(alpha);
    grid<float> gx(5, 10);
    float ga = 0.0f;
    REQUIRE(qz::pact::backward(as_grid(5, 10, x).view(), per_tensor(&alpha), as_grid(5, 10, g).view(), gx.view(),
                               per_tensor(&ga), 0.01f) == status::ok);
    floats all = gx.values();
    all.push_back(ga);
    CHECK(tern_test::gradient_error(surrogate, tern_test::as_doubles(point), all) <= tern_test::gradient_tolerance);
}

TEST_CASE("lsq: by hand, first step, ternary rows, statuses") {
    const grid<float> x(1, 8, {-9.0f, -1.0f, 0.5f, 1.0f, 3.0f, 9.0f, not_a_number, -infinity});
    const float step = 2.0f;
    grid<float> q(1, 8);
    REQUIRE(qz::lsq::forward(x.view(), per_tensor(&step), qz::signed_levels(2), q.view()) == status::ok);
    CHECK(q.values() == floats{-4.0f, 0.0f, 0.0f, 0.0f, 2.0f, 2.0f, 0.0f, -4.0f});
    rows_of_words<tern::ternary> t(1, 8);
    REQUIRE(qz::lsq::forward(x.view(), per_tensor(&step), qz::symmetric_levels(2), t.view) == status::ok);
    const int expected[] = {-1, 0, 0, 0, 1, 1, 0, -1};
    for (std::size_t j = 0; j < 8; ++j) CHECK(t.view.value(0, j) == expected[j]);
    CHECK(qz::lsq::forward(x.view(), per_tensor(&step), qz::signed_levels(2), t.view) == status::unsupported);
    CHECK(qz::lsq::forward(x.view(), per_tensor(&step), level_range{1, 2}, q.view()) == status::unsupported);

    const grid<float> w(2, 2, {1.0f, -3.0f, 0.0f, 0.0f});
    floats first(2);
    REQUIRE(qz::lsq::fit(w.view(), qz::symmetric_levels(3), per_channel(first.data(), 2)) == status::ok);
    CHECK(first[0] == doctest::Approx(4.0 / std::sqrt(3.0)));
    CHECK(first[1] == 1.0f);
    CHECK(qz::lsq::gradient_scale(12, qz::symmetric_levels(3)) == doctest::Approx(1.0 / 6.0));
    CHECK(qz::lsq::fit(x.view(), qz::symmetric_levels(3), per_tensor(first.data())) == status::bad_value);
}

TEST_CASE("lsq: gradients of the surrogate, per row and per tensor") {
    constexpr std::size_t rows = 3, cols = 20;
    const level_range levels = qz::signed_levels(3);
    for (const std::size_t groups : {std::size_t{1}, rows}) {
        const floats step = groups == 1 ? floats{0.25f} : floats{0.25f, 0.4f, 0.7f};
        // Edges of the clip and ties, for every step.
        doubles kinks;
        for (const float s : step)
            for (double k = 0.5; k < 5.0; k += 0.5) kinks.push_back(k * double{s});
        const floats x = tern_test::smooth_point(rows * cols, 21, kinks);
        const floats g = tern_test::smooth_point(rows * cols, 22, {});
        const auto surrogate = [&](const doubles& p) {
            double sum = 0.0;
            for (std::size_t i = 0; i < rows * cols; ++i) {
                const std::size_t k = groups == 1 ? 0 : i / cols;
                const double u0 = double{x[i]} / double{step[k]};
                const double level = std::nearbyint(clip(u0, levels.low, levels.high));
                const double u = clip(p[i] / p[rows * cols + k], levels.low, levels.high);
                sum += double{g[i]} * p[rows * cols + k] * (level + u - clip(u0, levels.low, levels.high));
            }
            return sum;
        };
        floats point = x;
        point.insert(point.end(), step.begin(), step.end());
        grid<float> gx(rows, cols);
        floats gs(groups);
        REQUIRE(qz::lsq::backward(as_grid(rows, cols, x).view(), per_channel<const float>(step.data(), groups), levels,
                                  as_grid(rows, cols, g).view(), gx.view(),
                                  per_channel(gs.data(), groups)) == status::ok);
        floats all = gx.values();
        all.insert(all.end(), gs.begin(), gs.end());
        CHECK(tern_test::gradient_error(surrogate, tern_test::as_doubles(point), all, 1e-5) <=
              tern_test::gradient_tolerance);
    }
}

TEST_CASE("dorefa: weights by hand, packed, zeros and ties") {
    const grid<float> w(1, 5, {-2.0f, -0.3f, 0.0f, 0.3f, 2.0f});
    grid<float> q(1, 5);
    const double m = std::tanh(2.0);
    for (const int bits : {1, 2, 3, 8}) {
        REQUIRE(qz::dorefa::forward_weights(w.view(), bits, q.view()) == status::ok);
        const double top = (1 << bits) - 1;
        for (std::size_t j = 0; j < 5; ++j) {
            const double r = std::tanh(double{w.at(0, j)}) / (2.0 * m) + 0.5;
            CHECK(q.at(0, j) == doctest::Approx(2.0 * std::nearbyint(r * top) / top - 1.0).epsilon(1e-6));
        }
    }
    rows_of_words<tern::bipolar_bits<3>> packed(1, 5);
    REQUIRE(qz::dorefa::forward_weights(w.view(), packed.view) == status::ok);
    REQUIRE(qz::dorefa::forward_weights(w.view(), 3, q.view()) == status::ok);
    check_values(packed, q, 1.0 / 7.0, 0.0);
    const grid<float> zeros(1, 3, {0.0f, -0.0f, 0.0f});
    grid<float> z(1, 3);
    REQUIRE(qz::dorefa::forward_weights(zeros.view(), 2, z.view()) == status::ok);
    CHECK(z.values() == floats(3, 1.0f / 3.0f));  // codes 1.5 go to 2
    const grid<float> bad(1, 2, {1.0f, not_a_number});
    grid<float> untouched(1, 2);
    CHECK(qz::dorefa::forward_weights(bad.view(), 2, untouched.view()) == status::bad_value);
    CHECK(untouched.untouched());
}

TEST_CASE("dorefa: gradients of the surrogates") {
    const floats w = tern_test::smooth_point(40, 31, {});
    const floats g = tern_test::smooth_point(40, 32, {});
    double m0 = 0.0;
    for (const float v : w) m0 = std::fmax(m0, std::tanh(std::fabs(double{v})));
    for (const auto rule : {qz::dorefa::maximum::constant, qz::dorefa::maximum::differentiated}) {
        const auto surrogate = [&](const doubles& x) {
            double m = m0;
            if (rule == qz::dorefa::maximum::differentiated) {
                m = 0.0;
                for (const double v : x) m = std::fmax(m, std::tanh(std::fabs(v)));
            }
            double sum = 0.0;
            for (std::size_t i = 0; i < 40; ++i) sum += double{g[i]} * std::tanh(x[i]) / m;
            return sum;
        };
        grid<float> gradient(4, 10);
        REQUIRE(qz::dorefa::backward_weights(as_grid(4, 10, w).view(), as_grid(4, 10, g).view(), gradient.view(),
                                             rule) == status::ok);
        CHECK(tern_test::gradient_error(surrogate, tern_test::as_doubles(w), gradient.values()) <=
              tern_test::gradient_tolerance);
    }
    const floats x = tern_test::smooth_point(40, 33, {0.0, 1.0});
    const auto clipped = [&](const doubles& p) {
        double sum = 0.0;
        for (std::size_t i = 0; i < 40; ++i) sum += double{g[i]} * clip(p[i], 0.0, 1.0);
        return sum;
    };
    grid<float> gradient(4, 10);
    REQUIRE(qz::dorefa::backward_activations(as_grid(4, 10, x).view(), as_grid(4, 10, g).view(), gradient.view()) ==
            status::ok);
    CHECK(tern_test::gradient_error(clipped, tern_test::as_doubles(x), gradient.values()) <=
          tern_test::gradient_tolerance);
    // The edges belong to the slope, NaN does not.
    const grid<float> edges(1, 3, {0.0f, 1.0f, not_a_number});
    const grid<float> ones(1, 3, {1.0f, 1.0f, 1.0f});
    grid<float> result(1, 3);
    REQUIRE(qz::dorefa::backward_activations(edges.view(), ones.view(), result.view()) == status::ok);
    CHECK(result.values() == floats{1.0f, 1.0f, 0.0f});
}
