// SPDX-License-Identifier: MIT
// Activations against reference/quantize.hpp on every architecture; the reference against cases by hand; statuses.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <tern/quantize/activations.hpp>
#include <tern/reference.hpp>
#include <tern/reference/quantize.hpp>

#include "support/architectures.hpp"
#include "support/packing.hpp"

namespace {

using tern::matrix_view;
using tern::mutable_packed_rows;
using tern::status;
using namespace tern_test;
namespace qz = tern::quantize;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float largest = std::numeric_limits<float>::max();
constexpr float subnormal = std::numeric_limits<float>::denorm_min();

using words = std::vector<std::uint32_t>;

/// Floats with NaN between the rows and a base that is only aligned for a float.
class floats {
public:
    floats(std::size_t rows, std::size_t cols, std::size_t gap, std::size_t offset)
        : rows_(rows),
          cols_(cols),
          stride_(cols + gap),
          offset_(offset),
          memory_(offset + rows * stride_, not_a_number) {}

    [[nodiscard]] float& at(std::size_t i, std::size_t j) { return memory_[offset_ + i * stride_ + j]; }
    [[nodiscard]] matrix_view<const float> view() const { return {memory_.data() + offset_, rows_, cols_, stride_}; }

private:
    std::size_t rows_, cols_, stride_, offset_;
    std::vector<float> memory_;
};

enum class kind { normal, ties, special, wide };

/// normal: around zero; ties: multiples of 1/4; special: with NaN, infinities, zeros, subnormal numbers; wide: any
/// bits.
float random_float(std::mt19937& random, kind k) {
    const float specials[] = {not_a_number, infinity,      -infinity, 0.0f,    -0.0f,    subnormal, -subnormal,
                              largest,      -largest,      0.5f,      -0.5f,   1.0f,     -1.0f,     0x1p-126f,
                              -0x1p-126f,   -not_a_number, 127.0f,    -127.5f, 0x1p-101f};
    switch (k) {
        case kind::normal: return std::normal_distribution<float>(0.0f, 3.0f)(random);
        case kind::ties: return static_cast<float>(static_cast<int>(random() % 2400) - 1200) * 0.25f;
        case kind::special:
            return random() % 4 == 0 ? specials[random() % (sizeof specials / sizeof *specials)]
                                     : std::normal_distribution<float>(0.0f, 3.0f)(random);
        case kind::wide: {
            const auto bits = static_cast<std::uint32_t>(random());
            float x = 0.0f;
            std::memcpy(&x, &bits, sizeof x);
            return x;
        }
    }
    return 0.0f;
}

floats random_floats(std::size_t rows, std::size_t cols, kind k, std::uint32_t seed) {
    std::mt19937 random(seed);
    floats x(rows, cols, seed % 4, seed % 3);
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < cols; ++j) x.at(i, j) = random_float(random, k);
    }
    return x;
}

/// The architectures of this executable, and SSE4 wherever its instructions are there.
template <class Body>
void for_each_leaf(const Body& body) {
    for_each_architecture(body);
    if constexpr (tern::arch::compiled(tern::arch::sse4{})) body(tern::arch::sse4{});
}

