// SPDX-License-Identifier: MIT
// WRPN: levels against the formula in double, packed words, gradients, cost, and deployment on bit planes.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <tern/gemm.hpp>
#include <tern/quantize/bwn.hpp>
#include <tern/quantize/wrpn.hpp>

#include "packed.hpp"
#include "support/architectures.hpp"
#include "support/gradient.hpp"

namespace {

using tern::matrix_view;
using tern::status;
using tern::quantize::panel_memory;
using namespace tern_test;
namespace wrpn = tern::quantize::wrpn;

using floats = std::vector<float>;

double clip(double x, double low) { return std::fmin(std::fmax(x, low), 1.0); }

/// Ties to even, in the default rounding mode; NaN is 0. The product is rounded to float first.
double level(float x, int steps, float low) {
    if (x != x) return 0.0;
    const float product = std::fmin(std::fmax(x, low), 1.0f) * static_cast<float>(steps);
    return std::nearbyint(double{product});
}

std::vector<float> specials() {
    std::vector<float> s = odd_floats;
    for (int i = -20; i <= 20; ++i) s.push_back(static_cast<float>(i) / 14.0f);  // ties of 3-bit and 4-bit levels
    return s;
}

template <class Arch, int K>
std::string check_weights(const grid<float>& w) {
    grid<std::int16_t> codes(w.rows(), w.cols());
    for (std::size_t i = 0; i < w.rows(); ++i)
        for (std::size_t j = 0; j < w.cols(); ++j)
            codes.at(i, j) =
                static_cast<std::int16_t>(level(w.at(i, j), wrpn::weight_steps(K), -1.0f) + wrpn::weight_steps(K));
    return check_packed<tern::unsigned_bits<K>>(
        codes, [&](const auto& to) { return wrpn::forward_weights<Arch>(w.view(), to); });
}

template <class Arch, int K>
std::string check_activations(const grid<float>& x) {
    std::vector<tern::word> words(tern::rows_words<tern::unsigned_bits<K>>(x.rows(), x.cols()));
    const tern::mutable_packed_rows<tern::unsigned_bits<K>> q(words.data(), x.rows(), x.cols());
    if (wrpn::forward_activations<Arch>(x.view(), q) != status::ok) return "activations: refused";
    for (std::size_t i = 0; i < x.rows(); ++i)
        for (std::size_t j = 0; j < x.cols(); ++j)
            if (q.value(i, j) != static_cast<int>(level(x.at(i, j), wrpn::activation_steps(K), 0.0f)))
                return "activations: another number";
    return "";
}

/// Packed activations and weights through gemm against the product of the fake-quantized numbers.
template <int Ka, class Weights>
void check_product(const grid<float>& x, const grid<float>& qw, const tern::packed_panels<Weights>& w,
                   const tern::affine& weights) {
    std::vector<tern::word> words(tern::rows_words<tern::unsigned_bits<Ka>>(x.rows(), x.cols()));
    const tern::mutable_packed_rows<tern::unsigned_bits<Ka>> q(words.data(), x.rows(), x.cols());
    REQUIRE(wrpn::forward_activations(x.view(), q) == status::ok);
    grid<float> qx(x.rows(), x.cols());
    REQUIRE(wrpn::forward_activations(x.view(), Ka, qx.view()) == status::ok);
    const float scale = wrpn::activations_affine(Ka).scale;
    tern::scale_offset e;
    e.weights = weights;
    e.activations.scale = tern::per_tensor(scale);
    floats dst(x.rows() * qw.rows());
    REQUIRE(tern::gemm(q, w, matrix_view<float>{dst.data(), x.rows(), qw.rows()}, e) == status::ok);
    for (std::size_t i = 0; i < x.rows(); ++i) {
        for (std::size_t o = 0; o < qw.rows(); ++o) {
            double expected = 0.0;
            double size = 0.0;
            for (std::size_t d = 0; d < x.cols(); ++d) {
                expected += double{qx.at(i, d)} * double{qw.at(o, d)};
                size += double{qx.at(i, d)} * (1.0 + std::fabs(double{qw.at(o, d)}));
            }
            CHECK(std::fabs(double{dst[i * qw.rows() + o]} - expected) <= 1e-6 * size);
        }
    }
}

}  // namespace

