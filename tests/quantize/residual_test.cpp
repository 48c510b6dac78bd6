// SPDX-License-Identifier: MIT
// Residual expansion: thresholds, scales and ties by hand, nested planes, their product against one ternary product a
// copy.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <tern/gemm.hpp>
#include <tern/gemm_residual.hpp>
#include <tern/quantize/residual.hpp>

#include "packed.hpp"
#include "support/architectures.hpp"
#include "support/gradient.hpp"

namespace {

using tern::matrix_view;
using tern::nested_ternary;
using tern::status;
using tern::quantize::panel_memory;
using namespace tern_test;
namespace residual = tern::quantize::residual;

using floats = std::vector<float>;

template <class Arch, int K>
std::string check_planes(const grid<float>& w, const grid<float>& thresholds, const grid<std::int8_t>& values) {
    return check_packed<nested_ternary<K>>(
        values, [&](const auto& to) { return residual::forward<Arch>(w.view(), thresholds.view(), to); });
}

/// gemm_residual against K products of ternary weights.
template <class Arch, int K>
void check_product(std::size_t tokens, std::size_t outputs, std::size_t depth, bool shared, std::uint32_t seed) {
    const grid<float> w = random_weights(outputs, depth, seed);
    const std::size_t groups = shared ? 1 : outputs;
    grid<float> thresholds(groups, K), scales(groups, K);
    REQUIRE(residual::fit(w.view(), residual::factors, K, thresholds.view(), scales.view()) == status::ok);
    std::vector<tern::word> words(tern::panels_words<nested_ternary<K>>(outputs, 1, depth));
    tern::packed_panels<nested_ternary<K>> packed;
    REQUIRE(residual::forward<Arch>(w.view(), thresholds.view(),
                                    panel_memory<nested_ternary<K>>(words.data(), words.size(), packed)) == status::ok);
    const matrix x = random_matrix(tokens, depth, {-1, 0, 1}, seed + 1);
    std::vector<tern::word> rows(tern::rows_words<tern::ternary>(tokens, depth));
    const tern::mutable_packed_rows<tern::ternary> activations(rows.data(), tokens, depth);
    REQUIRE(tern::pack_rows<tern::ternary>(x.view(), activations) == status::ok);

    std::vector<double> sums(tokens * outputs, 0.0);
    for (std::size_t levels = 1; levels <= std::size_t{K}; ++levels) {
        const std::size_t k = levels - 1;
        for (std::size_t i = 0; i < tokens; ++i) {
            for (std::size_t o = 0; o < outputs; ++o) {
                const std::size_t g = shared ? 0 : o;
                int dot = 0;
                for (std::size_t d = 0; d < depth; ++d) {
                    const float v = w.at(o, d);
                    const float th = thresholds.at(g, k);
                    dot += (v >= th ? 1 : (v < -th ? -1 : 0)) * x.at(i, d);
                }
                sums[i * outputs + o] += double{scales.at(g, k)} * dot;
            }
        }
        grid<float> dst(tokens, outputs);
        REQUIRE(tern::gemm_residual<Arch>(activations, packed, matrix_view<const float>(scales.view()), 0.7f,
                                          dst.view(), levels) == status::ok);
        for (std::size_t i = 0; i < tokens; ++i)
            for (std::size_t o = 0; o < outputs; ++o)
                CHECK(dst.at(i, o) == static_cast<float>(double{0.7f} * sums[i * outputs + o]));
        CHECK(dst.gaps_intact());
        if (levels != std::size_t{K} || outputs <= 16) continue;
        grid<float> part(tokens, outputs);
        REQUIRE(tern::gemm_residual<Arch>(activations, packed, matrix_view<const float>(scales.view()), 0.7f,
                                          part.view(), levels, tern::tiles{1, 2}) == status::ok);
        for (std::size_t o = 0; o < outputs; ++o)
            CHECK(part.at(0, o) == (o / 16 == 1 ? dst.at(0, o) : grid<float>::canary));
    }
}

}  // namespace

TEST_CASE("residual: thresholds, scales and both ties by hand") {
    const float factors[] = {0.25f, 0.5f};
    const grid<float> w(1, 8, {4.0f, -1.0f, 1.0f, -2.0f, 2.0f, 0.5f, -3.0f, 0.0f});
    grid<float> thresholds(1, 2), scales(1, 2), q(1, 8);
    REQUIRE(residual::fit(w.view(), factors, 2, thresholds.view(), scales.view()) == status::ok);
    CHECK(thresholds.values() == floats{1.0f, 2.0f});
    // |w| >= 1: 4, 1, 1, 2, 2, 3; |w| >= 2: 4, 2, 2, 3.
    CHECK(scales.values() == floats{static_cast<float>(13.0 / 6.0), 2.75f});
    grid<std::int8_t> t(1, 8);
    REQUIRE(residual::forward(w.view(), thresholds.view(), t.view()) == status::ok);
    CHECK(t.values() == std::vector<std::int8_t>{2, 0, 1, -1, 2, 0, -2, 0});
    REQUIRE(residual::forward(w.view(), thresholds.view(), scales.view(), q.view()) == status::ok);
    const auto both = static_cast<float>(double{scales.at(0, 0)} + 2.75);
    CHECK(q.values() == floats{both, 0.0f, scales.at(0, 0), -scales.at(0, 0), both, 0.0f, -both, 0.0f});

    const grid<float> zero(2, 3, {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f});
    grid<float> th(2, 2), sc(2, 2);
    REQUIRE(residual::fit(zero.view(), factors, 2, th.view(), sc.view()) == status::ok);
    CHECK(sc.values() == floats(4, 0.0f));
    CHECK(th.values() == floats(4, 0.0f));
}

