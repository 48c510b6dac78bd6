// SPDX-License-Identifier: MIT
// The oracle against cases by hand, exhaustive small ones, and plain real arithmetic where that is exact.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include <tern/reference.hpp>

namespace {

using tern::matrix_view;
using tern::per_channel;
using tern::per_group;
using tern::per_tensor;
using tern::scale_offset;
namespace reference = tern::reference;

using trits = std::vector<std::int8_t>;
using floats = std::vector<float>;

std::mt19937 generator(11);

trits random_trits(std::size_t n) {
    trits t(n);
    for (std::int8_t& v : t) v = static_cast<std::int8_t>(static_cast<int>(generator() % 3) - 1);
    return t;
}

/// Multiples of 1/4 up to 2: sums of their products stay exact in float.
float random_quarter() { return static_cast<float>(static_cast<int>(generator() % 17) - 8) / 4.0f; }

floats random_quarters(std::size_t n) {
    floats f(n);
    for (float& v : f) v = random_quarter();
    return f;
}

template <class T>
matrix_view<const T> view(const std::vector<T>& v, std::size_t rows, std::size_t cols) {
    return {v.data(), rows, cols};
}

/// One product of `w` and `x` with a reconstruction.
float product(const trits& w, const trits& x, const scale_offset& e) {
    float y = 0.0f;
    reference::gemm(view(x, 1, x.size()), view(w, 1, w.size()), matrix_view<float>(&y, 1, 1), e);
    return y;
}

constexpr std::int32_t constexpr_gemm() {
    const std::int8_t x[] = {1, -1, 0, 1, 1, 1};   // 2 x 3
    const std::int8_t w[] = {1, -1, 1, 0, -1, 1};  // 2 x 3
    std::int32_t y[4] = {};
    reference::gemm(matrix_view<const std::int8_t>(x, 2, 3), matrix_view<const std::int8_t>(w, 2, 3),
                    matrix_view<std::int32_t>(y, 2, 2));
    return y[0] * 1000 + y[1] * 100 + y[2] * 10 + y[3];
}

constexpr float constexpr_reconstruction() {
    const std::uint8_t x[] = {3, 1};
    const std::int8_t w[] = {1, -1};
    const float two = 2.0f, half = 0.5f;
    scale_offset e;
    e.weights = {per_tensor(two), per_tensor(half)};  // 2.5, -1.5
    e.activations.scale = per_tensor(half);           // 1.5, 0.5
    float y = 0.0f;
    reference::gemm(matrix_view<const std::uint8_t>(x, 1, 2), matrix_view<const std::int8_t>(w, 1, 2),
                    matrix_view<float>(&y, 1, 1), e);
    return y;
}

}  // namespace

TEST_CASE("dot: by hand") {
    const std::int8_t t[] = {1, -1, 0, 1};
    const std::uint8_t u[] = {200, 3, 255, 55};
    CHECK(reference::dot(t, t, 4) == 3);
    CHECK(reference::dot(u, t, 4) == 252);
    CHECK(reference::dot(t, u, 3) == 197);
    CHECK(reference::dot(t, u, 0) == 0);
    static_assert(constexpr_gemm() == 2 * 1000 + 1 * 100 + 1 * 10 + 0);
    static_assert(constexpr_reconstruction() == 2.5f * 1.5f - 1.5f * 0.5f);
    CHECK(constexpr_reconstruction() == 3.0f);
}

TEST_CASE("dot: all pairs of ternary vectors up to five long") {
    // Agreements minus disagreements where neither is zero.
    std::size_t pairs = 0;
    for (std::size_t n = 0; n <= 5; ++n) {
        std::size_t count = 1;
        for (std::size_t i = 0; i < n; ++i) count *= 3;
        std::vector<trits> all(count, trits(n));
        for (std::size_t c = 0; c < count; ++c) {
            std::size_t rest = c;
            for (std::size_t i = 0; i < n; ++i, rest /= 3) all[c][i] = static_cast<std::int8_t>(rest % 3) - 1;
        }
        for (const trits& a : all) {
            for (const trits& b : all) {
                int expected = 0;
                for (std::size_t i = 0; i < n; ++i) {
                    if (a[i] != 0 && b[i] != 0) expected += a[i] == b[i] ? 1 : -1;
                }
                ++pairs;
                if (reference::dot(a.data(), b.data(), n) != expected) FAIL_CHECK("n " << n);
            }
        }
    }
    CHECK(pairs == 1 + 9 + 81 + 729 + 6561 + 59049);
}