TEST_CASE("wrpn: levels of every number of bits, ties to even, NaN, infinity") {
    const grid<float> x = random_weights(3, 77, 5, specials());
    for (int bits = 1; bits <= 8; ++bits) {
        grid<std::uint8_t> a(3, 77);
        grid<std::int8_t> b(3, 77);
        grid<float> fa(3, 77), fb(3, 77);
        REQUIRE(wrpn::forward_activations(x.view(), bits, a.view()) == status::ok);
        REQUIRE(wrpn::forward_activations(x.view(), bits, fa.view()) == status::ok);
        CHECK(wrpn::forward_weights(x.view(), bits, b.view()) == (bits == 1 ? status::bad_value : status::ok));
        CHECK(wrpn::forward_weights(x.view(), bits, fb.view()) == (bits == 1 ? status::bad_value : status::ok));
        for (std::size_t i = 0; i < 3; ++i) {
            for (std::size_t j = 0; j < 77; ++j) {
                const double steps = wrpn::activation_steps(bits);
                const double number = level(x.at(i, j), wrpn::activation_steps(bits), 0.0f);
                CHECK(a.at(i, j) == number);
                CHECK(fa.at(i, j) == static_cast<float>(number / steps));
                if (bits == 1) continue;
                const double weight = level(x.at(i, j), wrpn::weight_steps(bits), -1.0f);
                CHECK(b.at(i, j) == weight);
                CHECK(fb.at(i, j) == static_cast<float>(weight / wrpn::weight_steps(bits)));
            }
        }
        CHECK(a.gaps_intact());
        CHECK(fa.gaps_intact());
    }
    const grid<float> ties(1, 6, {0.5f, -0.5f, 1.5f, -1.5f, 0.50001f, -0.50001f});
    grid<std::int8_t> t(1, 6);
    grid<std::uint8_t> one(1, 6);
    REQUIRE(wrpn::forward_weights(ties.view(), 2, t.view()) == status::ok);
    CHECK(t.values() == std::vector<std::int8_t>{0, 0, 1, -1, 1, -1});
    REQUIRE(wrpn::forward_activations(ties.view(), 1, one.view()) == status::ok);
    CHECK(one.values() == std::vector<std::uint8_t>{0, 0, 1, 0, 1, 0});
}

TEST_CASE("wrpn: packed words on every architecture") {
    for_each_architecture([](auto arch) {
        using tag = decltype(arch);
        for_each_weight_shape([&](std::size_t rows, std::size_t cols, std::uint32_t seed) {
            const grid<float> w = random_weights(rows, cols, seed, specials());
            grid<std::int8_t> t(rows, cols);
            REQUIRE(wrpn::forward_weights<tag>(w.view(), 2, t.view()) == status::ok);
            const std::string errors[] = {
                check_packed<tern::ternary>(t,
                                            [&](const auto& to) { return wrpn::forward_weights<tag>(w.view(), to); }),
                check_weights<tag, 3>(w), check_weights<tag, 8>(w), check_activations<tag, 1>(w),
                check_activations<tag, 4>(w)};
            for (const std::string& error : errors)
                if (!error.empty()) FAIL_CHECK(error << ", " << rows << " x " << cols);
        });
    });
}

