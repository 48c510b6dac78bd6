// SPDX-License-Identifier: MIT
// Float weights straight to packed words, on every architecture: BWN, TWN and absmean against packing the values of
// their `forward`, the fused forms against fit and forward, sums against their definition. And BWN and absmean
// themselves.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <tern/quantize/absmean.hpp>
#include <tern/quantize/bwn.hpp>
#include <tern/quantize/twn.hpp>

#include "packed.hpp"
#include "support/architectures.hpp"
#include "support/gradient.hpp"

namespace {

using tern::matrix_view;
using tern::status;
using tern::quantize::per_channel;
using tern::quantize::per_tensor;
using namespace tern_test;
namespace absmean = tern::quantize::absmean;
namespace bwn = tern::quantize::bwn;
namespace twn = tern::quantize::twn;
namespace simd = tern::simd;

using floats = std::vector<float>;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

void expect(const std::string& error, const char* what, const char* arch, std::size_t rows, std::size_t cols) {
    if (!error.empty())
        FAIL_CHECK(std::string(what) << ", " << std::string(arch) << ", " << rows << " x " << cols << ": " << error);
}

matrix_view<const float> constant(const matrix_view<float>& v) { return v; }

/// The order of additions as it is written down.
template <class Term>
double ordered_sum(const float* x, std::size_t n, const Term& term) {
    double sums[16] = {};
    for (std::size_t j = 0; j < n; ++j) sums[j % 16] += term(x[j]);
    for (std::size_t half = 8; half != 0; half /= 2) {
        for (std::size_t l = 0; l < half; ++l) sums[l] += sums[l + half];
    }
    return sums[0];
}

}  // namespace

TEST_CASE("weights: sums are those of sixteen partial sums, bit for bit") {
    for_each_architecture([](auto arch) {
        using tag = decltype(arch);
        for (std::size_t n = 0; n < 70; ++n) {
            const grid<float> g =
                random_weights(1, n + 1, static_cast<std::uint32_t>(n), {1e30f, -1e-30f, 0.25f, -0.25f});
            const float* x = g.view().data + 1;  // only aligned for a float
            const double p = 0.25;
            using tern::kernel::sum_terms;
            CHECK(sum_terms<tag, simd::term::value>(x, n, p) == ordered_sum(x, n, [](float v) { return double{v}; }));
            CHECK(sum_terms<tag, simd::term::magnitude>(x, n, p) ==
                  ordered_sum(x, n, [](float v) { return std::fabs(double{v}); }));
            CHECK(sum_terms<tag, simd::term::above>(x, n, p) ==
                  ordered_sum(x, n, [](float v) { return std::fabs(v) > 0.25f ? std::fabs(double{v}) : 0.0; }));
            CHECK(sum_terms<tag, simd::term::count>(x, n, p) ==
                  ordered_sum(x, n, [](float v) { return std::fabs(v) > 0.25f ? 1.0 : 0.0; }));
            CHECK(sum_terms<tag, simd::term::distance>(x, n, p) ==
                  ordered_sum(x, n, [](float v) { return std::fabs(double{v} - 0.25); }));
            CHECK(sum_terms<tag, simd::term::square>(x, n, p) == doctest::Approx(ordered_sum(x, n, [](float v) {
                                                                     return (double{v} - 0.25) * (double{v} - 0.25);
                                                                 })).epsilon(1e-14));
        }
    });
}