TEST_CASE("residual: nested planes of 1, 2 and 4 copies on every architecture") {
    for_each_architecture([](auto arch) {
        using tag = decltype(arch);
        for_each_weight_shape([&](std::size_t rows, std::size_t cols, std::uint32_t seed) {
            const grid<float> clean = random_weights(rows, cols, seed, {0.0f, 0.25f, -0.25f});
            const grid<float> w = random_weights(rows, cols, seed, odd_floats);
            for (const std::size_t levels : {1u, 2u, 4u}) {
                grid<float> thresholds(seed % 2 == 0 ? 1 : rows, levels), scales(thresholds.rows(), levels);
                REQUIRE(residual::fit<tag>(clean.view(), residual::factors, levels, thresholds.view(), scales.view()) ==
                        status::ok);
                grid<std::int8_t> values(rows, cols);
                REQUIRE(residual::forward<tag>(w.view(), thresholds.view(), values.view()) == status::ok);
                const std::string error = levels == 1   ? check_planes<tag, 1>(w, thresholds, values)
                                          : levels == 2 ? check_planes<tag, 2>(w, thresholds, values)
                                                        : check_planes<tag, 4>(w, thresholds, values);
                if (!error.empty()) FAIL_CHECK(error << ", " << rows << " x " << cols << ", levels " << levels);
            }
        });
    });
}

TEST_CASE("residual: the product of shared signs is the sum of the products of the copies") {
    for_each_architecture([](auto arch) {
        using tag = decltype(arch);
        std::uint32_t seed = 40;
        for (const std::size_t depth : {1u, 31u, 33u, 64u, 1100u})
            for (const std::size_t tokens : {1u, 2u, 5u})
                for (const std::size_t outputs : {1u, 16u, 21u}) {
                    check_product<tag, 2>(tokens, outputs, depth, seed % 2 == 0, seed);
                    check_product<tag, 4>(tokens, outputs, depth, seed % 2 == 1, seed + 1);
                    ++seed;
                }
    });
}

TEST_CASE("residual: the gradient is that of K clips") {
    const floats point = smooth_point(50, 3, {1.0});
    const grid<float> g = random_grid(1, 50, 4);
    for (const std::size_t levels : {1u, 4u}) {
        grid<float> grad(1, 50);
        REQUIRE(residual::backward({point.data(), 1, 50}, g.view(), levels, grad.view()) == status::ok);
        const auto loss = [&](const std::vector<double>& x) {
            double total = 0.0;
            for (std::size_t i = 0; i < 50; ++i)
                total += double{g.at(0, i)} * static_cast<double>(levels) * std::fmin(std::fmax(x[i], -1.0), 1.0);
            return total;
        };
        CHECK(gradient_error(loss, as_doubles(point), grad.values()) < gradient_tolerance);
    }
    const grid<float> edge(1, 3, {1.0f, -1.0f, std::nextafter(1.0f, 0.0f)});
    const grid<float> ones(1, 3, {1.0f, 1.0f, 1.0f});
    grid<float> grad(1, 3);
    REQUIRE(residual::backward(edge.view(), ones.view(), 2, grad.view()) == status::ok);
    CHECK(grad.values() == floats{0.0f, 0.0f, 2.0f});
}

TEST_CASE("residual: a caller's mistake gives a status and nothing is written") {
    grid<float> w = random_weights(3, 40, 5);
    grid<float> thresholds(3, 2), scales(3, 2);
    const float falling[] = {0.2f, 0.1f};
    CHECK(residual::fit(w.view(), falling, 2, thresholds.view(), scales.view()) == status::bad_value);
    CHECK(residual::fit(w.view(), residual::factors, 3, thresholds.view(), scales.view()) == status::bad_shape);
    CHECK(residual::fit(w.view(), nullptr, 2, thresholds.view(), scales.view()) == status::null_pointer);
    CHECK(residual::fit(w.view(), residual::factors, 2, thresholds.view(), thresholds.view()) == status::overlap);
    w.at(1, 1) = std::nanf("");
    CHECK(residual::fit(w.view(), residual::factors, 2, thresholds.view(), scales.view()) == status::bad_value);
    CHECK(thresholds.untouched());
    CHECK(scales.untouched());
    grid<std::int8_t> t(3, 40);
    const grid<float> wrong(3, 2, {0.2f, 0.1f, 0.1f, 0.2f, 0.1f, 0.2f});
    CHECK(residual::forward(w.view(), wrong.view(), t.view()) == status::bad_value);
    CHECK(t.untouched());
    std::vector<tern::word> words(200);
    tern::packed_panels<nested_ternary<2>> packed(words.data(), 3, 40);
    const tern::packed_rows<tern::ternary> x(words.data() + 100, 2, 40);
    grid<float> dst(2, 3);
    const matrix_view<const float> scale = scales.view();
    CHECK(tern::gemm_residual(x, packed, scale, 1.0f, {dst.view().data, 2, 2}) == status::bad_shape);
    CHECK(tern::gemm_residual(x, packed, scale, 1.0f, dst.view(), 3) == status::bad_shape);
    CHECK(tern::gemm_residual(x, packed, {scale.data, 2, 2}, 1.0f, dst.view()) == status::bad_shape);
    CHECK(tern::gemm_residual(x, packed, scale, 1.0f, {nullptr, 2, 3}) == status::null_pointer);
    CHECK(dst.untouched());
}