TEST_CASE("wrpn: gradients are those of the clips") {
    constexpr std::size_t n = 60;
    const floats point = smooth_point(n, 8, {0.0, 1.0}, 0.9);
    const grid<float> g = random_grid(1, n, 9);
    const std::vector<double> at = as_doubles(point);
    for (const double low : {0.0, -1.0}) {
        grid<float> grad(1, n);
        const matrix_view<const float> x{point.data(), 1, n};
        REQUIRE((low == 0.0 ? wrpn::backward_activations(x, g.view(), grad.view())
                            : wrpn::backward_weights(x, g.view(), grad.view())) == status::ok);
        const auto loss = [&](const std::vector<double>& v) {
            double total = 0.0;
            for (std::size_t i = 0; i < n; ++i) total += double{g.at(0, i)} * clip(v[i], low);
            return total;
        };
        CHECK(gradient_error(loss, at, grad.values()) < gradient_tolerance);
    }
    const grid<float> edge(1, 5, {1.0f, -1.0f, 0.0f, std::nextafter(1.0f, 2.0f), std::nanf("")});
    const grid<float> ones(1, 5, {1.0f, 1.0f, 1.0f, 1.0f, 1.0f});
    grid<float> grad(1, 5);
    REQUIRE(wrpn::backward_activations(edge.view(), ones.view(), grad.view()) == status::ok);
    CHECK(grad.values() == floats{1.0f, 0.0f, 1.0f, 0.0f, 0.0f});
    REQUIRE(wrpn::backward_weights(edge.view(), ones.view(), grad.view()) == status::ok);
    CHECK(grad.values() == floats{1.0f, 1.0f, 1.0f, 0.0f, 0.0f});
    CHECK(wrpn::backward_weights(edge.view(), grad.view(), grad.view()) == status::overlap);
    CHECK(wrpn::forward_activations(edge.view(), 9, grad.view()) == status::bad_value);
    CHECK(wrpn::forward_weights(edge.view(), 0, grad.view()) == status::bad_value);
}

TEST_CASE("wrpn: the cost table, and widened layers") {
    static_assert(wrpn::cost(2.0, 4, 4) == 0.5 && wrpn::cost(1.0, 32, 32) == 1.0 && wrpn::cost(3.0, 8, 8) == 2.25);
    static_assert(wrpn::cost(1.0, 4, 8) == 0.1875 && wrpn::cost(2.0, 2, 2) == 0.25 && wrpn::cost(2.0, 1, 1) == 0.125);
    static_assert(wrpn::widened(64, 2.0) == 128 && wrpn::widened(33, 1.5) == 50);
}

TEST_CASE("wrpn: deployed on bit planes it is the fake-quantized product: 4 x 4, 2 x 2 and 1 x 1 bits") {
    for (const std::size_t depth : {1u, 33u, 130u}) {
        const grid<float> x = random_weights(4, depth, 3);
        const grid<float> w = random_weights(18, depth, 4);
        grid<float> qw(18, depth);
        std::vector<tern::word> words(tern::panels_words<tern::unsigned_bits<4>>(18, 1, depth));
        const wrpn::number_affine four = wrpn::weights_affine(4);
        tern::packed_panels<tern::unsigned_bits<4>> w4;
        REQUIRE(wrpn::forward_weights(w.view(), panel_memory<tern::unsigned_bits<4>>(words.data(), words.size(), w4)) ==
                status::ok);
        REQUIRE(wrpn::forward_weights(w.view(), 4, qw.view()) == status::ok);
        check_product<4>(x, qw, w4, {tern::per_tensor(four.scale), tern::per_tensor(four.offset)});
        tern::packed_panels<tern::ternary> w2;
        REQUIRE(wrpn::forward_weights(w.view(), panel_memory<tern::ternary>(words.data(), words.size(), w2)) ==
                status::ok);
        REQUIRE(wrpn::forward_weights(w.view(), 2, qw.view()) == status::ok);
        check_product<2>(x, qw, w2, {});
        // One bit: BWN's sign and scale.
        tern::packed_panels<tern::binary> w1;
        floats scale(18);
        namespace bwn = tern::quantize::bwn;
        const auto scales = tern::quantize::per_channel(scale.data(), 18);
        REQUIRE(bwn::quantize(w.view(), scales, panel_memory<tern::binary>(words.data(), words.size(), w1)) ==
                status::ok);
        REQUIRE(bwn::forward(w.view(), matrix_view<const float>(scales), qw.view()) == status::ok);
        check_product<1>(x, qw, w1, {tern::per_channel(scale.data()), {}});
    }
}