TEST_CASE("weights: one of three numbers, and the gate, with NaN and infinity") {
    for_each_architecture([](auto arch) {
        using tag = decltype(arch);
        for (std::size_t n = 0; n < 50; ++n) {
            const grid<float> x = random_weights(1, n, static_cast<std::uint32_t>(n) + 5, odd_floats);
            const grid<float> g = random_weights(1, n, static_cast<std::uint32_t>(n) + 6);
            grid<float> chosen(1, n), gated(1, n);
            tern::kernel::choose_row<tag>(x.view().data, n, -0.5f, 1.0f, 3.0f, 4.0f, 5.0f, chosen.view().data);
            tern::kernel::gate_row<tag>(x.view().data, n, -0.5f, 1.0f, g.view().data, 2.0f, gated.view().data);
            for (std::size_t j = 0; j < n; ++j) {
                const float v = x.at(0, j);
                CHECK(chosen.at(0, j) == (v > 1.0f ? 5.0f : (v < -0.5f ? 3.0f : 4.0f)));
                CHECK(gated.at(0, j) == (v >= -0.5f && v <= 1.0f ? 2.0f * g.at(0, j) : 0.0f));
            }
            CHECK(chosen.gaps_intact());
            CHECK(gated.gaps_intact());
        }
    });
}

TEST_CASE("weights: TWN to packed words, apart and fused") {
    for_each_architecture([](auto arch) {
        using tag = decltype(arch);
        const char* name = tern::arch::name(arch);
        for_each_weight_shape([&](std::size_t rows, std::size_t cols, std::uint32_t seed) {
            const bool odd = seed % 3 == 0;
            const grid<float> w = random_weights(rows, cols, seed, odd ? odd_floats : floats{});
            for (const std::size_t shared : {0u, 1u, 2u}) {  // none, the threshold, both
                grid<float> threshold(shared > 0 ? 1 : rows, 1), scale(shared > 1 ? 1 : rows, 1);
                grid<float> fused(threshold.rows(), 1), fused_scale(scale.rows(), 1);
                const twn::rule rule = seed % 2 == 0 ? twn::rule::paper : twn::rule::released;
                if (!odd)
                    REQUIRE(twn::fit<tag>(w.view(), threshold.view(), scale.view(), rule) == status::ok);
                else
                    for (std::size_t i = 0; i < threshold.rows(); ++i) threshold.at(i, 0) = 0.5f;
                grid<std::int8_t> values(rows, cols);
                REQUIRE(twn::forward<tag>(w.view(), constant(threshold.view()), values.view()) == status::ok);
                expect(check_packed<tern::ternary>(
                           values,
                           [&](const auto& to) { return twn::forward<tag>(w.view(), constant(threshold.view()), to); }),
                       "forward", name, rows, cols);
                if (odd) continue;
                expect(check_packed<tern::ternary>(values,
                                                   [&](const auto& to) {
                                                       return twn::quantize<tag>(w.view(), fused.view(),
                                                                                 fused_scale.view(), to, rule);
                                                   }),
                       "quantize", name, rows, cols);
                CHECK(same_floats(fused.values(), threshold.values()));
                CHECK(same_floats(fused_scale.values(), scale.values()));
                CHECK(fused.gaps_intact());
            }
        });
    });
}

TEST_CASE("weights: fused TWN, BWN and absmean of weights that are not finite") {
    for_each_architecture([](auto arch) {
        using tag = decltype(arch);
        for (const float odd : {not_a_number, std::numeric_limits<float>::infinity()}) {
            grid<float> w = random_weights(3, 40, 7);
            w.at(1, 33) = odd;
            floats threshold(3), scale(3);
            tern::word words[3 * 4];
            const tern::mutable_packed_rows<tern::ternary> q(words, 3, 40);
            REQUIRE(twn::quantize<tag>(w.view(), per_channel(threshold.data(), 3), per_channel(scale.data(), 3), q) ==
                    status::ok);
            CHECK(std::isnan(threshold[1]));
            CHECK(std::isnan(scale[1]));
            CHECK(scale[0] > 0.0f);
            CHECK(scale[2] > 0.0f);
            for (std::size_t j = 0; j < 40; ++j) CHECK(q.value(1, j) == 0);
            float one = 0.0f;
            float one_scale = 0.0f;
            REQUIRE(twn::quantize<tag>(w.view(), per_tensor(&one), per_tensor(&one_scale), q) == status::ok);
            CHECK(std::isnan(one));
            CHECK(std::isnan(one_scale));
            REQUIRE(twn::quantize<tag>(w.view(), per_channel(threshold.data(), 3), per_tensor(&one_scale), q) ==
                    status::ok);
            CHECK(std::isnan(one_scale));
            REQUIRE(absmean::quantize<tag>(w.view(), per_channel(scale.data(), 3), q) == status::ok);
            CHECK(std::isnan(scale[1]));
            CHECK(scale[2] > 0.0f);
            for (std::size_t j = 0; j < 40; ++j) CHECK(q.value(1, j) == 0);
            const tern::mutable_packed_rows<tern::binary> b(words, 3, 40);
            REQUIRE(bwn::quantize<tag>(w.view(), per_channel(scale.data(), 3), b) == status::ok);
            CHECK(std::isnan(scale[1]));
            CHECK(bwn::fit<tag>(w.view(), per_channel(scale.data(), 3)) == status::bad_value);
            CHECK(absmean::fit<tag>(w.view(), per_channel(scale.data(), 3)) == status::bad_value);
        }
    });
}

