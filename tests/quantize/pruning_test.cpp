// SPDX-License-Identifier: MIT
// Group norms, the clipped penalty and its gradient, pruning, on shapes with smaller groups at the edges.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <tern/quantize/pruning.hpp>
#include <tern/quantize/twn.hpp>

#include "grid.hpp"
#include "support/gradient.hpp"

namespace {

using tern::matrix_view;
using tern::status;
using namespace tern_test;
namespace pruning = tern::quantize::pruning;

/// The penalty as the formula reads, of row-major doubles.
double naive_penalty(const std::vector<double>& w, std::size_t rows, std::size_t cols, pruning::group_shape g, double d,
                     double lambda) {
    double total = 0.0;
    for (std::size_t a = 0; a < rows; a += g.rows)
        for (std::size_t b = 0; b < cols; b += g.cols) {
            double square = 0.0;
            for (std::size_t i = a; i < a + g.rows && i < rows; ++i)
                for (std::size_t j = b; j < b + g.cols && j < cols; ++j) square += w[i * cols + j] * w[i * cols + j];
            total += std::fmin(std::sqrt(square), d);
        }
    return lambda * total;
}

}  // namespace

TEST_CASE("pruning: norms, penalty and its gradient") {
    for (const pruning::group_shape shape :
         {pruning::group_shape{}, pruning::group_shape{2, 3}, pruning::group_shape{1, 1}}) {
        constexpr std::size_t rows = 5;
        constexpr std::size_t cols = 11;
        grid<float> w = random_grid(rows, cols, 3);
        for (std::size_t j = 0; j < 3; ++j) w.at(0, j) = w.at(1, j) = 0.0f;
        grid<float> norms(shape.down(rows), shape.across(cols)), grad(rows, cols);
        REQUIRE(pruning::group_norms(w.view(), shape, norms.view()) == status::ok);
        const float d = pruning::clipping_threshold<tern::default_arch>(norms.view(), 1.1f);
        double mean = 0.0;
        for (const float v : norms.values()) mean += double{v};
        mean /= static_cast<double>(norms.rows() * norms.cols());
        CHECK(d == doctest::Approx(1.1 * mean).epsilon(1e-6));
        const std::vector<double> at = as_doubles(w.values());
        CHECK(pruning::penalty<tern::default_arch>(norms.view(), d, 0.3f) ==
              doctest::Approx(naive_penalty(at, rows, cols, shape, double{d}, 0.3)).epsilon(1e-6));
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < cols; ++j) grad.at(i, j) = 1.0f;
        REQUIRE(pruning::add_penalty_gradient(w.view(), shape, norms.view(), d, 0.3f, grad.view()) == status::ok);
        // Zero groups have a kink there; their gradient is that of the loss alone.
        const bool kink = shape.rows <= 2;
        if (kink) CHECK(grad.at(0, 0) == 1.0f);
        if (kink) CHECK(grad.at(1, 2) == 1.0f);
        std::vector<double> gradient = as_doubles(grad.values());
        std::vector<double> point = at;
        const auto loss = [&](const std::vector<double>& x) {
            double sum = 0.0;
            for (const double v : x) sum += v;
            return sum + naive_penalty(x, rows, cols, shape, double{d}, double{0.3f});
        };
        for (std::size_t i = 0; i < point.size(); ++i) {
            if (kink && at[i] == 0.0) continue;
            CHECK(gradient[i] == doctest::Approx(central_difference(loss, point, i)).epsilon(gradient_tolerance));
        }
        CHECK(grad.gaps_intact());
    }
}

TEST_CASE("pruning: groups below the limit become zero words") {
    grid<float> w(17, 70);
    for (std::size_t i = 0; i < 17; ++i)
        for (std::size_t j = 0; j < 70; ++j) w.at(i, j) = i < 16 && j < 32 ? 0.01f : 1.0f;
    const pruning::group_shape shape;
    grid<float> norms(2, 3);
    REQUIRE(pruning::group_norms(w.view(), shape, norms.view()) == status::ok);
    CHECK(norms.at(0, 0) == doctest::Approx(0.01 * std::sqrt(512.0)));
    CHECK(norms.at(1, 2) == doctest::Approx(std::sqrt(6.0)));
    std::size_t kept = 0;
    REQUIRE(pruning::prune(w.view(), shape, norms.view(), 1.0f, kept) == status::ok);
    CHECK(kept == 5);
    CHECK(w.at(0, 0) == 0.0f);
    CHECK(w.at(16, 0) == 1.0f);
    CHECK(w.at(0, 32) == 1.0f);
    CHECK(w.gaps_intact());
    const float half = 0.5f;
    std::vector<tern::word> words(tern::panels_words<tern::ternary>(17, 1, 70));
    tern::packed_panels<tern::ternary> packed;
    REQUIRE(tern::quantize::twn::forward(
                w.view(), tern::quantize::per_tensor(&half),
                tern::quantize::panel_memory<tern::ternary>(words.data(), words.size(), packed)) == status::ok);
    for (std::size_t i = 0; i < 32; ++i) CHECK(words[i] == 0);  // the first block of the first panel
    CHECK(words[32] == ~0u);
}

TEST_CASE("pruning: a caller's mistake gives a status and nothing is written") {
    grid<float> w = random_grid(4, 4, 1);
    const std::vector<float> before = w.values();
    grid<float> norms(2, 2), grad(4, 4);
    std::size_t kept = 99;
    CHECK(pruning::group_norms(w.view(), {0, 2}, norms.view()) == status::bad_shape);
    CHECK(pruning::group_norms(w.view(), {2, 4}, norms.view()) == status::bad_shape);
    CHECK(pruning::group_norms(w.view(), {2, 2}, {w.view().data, 2, 2, 7}) == status::overlap);
    CHECK(pruning::prune(w.view(), {2, 2}, {nullptr, 2, 2}, 1.0f, kept) == status::null_pointer);
    CHECK(pruning::add_penalty_gradient(w.view(), {2, 2}, norms.view(), std::nanf(""), 1.0f, grad.view()) ==
          status::bad_value);
    CHECK(pruning::add_penalty_gradient(w.view(), {2, 2}, norms.view(), 1.0f, 1.0f, w.view()) == status::overlap);
    CHECK(kept == 99);
    CHECK(norms.untouched());
    CHECK(grad.untouched());
    CHECK(w.values() == before);
}
