// SPDX-License-Identifier: MIT
// Parameters of the reconstruction: neutral values, folding a batch normalisation, sums of groups, what check refuses.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/epilogue.hpp>
#include <tern/reference.hpp>

#include "support/packing.hpp"

namespace {

using namespace tern_test;
using tern::batch_norm;
using tern::matrix_view;
using tern::per_channel;
using tern::per_group;
using tern::per_tensor;
using tern::scale_offset;
using tern::status;
using tern::ternary;
using tern::detail::square_root;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
using floats = std::vector<float>;

template <class T, class = void>
struct takes : std::false_type {};
template <class T>
struct takes<T, std::void_t<decltype(per_tensor(std::declval<T>()))>> : std::true_type {};
static_assert(takes<float&>::value && takes<const float&>::value);
static_assert(!takes<float>::value && !takes<int>::value, "a parameter must not point to a temporary");

/// Units in the last place between two positive doubles.
std::int64_t distance(double a, double b) {
    std::int64_t x = 0, y = 0;
    std::memcpy(&x, &a, sizeof x);
    std::memcpy(&y, &b, sizeof y);
    return x > y ? x - y : y - x;
}

}  // namespace

TEST_CASE("parameter: one for all, one a channel, some a channel, none") {
    const float values[] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f};
    CHECK(per_tensor(values[1]).at(7, 0, 9.0f) == 2.0f);
    CHECK(per_channel(values).at(4, 0, 9.0f) == 5.0f);
    CHECK(per_group(values, 3).at(1, 2, 9.0f) == 6.0f);
    CHECK(tern::parameter{}.at(1, 2, 9.0f) == 9.0f);
}

TEST_CASE("square_root: within one unit of std::sqrt from the smallest to the largest number") {
    std::mt19937_64 random(1);
    std::int64_t worst = 0;
    for (int i = 0; i < 300000; ++i) {
        const std::uint64_t bits = random() % 0x7ff0000000000000u;  // every positive finite pattern alike
        double x = 0.0;
        std::memcpy(&x, &bits, sizeof x);
        const std::int64_t off = distance(square_root(x), std::sqrt(x));
        worst = off > worst ? off : worst;
    }
    CHECK(worst <= 1);
    for (const double x : {std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::min(),
                           std::numeric_limits<double>::max(), std::nextafter(1.0, 0.0), std::nextafter(1.0, 2.0),
                           std::nextafter(4.0, 0.0), std::nextafter(4.0, 5.0), 2.0, 1e-5, 1.0 + 1e-5}) {
        CHECK(distance(square_root(x), std::sqrt(x)) <= 1);
    }
    for (int i = 0; i <= 1000; ++i) CHECK(square_root(static_cast<double>(i) * i) == i);
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(square_root(infinity) == infinity);
    CHECK(square_root(0.0) == 0.0);
    static_assert(square_root(0.25) == 0.5 && square_root(4.0) == 2.0 && square_root(1.0) == 1.0);
}

TEST_CASE("fold: the folded product is the normalised product") {
    // Powers of two throughout, so that both sides are exact.
    const floats gamma{2.0f, -0.5f, 1.0f}, beta{1.0f, 0.25f, -3.0f}, mean{4.0f, -2.0f, 0.5f};
    const floats variance{3.75f, 0.0f, 15.75f};  // + 0.25: 4, 0.25, 16
    const floats deviation{2.0f, 0.5f, 4.0f};
    const batch_norm norm{gamma.data(), beta.data(), mean.data(), variance.data(), 0.25f};
    const floats scale{0.5f, 0.25f, 2.0f}, offset{0.125f, -0.5f, 1.0f}, bias{1.0f, 0.5f, -2.0f};
    const float gx = 0.5f, bx = 0.25f;
    scale_offset in;
    in.weights = {per_channel(scale.data()), per_channel(offset.data())};
    in.activations = {per_tensor(gx), per_tensor(bx)};
    in.bias = bias.data();
    in.clamp_min = -1000.0f;

    floats s(3), o(3), b(3);
    scale_offset out;
    REQUIRE(fold(norm, 3, 1, in, s.data(), o.data(), b.data(), out) == status::ok);
    CHECK(out.weights.scale.data == s.data());
    CHECK(out.weights.offset.data == o.data());
    CHECK(out.bias == b.data());
    CHECK(out.activations.scale.data == &gx);
    CHECK(out.activations.offset.data == &bx);
    CHECK(out.clamp_min == -1000.0f);
    CHECK(s == floats{0.5f, -0.25f, 0.5f});
    CHECK(o == floats{0.125f, 0.5f, 0.25f});
    CHECK(b == floats{1.0f + 1.0f - 4.0f, -0.5f + 0.25f - 2.0f, -0.5f - 3.0f - 0.125f});

    const std::int8_t x[] = {1, 0, -1, 1, 1}, w[] = {1, 1, -1, 0, 1, -1, 0, 1, 1, 1, 0, 0, 1, -1, -1};
    float plain[3], folded[3];
    const matrix_view<const std::int8_t> lhs(x, 1, 5), rhs(w, 3, 5);
    tern::reference::gemm(lhs, rhs, matrix_view<float>(plain, 1, 3), in);
    tern::reference::gemm(lhs, rhs, matrix_view<float>(folded, 1, 3), out);
    for (std::size_t i = 0; i < 3; ++i) CHECK(folded[i] == gamma[i] * (plain[i] - mean[i]) / deviation[i] + beta[i]);
}

