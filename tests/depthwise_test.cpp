// SPDX-License-Identifier: MIT
// Depthwise convolutions equal the reference: random geometries for bits and bytes, every architecture.
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <tern/depthwise.hpp>
#include <tern/reference.hpp>
#include <tern/reference/fused.hpp>

#include "support/architectures.hpp"
#include "support/destination.hpp"

namespace {

using namespace tern_test;
using tern::binary;
using tern::square_window;
using tern::status;
using tern::ternary;
using binary_set_minus = tern::basic_binary<tern::set_bit::minus>;

struct shape {
    size_t images, height, width, channels;
    tern::window2d window;

    [[nodiscard]] size_t out_height() const { return window.y.outputs(height); }
    [[nodiscard]] size_t out_width() const { return window.x.outputs(width); }
    [[nodiscard]] size_t pixels() const { return images * out_height() * out_width(); }
    [[nodiscard]] size_t taps() const { return window.y.kernel * window.x.kernel; }
    template <class T>
    [[nodiscard]] tern::tensor_view<T> output(T* data, size_t stride) const {
        return {data, images, out_height(), out_width(), channels, stride};
    }
};

std::ostream& operator<<(std::ostream& to, const shape& s) {
    return to << s.images << " x " << s.height << " x " << s.width << " x " << s.channels << ", " << s.window.y.kernel
              << " x " << s.window.x.kernel << " taps, strides " << s.window.y.stride << " and " << s.window.x.stride
              << ", dilations " << s.window.y.dilation << " and " << s.window.x.dilation << ", padding "
              << s.window.y.pad_before << ' ' << s.window.y.pad_after << ' ' << s.window.x.pad_before << ' '
              << s.window.x.pad_after;
}

tern::window_axis random_axis(random_numbers& random) {
    tern::window_axis a;
    a.kernel = random.once_in(5) ? random.between(4, 7) : random.once_in(2) ? 3 : random.between(1, 3);
    a.stride = random.between(1, random.once_in(4) ? 6 : 2);
    a.dilation = random.once_in(3) ? random.between(2, 3) : 1;
    a.pad_before = random.once_in(3) ? random.between(0, a.kernel * a.dilation + 2) : a.kernel / 2;
    a.pad_after = random.once_in(3) ? random.between(0, a.kernel * a.dilation + 2) : a.pad_before;
    return a;
}

constexpr size_t widths[] = {0, 1, 31, 32, 33, 64, 65, 96, 128, 160, 288, 512, 513, 550};

shape random_shape(random_numbers& random) {
    return {random.once_in(30) ? 0 : random.between(1, 2),
            random.once_in(40) ? 0 : random.between(1, 9),
            random.once_in(8) ? random.between(20, 40) : random.between(1, 9),
            random.once_in(2) ? widths[random.next() % 14] : random.between(1, 70),
            {random_axis(random), random_axis(random)}};
}

const shape border_shapes[] = {
    {1, 9, 300, 33, square_window(3, 1, 1)},  // more than one stretch of pixels
    {1, 3, 270, 1, {{3, 1, 1, 1, 1}, {3, 2, 1, 0, 1}}},
    {1, 12, 12, 40, square_window(8, 1, 4)},                     // as many taps as are staged
    {1, 12, 12, 40, {{13, 1, 1, 6, 6}, {5, 1, 1, 2, 2}}},        // one tap too many
    {1, 20, 20, 33, square_window(12, 1, 0)},                    // sums that no byte holds
    {1, 30, 4, 3, {{17, 1, 1, 3, 3}, {1, 1, 1, 0, 0}}},          // too many lines
    {1, 3, 400, 500, {{3, 1, 1, 1, 1}, {3, 1, 190, 190, 190}}},  // a reach that no line holds
    {1, 20, 20, 64, {{3, 2, 5, 5, 5}, {3, 3, 4, 4, 4}}},
    {1, 3, 3, 40, {{2, 1, 1, 7, 6}, {3, 5, 2, 0, 9}}},  // windows that see nothing of the image
    {1, 18, 18, 32, square_window(16, 1, 2)},           // bytes: more taps than 16 bits hold
};

/// Limits that saturate, equal and negative ones among them.
struct random_limits {
    std::vector<std::int32_t> lower, upper;
    std::vector<word> negative;

