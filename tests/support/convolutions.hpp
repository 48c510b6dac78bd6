// SPDX-License-Identifier: MIT
// Convolutions to test with: geometries, operands, and what the reference makes of them.
#pragma once

#include <cstdint>
#include <ostream>
#include <vector>

#include <tern/reference.hpp>
#include <tern/window.hpp>

#include "support/destination.hpp"
#include "support/kernels.hpp"

namespace tern_test {

struct conv_shape {
    size_t images;
    size_t height;
    size_t width;
    size_t channels;
    size_t outputs;
    tern::window2d window;

    [[nodiscard]] size_t group_channels() const { return channels / window.groups; }
    [[nodiscard]] size_t taps() const { return window.y.kernel * window.x.kernel; }
    [[nodiscard]] size_t output_height() const { return window.y.outputs(height); }
    [[nodiscard]] size_t output_width() const { return window.x.outputs(width); }
    [[nodiscard]] size_t output_pixels() const { return images * output_height() * output_width(); }
};

inline std::ostream& operator<<(std::ostream& to, const tern::window_axis& a) {
    return to << a.kernel << " taps, stride " << a.stride << ", dilation " << a.dilation << ", padding " << a.pad_before
              << " and " << a.pad_after;
}

inline std::ostream& operator<<(std::ostream& to, const conv_shape& s) {
    return to << s.images << " images of " << s.height << " x " << s.width << " x " << s.channels << ", " << s.outputs
              << " outputs in " << s.window.groups << " groups, padded with " << s.window.pad_value
              << ", down: " << s.window.y << ", across: " << s.window.x;
}

/// Even and odd kernels, strides longer than the kernel, gaps between taps, more padding than kernel on either side.
inline tern::window_axis random_axis(random_numbers& random) {
    tern::window_axis a;
    a.kernel = random.once_in(8) ? random.between(5, 7) : random.between(1, 4);
    a.stride = random.between(1, random.once_in(4) ? 6 : 2);
    a.dilation = random.once_in(3) ? random.between(2, 3) : 1;
    a.pad_before = random.once_in(3) ? random.between(0, a.kernel * a.dilation + 2) : random.between(0, a.kernel / 2);
    a.pad_after = random.once_in(3) ? random.between(0, a.kernel * a.dilation + 2) : a.pad_before;
    return a;
}

inline conv_shape random_conv_shape(random_numbers& random) {
    conv_shape s;
    s.images = random.once_in(30) ? 0 : random.between(1, 2);
    s.height = random.once_in(40) ? 0 : random.between(1, 8);
    s.width = random.once_in(40) ? 0 : random.between(1, 9);
    s.channels = random.once_in(30) ? 0 : random.once_in(2) ? random.between(1, 12) : random.between(13, 70);
    s.outputs = random.once_in(30) ? 0 : random.once_in(8) ? random.between(33, 70) : random.between(1, 18);
    s.window = {random_axis(random), random_axis(random)};
    if (random.once_in(3)) {
        s.window.groups = random.between(2, 5);
        // Few channels, as many as fill words, and numbers between.
        s.channels = s.window.groups * (random.once_in(3) ? 32 * random.between(1, 2) : random.between(1, 45));
        s.outputs = s.window.groups * (random.once_in(4) ? 16 : random.between(1, 20));
    }
    return s;
}

/// Padding that holds a value, where activations have it.
inline void pad_with_a_value(conv_shape& s, const encoding_info& of_x, random_numbers& random) {
    if (of_x.highest == 1 && of_x.lowest == -1 && random.once_in(4)) s.window.pad_value = random.once_in(2) ? 1 : -1;
}

/// Operands of a convolution, packed.
struct convolution {
    conv_shape shape;
    integers x;
    integers w;
    packed_lhs lhs;
    packed_rhs rhs;

    convolution(const conv_shape& s, const encoding_info& of_x, const encoding_info& of_w, random_numbers& random,
                fill x_fill = fill::random, fill w_fill = fill::random)
        : shape(s),
          x(make_integers(of_x, s.images * s.height * s.width, s.channels, x_fill, random)),
          w(make_integers(of_w, s.outputs, s.taps() * s.group_channels(), w_fill, random)),
          lhs(of_x, x, forms[random.next() % 4], random),
          rhs(of_w, w, s.taps(), random.once_in(2)) {}