TEST_CASE("fold: what is missing is neutral") {
    floats s(2), o(2), b(2);
    scale_offset out;
    batch_norm norm;
    norm.epsilon = 0.0f;
    REQUIRE(fold(norm, 2, 1, {}, s.data(), o.data(), b.data(), out) == status::ok);
    CHECK(s == floats{1.0f, 1.0f});
    CHECK(o == floats{0.0f, 0.0f});
    CHECK(b == floats{0.0f, 0.0f});
    CHECK(check(out, 100) == status::ok);
    // gamma alone, against the formula in float: a = 3 / sqrt(1 + epsilon)
    const floats gamma{3.0f, 3.0f};
    norm = {gamma.data()};
    REQUIRE(fold(norm, 2, 1, {}, s.data(), o.data(), b.data(), out) == status::ok);
    CHECK(s[0] == static_cast<float>(3.0 / std::sqrt(1.0 + double{1e-5f})));
}

TEST_CASE("fold: groups") {
    const floats gamma{2.0f, 4.0f}, scale{1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f},
        offset{6.0f, 5.0f, 4.0f, 3.0f, 2.0f, 1.0f};
    batch_norm norm;
    norm.gamma = gamma.data();
    norm.epsilon = 0.0f;
    scale_offset in;
    in.group = 32;
    in.weights = {per_group(scale.data(), 3), per_group(offset.data(), 3)};
    floats s(6), o(6), b(2);
    scale_offset out;
    REQUIRE(fold(norm, 2, 3, in, s.data(), o.data(), b.data(), out) == status::ok);
    CHECK(s == floats{2.0f, 4.0f, 6.0f, 16.0f, 20.0f, 24.0f});
    CHECK(o == floats{12.0f, 10.0f, 8.0f, 12.0f, 8.0f, 4.0f});
    CHECK(check(out, 96) == status::ok);
    CHECK(out.weights.scale.at(1, 2, 0.0f) == 24.0f);
}

TEST_CASE("fold: in place, also from one value for all outputs") {
    const floats gamma{2.0f, 4.0f, 8.0f};
    batch_norm norm;
    norm.gamma = gamma.data();
    norm.epsilon = 0.0f;
    floats s{3.0f, -1.0f, -1.0f}, o{1.0f, 2.0f, 3.0f}, b{1.0f, 1.0f, 2.0f};
    scale_offset e;
    e.weights = {per_tensor(s[0]), per_channel(o.data())};
    e.bias = b.data();
    REQUIRE(fold(norm, 3, 1, e, s.data(), o.data(), b.data(), e) == status::ok);
    CHECK(s == floats{6.0f, 12.0f, 24.0f});
    CHECK(o == floats{2.0f, 8.0f, 24.0f});
    CHECK(b == floats{2.0f, 4.0f, 16.0f});
    CHECK(e.weights.scale.stride == 1);
}

TEST_CASE("fold: what is refused leaves the destinations alone") {
    floats s(2, 7.0f), o(2, 7.0f), b(2, 7.0f);
    const floats negative{1.0f, -1.0f}, undefined{1.0f, not_a_number}, zero{1.0f, 0.0f};
    scale_offset out;
    out.clamp_min = 7.0f;
    const auto refuses = [&](const batch_norm& norm, std::size_t groups, float* scale, float* offset, float* bias) {
        const status result = fold(norm, 2, groups, {}, scale, offset, bias, out);
        CHECK(s == floats(2, 7.0f));
        CHECK(o == floats(2, 7.0f));
        CHECK(b == floats(2, 7.0f));
        CHECK(out.clamp_min == 7.0f);
        return result;
    };
    batch_norm norm;
    CHECK(refuses(norm, 1, nullptr, o.data(), b.data()) == status::null_pointer);
    CHECK(refuses(norm, 1, s.data(), nullptr, b.data()) == status::null_pointer);
    CHECK(refuses(norm, 1, s.data(), o.data(), nullptr) == status::null_pointer);
    CHECK(refuses(norm, 0, s.data(), o.data(), b.data()) == status::bad_shape);
    CHECK(refuses(norm, 2, s.data(), o.data(), b.data()) == status::bad_shape);  // groups without a group length
    norm.variance = negative.data();
    CHECK(refuses(norm, 1, s.data(), o.data(), b.data()) == status::bad_value);
    norm.variance = undefined.data();
    CHECK(refuses(norm, 1, s.data(), o.data(), b.data()) == status::bad_value);
    norm.variance = zero.data();
    norm.epsilon = 0.0f;
    CHECK(refuses(norm, 1, s.data(), o.data(), b.data()) == status::bad_value);
    CHECK(fold(batch_norm{}, 0, 1, {}, nullptr, nullptr, nullptr, out) == status::ok);
}