/// Calls body(rows, cols, kind, seed) for every shape and kind of number.
template <class Body>
void for_each_case(const Body& body) {
    std::vector<std::size_t> widths{0, 101, 127, 128, 129, 255, 511, 1027};
    for (std::size_t n = 1; n <= 70; ++n) widths.push_back(n);
    std::uint32_t seed = 0;
    for (const std::size_t cols : widths) {
        for (const std::size_t rows : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
            for (const kind k : {kind::normal, kind::ties, kind::special, kind::wide}) body(rows, cols, k, ++seed);
        }
    }
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

template <class Arch>
const char* check_int8(const floats& x, bool per_tensor, float epsilon, std::size_t gap) {
    const matrix_view<const float> view = x.view();
    const std::size_t stride = view.cols + gap;
    const std::size_t scales = per_tensor ? 1 : view.rows;
    guarded<std::int8_t> memory(view.rows * stride);
    std::vector<std::int8_t> expected(view.rows * stride, guarded<std::int8_t>::garbage);
    std::vector<float> scale(scales, 77.0f);
    std::vector<float> expected_scale(scales, 77.0f);
    tern::reference::quantize_int8(view, {expected.data(), view.rows, view.cols, stride},
                                   {expected_scale.data(), scales, 1}, epsilon);
    if (qz::quantize_int8<Arch>(view, {memory.data(), view.rows, view.cols, stride}, {scale.data(), scales, 1},
                                epsilon) != status::ok)
        return "refused";
    if (!same_bits(scale, expected_scale)) return "another scale";
    if (memory.contents() != expected) return "other numbers";
    return memory.intact() ? "" : "wrote outside";
}

/// `quantize(view)` writes packed rows, `values(m)` the same values as the reference.
template <class Encoding, class Quantize, class Values>
const char* check_packed(const floats& x, std::size_t gap, bool separate, const Quantize& quantize,
                         const Values& values) {
    const matrix_view<const float> view = x.view();
    matrix expected_values(view.rows, view.cols);
    values(expected_values.view());
    const std::size_t row = tern::depth_words(view.cols);
    const std::size_t row_stride = separate ? row + gap : std::size_t{Encoding::planes} * row + gap;
    const std::size_t plane_stride = separate ? view.rows * row_stride + gap : row;
    const mutable_packed_rows<Encoding> shape(nullptr, view.rows, view.cols, row_stride, plane_stride);
    guarded<std::uint32_t> memory(shape.extent());
    words expected(memory.size(), guarded<std::uint32_t>::garbage);
    draw_rows<Encoding>(expected_values, row_stride, plane_stride, expected);
    if (quantize(mutable_packed_rows<Encoding>(memory.data(), view.rows, view.cols, row_stride, plane_stride)) !=
        status::ok)
        return "refused";
    if (memory.contents() != expected) return "other words";
    return memory.intact() ? "" : "wrote outside";
}

template <class Arch, int K>
const char* check_bits(const floats& x, float scale, std::size_t gap, bool separate) {
    const char* error = check_packed<tern::unsigned_bits<K>>(
        x, gap, separate, [&](const auto& q) { return qz::quantize_bits<Arch>(x.view(), scale, q); },
        [&](const auto& q) { tern::reference::quantize_unsigned(x.view(), scale, K, q); });
    if (*error != 0) return error;
    return check_packed<tern::bipolar_bits<K>>(
        x, gap, separate, [&](const auto& q) { return qz::quantize_bits<Arch>(x.view(), scale, q); },
        [&](const auto& q) { tern::reference::quantize_bipolar(x.view(), scale, K, q); });
}

void expect(const char* error, const char* arch, std::size_t rows, std::size_t cols, std::uint32_t seed) {
    if (*error != 0)
        FAIL_CHECK(std::string(error) << ": " << std::string(arch) << ", " << rows << " x " << cols << ", seed "
                                      << seed);
}

}  // namespace

TEST_CASE("activations: int8 as the reference") {
    for_each_leaf([](auto arch) {
        for_each_case([&](std::size_t rows, std::size_t cols, kind k, std::uint32_t seed) {
            const floats x = random_floats(rows, cols, k, seed);
            for (const bool per_tensor : {false, true}) {
                expect(check_int8<decltype(arch)>(x, per_tensor, seed % 5 == 0 ? 1e-5f : 0.0f, seed % 3),
                       tern::arch::name(arch), rows, cols, seed);
            }
        });
    });
}

TEST_CASE("activations: int8 with maxima of every magnitude") {
    for_each_leaf([](auto arch) {
        for (int exponent = -149; exponent < 128; ++exponent) {
            floats x = random_floats(2, 45, kind::normal, static_cast<std::uint32_t>(exponent + 200));
            for (std::size_t j = 0; j < 90; ++j) {
                float& value = x.at(j / 45, j % 45);
                value = std::ldexp(std::fmod(value, 1.0f), exponent);
            }
            expect(check_int8<decltype(arch)>(x, false, 0.0f, 0), tern::arch::name(arch), 2, 45,
                   static_cast<std::uint32_t>(exponent + 200));
        }
    });
}

TEST_CASE("activations: binary as the reference") {
    for_each_leaf([](auto arch) {
        using tag = decltype(arch);
        for_each_case([&](std::size_t rows, std::size_t cols, kind k, std::uint32_t seed) {
            const floats x = random_floats(rows, cols, k, seed);
            const auto quantize = [&](const auto& q) { return qz::quantize_binary<tag>(x.view(), q); };
            const auto values = [&](const auto& q) { tern::reference::quantize_binary(x.view(), q); };
            const char* name = tern::arch::name(arch);
            expect(check_packed<tern::binary>(x, seed % 2, false, quantize, values), name, rows, cols, seed);
            expect(check_packed<tern::binary_set_minus>(x, 1, false, quantize, values), name, rows, cols, seed);
        });
    });
}