TEST_CASE("weights: absmean and BWN to packed words, apart and fused") {
    for_each_architecture([](auto arch) {
        using tag = decltype(arch);
        const char* name = tern::arch::name(arch);
        for_each_weight_shape([&](std::size_t rows, std::size_t cols, std::uint32_t seed) {
            const grid<float> w = random_weights(rows, cols, seed, {0.0f, -0.0f, 0.5f, -0.5f});
            for (const bool shared : {false, true}) {
                grid<float> scale(shared ? 1 : rows, 1), fused(shared ? 1 : rows, 1);
                grid<std::int8_t> values(rows, cols);
                REQUIRE(absmean::fit<tag>(w.view(), scale.view(), 0.125f) == status::ok);
                REQUIRE(absmean::forward<tag>(w.view(), constant(scale.view()), values.view()) == status::ok);
                expect(check_packed<tern::ternary>(
                           values,
                           [&](const auto& to) { return absmean::forward<tag>(w.view(), constant(scale.view()), to); }),
                       "absmean forward", name, rows, cols);
                expect(check_packed<tern::ternary>(
                           values,
                           [&](const auto& to) { return absmean::quantize<tag>(w.view(), fused.view(), to, 0.125f); }),
                       "absmean quantize", name, rows, cols);
                CHECK(same_floats(fused.values(), scale.values()));
                REQUIRE(bwn::fit<tag>(w.view(), scale.view()) == status::ok);
                REQUIRE(bwn::forward<tag>(w.view(), values.view()) == status::ok);
                expect(
                    check_packed<tern::binary>(values, [&](const auto& to) { return bwn::forward<tag>(w.view(), to); }),
                    "bwn forward", name, rows, cols);
                expect(check_packed<tern::binary_set_minus>(
                           values, [&](const auto& to) { return bwn::quantize<tag>(w.view(), fused.view(), to); }),
                       "bwn quantize", name, rows, cols);
                CHECK(same_floats(fused.values(), scale.values()));
            }
        });
    });
}