TEST_CASE("group_sums: any group, any taps") {
    for (const std::size_t depth : {0u, 1u, 45u, 96u, 100u}) {
        for (const std::size_t group : {1u, 7u, 32u, 64u, 1000u}) {
            for (const std::size_t taps : {1u, 5u}) {
                if (depth % taps != 0) continue;
                const matrix m = random_matrix(17, depth, values_of<ternary>());
                const auto packed = tern::pack<ternary>(m.view(), taps);
                const std::size_t groups = round_up_div(depth, group);
                guarded<std::int32_t> sums(17 * (groups + 1) - 1);
                REQUIRE(group_sums(packed, group, matrix_view<std::int32_t>(sums.data(), 17, groups, groups + 1)) ==
                        status::ok);
                CHECK(sums.intact());
                for (std::size_t i = 0; i < sums.size(); ++i) {
                    const std::size_t o = i / (groups + 1), g = i % (groups + 1);
                    std::int32_t expected = g == groups ? guarded<std::int32_t>::garbage : 0;
                    for (std::size_t d = g * group; g < groups && d < (g + 1) * group && d < depth; ++d)
                        expected += m.at(o, d);
                    CHECK(sums.data()[i] == expected);
                }
            }
        }
    }
}

TEST_CASE("group_sums: what is refused leaves the destination alone") {
    const auto packed = tern::pack<ternary>(random_matrix(3, 40, values_of<ternary>()).view());
    guarded<std::int32_t> memory(6);
    std::int32_t* const to = memory.data();
    using sums = matrix_view<std::int32_t>;
    const auto refuses = [&](const tern::packed_panels<ternary>& w, std::size_t group, const sums& dst) {
        const status s = group_sums(w, group, dst);
        CHECK(memory.untouched());
        return s;
    };
    CHECK(refuses(packed, 0, {to, 3, 2}) == status::bad_shape);
    CHECK(refuses(packed, 32, {to, 3, 1}) == status::bad_shape);
    CHECK(refuses(packed, 32, {to, 2, 2}) == status::bad_shape);
    CHECK(refuses(packed, 32, {nullptr, 3, 2}) == status::null_pointer);
    CHECK(refuses(packed, 32, {to, 3, 2, 1}) == status::bad_stride);
    CHECK(refuses({nullptr, 3, 40}, 32, {to, 3, 2}) == status::null_pointer);
    std::vector<std::uint32_t> shared(64 * 3);
    CHECK(group_sums(tern::packed_panels<ternary>(shared.data(), 3, 40), 32,
                     sums(reinterpret_cast<std::int32_t*>(shared.data()) + 90, 3, 2)) == status::overlap);
}

TEST_CASE("check: a reconstruction") {
    constexpr std::size_t limit = std::size_t{1} << 29;
    const float values[8] = {};
    CHECK(check(scale_offset{}, 0) == status::ok);
    CHECK(check(scale_offset{}, limit - 1) == status::ok);
    CHECK(check(scale_offset{}, limit) == status::overflow);
    // 255 * depth has to stay below 2^29 too.
    CHECK(check(scale_offset{}, 2105376, 255) == status::ok);
    CHECK(check(scale_offset{}, 2105377, 255) == status::overflow);

    scale_offset e;
    e.clamp_min = 1.0f;
    e.clamp_max = 1.0f;
    CHECK(check(e, 5) == status::ok);
    e.clamp_max = 0.5f;
    CHECK(check(e, 5) == status::bad_value);
    e.clamp_max = not_a_number;
    CHECK(check(e, 5) == status::bad_value);

    e = {};
    e.weights = {per_channel(values), per_tensor(values[0])};
    e.activations = {per_channel(values), per_tensor(values[0])};
    CHECK(check(e, 5) == status::ok);
    for (tern::parameter* p : {&e.weights.scale, &e.weights.offset, &e.activations.scale, &e.activations.offset}) {
        const tern::parameter good = *p;
        *p = per_group(values, 2);
        CHECK(check(e, 64) == status::bad_stride);
        *p = good;
    }

    e = {};
    e.group = 32;
    e.weights = {per_group(values, 2), per_group(values, 2)};
    CHECK(check(e, 64) == status::ok);
    CHECK(check(e, 33) == status::ok);
    CHECK(check(e, 32) == status::bad_stride);
    CHECK(check(e, 65) == status::bad_stride);
    e.weights.offset = per_channel(values);
    CHECK(check(e, 64) == status::bad_stride);
    e.weights.offset = {};
    CHECK(check(e, 64) == status::ok);
    e.activations.offset = per_tensor(values[0]);
    CHECK(check(e, 64) == status::null_pointer);  // the sums of the groups
    const std::int32_t sums[2] = {};
    e.group_sums = sums;
    CHECK(check(e, 64) == status::ok);
    e.group = 31;
    CHECK(check(e, 62) == status::bad_shape);
}