TEST_CASE("activations: ternary as the reference, every kind of threshold") {
    for_each_leaf([](auto arch) {
        using tag = decltype(arch);
        for_each_case([&](std::size_t rows, std::size_t cols, kind k, std::uint32_t seed) {
            const floats x = random_floats(rows, cols, k, seed);
            const floats limits = random_floats(2, cols, seed % 2 == 0 ? kind::normal : kind::special, seed + 7777);
            const float lower = -0.75f;
            const float upper = 1.25f;
            const tern::thresholds kinds[] = {
                {},
                {tern::per_tensor(lower), tern::per_tensor(upper)},
                {tern::per_channel(limits.view().row(0)), tern::per_channel(limits.view().row(1))},
                {tern::per_tensor(lower), tern::per_channel(limits.view().row(1))},
                {tern::per_channel(limits.view().row(0)), {}}};
            for (const tern::thresholds& t : kinds) {
                std::vector<std::int8_t> signs(rows * cols);
                tern::reference::ternarize(x.view(), t, matrix_view<std::int8_t>{signs.data(), rows, cols});
                const char* error = check_packed<tern::ternary>(
                    x, seed % 3, seed % 2 == 0,
                    [&](const auto& q) { return qz::quantize_ternary<tag>(x.view(), t, q); },
                    [&](const auto& q) {
                        for (std::size_t i = 0; i < signs.size(); ++i) q(i / cols, i % cols) = signs[i];
                    });
                expect(error, tern::arch::name(arch), rows, cols, seed);
            }
        });
    });
}

TEST_CASE("activations: unsigned and bipolar bits as the reference, every K") {
    for_each_leaf([](auto arch) {
        using tag = decltype(arch);
        for_each_case([&](std::size_t rows, std::size_t cols, kind k, std::uint32_t seed) {
            const floats x = random_floats(rows, cols, k, seed);
            const float scales[] = {0.5f, 1.0f, 0.3f, 0x1p-100f, 0x1p100f, 7.0f, 0.0117f};
            const float scale = scales[seed % 7];
            const std::size_t gap = seed % 3;
            const bool separate = seed % 2 == 0;
            const char* name = tern::arch::name(arch);
            expect(check_bits<tag, 1>(x, scale, gap, separate), name, rows, cols, seed);
            expect(check_bits<tag, 2>(x, scale, gap, separate), name, rows, cols, seed);
            expect(check_bits<tag, 4>(x, scale, gap, separate), name, rows, cols, seed);
            expect(check_bits<tag, 8>(x, scale, gap, separate), name, rows, cols, seed);
        });
    });
}

TEST_CASE("activations: the reference by hand") {
    namespace reference = tern::reference;
    static_assert(reference::nearest_even(0.5) == 0 && reference::nearest_even(1.5) == 2);
    static_assert(reference::nearest_even(-0.5) == 0 && reference::nearest_even(-1.5) == -2);
    static_assert(reference::nearest_even(-2.75) == -3 && reference::floor_of(-0.25) == -1);

    const float x[] = {127.0f, -127.0f, 0.5f, 1.5f, -2.5f, 2.51f, not_a_number, -0.0f};
    std::int8_t q[8];
    float scale = 0.0f;
    const auto int8 = [&](const float(&from)[8], float epsilon) {
        reference::quantize_int8({from, 1, 8}, {q, 1, 8}, {&scale, 1, 1}, epsilon);
        return std::vector<int>(q, q + 8);
    };
    CHECK(int8(x, 0.0f) == std::vector<int>{127, -127, 0, 2, -2, 3, 0, 0});
    CHECK(scale == 1.0f);
    CHECK(int8(x, 254.0f) == std::vector<int>{64, -64, 0, 1, -1, 1, 0, 0});
    CHECK(scale == 2.0f);
    const float large[] = {infinity, -infinity, largest, largest / 2, 1.0f, 0.0f, not_a_number, -largest};
    CHECK(int8(large, 0.0f) == std::vector<int>{127, -127, 127, 64, 0, 0, 0, -127});
    CHECK(scale == largest / 127.0f);
    const float small[] = {0x1p-101f, -subnormal, 0.0f, -0.0f, 0x1p-126f, not_a_number, 0.0f, 0.0f};
    CHECK(int8(small, 0.0f) == std::vector<int>(8, 0));
    CHECK(scale == 1.0f);
    CHECK(int8(small, 0x1p-101f) == std::vector<int>(8, 0));
    CHECK(scale == 1.0f);

    const float y[] = {-1.0f, 0.25f, 0.75f, 1.25f, 100.0f, infinity, -infinity, not_a_number};
    std::int16_t levels[8];
    reference::quantize_unsigned({y, 1, 8}, 0.5f, 2, {levels, 1, 8});
    CHECK(std::vector<int>(levels, levels + 8) == std::vector<int>{0, 0, 2, 2, 3, 3, 0, 0});
    reference::quantize_bipolar({y, 1, 8}, 0.5f, 2, {levels, 1, 8});
    CHECK(std::vector<int>(levels, levels + 8) == std::vector<int>{-1, 1, 1, 3, 3, 3, -3, -3});
    const float z[] = {-0.0f, 0.0f, subnormal, -subnormal, 1.0f, infinity, -infinity, not_a_number};
    reference::quantize_binary({z, 1, 8}, {levels, 1, 8});
    CHECK(std::vector<int>(levels, levels + 8) == std::vector<int>{1, 1, 1, -1, 1, 1, -1, -1});
    reference::quantize_bipolar({z, 1, 8}, 1.0f, 1, {levels, 1, 8});
    CHECK(levels[0] == 1);
    CHECK(levels[7] == -1);
}