TEST_CASE("weights: BWN and absmean by hand, ties, zeros, NaN") {
    const float tiny = std::numeric_limits<float>::denorm_min();
    const grid<float> w(1, 8, {1.0f, -3.0f, 0.0f, -0.0f, 2.0f, -2.0f, tiny, -tiny});
    float scale = 0.0f;
    REQUIRE(bwn::fit(w.view(), per_tensor(&scale)) == status::ok);
    CHECK(scale == 1.0f);
    grid<std::int8_t> values(1, 8);
    grid<float> q(1, 8);
    REQUIRE(bwn::forward(w.view(), values.view()) == status::ok);
    CHECK(values.values() == std::vector<std::int8_t>{1, -1, 1, 1, 1, -1, 1, -1});
    REQUIRE(bwn::forward(w.view(), constant(per_tensor(&scale)), q.view()) == status::ok);
    CHECK(q.values() == floats{1.0f, -1.0f, 1.0f, 1.0f, 1.0f, -1.0f, 1.0f, -1.0f});

    const grid<float> x(1, 6, {1.0f, -1.0f, 1.5f, -4.5f, 4.0f, 0.0f});
    REQUIRE(absmean::fit(x.view(), per_tensor(&scale)) == status::ok);
    CHECK(scale == 2.0f);
    grid<std::int8_t> t(1, 6);
    REQUIRE(absmean::forward(x.view(), constant(per_tensor(&scale)), t.view()) == status::ok);
    CHECK(t.values() == std::vector<std::int8_t>{0, 0, 1, -1, 1, 0});
    grid<float> r(1, 6);
    REQUIRE(absmean::forward(x.view(), constant(per_tensor(&scale)), r.view()) == status::ok);
    CHECK(r.values() == floats{0.0f, 0.0f, 2.0f, -2.0f, 2.0f, 0.0f});
    REQUIRE(absmean::fit(x.view(), per_tensor(&scale), 0.5f) == status::ok);
    CHECK(scale == 2.5f);
    REQUIRE(absmean::fit({nullptr, 0, 3}, per_tensor(&scale), 0.5f) == status::ok);
    CHECK(scale == 0.5f);
    CHECK(absmean::fit(x.view(), per_tensor(&scale), -1.0f) == status::bad_value);
    CHECK(absmean::fit(x.view(), per_tensor(&scale), not_a_number) == status::bad_value);
    const float negative = -1.0f;
    CHECK(absmean::forward(x.view(), per_tensor(&negative), t.view()) == status::bad_value);
    const grid<float> strange(1, 2, {not_a_number, 1.0f});
    grid<std::int8_t> s(1, 2);
    REQUIRE(bwn::forward(strange.view(), s.view()) == status::ok);
    CHECK(s.values() == std::vector<std::int8_t>{-1, 1});
}

TEST_CASE("weights: gradients of BWN and absmean are those of their surrogates") {
    constexpr std::size_t rows = 3;
    constexpr std::size_t cols = 30;
    const floats point = smooth_point(rows * cols, 31, {0.0, 1.0}, 0.8);
    grid<float> w(rows, cols);
    for (std::size_t i = 0; i < point.size(); ++i) w.at(i / cols, i % cols) = point[i];
    const grid<float> g = random_grid(rows, cols, 32);
    const std::vector<double> at = as_doubles(point);
    for (const std::size_t groups : {std::size_t{1}, rows}) {
        grid<float> scale(groups, 1), grad(rows, cols);
        REQUIRE(bwn::fit(w.view(), scale.view()) == status::ok);
        const std::size_t n = rows * cols / groups;
        for (const bwn::estimator e : {bwn::estimator::identity, bwn::estimator::clipped, bwn::estimator::scaled}) {
            REQUIRE(bwn::backward(w.view(), constant(scale.view()), g.view(), grad.view(), e) == status::ok);
            const auto loss = [&](const std::vector<double>& x) {
                double total = 0.0;
                for (std::size_t k = 0; k < groups; ++k) {
                    double mean = 0.0;
                    double base = 0.0;
                    for (std::size_t i = k * n; i < (k + 1) * n; ++i) mean += std::fabs(x[i]) / static_cast<double>(n);
                    for (std::size_t i = k * n; i < (k + 1) * n; ++i) base += std::fabs(at[i]) / static_cast<double>(n);
                    for (std::size_t i = k * n; i < (k + 1) * n; ++i) {
                        // The sign at the point, and the clip in its place around it.
                        const auto clip = [](double v) { return std::fmin(std::fmax(v, -1.0), 1.0); };
                        const double sign = at[i] >= 0.0 ? 1.0 : -1.0;
                        double q = x[i];
                        if (e == bwn::estimator::clipped) q = clip(x[i]);
                        if (e == bwn::estimator::scaled) q = mean * sign + base * (clip(x[i]) - clip(at[i]));
                        total += double{g.at(i / cols, i % cols)} * q;
                    }
                }
                return total;
            };
            CHECK(gradient_error(loss, at, grad.values()) < gradient_tolerance);
        }
        REQUIRE(absmean::backward(w.view(), g.view(), grad.view()) == status::ok);
        CHECK(grad.values() == g.values());
    }
}

