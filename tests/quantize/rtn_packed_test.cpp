// SPDX-License-Identifier: MIT
// RTN straight to packed words against packing its values, its start, and its deployment: the four terms of the
// epilogue against the product of the numbers that the fake-quantized network computes with.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <tern/gemm.hpp>
#include <tern/quantize/rtn_packed.hpp>

#include "packed.hpp"
#include "support/architectures.hpp"

namespace {

using tern::matrix_view;
using tern::status;
using tern::quantize::panel_memory;
using tern::quantize::per_channel;
using tern::quantize::per_tensor;
using namespace tern_test;
namespace rtn = tern::quantize::rtn;

using floats = std::vector<float>;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr rtn::variant variants[] = {rtn::variant::fixed, rtn::variant::normalized};

double squared_error(const grid<float>& x, const grid<std::int8_t>& t, const grid<float>& scale,
                     const grid<float>& offset) {
    double error = 0.0;
    for (std::size_t i = 0; i < x.rows(); ++i) {
        const std::size_t g = scale.rows() == 1 ? 0 : i;
        for (std::size_t j = 0; j < x.cols(); ++j) {
            const double d = double{x.at(i, j)} - (double{scale.at(g, 0)} * t.at(i, j) + double{offset.at(g, 0)});
            error += d * d;
        }
    }
    return error;
}

}  // namespace

TEST_CASE("rtn: packed words are those of the values, both variants, scales of both signs, odd numbers") {
    for_each_architecture([](auto arch) {
        using tag = decltype(arch);
        for_each_weight_shape([&](std::size_t rows, std::size_t cols, std::uint32_t seed) {
            const grid<float> x = random_weights(rows, cols, seed, odd_floats);
            grid<float> scale = random_weights(seed % 2 == 0 ? 1 : rows, 1, seed + 1);
            grid<float> offset = random_weights(seed % 3 == 0 ? 1 : rows, 1, seed + 2);
            for (const rtn::variant v : variants) {
                grid<std::int8_t> values(rows, cols);
                REQUIRE(rtn::forward<tag>(x.view(), scale.view(), offset.view(), values.view(), v) == status::ok);
                const std::string error = check_packed<tern::ternary>(values, [&](const auto& to) {
                    return rtn::forward<tag>(x.view(), scale.view(), offset.view(), to, v);
                });
                if (!error.empty()) FAIL_CHECK(error << ", " << rows << " x " << cols);
            }
        });
    });
}

TEST_CASE("rtn: the limits of the normalized variant are exact, next to every rounding") {
    const float scales[] = {1.0f, -1.0f, 0.3f, -0.7f, 1e-30f, 1e30f, 3e38f, 1e-44f, -1e-44f};
    const float offsets[] = {0.0f, 0.1f, -3.7f, 1e20f, -1e-40f, 3e38f};
    for (const float scale : scales) {
        for (const float offset : offsets) {
            floats x;
            for (const double u : {-1.0, -0.5, 0.0, 0.5, 1.0}) {
                float v = static_cast<float>(double{offset} + u * double{scale});
                for (int i = 0; i < 8; ++i) v = std::nextafter(v, -infinity);
                for (int i = 0; i < 17; ++i, v = std::nextafter(v, infinity)) x.push_back(v);
            }
            std::vector<std::int8_t> values(x.size());
            tern::word words[2 * 3];
            const tern::mutable_packed_rows<tern::ternary> q(words, 1, x.size());
            REQUIRE(x.size() <= 96);
            REQUIRE(rtn::forward({x.data(), 1, x.size()}, per_tensor(&scale), per_tensor(&offset),
                                 matrix_view<std::int8_t>{values.data(), 1, x.size()},
                                 rtn::variant::normalized) == status::ok);
            REQUIRE(rtn::forward({x.data(), 1, x.size()}, per_tensor(&scale), per_tensor(&offset), q,
                                 rtn::variant::normalized) == status::ok);
            for (std::size_t j = 0; j < x.size(); ++j) CHECK(q.value(0, j) == values[j]);
        }
    }
}