TEST_CASE("gemm: strides, and nothing between the rows") {
    const int x[] = {1, 2, 99, 3, 4, 99};
    const int w[] = {10, 1, 99, 99, -1, 5};
    std::int32_t y[] = {-7, -7, -7, -7, -7, -7, -7, -7};
    reference::gemm(matrix_view<const int>(x, 2, 2, 3), matrix_view<const int>(w, 2, 2, 4),
                    matrix_view<std::int32_t>(y, 2, 2, 4));
    CHECK(std::vector<int>(y, y + 8) == std::vector<int>{12, 9, -7, -7, 34, 17, -7, -7});
    // A product over no depth is zero.
    reference::gemm(matrix_view<const int>(x, 2, 0), matrix_view<const int>(w, 2, 0),
                    matrix_view<std::int32_t>(y, 2, 2, 4));
    CHECK(std::vector<int>(y, y + 8) == std::vector<int>{0, 0, -7, -7, 0, 0, -7, -7});
}

TEST_CASE("reconstruction: the four terms are the product of the real numbers") {
    for (int round = 0; round < 300; ++round) {
        const std::size_t n = generator() % 41, rows = 1 + generator() % 3, outputs = 1 + generator() % 4;
        const trits x = random_trits(rows * n), w = random_trits(outputs * n);
        const bool by_row = generator() % 2 == 0, by_output = generator() % 2 == 0, biased = generator() % 2 == 0;
        const floats gx = random_quarters(rows), bx = random_quarters(rows);
        const floats gw = random_quarters(outputs), bw = random_quarters(outputs), bias = random_quarters(outputs);
        scale_offset e;
        e.activations.scale = by_row ? per_channel(gx.data()) : per_tensor(gx[0]);
        e.activations.offset = by_row ? per_channel(bx.data()) : per_tensor(bx[0]);
        e.weights.scale = by_output ? per_channel(gw.data()) : per_tensor(gw[0]);
        e.weights.offset = by_output ? per_channel(bw.data()) : per_tensor(bw[0]);
        e.bias = biased ? bias.data() : nullptr;
        floats y(rows * outputs);
        reference::gemm(view(x, rows, n), view(w, outputs, n), matrix_view<float>(y.data(), rows, outputs), e);
        for (std::size_t i = 0; i < rows; ++i) {
            for (std::size_t j = 0; j < outputs; ++j) {
                const std::size_t a = by_row ? i : 0, o = by_output ? j : 0;
                double real = biased ? double{bias[j]} : 0.0;
                for (std::size_t k = 0; k < n; ++k)
                    real +=
                        (double{gx[a]} * x[i * n + k] + double{bx[a]}) * (double{gw[o]} * w[j * n + k] + double{bw[o]});
                CHECK(double{y[i * outputs + j]} == real);
            }
        }
    }
}

TEST_CASE("reconstruction: a missing parameter is neutral") {
    const trits w = {1, -1, 1}, x = {1, 0, 1};
    CHECK(product(w, x, {}) == 2.0f);
    const float half = 0.5f;
    scale_offset e;
    e.activations.offset = per_tensor(half);  // 1.5, 0.5, 1.5
    CHECK(product(w, x, e) == 2.5f);
}

TEST_CASE("reconstruction: each group has its scale and offset") {
    constexpr std::size_t n = 70, groups = 3, outputs = 2;
    for (int round = 0; round < 50; ++round) {
        const trits x = random_trits(n), w = random_trits(outputs * n);
        const floats gw = random_quarters(outputs * groups), bw = random_quarters(outputs * groups);
        const float gx = random_quarter(), bx = random_quarter();
        scale_offset e;
        e.group = 32;
        e.weights = {per_group(gw.data(), groups), per_group(bw.data(), groups)};
        e.activations = {per_tensor(gx), per_tensor(bx)};
        float y[outputs];
        reference::gemm(view(x, 1, n), view(w, outputs, n), matrix_view<float>(y, 1, outputs), e);
        for (std::size_t j = 0; j < outputs; ++j) {
            double real = 0.0;
            for (std::size_t k = 0; k < n; ++k) {
                const std::size_t g = j * groups + k / 32;
                real += (double{gx} * x[k] + double{bx}) * (double{gw[g]} * w[j * n + k] + double{bw[g]});
            }
            CHECK(double{y[j]} == real);
        }
    }
}

TEST_CASE("reconstruction: groups are added in double, in order of depth") {
    const trits ones(96, 1);
    const float large = 0x1p60f;
    scale_offset e;
    e.group = 32;
    const float cancel_last[] = {large, 1.0f, -large};
    e.weights.scale = per_group(cancel_last, 3);
    CHECK(product(ones, ones, e) == 0.0f);  // the 32 is lost beside 2^65
    const float cancel_first[] = {large, -large, 1.0f};
    e.weights.scale = per_group(cancel_first, 3);
    CHECK(product(ones, ones, e) == 32.0f);
    // 2^24 + 1 is no float, and yet it takes the third group to 2^24 + 2.
    const float small[] = {0x1p19f, 1.0f / 32.0f, 1.0f / 32.0f};
    e.weights.scale = per_group(small, 3);
    CHECK(product(ones, ones, e) == 16777218.0f);
    // A group as long as the depth, or longer, is no group.
    e.weights.scale = per_group(small, 1);
    for (const std::size_t group : {std::size_t{96}, std::numeric_limits<std::size_t>::max() / 32 * 32}) {
        e.group = group;
        CHECK(product(ones, ones, e) == 96.0f * 0x1p19f);
    }
}

