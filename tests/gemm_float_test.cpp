// SPDX-License-Identifier: MIT
#include <tern/gemm_float.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/reference.hpp>

#include "support/architectures.hpp"
#include "support/kernels.hpp"
#include "support/operands.hpp"

namespace {

using namespace tern_test;
using tern::matrix_view;
using tern::size_t;
using tern::status;

struct floats {
    std::vector<float> memory;
    matrix_view<const float> view;

    floats(size_t rows, size_t cols, size_t gap, random_numbers& random) {
        memory.resize(rows == 0 ? 0 : (rows - 1) * (cols + gap) + cols);
        for (float& x : memory) {
            // All magnitudes from denormals to far beyond, so that the order of additions shows.
            const int exponent = static_cast<int>(random.next() % 60) - 30;
            x = std::ldexp(static_cast<float>(random.next() % 2001) / 1000.0f - 1.0f,
                           random.next() % 50 == 0 ? -140 : exponent);
        }
        view = {memory.data(), rows, cols, cols + gap};
    }
};

/// Equal as bits; of NaNs only that both are.
bool same(const std::vector<float>& a, const std::vector<float>& b) {
    for (size_t i = 0; i < a.size(); ++i) {
        const bool nan = std::isnan(a[i]) && std::isnan(b[i]);
        if (!nan && std::memcmp(&a[i], &b[i], sizeof(float)) != 0) return false;
    }
    return a.size() == b.size();
}

TEST_CASE("a weight-only product equals the reference bit for bit, whatever the shape") {
    random_numbers random(1);
    for (const size_t rows : {0u, 1u, 2u, 3u, 4u, 5u, 9u}) {
        for (const size_t outputs : {0u, 1u, 15u, 16u, 17u, 63u, 64u, 65u, 130u}) {
            for (const size_t depth : {0u, 1u, 2u, 3u, 4u, 5u, 7u, 64u, 129u, 1001u}) {
                if (depth > 200 && outputs > 65) continue;
                const floats x(rows, depth, rows % 2, random);
                const integers w = make_integers(describe<tern::ternary>(), outputs, depth, fill::random, random);
                const auto packed = tern::pack<tern::ternary_code>(w.view());
                std::vector<float> scale(outputs), bias(outputs);
                for (float& v : scale) v = static_cast<float>(random.next() % 100) / 7.0f - 5.0f;
                for (float& v : bias) v = static_cast<float>(random.next() % 100) / 3.0f - 5.0f;
                for (const bool plain : {true, false}) {
                    tern::scale_offset e;
                    if (!plain) {
                        e.weights.scale = tern::per_channel(scale.data());
                        e.bias = bias.data();
                        e.clamp_min = -1000.0f;
                        e.clamp_max = 1000.0f;
                    }
                    std::vector<float> expected(rows * outputs);
                    tern::reference::gemm_float(x.view, w.view(), matrix_view<float>{expected.data(), rows, outputs},
                                                e);
                    for_each_architecture([&](auto arch) {
                        INFO(tern::arch::name(arch), ": ", rows, " x ", outputs, " x ", depth);
                        std::vector<float> dst(rows * outputs, -77.0f);
                        CHECK(tern::gemm<decltype(arch)>(x.view, packed, matrix_view<float>{dst.data(), rows, outputs},
                                                         e) == status::ok);
                        CHECK(same(dst, expected));
                    });
                }
            }
        }
    }
}

TEST_CASE("a weight of zero leaves out what is not finite; signs of zero and overflow follow the order of additions") {
    const float inf = std::numeric_limits<float>::infinity();
    const float big = std::numeric_limits<float>::max();
    const std::vector<float> x = {inf, std::nanf(""), big, big, -0.0f, 1.0f};
    const std::vector<std::int8_t> w = {0,  0, 0, 0, 1, 0, 0, 0, 1, 1,  0, -1, 0, 0, 1,
                                        -1, 0, 1, 1, 0, 0, 0, 0, 0, -1, 1, 0,  0, 0, 0};
    const matrix_view<const std::int8_t> weights{w.data(), 5, 6};
    const auto packed = tern::pack<tern::ternary_code>(weights);
    const matrix_view<const float> lhs{x.data(), 1, 6};
    std::vector<float> expected(5);
    tern::reference::gemm_float(lhs, weights, matrix_view<float>{expected.data(), 1, 5}, {});
    CHECK(std::memcmp(&expected[0], "\0\0\0\0", 4) == 0);  // +0
    CHECK(expected[1] == inf);
    CHECK(expected[2] == 1.0f);
    CHECK(expected[3] == inf);
    CHECK(std::isnan(expected[4]));
    for_each_architecture([&](auto arch) {
        INFO(tern::arch::name(arch));
        std::vector<float> dst(5);
        CHECK(tern::gemm<decltype(arch)>(lhs, packed, matrix_view<float>{dst.data(), 1, 5}) == status::ok);
        CHECK(same(dst, expected));
    });
}

TEST_CASE("partitions give the same bytes, and what does not fit is refused before anything is written") {
    random_numbers random(3);
    const floats x(3, 50, 0, random);
    const integers w = make_integers(describe<tern::ternary>(), 200, 50, fill::random, random);
    const auto packed = tern::pack<tern::ternary_code>(w.view());
    std::vector<float> whole(600), parts(600, -1.0f);
    REQUIRE(tern::gemm(x.view, packed, matrix_view<float>{whole.data(), 3, 200}) == status::ok);
    const matrix_view<float> dst{parts.data(), 3, 200};
    for (size_t i = 0; i < 4; ++i) CHECK(tern::gemm(x.view, packed, dst, {}, tern::tiles{i, i + 1}) == status::ok);
    CHECK(parts == whole);

    const std::vector<float> before(600, 5.0f);
    parts = before;
    const float scale = 2.0f;
    tern::scale_offset e;
    e.activations.scale = tern::per_tensor(scale);
    CHECK(tern::gemm(x.view, packed, dst, e) == status::unsupported);
    e = {};
    e.clamp_min = 1.0f;
    e.clamp_max = 0.0f;
    CHECK(tern::gemm(x.view, packed, dst, e) == status::bad_value);
    CHECK(tern::gemm(x.view, packed, matrix_view<float>{parts.data(), 3, 199}) == status::bad_shape);
    CHECK(tern::gemm(matrix_view<const float>{x.memory.data(), 3, 49, 50}, packed, dst) == status::bad_shape);
    CHECK(tern::gemm(matrix_view<const float>{nullptr, 3, 50}, packed, dst) == status::null_pointer);
    CHECK(tern::gemm(x.view, packed, dst, {}, tern::tiles{2, 1}) == status::bad_shape);
    CHECK(tern::gemm(matrix_view<const float>{parts.data(), 3, 50}, packed, dst) == status::overlap);
    CHECK(parts == before);
}

}  // namespace