TEST_CASE("weights: a caller's mistake gives a status and nothing is written") {
    grid<float> w = random_weights(3, 40, 9);
    floats a(3, 77.0f), b(3, 77.0f);
    guarded<tern::word> words(200);
    tern::packed_panels<tern::ternary> packed;
    tern::packed_panels<tern::binary> packed_binary;
    const tern::mutable_packed_rows<tern::ternary> q(words.data(), 3, 40);
    const tern::mutable_packed_rows<tern::ternary> wrong(words.data(), 3, 41);
    const tern::mutable_packed_rows<tern::binary> bits(words.data(), 3, 40);
    const tern::quantize::panel_memory<tern::ternary> panels(words.data(), 200, packed);
    const auto pa = per_channel(a.data(), 3);
    const auto pb = per_channel(b.data(), 3);
    const float half = 0.5f;
    const matrix_view<const float> one = per_tensor(&half);

    CHECK(twn::forward(w.view(), one, wrong) == status::bad_shape);
    CHECK(twn::forward({nullptr, 3, 40}, one, q) == status::null_pointer);
    CHECK(twn::forward(w.view(), per_tensor<const float>(nullptr), panels) == status::null_pointer);
    CHECK(twn::forward(w.view(), one, tern::mutable_packed_rows<tern::ternary>(nullptr, 3, 40)) ==
          status::null_pointer);
    CHECK(twn::forward(w.view(), one, tern::quantize::panel_memory<tern::ternary>(words.data(), 95, packed)) ==
          status::buffer_size);
    CHECK(twn::forward(w.view(), one, tern::quantize::panel_memory<tern::ternary>(words.data(), 200, packed, 3)) ==
          status::bad_shape);
    CHECK(twn::forward(w.view(), one, tern::quantize::panel_memory<tern::ternary>(words.data(), 200, packed, 0)) ==
          status::bad_shape);
    CHECK(twn::forward(w.view(), one, tern::quantize::panel_memory<tern::ternary>(nullptr, 200, packed)) ==
          status::null_pointer);
    auto* const inside = reinterpret_cast<tern::word*>(w.view().data);
    CHECK(twn::forward(w.view(), one, tern::mutable_packed_rows<tern::ternary>(inside, 3, 40)) == status::overlap);
    CHECK(twn::quantize(w.view(), pa, pa, q) == status::overlap);
    CHECK(twn::quantize(w.view(), pa, pb, wrong) == status::bad_shape);
    CHECK(twn::quantize(w.view(), per_channel(a.data(), 2), pb, panels) == status::bad_shape);
    CHECK(twn::quantize(w.view(), per_tensor(w.view().data), pb, panels) == status::overlap);
    CHECK(absmean::quantize(w.view(), pa, wrong) == status::bad_shape);
    CHECK(absmean::quantize(w.view(), pa, panels, -1.0f) == status::bad_value);
    CHECK(bwn::quantize(w.view(), per_channel(a.data(), 2), bits) == status::bad_shape);
    CHECK(bwn::forward(w.view(), tern::quantize::panel_memory<tern::binary>(words.data(), 10, packed_binary)) ==
          status::buffer_size);
    CHECK(bwn::backward(w.view(), one, w.view(), w.view()) == status::overlap);
    CHECK(words.untouched());
    CHECK(packed.data == nullptr);
    CHECK(a == floats(3, 77.0f));
    CHECK(b == floats(3, 77.0f));
}