TEST_CASE("reconstruction: u, v and y are rounded to float, nothing else is") {
    const trits ones(5, 1);
    const float above_one = 1.0f + 0x1p-23f, scale = 1.25f, zero = 0.0f;
    scale_offset e;
    // u = 5 + 1.25 * 2^-21 becomes 5 + 2^-21; 1.25 times that is 6.25 + 1.25 * 2^-21, and not 1.5625 * 2^-21 more.
    e.activations.scale = per_tensor(above_one);
    e.weights.scale = per_tensor(scale);
    CHECK(product(ones, ones, e) == 6.25f + 0x1p-21f);
    // The same for v.
    e.weights = {per_tensor(zero), per_tensor(scale)};
    CHECK(product(ones, ones, e) == 6.25f + 0x1p-21f);
    // g_w u + b_w v + bias = 2^24 + 1 + 1 with a single rounding.
    const float large = 0x1p24f, one = 1.0f;
    e = {};
    e.weights = {per_tensor(large), per_tensor(one)};
    e.bias = &one;
    CHECK(product({1}, {1}, e) == 16777218.0f);
}

TEST_CASE("reconstruction: a zero is +0, whatever the signs of its terms") {
    const float minus_one = -1.0f, minus_zero = -0.0f;
    scale_offset e;
    e.weights = {per_tensor(minus_one), per_tensor(minus_one)};
    e.bias = &minus_zero;
    CHECK_FALSE(std::signbit(product({0}, {0}, e)));
    CHECK(product({0}, {0}, e) == 0.0f);
    const std::int8_t zero = 0;
    float y = 1.0f;
    reference::conv2d(tern::tensor_view<const std::int8_t>(&zero, 1, 1, 1, 1),
                      tern::tensor_view<const std::int8_t>(&zero, 1, 1, 1, 1), tern::square_window(1),
                      tern::tensor_view<float>(&y, 1, 1, 1, 1), e);
    CHECK(y == 0.0f);
    CHECK_FALSE(std::signbit(y));
}

TEST_CASE("reconstruction: clamp") {
    const trits w = {1, 1, 1};
    scale_offset e;
    e.clamp_min = -1.0f;
    e.clamp_max = 2.0f;
    CHECK(product(w, {1, 1, 1}, e) == 2.0f);
    CHECK(product(w, {1, 1, 0}, e) == 2.0f);
    CHECK(product(w, {1, 0, 0}, e) == 1.0f);
    CHECK(product(w, {-1, 0, 0}, e) == -1.0f);
    CHECK(product(w, {-1, -1, 0}, e) == -1.0f);
    const float bias = 100.0f;  // before the clamp
    e.bias = &bias;
    CHECK(product(w, {-1, -1, -1}, e) == 2.0f);
    const float not_a_number = std::numeric_limits<float>::quiet_NaN();
    e.bias = &not_a_number;
    CHECK(std::isnan(product(w, {1, 0, 0}, e)));
}

TEST_CASE("ternarize: ties are zero, the upper threshold wins, NaN is zero") {
    constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const floats y = {
        0.5f, std::nextafter(0.5f, 1.0f), -0.5f, std::nextafter(-0.5f, -1.0f), 0.0f, -0.0f, not_a_number, infinity};
    trits t(8, 9);
    reference::ternarize(view(y, 1, 8), {}, matrix_view<std::int8_t>(t.data(), 1, 8));
    CHECK(t == trits{0, 1, 0, -1, 0, 0, 0, 1});

    // One threshold a column; crossed ones ask for +1 first.
    const floats z = {1.0f, 1.0f, 1.0f, -infinity, 1.5f, 2.0f};
    const float lower[] = {2.0f, -3.0f, 2.0f}, upper[] = {1.0f, 0.5f, 0.0f};
    trits s(8, 9);
    reference::ternarize(view(z, 2, 3), {per_channel(lower), per_channel(upper)},
                         matrix_view<std::int8_t>(s.data(), 2, 3, 4));
    CHECK(s == trits{-1, 1, 1, 9, -1, 1, 1, 9});
    const float one = 1.0f;
    reference::ternarize(view(z, 2, 3), {{}, per_tensor(one)}, matrix_view<std::int8_t>(s.data(), 2, 3, 4));
    CHECK(s == trits{0, 0, 0, 9, -1, 1, 1, 9});
    static_assert([] {
        const float two = 2.0f;
        std::int8_t r = 0;
        reference::ternarize(matrix_view<const float>(&two, 1, 1), {}, matrix_view<std::int8_t>(&r, 1, 1));
        return r;
    }() == 1);
}