    random_limits(random_numbers& random, size_t channels)
        : lower(channels + 1), upper(channels + 1), negative(channels / 32 + 1) {
        for (size_t i = 0; i < lower.size(); ++i) {
            lower[i] = static_cast<std::int32_t>(random.next() % 7) - 4;
            upper[i] = random.once_in(8) ? (random.once_in(2) ? 2000000000 : -2000000000)
                                         : lower[i] + static_cast<std::int32_t>(random.next() % 5);
            if (random.once_in(8)) lower[i] = random.once_in(2) ? 2000000000 : -2000000000;
        }
        for (word& w : negative) w = random.next();
    }
    [[nodiscard]] tern::integer_limits view() const { return {lower.data(), upper.data(), negative.data()}; }
};

/// Packed rows of results: memory, and what it has to be.
template <class Encoding>
void check_packed(const tern::packed_rows<Encoding>& rows, const std::vector<std::int8_t>& expected) {
    size_t wrong = 0;
    for (size_t r = 0; r < rows.rows; ++r) {
        for (size_t c = 0; c < rows.depth; ++c) wrong += rows.value(r, c) != expected[r * rows.depth + c];
        for (size_t p = 0; p < size_t{Encoding::planes}; ++p)  // padding is zero
            if (rows.depth % 32 != 0)
                wrong += rows.row(r)[p * rows.plane_stride + rows.words() - 1] >> (rows.depth % 32) != 0;
    }
    CHECK(wrong == 0);
}

/// Kernels are dear to compile: all architectures for one pair, the best for the others.
template <bool All, class Body>
void for_tested_architectures(const Body& body) {
    if constexpr (All)
        for_each_architecture(body);
    else
        body(tern::default_arch{});
}

template <class Lhs, class Rhs, class Packed>
void check_bits(const shape& s, size_t turn) {
    random_numbers random(turn);
    const integers x = make_integers(describe<Lhs>(), s.images * s.height * s.width, s.channels, fill::random, random);
    const integers w =
        make_integers(describe<Rhs>(), s.taps(), s.channels, turn % 16 == 0 ? fill::highest : fill::random, random);
    const packed_lhs lhs(describe<Lhs>(), x, forms[turn % 4], random);
    const packed_lhs rhs(describe<Rhs>(), w, forms[turn / 4 % 4], random);
    std::vector<std::int32_t> expected(s.pixels() * s.channels);
    tern::reference::depthwise_conv2d(
        tern::tensor_view<const std::int16_t>{x.values.data(), s.images, s.height, s.width, s.channels}, w.view(),
        s.window, s.output(expected.data(), s.channels));
    const tern::packed_tensor<Lhs> input(lhs.view().as<Lhs>(), s.images, s.height, s.width);
    const auto filters = rhs.view().as<Rhs>();
    const random_limits limits(random, s.channels);
    std::vector<std::int8_t> codes(expected.size());
    const tern::matrix_view<const std::int32_t> sums(expected.data(), s.pixels(), s.channels);
    if constexpr (Packed::has_mask)
        tern::reference::ternarize(sums, limits.view(), {codes.data(), s.pixels(), s.channels});
    else
        tern::reference::binarize(sums, limits.view(), {codes.data(), s.pixels(), s.channels});
    for_tested_architectures<Lhs::has_mask>([&](auto arch) {
        INFO(describe<Lhs>().name, " x ", describe<Rhs>().name, " on ", std::string(tern::arch::name(arch)), ", ", s);
        destination<std::int32_t> dst(s.pixels(), s.channels, turn % 3);
        dst.expect(expected);
        const size_t rows = tern::depthwise_tiles(s.window, s.images, s.height);
        for (size_t part = 0; part < 3; ++part)
            CHECK(tern::depthwise_conv2d<decltype(arch)>(input, filters, s.window,
                                                         s.output(dst.view().data, dst.view().stride),
                                                         tern::share(rows, part, 3)) == status::ok);
        CHECK(dst.difference() == "");
        tern::packed_activations<Packed> packed(s.pixels(), s.channels);
        const tern::mutable_packed_tensor<Packed> to{packed, s.images, s.out_height(), s.out_width()};
        CHECK(tern::depthwise_conv2d<decltype(arch)>(input, filters, s.window, to, limits.view()) == status::ok);
        check_packed<Packed>(packed, codes);
    });
}

void check_bytes(const shape& s, size_t turn) {
    random_numbers random(turn);
    std::vector<std::int8_t> x(s.images * s.height * s.width * (s.channels + 1) + 1);
    std::vector<std::int8_t> w(s.taps() * (s.channels + 2) + 1);
    for (std::int8_t& v : x)
        v = static_cast<std::int8_t>(turn % 8 == 0 ? -128 : static_cast<int>(random.next() % 256) - 128);
    for (std::int8_t& v : w) v = static_cast<std::int8_t>(turn % 8 == 0 ? 1 : static_cast<int>(random.next() % 3) - 1);
    const tern::tensor_view<const std::int8_t> input(x.data(), s.images, s.height, s.width, s.channels, s.channels + 1);
    const tern::matrix_view<const std::int8_t> filters(w.data(), s.taps(), s.channels, s.channels + 2);
    std::vector<std::int32_t> expected(s.pixels() * s.channels);
    std::vector<float> reals(expected.size());
    tern::reference::depthwise_conv2d(input, filters, s.window, s.output(expected.data(), s.channels));
    const float scale = 0.03125f;
    tern::real_steps steps;
    steps.epilogue.weights.scale = tern::per_tensor(scale);
    steps.slope = tern::per_tensor(scale);
    tern::reference::depthwise_conv2d(input, filters, s.window, s.output(reals.data(), s.channels), steps.epilogue);
    tern::reference::apply(steps, {reals.data(), s.pixels(), s.channels});
    const tern::to_int8 how(steps, {}, 3);
    std::vector<std::int8_t> codes(expected.size());
    tern::reference::requantize(tern::matrix_view<const float>(reals.data(), s.pixels(), s.channels), how,
                                {codes.data(), s.pixels(), s.channels});
    for_each_architecture([&](auto arch) {
        INFO("int8 on ", std::string(tern::arch::name(arch)), ", ", s);
        destination<std::int32_t> dst(s.pixels(), s.channels, turn % 3);
        dst.expect(expected);
        CHECK(tern::depthwise_conv2d<decltype(arch)>(input, filters, s.window,
                                                     s.output(dst.view().data, dst.view().stride)) == status::ok);
        CHECK(dst.difference() == "");
    });
    destination<std::int8_t> small(s.pixels(), s.channels, turn % 3);
    small.expect(codes);
    CHECK(tern::depthwise_conv2d(input, filters, s.window, s.output(small.view().data, small.view().stride), how) ==
          status::ok);
    CHECK(small.difference() == "");
}

TEST_CASE("random geometries and those at the borders") {
    random_numbers random(1);
    for (size_t turn = 0; turn < 150; ++turn) {
        const shape s = random_shape(random);
        check_bits<ternary, ternary, ternary>(s, turn);
        check_bits<binary_set_minus, binary, binary>(s, turn);
        check_bits<binary, ternary, binary_set_minus>(s, turn);
        check_bytes(s, turn);
    }
    for (const shape& s : border_shapes) {
        check_bits<ternary, ternary, ternary>(s, 1);
        check_bits<binary_set_minus, binary, binary>(s, 16);
        check_bytes(s, 0);
    }
}

TEST_CASE("real steps behind bits") {
    const shape s{1, 5, 6, 70, square_window(3, 1, 1)};
    random_numbers random(3);
    const integers x = make_integers(describe<ternary>(), 30, 70, fill::random, random);
    const integers w = make_integers(describe<ternary>(), 9, 70, fill::random, random);
    const packed_lhs lhs(describe<ternary>(), x, form::dense, random);
    const packed_lhs rhs(describe<ternary>(), w, form::dense, random);
    std::vector<float> scale(70), bias(70), reals(30 * 70);
    for (size_t i = 0; i < 70; ++i) {
        scale[i] = static_cast<float>(random.next() % 100) / 33.0f - 1.0f;
        bias[i] = static_cast<float>(random.next() % 100) / 33.0f - 1.0f;
    }
    tern::real_steps steps;
    steps.epilogue.weights.scale = tern::per_channel(scale.data());
    steps.epilogue.bias = bias.data();
    steps.residual = {lhs.view().as<ternary>(), tern::per_channel(bias.data())};
    steps.epilogue.clamp_min = 0.0f;
    tern::reference::depthwise_conv2d(tern::tensor_view<const std::int16_t>{x.values.data(), 1, 5, 6, 70}, w.view(),
                                      s.window, s.output(reals.data(), 70), tern::reference::unclamped(steps.epilogue));
    tern::reference::apply(steps, {reals.data(), 30, 70});
    destination<float> dst(30, 70, 2);
    dst.expect(reals);
    const tern::packed_tensor<ternary> input(lhs.view().as<ternary>(), 1, 5, 6);
    const auto filters = rhs.view().as<ternary>();
    CHECK(tern::depthwise_conv2d(input, filters, s.window, s.output(dst.view().data, 72), tern::to_float(steps)) ==
          status::ok);
    CHECK(dst.difference() == "");

    steps.epilogue.weights.offset = tern::per_tensor(bias[0]);
    CHECK(tern::depthwise_conv2d(input, filters, s.window, s.output(dst.view().data, 72), tern::to_float(steps)) ==
          status::unsupported);
    steps.epilogue.weights.offset = {};
    auto few = filters;
    few.rows = 8;
    CHECK(tern::depthwise_conv2d(input, few, s.window, s.output(dst.view().data, 72), tern::to_float(steps)) ==
          status::bad_shape);
}

}  // namespace
