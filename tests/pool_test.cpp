// SPDX-License-Identifier: MIT
// Packed max-pooling equals the reference, zeros come out in their canonical code, and nothing else is written.
#include <cstdint>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/pool.hpp>

#include "support/convolutions.hpp"

namespace {

using namespace tern_test;
using tern::status;

bool sees_input(const tern::window_axis& a, size_t input) {
    for (size_t o = 0; o < a.outputs(input); ++o) {
        bool sees = false;
        for (size_t k = 0; k < a.kernel; ++k) {
            const size_t at = o * a.stride + k * a.dilation;
            sees = sees || (at >= a.pad_before && at - a.pad_before < input);
        }
        if (!sees) return false;
    }
    return true;
}

/// Memory of packed results in a form, and its image.
template <class Encoding>
class pooled {
public:
    pooled(size_t rows, size_t channels, form f)
        : shape_(rows_shape(size_t{Encoding::planes}, rows, channels, f)),
          image_(extent(shape_, size_t{Encoding::planes}) + 2 * margin) {}

    [[nodiscard]] tern::mutable_packed_rows<Encoding> view() {
        return {image_.memory() + margin, shape_.rows, shape_.depth, shape_.row_stride, shape_.plane_stride};
    }
    [[nodiscard]] std::string difference() const { return image_.difference(); }
    void expect(const encoding_info& e, const integers& values) {
        random_numbers unused(0);
        packed_lhs packed(e, values, form::dense, unused);
        for (size_t r = 0; r < shape_.rows && shape_.depth != 0; ++r)
            for (size_t p = 0; p < e.planes; ++p)
                for (size_t w = 0; w < (shape_.depth + 31) / 32; ++w)
                    image_.expected()[margin + r * shape_.row_stride + p * shape_.plane_stride + w] =
                        packed.at(r, p)[w];
    }

private:
    static constexpr size_t margin = 3;

    rows_operand shape_;
    image<word> image_;
};

template <class T>
tern::tensor_view<T> tensor(T* data, const conv_shape& s, size_t stride = 0) {
    return {data, s.images, s.output_height(), s.output_width(), s.channels, stride == 0 ? s.channels : stride};
}

template <class Encoding>
void check_pool(const conv_shape& s, size_t turn) {
    const encoding_info e = describe<Encoding>();
    random_numbers random(turn);
    const integers x = make_integers(e, s.images * s.height * s.width, s.channels, fill::random, random);
    packed_lhs packed(e, x, forms[turn % 4], random);
    for (size_t i = 0; e.name == "ternary" && i < x.rows; ++i)  // the sign bit of a zero means nothing
        for (size_t c = 0; c < x.cols; ++c)
            if (x.at(i, c) == 0 && random.once_in(2)) packed.at(i, 1)[c / 32] |= word{1} << (c % 32);

    integers y(s.output_pixels(), s.channels);
    const tern::tensor_view<const std::int16_t> input(x.values.data(), s.images, s.height, s.width, s.channels);
    tern::reference::max_pool2d(
        input, s.window,
        tern::tensor_view<std::int16_t>(y.values.data(), s.images, s.output_height(), s.output_width(), s.channels));
    const auto from = tensor_operand{packed.view(), s.images, s.height, s.width}.as<Encoding>();
    for_each_architecture([&](auto arch) {
        INFO(e.name, " on ", std::string(tern::arch::name(arch)), ", ", s);
        pooled<Encoding> dst(s.output_pixels(), s.channels, forms[turn / 4 % 4]);
        dst.expect(e, y);
        const tern::mutable_packed_tensor<Encoding> to{dst.view(), s.images, s.output_height(), s.output_width()};
        const size_t rows = tern::pool_tiles(s.window, s.images, s.height);
        for (size_t part = 0; part < 3; ++part)
            CHECK(tern::max_pool2d<decltype(arch)>(from, s.window, to, tern::share(rows, part, 3)) == status::ok);
        CHECK(dst.difference() == "");
    });
    const size_t results = s.output_pixels() * s.channels;
    std::vector<std::int32_t> sums(results);
    std::vector<float> averages(results);
    tern::reference::sum_pool2d(input, s.window, tensor(sums.data(), s));
    tern::reference::average_pool2d(input, s.window, tensor(averages.data(), s));
    destination<std::int32_t> to_sums(s.output_pixels(), s.channels, turn % 3);
    destination<float> to_averages(s.output_pixels(), s.channels, turn % 3);
    to_sums.expect(sums);
    to_averages.expect(averages);
    INFO(e.name, ", ", s);
    const size_t cut = s.images * s.output_height() / 2;
    for (const tern::tiles range : {tern::tiles{cut}, tern::tiles{0, cut}}) {
        CHECK(tern::sum_pool2d(from, s.window, tensor(to_sums.view().data, s, to_sums.view().stride), range) ==
              status::ok);
        CHECK(tern::average_pool2d(from, s.window, tensor(to_averages.view().data, s, to_averages.view().stride),
                                   range) == status::ok);
    }
    CHECK(to_sums.difference() == "");
    CHECK(to_averages.difference() == "");
}

using binary_set_minus = tern::basic_binary<tern::set_bit::minus>;

TEST_CASE_TEMPLATE("packed pooling equals the reference", Encoding, tern::binary, binary_set_minus, tern::ternary,
                   tern::unsigned_bits<3>, tern::bipolar_bits<2>) {
    size_t checked = 0;
    random_numbers random(1);
    for (size_t turn = 0; turn < 1000; ++turn) {
        const conv_shape s = random_conv_shape(random);
        if (!sees_input(s.window.y, s.height) || !sees_input(s.window.x, s.width)) continue;
        check_pool<Encoding>(s, turn);
        ++checked;
    }
    CHECK(checked > 250);
    for (const size_t channels : {1u, 31u, 32u, 33u, 64u, 130u})
        check_pool<Encoding>({2, 6, 7, channels, 0, tern::square_window(2, 2)}, channels);
    check_pool<Encoding>({2, 9, 9, 40, 0, tern::square_window(9)}, 3);  // more positions than a counter holds
}

TEST_CASE_TEMPLATE("a window that sees nothing of the image has no largest element", Encoding, tern::binary,
                   tern::ternary) {
    const tern::window2d windows[] = {
        {{2, 1, 1, 2, 0}, {1, 1, 1, 0, 0}}, {{1, 1, 1, 0, 0}, {2, 1, 1, 0, 2}}, {{2, 1, 4, 2, 2}, {1, 1, 1, 0, 0}}};
    for (const tern::window2d& window : windows) {
        const conv_shape s{1, 3, 3, 40, 0, window};
        CAPTURE(s);
        const encoding_info e = describe<Encoding>();
        random_numbers random(2);
        const packed_lhs packed(e, make_integers(e, 9, 40, fill::random, random), form::dense, random);
        pooled<Encoding> dst(s.output_pixels(), 40, form::dense);
        CHECK(tern::max_pool2d(tensor_operand{packed.view(), 1, 3, 3}.as<Encoding>(), window,
                               tern::mutable_packed_tensor<Encoding>{dst.view(), 1, s.output_height(),
                                                                     s.output_width()}) == status::bad_shape);
        CHECK(dst.difference() == "");
    }
}

}  // namespace