TEST_CASE("rtn: the start is a least-squares one, and rounds of it do not raise the error") {
    for (const bool shared : {false, true}) {
        grid<float> x = random_weights(4, 90, 17);
        for (std::size_t j = 0; j < 90; ++j) x.at(2, j) = 5.0f + 0.1f * x.at(2, j);
        grid<float> scale(shared ? 1 : 4, 1), offset(shared ? 1 : 4, 1);
        grid<std::int8_t> t(4, 90), again(4, 90);
        REQUIRE(rtn::initialize(x.view(), t.view(), scale.view(), offset.view()) == status::ok);
        const double fixed = squared_error(x, t, scale, offset);
        scale.at(0, 0) *= 1.01f;
        CHECK(squared_error(x, t, scale, offset) > fixed);
        double before = 1e30;
        for (const int rounds : {1, 2, 4, 8, 16}) {
            REQUIRE(rtn::initialize(x.view(), t.view(), scale.view(), offset.view(), rtn::variant::normalized,
                                    rounds) == status::ok);
            const double error = squared_error(x, t, scale, offset);
            CHECK(error <= before * (1.0 + 1e-6));
            before = error;
        }
        REQUIRE(rtn::forward(x.view(), scale.view(), offset.view(), again.view(), rtn::variant::normalized) ==
                status::ok);
        CHECK(t.values() == again.values());
        if (!shared) CHECK(offset.at(2, 0) == doctest::Approx(5.0).epsilon(0.02));
    }
    const grid<float> equal(1, 3, {2.0f, 2.0f, 2.0f});
    grid<std::int8_t> t(1, 3);
    float scale = 0.0f;
    float offset = 0.0f;
    for (const rtn::variant v : variants) {
        REQUIRE(rtn::initialize(equal.view(), t.view(), per_tensor(&scale), per_tensor(&offset), v) == status::ok);
        CHECK(scale == 1.0f);
        CHECK(scale * static_cast<float>(t.at(0, 0)) + offset == 2.0f);
    }
    CHECK(rtn::initialize({nullptr, 0, 3}, {nullptr, 0, 3}, per_tensor(&scale), per_tensor(&offset)) == status::ok);
    CHECK(rtn::initialize(equal.view(), t.view(), per_tensor(&scale), per_tensor(&scale)) == status::overlap);
    CHECK(rtn::initialize(equal.view(), {nullptr, 1, 3}, per_tensor(&scale), per_tensor(&offset)) ==
          status::null_pointer);
    grid<float> strange(1, 3, {2.0f, std::nanf(""), 2.0f});
    CHECK(rtn::initialize(strange.view(), t.view(), per_tensor(&scale), per_tensor(&offset)) == status::bad_value);
}

TEST_CASE("rtn: deployed through the encoding and the four terms it is the fake-quantized product") {
    for (const std::size_t depth : {1u, 31u, 64u, 147u}) {
        constexpr std::size_t tokens = 5;
        constexpr std::size_t outputs = 19;
        const grid<float> w = random_weights(outputs, depth, 5);
        const grid<float> x = random_weights(tokens, depth, 6);
        for (const rtn::variant v : variants) {
            for (const bool shared : {false, true}) {
                grid<std::int8_t> tw(outputs, depth), tx(tokens, depth);
                grid<float> gw(shared ? 1 : outputs, 1, 0), bw(shared ? 1 : outputs, 1, 0), qw(outputs, depth),
                    qx(tokens, depth);
                float gx = 0.0f;
                float bx = 0.0f;
                REQUIRE(rtn::initialize(w.view(), tw.view(), gw.view(), bw.view(), v) == status::ok);
                REQUIRE(rtn::initialize(x.view(), tx.view(), per_tensor(&gx), per_tensor(&bx), v) == status::ok);
                const matrix_view<const float> gx_view = per_tensor<const float>(&gx);
                const matrix_view<const float> bx_view = per_tensor<const float>(&bx);
                REQUIRE(rtn::forward(w.view(), gw.view(), bw.view(), qw.view(), v) == status::ok);
                REQUIRE(rtn::forward(x.view(), gx_view, bx_view, qx.view(), v) == status::ok);

                std::vector<tern::word> weights(tern::panels_words<tern::ternary>(outputs, 1, depth));
                std::vector<tern::word> rows(tern::rows_words<tern::ternary>(tokens, depth));
                tern::packed_panels<tern::ternary> packed;
                const tern::mutable_packed_rows<tern::ternary> activations(rows.data(), tokens, depth);
                REQUIRE(rtn::forward(w.view(), gw.view(), bw.view(),
                                     panel_memory<tern::ternary>(weights.data(), weights.size(), packed),
                                     v) == status::ok);
                REQUIRE(rtn::forward(x.view(), gx_view, bx_view, activations, v) == status::ok);
                tern::scale_offset e;
                const std::size_t stride = shared ? 0 : 1;
                e.weights = {{gw.view().data, stride}, {bw.view().data, stride}};
                e.activations = {tern::per_tensor(gx), tern::per_tensor(bx)};
                floats dst(tokens * outputs);
                REQUIRE(tern::gemm(activations, packed, matrix_view<float>{dst.data(), tokens, outputs}, e) ==
                        status::ok);
                for (std::size_t i = 0; i < tokens; ++i) {
                    for (std::size_t o = 0; o < outputs; ++o) {
                        double expected = 0.0;
                        double size = 0.0;
                        for (std::size_t d = 0; d < depth; ++d) {
                            expected += double{qx.at(i, d)} * double{qw.at(o, d)};
                            size += std::fabs(double{qx.at(i, d)} * double{qw.at(o, d)});
                        }
                        CHECK(std::fabs(double{dst[i * outputs + o]} - expected) <= 1e-6 * size);
                    }
                }
            }
        }
    }
}
