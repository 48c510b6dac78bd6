// SPDX-License-Identifier: MIT
// Transposed convolutions equal the reference, and are what makes a convolution of them; one line is an image of height
// 1.
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <tern/conv_transposed.hpp>

#include "support/convolutions.hpp"

namespace {

using namespace tern_test;
using tern::status;
using tern::window2d;
using tern::window_axis;

/// A transposed convolution's geometry: that of `shape`, but for the size of its result.
struct transposed : convolution {
    size_t height;
    size_t width;

    transposed(const conv_shape& s, size_t more_y, size_t more_x, const encoding_info& of_x, const encoding_info& of_w,
               random_numbers& random)
        : convolution(s, of_x, of_w, random),
          height(s.window.y.transposed_outputs(s.height, more_y)),
          width(s.window.x.transposed_outputs(s.width, more_x)) {}

    [[nodiscard]] size_t pixels() const { return shape.images * height * width; }
    template <class T>
    [[nodiscard]] tern::tensor_view<T> result(const tern::matrix_view<T>& m) const {
        return {m.data, shape.images, height, width, m.cols, m.stride};
    }
};

void check_transposed(size_t pair, const transposed& c, bool reals, random_numbers& random) {
    std::vector<std::int32_t> expected(c.pixels() * c.shape.outputs);
    const tern::matrix_view<std::int32_t> all(expected.data(), c.pixels(), c.shape.outputs);
    tern::reference::conv2d_transposed(c.unpacked_input(), c.unpacked_filters(), c.shape.window, c.result(all));
    for (const auto& run : kernels().transposed_int32[pair].instances) {
        INFO(kernels().transposed_int32[pair].name(), " on ", run.arch, ", ", c.shape, ", to ", c.height, " x ", c.width);
        destination<std::int32_t> dst(c.pixels(), c.shape.outputs, 1);
        dst.expect(expected);
        CHECK(run(c.input(), c.rhs.view(), c.shape.window, c.result(dst.view()), tern::tiles{}) == status::ok);
        CHECK(dst.difference() == "");
    }
    if (!reals || kernels().transposed_float[pair].instances.empty()) return;
    parameters p;
    p.randomize(random, c.shape.images, c.w);
    std::vector<float> expected_reals(expected.size());
    const tern::matrix_view<float> real(expected_reals.data(), c.pixels(), c.shape.outputs);
    tern::reference::conv2d_transposed(c.unpacked_input(), c.unpacked_filters(), c.shape.window, c.result(real),
                                       p.epilogue);
    for (const auto& run : kernels().transposed_float[pair].instances) {
        INFO(kernels().transposed_float[pair].name(), " on ", run.arch, ", ", c.shape);
        destination<float> dst(c.pixels(), c.shape.outputs, 0);
        dst.expect(expected_reals);
        CHECK(run(c.input(), c.rhs.view(), c.shape.window, c.result(dst.view()), p.epilogue, tern::tiles{}) ==
              status::ok);
        CHECK(dst.difference() == "");
    }
}

window_axis random_transposed_axis(random_numbers& random) {
    window_axis a;
    a.kernel = random.between(1, 5);
    a.stride = random.between(1, random.once_in(4) ? 5 : 3);
    a.dilation = random.once_in(3) ? random.between(2, 4) : 1;
    a.pad_before = random.between(0, 4);
    a.pad_after = random.between(0, 4);
    return a;
}

TEST_CASE("transposed: random geometries") {
    size_t configurations = 0;
    for_each_conv_pair([&](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(pair + 77);
        for (size_t turn = 0; turn < 60; ++turn) {
            conv_shape s = random_conv_shape(random);
            s.height = s.height > 5 ? 5 : s.height;
            s.width = s.width > 5 ? 5 : s.width;
            const size_t groups = s.window.groups;
            s.window = {random_transposed_axis(random), random_transposed_axis(random)};
            s.window.groups = groups;
            const auto more = [&](const window_axis& a) {
                return random.between(0, (a.stride > a.dilation ? a.stride : a.dilation) - 1);
            };
            const size_t more_y = more(s.window.y);
            check_transposed(pair, transposed(s, more_y, more(s.window.x), of_x, of_w, random), turn % 2 == 0, random);
            ++configurations;
        }
    });
    MESSAGE(configurations, " transposed convolutions on every architecture");
}

TEST_CASE("transposed: any cut of the tiles gives the bytes of the whole") {
    const conv_shape shapes[] = {{2, 4, 3, 5, 20, {{3, 3, 1, 1, 1}, {2, 2, 1, 0, 0}}},   // phases of unlike sizes
                                 {1, 3, 4, 40, 35, {{2, 4, 2, 0, 1}, {3, 3, 1, 1, 0}}}};  // outputs that see nothing
    for_each_conv_pair([&](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(8);
        for (const conv_shape& s : shapes) {
            const transposed c(s, 1, 0, of_x, of_w, random);
            std::vector<std::int32_t> expected(c.pixels() * s.outputs);
            const tern::matrix_view<std::int32_t> all(expected.data(), c.pixels(), s.outputs);
            tern::reference::conv2d_transposed(c.unpacked_input(), c.unpacked_filters(), s.window, c.result(all));
            const size_t count = tern::kernel::conv_tiling(c.pixels(), c.rhs.view().panels()).count();
            CHECK(count > c.rhs.view().panels());
            for (const auto& run : kernels().transposed_int32[pair].instances) {
                INFO(kernels().transposed_int32[pair].name(), " on ", run.arch, ", ", s);
                CHECK(first_bad_cut(expected, c.pixels(), s.outputs, count, [&](const auto& dst, tern::tiles range) {
                          return run(c.input(), c.rhs.view(), s.window, c.result(dst), range) == status::ok;
                      }) == count + 1);
            }
        }
    });
}

TEST_CASE("transposed: what does not fit is refused") {
    std::int32_t results[100] = {};
    const tern::word words[2000] = {};
    const tern::packed_tensor<tern::ternary> x({words, 6, 3}, 1, 2, 3);
    const tern::packed_panels<tern::ternary> w(words + 100, 5, 4, 3);
    const auto run = [&](const window2d& window, size_t height, size_t width) {
        return tern::conv2d_transposed(x, w, window,
                                       tern::tensor_view<std::int32_t>(results, 1, height, width, 5));
    };
    window2d window = tern::square_window(2, 2);
    CHECK(run(window, 3, 6) == status::bad_shape);
    window = tern::square_window(2, 1);
    CHECK(run(window, 3, 4) == status::ok);
    CHECK(run(window, 2, 4) == status::bad_shape);
    CHECK(run(window, 4, 4) == status::bad_shape);
    CHECK(run(window, 3, 5) == status::bad_shape);
    window.pad_value = 1;
    CHECK(run(window, 3, 4) == status::unsupported);
    window.pad_value = 0;
    window.groups = 2;
    CHECK(run(window, 3, 4) == status::bad_shape);
}

TEST_CASE("conv1d is conv2d of height 1") {
    const window_axis line{3, 2, 1, 1, 1};
    const std::int8_t x[7 * 2] = {1, 0, -1, 1, 0, 0, 1, 1, -1, -1, 0, 1, 1, 0};
    const std::int8_t w[3 * 6] = {1, 0, 1, -1, 1, 1, 0, 0, 1, 1, -1, 1, -1, 0, 1, 0, 1, -1};
    const auto rows = tern::pack_rows<tern::ternary>(tern::matrix_view<const std::int8_t>(x, 7, 2));
    const auto filters = tern::pack<tern::ternary>(tern::matrix_view<const std::int8_t>(w, 3, 6), 3);
    std::int32_t expected[4 * 3] = {};
    tern::reference::conv2d(tern::tensor_view<const std::int8_t>(x, 1, 1, 7, 2),
                            tern::tensor_view<const std::int8_t>(w, 3, 1, 3, 2), tern::line_window(line),
                            tern::tensor_view<std::int32_t>(expected, 1, 1, 4, 3));
    std::int32_t results[4 * 3] = {};
    const tern::packed_tensor<tern::ternary> input(rows, 1, 1, 7);
    CHECK(tern::conv1d(input, filters, line, tern::tensor_view<std::int32_t>(results, 1, 1, 4, 3)) == status::ok);
    for (int i = 0; i < 12; ++i) CHECK(results[i] == expected[i]);
    const tern::packed_tensor<tern::ternary> high(rows, 1, 7, 1);
    CHECK(tern::conv1d(high, filters, line, tern::tensor_view<std::int32_t>(results, 1, 7, 1, 3)) == status::bad_shape);
}

}  // namespace