    [[nodiscard]] tensor_operand input() const { return {lhs.view(), shape.images, shape.height, shape.width}; }
    [[nodiscard]] tern::tensor_view<const std::int16_t> unpacked_input() const {
        return {x.values.data(), shape.images, shape.height, shape.width, shape.channels};
    }
    [[nodiscard]] tern::tensor_view<const std::int16_t> unpacked_filters() const {
        return {w.values.data(), shape.outputs, shape.window.y.kernel, shape.window.x.kernel, shape.group_channels()};
    }
    /// A matrix of one row a pixel as a tensor.
    template <class T>
    [[nodiscard]] tern::tensor_view<T> tensor(const tern::matrix_view<T>& m) const {
        return {m.data, shape.images, shape.output_height(), shape.output_width(), m.cols, m.stride};
    }
    [[nodiscard]] tern::mutable_packed_tensor<tern::ternary> tensor(
        const tern::mutable_packed_rows<tern::ternary>& rows) const {
        return {rows, shape.images, shape.output_height(), shape.output_width()};
    }

    [[nodiscard]] std::vector<std::int32_t> accumulators() const {
        std::vector<std::int32_t> results(shape.output_pixels() * shape.outputs);
        const tern::matrix_view<std::int32_t> dst(results.data(), shape.output_pixels(), shape.outputs);
        tern::reference::conv2d(unpacked_input(), unpacked_filters(), shape.window, tensor(dst));
        return results;
    }
    [[nodiscard]] std::vector<float> reals(const tern::scale_offset& epilogue) const {
        std::vector<float> results(shape.output_pixels() * shape.outputs);
        const tern::matrix_view<float> dst(results.data(), shape.output_pixels(), shape.outputs);
        tern::reference::conv2d(unpacked_input(), unpacked_filters(), shape.window, tensor(dst), epilogue);
        return results;
    }
    [[nodiscard]] std::vector<std::int8_t> codes(std::vector<float> reals, const tern::thresholds& limits) const {
        std::vector<std::int8_t> results(reals.size());
        tern::reference::ternarize(
            tern::matrix_view<float>(reals.data(), shape.output_pixels(), shape.outputs), limits,
            tern::matrix_view<std::int8_t>(results.data(), shape.output_pixels(), shape.outputs));
        return results;
    }
};

/// Every architecture's accumulators against the reference's.
inline void check_int32(size_t pair, const convolution& c, size_t gap) {
    const auto& to_int32 = kernels().conv2d_int32[pair];
    const std::vector<std::int32_t> expected = c.accumulators();
    for (const auto& conv2d : to_int32.instances) {
        INFO(to_int32.name(), " to int32 on ", conv2d.arch, ", ", c.shape);
        destination<std::int32_t> dst(c.shape.output_pixels(), c.shape.outputs, gap);
        dst.expect(expected);
        CHECK(conv2d(c.input(), c.rhs.view(), c.shape.window, c.tensor(dst.view()), tern::tiles{}) == tern::status::ok);
        CHECK(dst.difference() == "");
    }
}

/// Reconstructed and repacked results likewise.
inline void check_reals(size_t pair, const convolution& c, const parameters& p, size_t gap) {
    const auto& to_float = kernels().conv2d_float[pair];
    const auto& to_ternary = kernels().conv2d_ternary[pair];
    const std::vector<float> expected = c.reals(p.epilogue);
    const std::vector<std::int8_t> codes = c.codes(expected, p.limits);
    for (const auto& conv2d : to_float.instances) {
        INFO(to_float.name(), " to float on ", conv2d.arch, ", ", c.shape);
        destination<float> dst(c.shape.output_pixels(), c.shape.outputs, gap);
        dst.expect(expected);
        CHECK(conv2d(c.input(), c.rhs.view(), c.shape.window, c.tensor(dst.view()), p.epilogue, tern::tiles{}) ==
              tern::status::ok);
        CHECK(dst.difference() == "");
    }
    for (const auto& conv2d : to_ternary.instances) {
        INFO(to_ternary.name(), " to ternary on ", conv2d.arch, ", ", c.shape);
        ternary_destination dst(c.shape.output_pixels(), c.shape.outputs, forms[gap % 4]);
        dst.expect(codes);
        CHECK(conv2d(c.input(), c.rhs.view(), c.shape.window, c.tensor(dst.view()), p.epilogue, p.limits,
                     tern::tiles{}) == tern::status::ok);
        CHECK(dst.difference() == "");
    }
}

/// Calls body(index of the pair, descriptions of both operands) for every pair.
template <class Body>
void for_each_conv_pair(const Body& body) {
    const auto& pairs = kernels().conv2d_int32;
    REQUIRE(kernels().conv2d_float.size() == pairs.size());
    REQUIRE(kernels().conv2d_ternary.size() == pairs.size());
    for (size_t i = 0; i < pairs.size(); ++i)
        if (!pairs[i].instances.empty()) body(i, pairs[i].lhs, pairs[i].rhs);
}

}  // namespace tern_test