TEST_CASE("activations: a caller's mistake gives a status and nothing is written") {
    floats numbers = random_floats(3, 40, kind::normal, 12);
    const matrix_view<const float> x = numbers.view();
    guarded<std::int8_t> bytes(3 * 40);
    guarded<std::uint32_t> packed(3 * 2 * 8);
    std::vector<float> scale(3, 77.0f);
    const auto scales = qz::per_channel(scale.data(), 3);
    const matrix_view<std::int8_t> q{bytes.data(), 3, 40};
    const matrix_view<const float> none{nullptr, 3, 40};
    const matrix_view<const float> narrow{x.data, 3, 40, 39};

    CHECK(qz::quantize_int8(none, q, scales) == status::null_pointer);
    CHECK(qz::quantize_int8(x, {nullptr, 3, 40}, scales) == status::null_pointer);
    CHECK(qz::quantize_int8(x, q, qz::per_channel<float>(nullptr, 3)) == status::null_pointer);
    CHECK(qz::quantize_int8(narrow, q, scales) == status::bad_stride);
    CHECK(qz::quantize_int8(x, {bytes.data(), 3, 39}, scales) == status::bad_shape);
    CHECK(qz::quantize_int8(x, q, qz::per_channel(scale.data(), 2)) == status::bad_shape);
    CHECK(qz::quantize_int8(x, q, scales, -1.0f) == status::bad_value);
    CHECK(qz::quantize_int8(x, q, scales, not_a_number) == status::bad_value);
    CHECK(qz::quantize_int8(x, q, scales, infinity) == status::bad_value);
    CHECK(qz::quantize_int8(x, q, {&numbers.at(0, 0), 3, 1}) == status::overlap);
    CHECK(qz::quantize_int8(x, {reinterpret_cast<std::int8_t*>(&numbers.at(0, 0)), 3, 40}, scales) == status::overlap);

    const mutable_packed_rows<tern::ternary> t(packed.data(), 3, 40);
    const mutable_packed_rows<tern::unsigned_bits<4>> u(packed.data(), 3, 40);
    const mutable_packed_rows<tern::bipolar_bits<2>> b(packed.data(), 3, 40);
    const mutable_packed_rows<tern::binary> s(packed.data(), 3, 40);
    CHECK(qz::quantize_ternary(none, {}, t) == status::null_pointer);
    CHECK(qz::quantize_ternary(x, {}, mutable_packed_rows<tern::ternary>(nullptr, 3, 40)) == status::null_pointer);
    CHECK(qz::quantize_ternary(x, {}, mutable_packed_rows<tern::ternary>(packed.data(), 3, 41)) == status::bad_shape);
    CHECK(qz::quantize_ternary(x, {}, mutable_packed_rows<tern::ternary>(packed.data(), 2, 40)) == status::bad_shape);
    CHECK(qz::quantize_ternary(x, {}, mutable_packed_rows<tern::ternary>(packed.data(), 3, 40, 3, 2)) ==
          status::bad_stride);
    CHECK(qz::quantize_ternary(x, {tern::per_group(x.data, 2), {}}, t) == status::bad_stride);
    CHECK(qz::quantize_ternary(x, {tern::per_channel(reinterpret_cast<const float*>(packed.data())), {}}, t) ==
          status::overlap);
    CHECK(qz::quantize_binary(none, s) == status::null_pointer);
    CHECK(qz::quantize_binary(narrow, s) == status::bad_stride);
    for (const float wrong : {0.0f, -1.0f, subnormal, 0x1p-101f, 0x1p101f, infinity, not_a_number}) {
        CHECK(qz::quantize_bits(x, wrong, u) == status::bad_value);
        CHECK(qz::quantize_bits(x, wrong, b) == status::bad_value);
    }
    CHECK(bytes.untouched());
    CHECK(packed.untouched());
    CHECK(scale == std::vector<float>(3, 77.0f));
}
